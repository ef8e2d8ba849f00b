"""PURE. From a row of the query `facts` to the facts of a pump."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from services.alerts.model import (
    AlarmEvent,
    Contact,
    DayWindow,
    Demand,
    PumpFacts,
    Reading,
    Refill,
    Report,
    Therapy,
)

_KNOWN_CODES: Final = frozenset(code.value for code in AlarmCode)
_KNOWN_COMPLAINTS: Final = frozenset(complaint.value for complaint in Complaint)
_SECONDS_PER_DAY: Final = 86_400
_NOTHING: Final = DayWindow(0, heard=False)
_HEARD: Final = DayWindow(0, heard=True)

Row = Any
"""A mapping; its keys are what the query says."""


def facts_of_row(row: Row, windows: int) -> PumpFacts:
    """Build the facts of one pump."""
    return PumpFacts(
        pump_id=row["pump_id"],
        clinic_id=row["clinic_id"],
        enrolled=row["enrolled"],
        alarms=tuple(_alarms(row)),
        reading=_reading(row["volume_ml"], row["basis"], row["reading_at"]),
        earlier_reading=_reading(row["earlier_ml"], "computed", row["earlier_at"]),
        filled_reading=_reading(row["filled_reading_ml"], "measured", row["filled_reading_at"]),
        refills=tuple(
            Refill(filled, at, expected, measured)
            for at, expected, measured, filled in zip(
                row["refills_at"] or (),
                row["refills_expected_ml"] or (),
                row["refills_measured_ml"] or (),
                row["refills_filled_ml"] or (),
                strict=True,
            )
        ),
        programmed_low_ml=row["programmed_low_ml"],
        therapy=None if row["therapy_at"] is None else _therapy(row),
        reprogrammed_at=row["changed_at"],
        demand=Demand(
            delivered=row["delivered"],
            denied_lockout=row["denied_lockout"],
            denied_limit=row["denied_limit"],
            denied_other=row["denied_other"],
            comm_failure=row["comm_failure"],
            first_at=row["first_at"],
        ),
        windows=_windows(row, windows),
        reports=tuple(
            Report(Complaint(complaint), score, at)
            for complaint, score, at in zip(
                row["complaints"] or (), row["scores"] or (), row["reports_at"] or (), strict=True
            )
            if complaint in _KNOWN_COMPLAINTS
        ),
        contacts=tuple(_contacts(row)),
    )


def daily_ml(profile: Sequence[tuple[str, float]]) -> float:
    """What a programmed profile (ascending "HH:MM" and mL/day from then on) gives in a day, in mL.

    Before its first step the last one of the day before holds.
    """
    if not profile:
        return 0.0
    total, rate, since = 0.0, profile[-1][1], 0
    for clock_time, next_rate in profile:
        start = _seconds(clock_time)
        total += rate * (start - since)
        rate, since = next_rate, start
    return (total + rate * (_SECONDS_PER_DAY - since)) / _SECONDS_PER_DAY


def bolus_volume_ml(dose_mcg: float, concentration_mcg_per_ml: float) -> float:
    """A bolus is of the first drug: its dose over that concentration is its volume (GK)."""
    return dose_mcg / concentration_mcg_per_ml if concentration_mcg_per_ml else 0.0


def _seconds(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return 3600 * int(hours) + 60 * int(minutes)


def _therapy(row: Row) -> Therapy:
    drugs = json.loads(row["drugs"])
    profile = [(step["from"], float(step["rate_ml_per_day"])) for step in json.loads(row["profile"])]
    return Therapy(
        observed_at=row["therapy_at"],
        daily_ml=daily_ml(profile),
        bolus_ml=bolus_volume_ml(row["bolus_dose_mcg"] or 0.0, drugs[0]["concentration_mcg_per_ml"] if drugs else 0.0),
        bolus_limit=row["bolus_limit_per_24h"] or 0,
        size_ml=row["reservoir_size_ml"],
        refill_due=row["refill_due"],
        drugs=tuple(drug["name"] for drug in drugs),
    )


def _reading(volume_ml: float | None, basis: str, at: datetime | None) -> Reading | None:
    return None if volume_ml is None or at is None else Reading(volume_ml, ReadingBasis(basis), at)


def _windows(row: Row, windows: int) -> tuple[DayWindow, ...]:
    found = [_NOTHING] * windows
    for place in (*(row["heard_windows"] or ()), *(row["also_heard_windows"] or ())):
        found[place] = _HEARD
    for place, attempts, requests, delivered, refused, at_limit in zip(
        row["windows"] or (),
        row["attempts"] or (),
        row["requests"] or (),
        row["window_delivered"] or (),
        row["window_refused"] or (),
        row["window_at_limit"] or (),
        strict=True,
    ):
        found[place] = DayWindow(attempts, True, requests, delivered, refused, at_limit)
    return tuple(found)


def _contacts(row: Row) -> Iterable[Contact]:
    pairs = zip(row["contact_devices"] or (), row["contacts_at"] or (), strict=True)
    for device_id, group in groupby(pairs, key=lambda pair: pair[0]):
        yield Contact(device_id, tuple(at for _, at in group if at is not None))


def _alarms(row: Row) -> Iterable[AlarmEvent]:
    for code, state, at, device_id, seq, event_id, detail in zip(
        row["codes"] or (),
        row["states"] or (),
        row["moments"] or (),
        row["device_ids"] or (),
        row["seqs"] or (),
        row["event_ids"] or (),
        row["details"] or (),
        strict=True,
    ):
        known = code in _KNOWN_CODES
        yield AlarmEvent(
            code=AlarmCode(code) if known else AlarmCode.OTHER,
            state=AlarmState(state),
            observed_at=at,
            device_id=device_id,
            seq=seq,
            event_id=event_id,
            detail=detail if known else code,
        )
