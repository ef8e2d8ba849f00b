"""Ask for what went to a program to be sent again. What is refused names what was wrong, and changes nothing.

The policy in force says which contact and channel is a program. An address that stands in the environment of the worker
(`env:NAME`) is not known here: the worker, which looks at it, sends to nothing but a receiver of signed events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.admin.webhooks import store
from services.admin.webhooks.store import Receiver, SentMessage
from services.alerts.delivery.webhooks.address import is_webhook
from services.alerts.policies import ENVIRONMENT
from services.alerts.policy_files.kept import KeptPolicies
from services.runtime.database import Connection

MOST: Final = 10_000


class ReplayRefusedError(ValueError):
    """Nothing is sent again; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A replay that was asked for; `replay_id` None: it was only looked what there is."""

    replay_id: UUID | None
    messages: tuple[SentMessage, ...]


async def receivers_of(connection: Connection, clinic_id: str) -> tuple[Receiver, ...]:
    """The channels of a clinic that are, or may be, receivers of signed events."""
    kept = KeptPolicies()
    await kept.load(connection)
    return tuple(
        Receiver(clinic_id, contact.name, channel.name)
        for contact in kept.now.of(clinic_id).contacts
        for channel in contact.channels
        if is_webhook(channel.url) or channel.url.startswith(ENVIRONMENT)
    )


async def find_receiver(connection: Connection, clinic_id: str, contact: str, channel: str | None) -> Receiver:
    """The one channel that is meant.

    Raises:
        ReplayRefusedError: There is none, or there are several.
    """
    known = await receivers_of(connection, clinic_id)
    found = [each for each in known if each.contact == contact and channel in (None, each.channel)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{each.contact} / {each.channel}" for each in known) or "none"
    what = "several channels, name one by --channel" if found else "no such channel of a signed webhook"
    msg = f"the policy of {clinic_id!r} has {what} for the contact {contact!r}; it has {names}"
    raise ReplayRefusedError(msg)


async def replay(
    connection: Connection,
    receiver: Receiver,
    *,
    since: datetime,
    until: datetime,
    most: int,
    by: str,
    now: datetime,
    dry_run: bool = False,
) -> Asked:
    """Have sent again what went to a receiver, in the order in which it went.

    Raises:
        ReplayRefusedError: There is nothing, there is too much, or a replay of it is under way.
    """
    if since >= until:
        msg = (
            f"the time begins at {since:%Y-%m-%d %H:%M}Z and ends at {until:%Y-%m-%d %H:%M}Z; expected it to end later"
        )
        raise ReplayRefusedError(msg)
    async with connection.transaction():
        found = await store.messages_sent(connection, receiver, since, until, most + 1)
        if not found:
            msg = f"nothing went to {receiver.contact} / {receiver.channel} since {since:%Y-%m-%d %H:%M}Z"
            raise ReplayRefusedError(msg)
        if len(found) > most:
            msg = (
                f"more than {most} messages went since then: nothing is sent again; name a shorter time by --since and "
                f"--until, or allow more by --most (up to {MOST})"
            )
            raise ReplayRefusedError(msg)
        if dry_run:
            return Asked(None, found)
        replay_id = await store.insert_replay(connection, receiver, since, until, by, now)
        if replay_id is None:
            msg = f"a replay to {receiver.contact} / {receiver.channel} is under way: see `pumpwatch webhooks replays`"
            raise ReplayRefusedError(msg)
        await store.insert_resends(connection, replay_id, [each.delivery_id for each in found])
    return Asked(replay_id, found)
