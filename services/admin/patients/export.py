"""A copy of all that is recorded of one patient in one implantation, for the patient or another hospital.

JSON lines: the first is a header with the counts by kind, every other `{"kind": ..., "row": {...}}`, a row as it is
stored: names with units, times in UTC as RFC 3339 has them. One snapshot; what waits or was refused is there as the
device sent it.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, TextIO

from services.admin.patients import store
from services.admin.patients.model import Implantation, choose
from services.admin.patients.payloads import split
from services.admin.patients.store import Data
from services.admin.registry.model import EVER, FOREVER
from services.runtime.database import Connection

_FORMAT: Final = 1
_UNBOUNDED: Final = ("-infinity", "infinity")
_IN_MEMORY_BYTES: Final = 1_000_000


async def find(connection: Connection, name: str, number: int | None) -> Data:
    """Whose data is meant by a patient's reference or a pump, and the number of an implantation.

    Raises:
        PatientError: None, or more than one.
    """
    return await store.data_of(connection, choose(name, await store.implantations_named(connection, name), number))


async def count(connection: Connection, name: str, number: int | None) -> tuple[Implantation, Counter[str]]:
    """Whose data it is, and how many rows of each kind there are.

    Raises:
        PatientError: None, or more than one.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        data = await find(connection, name, number)
        counts: Counter[str] = Counter()
        async for kind, _ in _everything(connection, data):
            counts[kind] += 1
    return data.implantation, counts


async def export(connection: Connection, name: str, number: int | None, output: TextIO, now: datetime) -> Counter[str]:
    """Write the copy to `output`; returns how many rows of each kind. Memory stays flat.

    Raises:
        PatientError: No patient is meant, or more than one.
    """
    counts: Counter[str] = Counter()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8") as body:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            data = await find(connection, name, number)
            await store.speak_utc(connection)
            async for kind, row in _everything(connection, data):
                counts[kind] += 1
                body.write(json.dumps({"kind": kind, "row": row}) + "\n")
        output.write(json.dumps(_header(data.implantation, counts, now)) + "\n")
        body.seek(0)
        shutil.copyfileobj(body, output)
    return counts


async def _everything(connection: Connection, data: Data) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async for kind, row in store.rows(connection, data):
        yield kind, {name: None if value in _UNBOUNDED else value for name, value in row.items()}
    async for letter in store.dead_letters(connection, data):
        theirs, _ = split(letter.payload, letter.device_id, letter.received_at, data.spans)
        if theirs is not None:
            yield "dead_letter", letter.row | _payload(theirs)
    for message in await store.late_messages(connection, data):
        theirs, _ = split(message.payload, message.device_id, message.received_at, data.spans)
        if theirs is not None:
            yield "late_message", message.row | _payload(theirs)


def _payload(content: bytes) -> dict[str, str]:
    try:
        return {"payload": content.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(content).decode()}


def _header(implantation: Implantation, counts: Counter[str], now: datetime) -> dict[str, Any]:
    return {
        "kind": "header",
        "format": _FORMAT,
        "pump_id": implantation.pump_id,
        "implantation": implantation.number,
        "patient_ref": implantation.patient_ref,
        "since": None if implantation.since == EVER else implantation.since.isoformat(),
        "until": None if implantation.until == FOREVER else implantation.until.isoformat(),
        "exported_at": now.isoformat(),
        "counts": dict(sorted(counts.items())),
    }
