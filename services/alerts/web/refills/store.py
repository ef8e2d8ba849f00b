"""All SQL of the refill board."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from services.alerts.errors import Refused
from services.alerts.facts.model import VisitKind
from services.alerts.web.refills.plan import Entry, Said
from services.alerts.web.refills.planned import Planned
from services.people.model import Actor
from services.people.trail import store as trail
from services.people.trail.model import Access, AccessKind
from services.runtime.database import Connection, load_queries
from services.texts.model import msgid

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
_TRAIL: Final = {
    VisitKind.BOOKED: AccessKind.REFILL_BOOKED,
    VisitKind.MOVED: AccessKind.REFILL_MOVED,
    VisitKind.DONE: AccessKind.REFILL_DONE,
    VisitKind.CANCELLED: AccessKind.REFILL_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class ListedPumps:
    """The pumps of one page of the board, the soonest first, and how many there are on all pages."""

    pumps: tuple[tuple[str, str], ...]
    """Clinic and pump."""
    of_them: int


async def listed_pumps(
    connection: Connection, clinics: Collection[str], until: datetime | None, most: int, after: int
) -> ListedPumps:
    """Pumps in somebody whose refill, or whose visit, is due by `until` (None: all)."""
    rows = await connection.fetch(QUERIES["pumps"], sorted(clinics), until, most, after)
    return ListedPumps(
        tuple((row["clinic_id"], row["pump_id"]) for row in rows), rows[0]["of_them"] if rows else 0
    )  # fmt: skip


async def newest_entries(connection: Connection, pump_ids: Sequence[str]) -> dict[str, Entry]:
    """What was last said of the next visit of each pump's patient, by pump."""
    found = {}
    for row in await connection.fetch(QUERIES["newest_entries"], list(pump_ids)):
        pump_id, entry_id, kind, *rest = row
        found[pump_id] = Entry(entry_id, VisitKind(kind), *rest)
    return found


async def say(connection: Connection, clinic_id: str, pump_id: str, said: Said, by: Actor, now: datetime) -> None:
    """Write down what somebody said of a visit, who did, and that the pump is looked at again; in a transaction.

    Raises:
        Refused: Somebody else said something meanwhile.
    """
    entry_id = uuid4()
    values = (said.kind.value, said.on, said.begins, said.has_hour, now, by.id, by.name)
    done = await connection.execute(QUERIES["say"], entry_id, pump_id, said.follows, *values)
    if done != "INSERT 0 1":
        raise Refused(msgid("somebody changed this visit meanwhile; look at it as it is now, and say it again"))
    # The trail is never erased, and so says no day: it stands in the entry, which an erasure takes.
    detail = {"entry": str(entry_id)}
    await trail.append(connection, Access(_TRAIL[said.kind], by, None, clinic_id, detail, pump_id), now)
    await connection.execute(QUERIES["queue_pump"], pump_id)


async def planned_of(connection: Connection, clinic_id: str, until: datetime) -> tuple[Planned, ...]:
    """What a clinic's calendar shows: every visit, and the dates by which to come until then."""
    return tuple(Planned(*row) for row in await connection.fetch(QUERIES["calendar"], clinic_id, until))
