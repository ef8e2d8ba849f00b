"""Checks that nothing was changed in or removed from the audit trail of alerts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries

_QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class AuditBreak:
    """A place where the audit trail of a clinic does not hold."""

    clinic_id: str
    clinic_seq: int
    fault: str


async def verify_audit(connection: Connection) -> tuple[dict[str, int], tuple[AuditBreak, ...]]:
    """How many transitions each clinic has, and every place where a chain does not hold."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        counts = await connection.fetch(_QUERIES["audit_summary"])
        breaks = await connection.fetch(_QUERIES["audit_breaks"])
    return {row["clinic_id"]: row["transitions"] for row in counts}, tuple(
        AuditBreak(row["clinic_id"], row["clinic_seq"], row["fault"]) for row in breaks
    )
