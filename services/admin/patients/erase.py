"""Erases all that is recorded of one patient in one implantation, and leaves a trail that is whole.

Guarantees: all of it or nothing, in one transaction; only what belongs to this implantation, by the moment at which it
is judged to have happened; no alert that stands and no page on its way is touched, and no patient who is watched. That
it happened, by whose order and why stands in the trail of each clinic that looked after the patient, with the rows that
lost their text. The same again is safe, and takes what came since.

The reference goes, and events, refused alarms, texts of pages, bypassed pages, dead letters and messages that wait.
That an alert was, its rule, its times and who answered stay, as the trail is about them. Backups keep what they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from services.admin.patients import store
from services.admin.patients.export import find
from services.admin.patients.model import PatientError, refuse_if_it_holds, refuse_reference_in_reason
from services.admin.patients.payloads import split
from services.admin.patients.store import Data
from services.admin.registry import store as registry
from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants an erasure, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each kind were removed or blanked, and how many rows of the audit trail lost their text."""

    pump_id: str
    number: int
    counts: dict[str, int]


async def erase(connection: Connection, name: str, number: int | None, order: Order) -> Erased:
    """Erase what was recorded of a patient.

    Args:
        connection: To the owner of the tables. Outside a transaction.
        name: A patient's reference, or a pump.
        number: Which implantation of the pump; None: there is but one.
        order: Who wants it; it is written down.

    Raises:
        PatientError: None or more than one is meant, the patient is watched, or an alert or a page is not over.
    """
    async with connection.transaction():
        data = await find(connection, name, number)
        await registry.lock_device(connection, data.implantation.pump_id)
        data = await store.data_of(connection, data.implantation)
        await _refuse(connection, data, order)
        counts = await store.erase_rows(connection, data)
        counts["dead_letter"] = await _erase_dead_letters(connection, data)
        counts["late_message"] = await _erase_late_messages(connection, data)
        await _record(connection, data, order, counts)
        await registry.queue_evaluation(connection, [data.implantation.pump_id])
    await store.settle(connection)
    return Erased(data.implantation.pump_id, data.implantation.number, counts)


async def _refuse(connection: Connection, data: Data, order: Order) -> None:
    refuse_if_it_holds(data.implantation, datetime.now(UTC))
    refuse_reference_in_reason(data.implantation, order.reason, order.by)
    if alerts := await store.open_alerts(connection, data):
        raise PatientError(f"{alerts} alerts of this patient are open: expected none; the alert service ends them soon")
    if pages := await store.pages_under_way(connection, data):
        raise PatientError(f"{pages} pages about this patient are on their way: expected none; try again in a minute")


async def _erase_dead_letters(connection: Connection, data: Data) -> int:
    """Those that are wholly about the patient go, and of the others the patient's events."""
    gone: list[int] = []
    cut: list[tuple[int, bytes]] = []
    async for letter in store.dead_letters(connection, data):
        theirs, others = split(letter.payload, letter.device_id, letter.received_at, data.spans)
        if theirs is not None and others is None:
            gone.append(letter.id)
        elif theirs is not None and others is not None:
            cut.append((letter.id, others))
    await store.erase_dead_letters(connection, gone)
    for dead_letter_id, others in cut:
        await store.cut_dead_letter(connection, dead_letter_id, others)
    return len(gone) + len(cut)


async def _erase_late_messages(connection: Connection, data: Data) -> int:
    gone: list[int] = []
    for message in await store.late_messages(connection, data):
        theirs, others = split(message.payload, message.device_id, message.received_at, data.spans)
        if theirs is not None and others is not None:
            msg = f"a message of {message.device_id} waits to be stored, and is of another patient too: try again later"
            raise PatientError(msg)
        if theirs is not None:
            gone.append(message.id)
    await store.erase_late_messages(connection, gone)
    return len(gone)


async def _record(connection: Connection, data: Data, order: Order, counts: dict[str, int]) -> None:
    """Last, because from here on the clinics' trails are held."""
    rows = await store.erase_audit_details(connection, data)
    counts["audit_row"] = sum(len(each) for each in rows.values())
    pump_id, now = data.implantation.pump_id, datetime.now(UTC)
    await store.erase_reference(connection, data, now)
    about = f"what was recorded in implantation {data.implantation.number} of {pump_id} is erased"
    await registry.record_change(connection, order.by, "erase", [pump_id], {"did": [about]})
    for clinic_id in sorted({*rows, *await store.clinics_of(connection, data)}):
        detail = {
            "erased": _kept(counts),
            "pump_id": pump_id,
            "implantation_id": data.implantation.implantation_id,
            "reason": order.reason,
            "rows": {str(number): digest for number, digest in rows.get(clinic_id, {}).items()},
        }
        await store.record_erasure(connection, clinic_id, order.by, now, detail)


def _kept(counts: dict[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in sorted(counts.items()) if number}
