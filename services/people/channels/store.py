"""All SQL of what a person does with their own channels: one small function for each statement.

The caller owns the transaction. What a worker sends and records is in `sending/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.channels.model import ChannelState, Hours, Purpose, rings, shown
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def channels_of(connection: Connection, person_id: UUID) -> tuple[ChannelState, ...]:
    """A person's channels, in their order."""
    return tuple(ChannelState(**dict(row)) for row in await connection.fetch(QUERIES["channels_of"], person_id))


async def hold_person(connection: Connection, person_id: UUID) -> bool:
    """Let nobody else change a person's channels until the transaction ends; False: they are disabled, or unknown."""
    await connection.execute(QUERIES["hold_person"], person_id)
    return bool(await connection.fetchval(QUERIES["is_enabled"], person_id))


async def add_channel(connection: Connection, person_id: UUID, name: str, url: str, now: datetime) -> UUID:
    """Make a channel, the last in the order; nothing but its code goes there yet."""
    values = (person_id, name, url, shown(url), rings(url), now)
    channel_id: UUID = await connection.fetchval(QUERIES["add_channel"], *values)
    return channel_id


async def order_channels(connection: Connection, person_id: UUID, channel_ids: Sequence[UUID]) -> None:
    """Put a person's channels in this order."""
    await connection.execute(QUERIES["order_channels"], person_id, list(channel_ids))


async def remove_channel(connection: Connection, person_id: UUID, channel_id: UUID) -> str | None:
    """Forget a channel; returns its name, or None where the person has none of this id."""
    name: str | None = await connection.fetchval(QUERIES["remove_channel"], person_id, channel_id)
    return name


async def try_code(
    connection: Connection, person_id: UUID, channel_id: UUID, most_tries: int
) -> tuple[bytes | None, datetime | None] | None:
    """Count a try of a channel's code; returns its digest and its end, or None: there is no such channel, or no try."""
    row = await connection.fetchrow(QUERIES["try_code"], person_id, channel_id, most_tries)
    return None if row is None else (row["code_digest"], row["code_until"])


async def set_verified(connection: Connection, channel_id: UUID, now: datetime) -> None:
    """Its person has shown that it reaches them."""
    await connection.execute(QUERIES["set_verified"], channel_id, now)


async def ask(
    connection: Connection, channel_id: UUID, purpose: Purpose, episode: str, now: datetime, about: str = ""
) -> UUID | None:
    """Have something sent over a channel; None: it was asked for before."""
    values = (channel_id, purpose.value, episode, about, now)
    message_id: UUID | None = await connection.fetchval(QUERIES["ask"], *values)
    return message_id


async def count_asked(connection: Connection, person_id: UUID, since: datetime) -> int:
    """How many codes and tests a person asked for since then."""
    count: int = await connection.fetchval(QUERIES["count_asked"], person_id, since)
    return count


async def is_verified(connection: Connection, person_id: UUID, channel_id: UUID) -> bool | None:
    """Whether a channel is verified; None: the person has none of this id."""
    found: bool | None = await connection.fetchval(QUERIES["is_verified"], person_id, channel_id)
    return found


async def answer(connection: Connection, digest: bytes, now: datetime, sent_since: datetime) -> str | None:
    """Somebody heard the drill of this link; returns the channel's name, or None: there is none that is good."""
    name: str | None = await connection.fetchval(QUERIES["answer"], digest, now, sent_since)
    return name


async def drill_asked(connection: Connection, digest: bytes, sent_since: datetime) -> str | None:
    """The name of the channel of a drill's link; None: there is none that is good."""
    name: str | None = await connection.fetchval(QUERIES["drill_asked"], digest, sent_since)
    return name


async def hours_of(connection: Connection, person_id: UUID) -> Hours:
    """When a person hears drills, and when nothing that can wait."""
    row = await connection.fetchrow(QUERIES["hours_of"], person_id)
    return Hours() if row is None else Hours(**dict(row))


async def set_hours(connection: Connection, person_id: UUID, hours: Hours) -> None:
    """Change them."""
    values = (hours.timezone, hours.drill_weekday, hours.drill_at, hours.quiet_begins, hours.quiet_ends)
    await connection.execute(QUERIES["set_hours"], person_id, *values)
