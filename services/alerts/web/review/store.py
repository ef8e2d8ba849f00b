"""Reads what a review sheet is made from: what who asks may see, of the patient of now alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from schemas.events import AlarmCode, AlarmState
from services.alerts.facts.model import AlarmEvent
from services.alerts.facts.refills import Entry
from services.alerts.facts.store import load_contacts
from services.alerts.web.review.model import (
    AlertLine,
    DeviceClockNow,
    Drug,
    Measured,
    Prescription,
    Programmed,
    PumpNow,
    Said,
    Stored,
    Stretch,
)
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No event is from before it: ingest refuses such a date."""
_LONGEST_LOCKOUT: Final = timedelta(minutes=10_080)
"""So long before the period may a press have been told first (schemas/events.py, BolusPrescription)."""
_KNOWN_CODES: Final = frozenset(code.value for code in AlarmCode)


async def pump_now(connection: Connection, pump_id: str, now: datetime) -> PumpNow | None:
    """Whose the pump is; None: who asks sees no such pump."""
    row = await connection.fetchrow(QUERIES["pump_now"], pump_id, now)
    return None if row is None else PumpNow(**dict(row))


async def refills_until(connection: Connection, pump: PumpNow, until: datetime) -> tuple[Entry, ...]:
    """What was entered of refills of this patient, the newest first."""
    rows = await connection.fetch(QUERIES["refills_until"], pump.pump_id, pump.since or _EVER, until)
    return tuple(Entry(**dict(row)) for row in rows)


async def load_stored(
    connection: Connection, pump: PumpNow, refills: tuple[Entry, ...], since: datetime, until: datetime, now: datetime
) -> Stored:
    """Everything that the sheet counts from `since` to `until`. The caller owns the transaction."""
    patient = (pump.pump_id, pump.since or _EVER)
    alerts = (pump.pump_id, pump.implantation_id if pump.since else None, since, until, pump.clinic_id)
    before = since - _LONGEST_LOCKOUT
    return Stored(
        requests=tuple(
            (row["at"], row["outcome"], row["device_id"])
            for row in await connection.fetch(QUERIES["requests_told"], *patient, before, until)
        ),
        therapies=tuple(
            _programmed(row) for row in await connection.fetch(QUERIES["therapies_until"], *patient, until)
        ),
        refills=refills,
        reports=tuple(
            Said(**dict(row)) for row in await connection.fetch(QUERIES["reports_told"], *patient, since, until)
        ),
        alarms=tuple(_alarm(row) for row in await connection.fetch(QUERIES["alarms_until"], *patient, until)),
        refused_alarms=await _refused_alarms(connection, *patient, since, until),
        heard=tuple(Stretch(**dict(row)) for row in await connection.fetch(QUERIES["heard"], *patient, since, until)),
        measured=tuple(
            Measured(**dict(row)) for row in await connection.fetch(QUERIES["measured_levels"], *patient, since, until)
        ),
        alerts=tuple(AlertLine(**dict(row)) for row in await connection.fetch(QUERIES["alerts_between"], *alerts)),
        clocks=tuple(
            DeviceClockNow(
                each.device_id,
                each.last_at,
                each.clock.behind if each.clock else None,
                refused=each.clock is not None and each.clock.refused,
            )
            for each in await load_contacts(connection, pump.pump_id, now)
        ),
    )


async def _refused_alarms(connection: Connection, *values: Any) -> dict[AlarmCode, int]:
    found: dict[AlarmCode, int] = {}
    for row in await connection.fetch(QUERIES["alarms_refused"], *values):
        code = AlarmCode(row["code"]) if row["code"] in _KNOWN_CODES else AlarmCode.OTHER
        found[code] = found.get(code, 0) + row["alarms"]
    return found


def _programmed(row: asyncpg.Record) -> Programmed:
    drugs = json.loads(row["drugs"])
    profile = json.loads(row["profile"])
    return Programmed(
        at=row["at"],
        prescription=Prescription(
            tuple(Drug(drug["name"], drug["concentration_mcg_per_ml"]) for drug in drugs),
            tuple((step["from"], float(step["rate_ml_per_day"])) for step in profile),
            row["bolus_dose_mcg"],
            row["bolus_lockout_minutes"],
            row["bolus_limit_per_24h"],
        ),
        size_ml=row["reservoir_size_ml"],
        low_ml=row["low_reservoir_ml"],
        refill_due=row["refill_due"],
    )


def _alarm(row: asyncpg.Record) -> AlarmEvent:
    """As the rules take it: a code that this release does not know is another alarm, named in the detail."""
    known = row["code"] in _KNOWN_CODES
    return AlarmEvent(
        code=AlarmCode(row["code"]) if known else AlarmCode.OTHER,
        state=AlarmState(row["state"]),
        observed_at=row["observed_at"],
        received_at=row["received_at"],
        device_id=row["device_id"],
        seq=row["seq"],
        event_id=row["event_id"],
        detail=row["detail"] if known else row["code"],
    )
