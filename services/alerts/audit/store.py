"""The audit trail as it is read. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from services.alerts.audit.chain import AuditHead, AuditRow
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

_ROWS_AT_ONCE: Final = 1000


async def audit_rows(connection: Connection, clinic_id: str | None) -> AsyncIterator[AuditRow]:
    """The audit trail of one clinic, or of every one, in order; needs a transaction, and memory stays flat."""
    async for record in connection.cursor(QUERIES["audit_rows"], clinic_id, prefetch=_ROWS_AT_ONCE):
        yield AuditRow(**dict(record))


async def access_rows(connection: Connection) -> AsyncIterator[AuditRow]:
    """What persons did and read, in order, as one chain of no clinic; needs a transaction, and memory stays flat."""
    async for record in connection.cursor(QUERIES["access_rows"], prefetch=_ROWS_AT_ONCE):
        yield AuditRow(**dict(record))


async def access_heads(connection: Connection) -> tuple[AuditHead, ...]:
    """Where that chain ends, as its trigger remembers it."""
    return tuple(AuditHead(**dict(record)) for record in await connection.fetch(QUERIES["access_heads"]))


async def erased_rows(connection: Connection, clinic_id: str | None) -> dict[tuple[str, int], str]:
    """Rows that a later one of their clinic says were erased: by clinic and number, the hash of what is left."""
    records = await connection.fetch(QUERIES["erased_rows"], clinic_id)
    return {(record["clinic_id"], record["clinic_seq"]): record["hash"] for record in records}


async def audit_heads(connection: Connection, clinic_id: str | None) -> tuple[AuditHead, ...]:
    """Where each clinic's chain ends, as the trigger remembers it."""
    return tuple(AuditHead(**dict(record)) for record in await connection.fetch(QUERIES["audit_heads"], clinic_id))


async def last_rows(connection: Connection) -> tuple[AuditHead, ...]:
    """Where each clinic's chain ends, by its rows."""
    return tuple(AuditHead(**dict(record)) for record in await connection.fetch(QUERIES["last_rows"]))


async def audit_entries(connection: Connection, clinic_id: str | None) -> AsyncIterator[Mapping[str, object]]:
    """Everything that stands in the trail, in order; needs a transaction, and memory stays flat."""
    async for record in connection.cursor(QUERIES["audit_entries"], clinic_id, prefetch=_ROWS_AT_ONCE):
        yield {**dict(record), "detail": json.loads(record["detail"])}


async def access_entries(connection: Connection, clinic_id: str | None) -> AsyncIterator[Mapping[str, object]]:
    """What persons did and read, in order; needs a transaction, and memory stays flat."""
    async for record in connection.cursor(QUERIES["access_entries"], clinic_id, prefetch=_ROWS_AT_ONCE):
        yield {**dict(record), "detail": json.loads(record["detail"])}
