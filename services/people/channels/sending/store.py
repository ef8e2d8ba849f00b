"""All SQL of sending over persons' own channels: a small function each. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from schemas.parts.paging import QuietHours
from services.people.channels.model import ChannelState, Hours, Purpose
from services.runtime.database import Connection, Pool, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process is to send."""

    message_id: UUID
    channel_id: UUID
    purpose: Purpose
    about: str
    attempts: int
    asked_at: datetime
    person_id: UUID
    name: str
    url: str = field(repr=False)
    verified: bool
    disabled: bool
    clinics: tuple[str, ...]
    """Where the person has a role."""


@dataclass(frozen=True, slots=True)
class ToProve:
    """A channel that is to prove itself: whose, by which hours, and for which moment its last drill was."""

    person_id: UUID
    person: str
    clinics: tuple[str, ...]
    channel: ChannelState
    hours: Hours
    last_due: datetime | None


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a message."""

    name: str
    ended_at: datetime | None
    sent_at: datetime | None
    error: str | None


async def claim(connection: Connection, now: datetime, until: datetime) -> Claimed | None:
    """Claim the oldest message that is due; None: there is none."""
    row = await connection.fetchrow(QUERIES["claim"], now, until)
    return (
        None
        if row is None
        else Claimed(**dict(row) | {"purpose": Purpose(row["purpose"]), "clinics": tuple(row["clinics"])})
    )


async def keep_code(connection: Connection, channel_id: UUID, digest: bytes, until: datetime) -> None:
    """Take this code over this channel until then, and no earlier one."""
    await connection.execute(QUERIES["keep_code"], channel_id, digest, until)


async def keep_link(connection: Connection, message_id: UUID, digest: bytes) -> None:
    """Take this link as the answer to a drill."""
    await connection.execute(QUERIES["keep_link"], message_id, digest)


async def end_message(connection: Connection, message_id: UUID, now: datetime, error: str | None) -> None:
    """It went out, or, with an error, will not."""
    await connection.execute(QUERIES["end_message"], message_id, now, error)


async def retry_message(connection: Connection, message_id: UUID, due_at: datetime, error: str | None) -> None:
    """It did not go out, as far as is known, and is tried again then."""
    await connection.execute(QUERIES["retry_message"], message_id, due_at, error)


async def note_outcome(
    connection: Connection | Pool, url: str, now: datetime, error: str | None, channel_id: UUID | None = None
) -> None:
    """What came of the last thing that was sent to an address: nothing but the channels of that address changes."""
    await connection.execute(QUERIES["note_outcome"], url, now, error, channel_id)


async def quiet_hours_of(connection: Connection, who: str) -> QuietHours | None:
    """The quiet hours of a person, by what they sign in with or their id; None: they have none."""
    row = await connection.fetchrow(QUERIES["quiet_hours_of"], who)
    return None if row is None else Hours(row["timezone"], quiet_begins=row["quiet_begins"], quiet_ends=row[2]).quiet


async def asked_to_prove(connection: Connection) -> tuple[ToProve, ...]:
    """Every channel that is to prove that it rings."""
    return tuple(_to_prove(**dict(row)) for row in await connection.fetch(QUERIES["asked_to_prove"]))


def _to_prove(
    *,
    person_id: UUID,
    person: str,
    clinics: Sequence[str],
    last_due: datetime | None,
    timezone: str | None,
    drill_weekday: int,
    drill_at: str,
    **channel: object,
) -> ToProve:
    hours = Hours() if timezone is None else Hours(timezone, drill_weekday, drill_at)
    state = ChannelState(**channel)  # type: ignore[arg-type] # as the columns are named
    return ToProve(person_id, person, tuple(clinics), state, hours, last_due)


async def forget_messages(connection: Connection, before: datetime) -> None:
    """Forget what ended before then."""
    await connection.execute(QUERIES["forget_messages"], before)


async def verified_channels(connection: Connection, person_id: UUID) -> dict[UUID, str]:
    """The channels over which a person is told, in their order, with their names."""
    return {row["channel_id"]: row["name"] for row in await connection.fetch(QUERIES["verified_channels"], person_id)}


async def person_of(connection: Connection, who: str) -> UUID | None:
    """A person who is not disabled, by what they sign in with or their id; None: nobody."""
    found: UUID | None = await connection.fetchval(QUERIES["person_of"], who)
    return found


async def outcome_of(connection: Connection, message_ids: Sequence[UUID]) -> tuple[Came, ...]:
    """What came of messages, in the order of their channels."""
    rows = await connection.fetch(QUERIES["outcome_of"], list(message_ids))
    return tuple(Came(**dict(row)) for row in rows)
