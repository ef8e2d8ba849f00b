"""Reads stored history for a backtest.

Of dense kinds `REACH` before the beginning is read, more than any rule looks back; of measured readings, which hold
until a refill, 400 days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import TypeAdapter

from schemas import events as wire
from services.alerts.backtest.replay import Arrival
from services.alerts.facts.model import AcceptedLevel, RefusedAlarm, Visit, VisitKind
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
REACH: Final = timedelta(days=100)
_DRUGS: Final = TypeAdapter(tuple[wire.Drug, ...])
_PROFILE: Final = TypeAdapter(tuple[wire.ProfileStep, ...])


@dataclass(frozen=True, slots=True)
class WatchedPump:
    """A pump that is enrolled and implanted now, and the handhelds that are paired with it."""

    pump_id: str
    clinic_id: str
    handhelds: tuple[str, ...]
    implanted_at: datetime | None
    """None: as far back as anybody knows."""
    watched_since: datetime | None
    """Since when it is in this patient and with this clinic; None: as far back as anybody knows."""


async def load_pumps(connection: Connection, clinic_id: str | None) -> list[WatchedPump]:
    """The enrolled pumps of one clinic, or of all, that are implanted."""
    rows = await connection.fetch(QUERIES["pumps"], clinic_id)
    return [
        WatchedPump(
            row["pump_id"], row["clinic_id"], tuple(row["handhelds"]), row["implanted_at"], row["watched_since"]
        )
        for row in rows
    ]


async def load_arrivals(
    connection: Connection, pump_ids: Sequence[str], since: datetime, until: datetime
) -> Mapping[str, list[Arrival]]:
    """Read what had been received by `until`, by pump."""
    found: dict[str, list[Arrival]] = defaultdict(list)
    for name in ("readings", "requests", "statuses", "reports"):
        for row in await connection.fetch(QUERIES[name], list(pump_ids), since - REACH, until):
            found[row["pump_id"]].append(Arrival(row["received_at"], row["device_id"], _event(name, row)))
    for name in ("alarms", "refills", "therapies"):
        for row in await connection.fetch(QUERIES[name], list(pump_ids), until):
            found[row["pump_id"]].append(Arrival(row["received_at"], row["device_id"], _event(name, row)))
    for row in await connection.fetch(QUERIES["refused_alarms"], list(pump_ids), until):
        found[row["pump_id"]].append(Arrival(row["received_at"], row["device_id"], _refused(row)))
    return found


async def load_acceptances(
    connection: Connection, pump_ids: Sequence[str], until: datetime
) -> Mapping[str, list[AcceptedLevel]]:
    """The levels of demand that people had accepted as the new one by `until`, by pump."""
    found: dict[str, list[AcceptedLevel]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["acceptances"], list(pump_ids), until):
        level = AcceptedLevel(row["accepted_at"], row["accepted_since"], row["accepted_per_day"])
        found[row["pump_id"]].append(level)
    return found


async def load_visits(connection: Connection, pump_ids: Sequence[str], until: datetime) -> Mapping[str, list[Visit]]:
    """What people had said of refill visits by `until`, by pump."""
    found: dict[str, list[Visit]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["visits"], list(pump_ids), until):
        visit = Visit(VisitKind(row["kind"]), row["visit_on"], row["begins_at"], row["said_at"])
        found[row["pump_id"]].append(visit)
    return found


def _refused(row: asyncpg.Record) -> RefusedAlarm:
    known = row["code"] in frozenset(wire.AlarmCode)
    return RefusedAlarm(
        wire.AlarmCode(row["code"]) if known else wire.AlarmCode.OTHER,
        wire.AlarmState(row["state"]),
        row["received_at"],
        timedelta(seconds=row["clock_offset_seconds"]),
        row["device_id"],
        row["seq"],
        row["event_id"],
    )


def _event(name: str, row: asyncpg.Record) -> wire.Event:
    """What is stored was checked when it came; here it is only put together again."""
    common = {"event_id": row["event_id"], "observed_at": row["observed_at"], "seq": row["seq"]}
    match name:
        case "readings":
            basis = wire.ReadingBasis(row["basis"])
            return wire.Reservoir.model_construct(**common, volume_ml=row["volume_ml"], basis=basis)
        case "requests":
            outcome = wire.BolusOutcome(row["outcome"])
            return wire.Bolus.model_construct(**common, outcome=outcome, dose_mcg=row["dose_mcg"])
        case "statuses":
            return wire.Status.model_construct(**common)
        case "reports":
            complaint = wire.Complaint(row["complaint"])
            return wire.Report.model_construct(**common, complaint=complaint, score=row["score"])
        case "alarms":
            known = row["code"] in frozenset(wire.AlarmCode)
            return wire.Alarm.model_construct(
                **common,
                code=wire.AlarmCode(row["code"]) if known else wire.AlarmCode.OTHER,
                state=wire.AlarmState(row["state"]),
                detail=row["detail"] if known else row["code"],
            )
        case "refills":
            return wire.Refill.model_construct(
                **common,
                expected_ml=row["expected_ml"],
                measured_ml=row["measured_ml"],
                filled_ml=row["filled_ml"],
                replaces=row["replaces"],
            )
        case _:
            return _therapy(common, row)


def _therapy(common: Mapping[str, Any], row: asyncpg.Record) -> wire.Therapy:
    bolus = None
    if row["bolus_dose_mcg"] is not None or row["bolus_limit_per_24h"] is not None:
        bolus = wire.BolusPrescription.model_construct(
            dose_mcg=row["bolus_dose_mcg"] or 0.0,
            lockout_minutes=row["bolus_lockout_minutes"] or 0,
            limit_per_24h=row["bolus_limit_per_24h"] or 0,
        )
    return wire.Therapy.model_construct(
        **common,
        drugs=_DRUGS.validate_json(row["drugs"]),
        profile=_PROFILE.validate_json(row["profile"]),
        bolus=bolus,
        reservoir_size_ml=row["reservoir_size_ml"],
        low_reservoir_ml=row["low_reservoir_ml"],
        refill_due=row["refill_due"],
        replaces=row["replaces"],
    )
