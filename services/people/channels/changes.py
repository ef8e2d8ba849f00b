"""What a person does to their own channels. What is refused says why, in words for that person; nothing changes then.

Guarantees: nothing but codes goes to a channel before its person typed the code that came over it; a code is good once,
for 15 minutes and 5 tries; each change and its row in the trail are one transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from services.people.channels import store
from services.people.channels.codes import digest_of_link, is_code
from services.people.channels.model import MOST_AN_HOUR, MOST_TRIES, ChannelState, Hours, Purpose, fault_of_name, shown
from services.people.channels.proof import ANSWER_LASTS
from services.people.model import Actor
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection
from services.texts.model import msgid
from services.texts.phrase import phrase


class ChannelRefusedError(ValueError):
    """A channel cannot be changed so; the message is a sentence for its person."""


async def add(connection: Connection, person_id: UUID, name: str, url: str, by: Actor, now: datetime) -> UUID:
    """Make a channel whose address was looked at, and send its code.

    Raises:
        ChannelRefusedError: Its name cannot be, or there are too many.
    """
    name = name.strip()
    async with connection.transaction():
        others = [each.name for each in await _held(connection, person_id)]
        if fault := fault_of_name(name, others):
            raise ChannelRefusedError(fault)
        await _pace(connection, person_id, now)
        channel_id = await store.add_channel(connection, person_id, name, url, now)
        await store.ask(connection, channel_id, Purpose.CODE, str(uuid4()), now)
        more = {"channel": name, "shown": shown(url)}
        await append(connection, Access(AccessKind.CHANNEL_MADE, by, person_id, more=more), now)
    return channel_id


async def send_code(connection: Connection, person_id: UUID, channel_id: UUID, now: datetime) -> None:
    """Send another code; the one before is no longer good.

    Raises:
        ChannelRefusedError: There is no such channel, it is verified already, or too much was asked for.
    """
    async with connection.transaction():
        await _held(connection, person_id)
        if await _is_verified(connection, person_id, channel_id):
            msg = msgid("This channel is verified already.")
            raise ChannelRefusedError(msg)
        await _pace(connection, person_id, now)
        await store.ask(connection, channel_id, Purpose.CODE, str(uuid4()), now)


async def verify(
    connection: Connection, person_id: UUID, channel_id: UUID, typed: str, by: Actor, now: datetime
) -> bool:
    """Take the code that came over a channel; False: it is another one, or over. A wrong one counts all the same."""
    async with connection.transaction():
        kept = await store.try_code(connection, person_id, channel_id, MOST_TRIES)
        if kept is None or not is_code(typed, channel_id, *kept, now):
            return False
        await store.set_verified(connection, channel_id, now)
        names = [each.name for each in await store.channels_of(connection, person_id) if each.channel_id == channel_id]
        more = {"channel": names[0] if names else ""}
        await append(connection, Access(AccessKind.CHANNEL_VERIFIED, by, person_id, more=more), now)
    return True


async def send_test(connection: Connection, person_id: UUID, channel_id: UUID, now: datetime) -> UUID:
    """Send a test over a channel; returns the message's id.

    Raises:
        ChannelRefusedError: There is no such channel, it is not verified, or too much was asked for.
    """
    async with connection.transaction():
        await _held(connection, person_id)
        if not await _is_verified(connection, person_id, channel_id):
            msg = msgid("Type the code first that was sent over this channel.")
            raise ChannelRefusedError(msg)
        await _pace(connection, person_id, now)
        message_id = await store.ask(connection, channel_id, Purpose.TEST, str(uuid4()), now)
    assert message_id is not None  # noqa: S101 - its episode is new
    return message_id


async def move_up(connection: Connection, person_id: UUID, channel_id: UUID) -> None:
    """Let a channel be used before the one that is above it."""
    async with connection.transaction():
        order = [each.channel_id for each in await _held(connection, person_id)]
        if channel_id not in order:
            raise ChannelRefusedError(_UNKNOWN)
        place = order.index(channel_id)
        if place:
            order[place - 1], order[place] = order[place], order[place - 1]
        await store.order_channels(connection, person_id, order)


async def remove(connection: Connection, person_id: UUID, channel_id: UUID, by: Actor, now: datetime) -> str:
    """Forget a channel and its address; returns its name.

    Raises:
        ChannelRefusedError: There is no such channel.
    """
    async with connection.transaction():
        await _held(connection, person_id)
        name = await store.remove_channel(connection, person_id, channel_id)
        if name is None:
            raise ChannelRefusedError(_UNKNOWN)
        await append(connection, Access(AccessKind.CHANNEL_REMOVED, by, person_id, more={"channel": name}), now)
    return name


async def set_hours(connection: Connection, person_id: UUID, hours: Hours) -> None:
    """Change when a person hears drills, and when nothing that can wait.

    Raises:
        ChannelRefusedError: The zone is unknown, or the quiet hours have one end, or two that are the same.
    """
    try:
        ZoneInfo(hours.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg: str = phrase(
            "No time zone %(zone)s is known. Expected a name such as Europe/Berlin.", zone=repr(hours.timezone[:40])
        )
        raise ChannelRefusedError(msg) from None
    if (hours.quiet_begins is None) is not (hours.quiet_ends is None):
        msg = msgid("Quiet hours need a beginning and an end. Leave both empty for none.")
        raise ChannelRefusedError(msg)
    try:
        _ = hours.quiet
    except ValidationError:
        msg = msgid("Quiet hours begin and end at two different times, such as 22:00 and 07:00.")
        raise ChannelRefusedError(msg) from None
    async with connection.transaction():
        await store.set_hours(connection, person_id, hours)


async def heard(connection: Connection, link: str, now: datetime) -> str | None:
    """Take the answer to a drill; returns the channel's name, or None: the link is of none, or too old."""
    async with connection.transaction():
        return await store.answer(connection, digest_of_link(link), now, now - ANSWER_LASTS)


async def drill_of(connection: Connection, link: str, now: datetime) -> str | None:
    """The name of the channel of a drill's link; nothing changes. None: it is of none, or too old."""
    return await store.drill_asked(connection, digest_of_link(link), now - ANSWER_LASTS)


_UNKNOWN = msgid("You have no such channel (any more).")


async def _held(connection: Connection, person_id: UUID) -> tuple[ChannelState, ...]:
    if not await store.hold_person(connection, person_id):
        msg = msgid("This account is disabled.")
        raise ChannelRefusedError(msg)
    return await store.channels_of(connection, person_id)


async def _is_verified(connection: Connection, person_id: UUID, channel_id: UUID) -> bool:
    found = await store.is_verified(connection, person_id, channel_id)
    if found is None:
        raise ChannelRefusedError(_UNKNOWN)
    return found


async def _pace(connection: Connection, person_id: UUID, now: datetime) -> None:
    if await store.count_asked(connection, person_id, now - timedelta(hours=1)) >= MOST_AN_HOUR:
        msg = phrase(
            "You asked for %(count)s codes and tests within an hour, which is the most. Try again later.",
            count=MOST_AN_HOUR,
        )
        raise ChannelRefusedError(msg)
