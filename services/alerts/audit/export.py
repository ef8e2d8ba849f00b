"""A copy of the audit trail, or of what persons did and read: every row with its hashes, as JSON lines or as CSV.

JSON holds each text as it is. CSV is for people and spreadsheets: a row is one line, and nothing in it is a command.
"""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TextIO
from uuid import UUID

from services.alerts.audit import store
from services.runtime.database import Connection
from services.runtime.log import printable

_COLUMNS: Final = (
    "clinic_id",
    "clinic_seq",
    "at",
    "recorded_at",
    "recorded_by",
    "alert_id",
    "pump_id",
    "rule",
    "kind",
    "from_state",
    "to_state",
    "priority",
    "reason",
    "actor",
    "detail",
    "previous_hash",
    "row_hash",
)
_ACCESS_COLUMNS: Final = (
    "access_seq",
    "at",
    "recorded_at",
    "recorded_by",
    "kind",
    "actor",
    "person_id",
    "clinic_id",
    "pump_id",
    "detail",
    "previous_hash",
    "row_hash",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a command; an apostrophe before it makes it text."""


class ExportFormat(StrEnum):
    """How the copy is written."""

    JSONL = "jsonl"
    CSV = "csv"


async def export_trail(connection: Connection, clinic_id: str | None, form: ExportFormat, output: TextIO) -> int:
    """Write the trail of one clinic, or of every one, in one snapshot; returns how many rows. Memory stays flat."""
    return await _export(connection, store.audit_entries(connection, clinic_id), _COLUMNS, form, output)


async def export_access(connection: Connection, clinic_id: str | None, form: ExportFormat, output: TextIO) -> int:
    """Write what persons did and read, about one clinic or all of it; as `export_trail`."""
    return await _export(connection, store.access_entries(connection, clinic_id), _ACCESS_COLUMNS, form, output)


async def _export(
    connection: Connection,
    entries: AsyncIterator[Mapping[str, object]],
    columns: tuple[str, ...],
    form: ExportFormat,
    output: TextIO,
) -> int:
    rows = 0
    table = csv.writer(output, lineterminator="\n") if form is ExportFormat.CSV else None
    if table is not None:
        table.writerow(columns)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for entry in entries:
            rows += 1
            if table is None:
                output.write(json.dumps(_plain(entry, columns)) + "\n")
            else:
                table.writerow(_cells(entry, columns))
    return rows


def _plain(entry: Mapping[str, object], columns: tuple[str, ...]) -> dict[str, object]:
    return {name: _text(entry[name]) for name in columns}


def _text(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value


def _cells(entry: Mapping[str, object], columns: tuple[str, ...]) -> list[object]:
    plain = _plain(entry, columns) | {"detail": json.dumps(entry["detail"])}
    return [_cell(value) if isinstance(value, str) else value for value in plain.values()]


def _cell(text: str) -> str:
    return printable(f"'{text}" if text.startswith(_FORMULA) else text)
