"""PURE. From a wire event to the row of its table.

A row is (pump_id, observed_at in seconds since 1970, event_id, device_id, seq, ...the kind's own columns..., message
number); the order of the kind's own columns is that of the parameters of its statement in `queries.sql`. The message
number is not stored: it says which message's receipt counts the row. Times travel as seconds because comparing and
encoding datetimes of many offsets cost a tenth of ingest's time; a double holds microseconds exactly for centuries
around now (tests/integration/ingest/test_ingest.py asks the database). Adding 0.0 makes a volume of -0.0 one of 0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from schemas.events import Alarm, Bolus, EventKind, Refill, Report, Reservoir, Status, Therapy

Row = tuple[str, float, UUID, str, int | None, *tuple[Any, ...], int]
"""A plain tuple, because there are tens of thousands of them in a second."""

# Places in a row.
PUMP_ID: Final = 0
OBSERVED: Final = 1
EVENT_ID: Final = 2
DEVICE_ID: Final = 3
_SEQ: Final = 4
MESSAGE_NUMBER: Final = -1

key: Final[Callable[[Row], tuple[str, float, UUID]]] = itemgetter(PUMP_ID, OBSERVED, EVENT_ID)
"""What makes an event the same one."""

device_and_seq: Final[Callable[[Row], tuple[str, int | None]]] = itemgetter(DEVICE_ID, _SEQ)
"""Who spoke, and the place in its own count."""


def _reservoir(e: Reservoir, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    return (pump_id, observed, e.event_id, device_id, e.seq, e.volume_ml + 0.0, e.basis, number)


def _bolus(e: Bolus, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    return (pump_id, observed, e.event_id, device_id, e.seq, e.outcome, e.dose_mcg, number)


def _alarm(e: Alarm, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    return (pump_id, observed, e.event_id, device_id, e.seq, e.code, e.state, e.detail, number)


def _therapy(e: Therapy, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    return (
        pump_id,
        observed,
        e.event_id,
        device_id,
        e.seq,
        to_json(e.drugs).decode(),
        to_json(e.profile, by_alias=True).decode(),
        e.bolus.dose_mcg if e.bolus else None,
        e.bolus.lockout_minutes if e.bolus else None,
        e.bolus.limit_per_24h if e.bolus else None,
        e.reservoir_size_ml,
        e.low_reservoir_ml,
        e.refill_due,
        e.replaces,
        number,
    )


def _refill(e: Refill, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    own = (e.expected_ml + 0.0, e.measured_ml + 0.0, e.filled_ml + 0.0, e.replaces)
    return (pump_id, observed, e.event_id, device_id, e.seq, *own, number)


def _status(e: Status, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    own = (e.battery_percent, e.firmware, e.end_of_service)
    return (pump_id, observed, e.event_id, device_id, e.seq, *own, number)


def _report(e: Report, observed: float, pump_id: str, device_id: str, number: int) -> Row:
    return (pump_id, observed, e.event_id, device_id, e.seq, e.complaint, e.score, number)


ROW_BY_KIND: Final[dict[EventKind, Callable[[Any, float, str, str, int], Row]]] = {
    EventKind.RESERVOIR: _reservoir,
    EventKind.BOLUS: _bolus,
    EventKind.ALARM: _alarm,
    EventKind.THERAPY: _therapy,
    EventKind.REFILL: _refill,
    EventKind.STATUS: _status,
    EventKind.REPORT: _report,
}
"""How each kind of event becomes a row: (event, observed_at in seconds, pump id, device id, message number)."""
