"""All SQL about one patient's data: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.admin.patients.model import EVENT_TABLES, Implantation, Span
from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))
_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Data:
    """Whose data it is, as the statements take it."""

    implantation: Implantation
    spans: tuple[Span, ...]
    alert_ids: tuple[UUID, ...]

    @property
    def period(self) -> tuple[str, datetime, datetime]:
        """The pump, and the implantation's beginning and end."""
        return self.implantation.pump_id, self.implantation.since, self.implantation.until

    @property
    def alerts(self) -> list[UUID]:
        """Its alerts."""
        return list(self.alert_ids)

    @property
    def devices(self) -> list[str]:
        """Every device that reported in it."""
        return sorted({span.device_id for span in self.spans})

    @property
    def columns(self) -> tuple[list[str], list[datetime], list[datetime]]:
        """The spans, column by column."""
        return (
            [span.device_id for span in self.spans],
            [span.since for span in self.spans],
            [span.until for span in self.spans],
        )

    @property
    def named(self) -> str:
        """What names the patient in the record of changes, as a pattern; without a reference one that nothing has."""
        reference = self.implantation.patient_ref
        return "a^" if reference is None else f'patient {re.escape(reference)}(: | |"|;|,)'


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes of a device that wait or were refused."""

    id: int
    device_id: str
    received_at: datetime
    payload: bytes
    row: dict[str, Any]
    """The rest of the row, for a copy."""


async def implantations_named(connection: Connection, name: str) -> list[Implantation]:
    """Every implantation of a pump, or with a patient's reference, by pump and time."""
    return [Implantation(**row) for row in await connection.fetch(QUERIES["implantations_named"], name)]


async def data_of(connection: Connection, implantation: Implantation) -> Data:
    """The devices and the alerts of an implantation."""
    period = implantation.pump_id, implantation.since, implantation.until
    spans = await connection.fetch(QUERIES["spans"], *period)
    alerts = await connection.fetch(QUERIES["alert_ids"], *period, implantation.implantation_id, implantation.first)
    return Data(implantation, tuple(Span(**row) for row in spans), tuple(row["alert_id"] for row in alerts))


async def speak_utc(connection: Connection) -> None:
    """Times of this transaction are given in UTC."""
    await connection.execute(QUERIES["in_utc"])


async def rows(connection: Connection, data: Data) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Every row that is a patient's alone, with its kind; needs a transaction, and memory stays flat."""
    alerts = (data.alerts,)
    statements: list[tuple[str, str, tuple[Any, ...]]] = [
        ("implantation", QUERIES["copy_implantation"], (data.implantation.implantation_id,)),
        ("clinic", QUERIES["copy_clinics"], data.period),
        ("pairing", QUERIES["copy_pairings"], data.period),
        ("registry_change", QUERIES["copy_registry_changes"], (data.implantation.pump_id, data.named)),
        *((kind, QUERIES["copy_events"].format(table=table), data.period) for kind, table in EVENT_TABLES.items()),
        ("refused_alarm", QUERIES["copy_refused_alarms"], data.period),
        ("alert", QUERIES["copy_alerts"], alerts),
        ("audit_row", QUERIES["copy_audit_rows"], alerts),
        ("delivery", QUERIES["copy_deliveries"], alerts),
        ("bypassed_page", QUERIES["copy_bypassed_pages"], (*data.period, *alerts)),
        ("promise", QUERIES["copy_promises"], alerts),
        ("refill_visit", QUERIES["copy_refill_visits"], (*data.period, data.implantation.implantation_id)),
        ("silence", QUERIES["copy_silences"], data.period),
        ("pause", QUERIES["copy_pauses"], data.columns),
        ("dead_letter_day", QUERIES["copy_dead_letter_days"], data.columns),
    ]
    for kind, statement, arguments in statements:
        async for record in connection.cursor(statement, *arguments, prefetch=_ROWS_AT_ONCE):
            yield kind, json.loads(record[0])


async def dead_letters(connection: Connection, data: Data) -> AsyncIterator[Message]:
    """What was refused of the devices, of whatever time; needs a transaction, and memory stays flat."""
    async for record in connection.cursor(QUERIES["dead_letters_of"], data.devices, prefetch=50):
        yield _message(record)


async def late_messages(connection: Connection, data: Data) -> list[Message]:
    """What the devices sent and is not stored yet."""
    return [_message(record) for record in await connection.fetch(QUERIES["late_messages_of"], data.devices)]


def _message(record: asyncpg.Record) -> Message:
    return Message(**{**dict(record), "row": json.loads(record["row"])})


async def open_alerts(connection: Connection, data: Data) -> int:
    """How many of its alerts are not closed."""
    return int(await connection.fetchval(QUERIES["open_alerts"], data.alerts))


async def pages_under_way(connection: Connection, data: Data) -> int:
    """How many pages about it, alone or with others, are not sent yet."""
    return int(await connection.fetchval(QUERIES["pages_under_way"], data.alerts))


async def erase_rows(connection: Connection, data: Data) -> dict[str, int]:
    """Remove or blank every row but those of the audit trail, dead letters and late messages; how many by kind."""
    statements: list[tuple[str, str, tuple[Any, ...]]] = [
        ("bypassed_page", QUERIES["erase_bypassed_pages"], (*data.period, data.alerts)),
        *((kind, QUERIES["erase_events"].format(table=table), data.period) for kind, table in EVENT_TABLES.items()),
        ("refused_alarm", QUERIES["erase_refused_alarms"], data.period),
        ("delivery", QUERIES["erase_deliveries"], (data.alerts,)),
        ("promise", QUERIES["erase_promises"], (data.alerts,)),
        ("alert", QUERIES["erase_alerts"], (data.alerts,)),
        ("refill_visit", QUERIES["erase_refill_visits"], (*data.period, data.implantation.implantation_id)),
        ("silence", QUERIES["erase_silences"], data.period),
        ("pause", QUERIES["erase_pauses"], data.columns),
        ("dead_letter_day", QUERIES["erase_dead_letter_days"], data.columns),
        ("registry_change", QUERIES["erase_registry_changes"], (data.implantation.pump_id, data.named)),
    ]
    return {
        kind: int((await connection.execute(statement, *arguments)).split()[-1])
        for kind, statement, arguments in statements
    }


async def erase_dead_letters(connection: Connection, ids: Sequence[int]) -> None:
    """Remove dead letters."""
    await connection.execute(QUERIES["erase_dead_letters"], list(ids))


async def cut_dead_letter(connection: Connection, dead_letter_id: int, payload: bytes) -> None:
    """Leave of a dead letter only what is about others."""
    await connection.execute(QUERIES["cut_dead_letter"], dead_letter_id, payload)


async def erase_late_messages(connection: Connection, ids: Sequence[int]) -> None:
    """Remove messages that wait."""
    await connection.execute(QUERIES["erase_late_messages"], list(ids))


async def erase_audit_details(connection: Connection, data: Data) -> dict[str, dict[int, str]]:
    """Take out what audit rows say; by clinic and number, the hash in hexadecimal that each row gives since."""
    erased: dict[str, dict[int, str]] = {}
    for row in await connection.fetch(QUERIES["erase_audit_details"], data.alerts):
        erased.setdefault(row["clinic_id"], {})[row["clinic_seq"]] = row["hash"]
    return erased


async def clinics_of(connection: Connection, data: Data) -> list[str]:
    """Which clinics looked after the patient."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinics_of"], *data.period)]


async def erase_reference(connection: Connection, data: Data, at: datetime) -> None:
    """The implantation stays, and of whom is not known any more."""
    await connection.execute(QUERIES["erase_reference"], data.implantation.implantation_id, at)


async def record_erasure(
    connection: Connection, clinic_id: str, by: str, at: datetime, detail: Mapping[str, Any]
) -> None:
    """Write down in a clinic's trail that an erasure happened."""
    await connection.execute(QUERIES["record_erasure"], clinic_id, by, at, json.dumps(detail))


async def settle(connection: Connection) -> None:
    """Outside a transaction: roll-ups that are kept count anew, and the planner's samples are taken anew."""
    if await connection.fetchval(QUERIES["has_rollup"]):
        await connection.execute(QUERIES["refresh_rollup"])
    await connection.execute(QUERIES["forget_samples"])
