"""Which pumps are evaluated, and when: the queue, the sweep, and what is due. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.alerts.evaluation.claim import USUAL_ENTRIES, Entry, Taking, plan_taking
from services.alerts.model import Occasion, OccasionKind
from services.people.model import Actor
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class LockedPump:
    """A pump that this transaction holds: when it is to be looked at again, and how often in a row it failed."""

    due_at: datetime | None
    failures: int
    come_by: datetime | None = None
    """By when its patient should come, as it was seen at `come_by_seen_at`."""
    come_by_seen_at: datetime | None = None


async def plan_once(connection: Connection) -> None:
    """For the rest of the transaction, plan each statement once and not for each set of values."""
    await connection.execute(QUERIES["plan_once"])


async def take_queue(
    connection: Connection, entries: int = USUAL_ENTRIES, *, urgent: bool = False, most_pumps: int = 128
) -> Taking:
    """Take pumps from the queue that no other worker holds; they come back if the transaction fails."""
    rows = await connection.fetch(QUERIES["read_queue"], entries, urgent)
    taking = plan_taking([Entry(*row) for row in rows], looked_for=entries, most_pumps=most_pumps)
    if taking.finished:
        await connection.execute(QUERIES["finish_entries"], taking.finished)
    if taking.left is not None:
        await connection.execute(QUERIES["leave_in_entry"], *taking.left)
    return taking


async def take_sweep_slice(connection: Connection, before: datetime, limit: int) -> tuple[str, ...]:
    """Take up to `limit` pumps last evaluated before `before` that no other worker holds."""
    return tuple(row["pump_id"] for row in await connection.fetch(QUERIES["take_sweep_slice"], before, limit))


async def take_due_slice(connection: Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """Take up to `limit` pumps that are to be looked at by `now` and that no other worker holds."""
    return tuple(row["pump_id"] for row in await connection.fetch(QUERIES["take_due_slice"], now, limit))


async def lock_pumps(connection: Connection, pump_ids: Sequence[str], now: datetime) -> dict[str, LockedPump]:
    """Hold the pumps until the transaction ends; returns those that the registry knows."""
    rows = await connection.fetch(QUERIES["lock_pumps"], list(pump_ids), now)
    return {pump_id: LockedPump(*rest) for pump_id, *rest in rows}


async def set_due(connection: Connection, due: Mapping[str, datetime | None]) -> None:
    """Say when pumps, held by this transaction, are to be looked at again though nothing is heard of them."""
    if due:
        await connection.execute(QUERIES["set_due"], list(due.keys()), list(due.values()))


async def set_come_by(connection: Connection, come_by: Mapping[str, datetime | None], now: datetime) -> None:
    """Write down by when patients should come, for the order of the refill board; the transaction holds the pumps."""
    if come_by:
        await connection.execute(QUERIES["set_come_by"], list(come_by.keys()), list(come_by.values()), now)


async def count_failures(connection: Connection, failed_before: Sequence[str], failed: Sequence[str]) -> None:
    """Count one more failure for those that `failed`, and none any more for the others that had `failed_before`."""
    if failed_before or failed:
        await connection.execute(QUERIES["count_failures"], list(failed_before), list(failed))


async def clinic_of(connection: Connection, pump_id: str) -> str:
    """The clinic that watches a pump which the registry knows."""
    clinic_id: str = await connection.fetchval(QUERIES["clinic_of_pump"], pump_id)
    return clinic_id


async def follow_registry(connection: Connection, evaluated_before: datetime) -> None:
    """Put new pumps under watch, as if last evaluated at `evaluated_before`, and forget those that are retired."""
    await connection.execute(QUERIES["enrol_missing"], evaluated_before)
    await connection.execute(QUERIES["forget_retired"])


async def pumps_to_look_at(connection: Connection, now: datetime) -> list[str]:
    """Pumps with an alert that may be due for its next step, or whose acknowledgement has expired by `now`."""
    return [row["pump_id"] for row in await connection.fetch(QUERIES["pumps_to_look_at"], now)]


async def open_of_who_is_out(
    connection: Connection, clinic_id: str, actor: str, since: datetime, contact: str
) -> dict[UUID, str]:
    """Open alerts that somebody took before they were out, or was told of and nobody has taken: id to pump."""
    rows = await connection.fetch(QUERIES["open_of_who_is_out"], clinic_id, actor, since, contact)
    return {row["alert_id"]: row["pump_id"] for row in rows}


async def contacts_told(
    connection: Connection, alert_ids: Sequence[UUID]
) -> dict[UUID, dict[Occasion, frozenset[str]]]:
    """By alert and occasion, the contacts for whom there are pages, whatever became of them."""
    found: dict[UUID, dict[Occasion, frozenset[str]]] = {}
    for row in await connection.fetch(QUERIES["contacts_told"], alert_ids):
        occasion = Occasion(OccasionKind(row["kind"]), row["episode"], row["step"])
        of_alert = found.setdefault(row["alert_id"], {})
        of_alert[occasion] = of_alert.get(occasion, frozenset()) | {row["contact"]}
    return found


async def set_has_it(connection: Connection, alert_ids: Sequence[UUID], has_it: Actor, now: datetime) -> None:
    """Write who has alerts that somebody else had taken; until when stays as it is."""
    await connection.execute(QUERIES["set_has_it"], alert_ids, has_it.name, has_it.id, now)
