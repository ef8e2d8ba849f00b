"""Is the audit trail whole? Follows the chain that a trigger writes (schemas/sql/0005_alerts.sql).

Whoever can rewrite the whole table and the heads leaves no trace here: keep `AuditReport.heads` elsewhere from time to
time.
"""

from __future__ import annotations

from services.alerts.lifecycle import store
from services.alerts.lifecycle.audit_chain import AuditFault, AuditReport, ChainCheck
from services.runtime.database import Connection


async def verify_chain(connection: Connection, clinic_id: str | None = None) -> AuditReport:
    """Follow the chain of one clinic, or of every one, in one snapshot; memory stays flat.

    Raises:
        One of `services.runtime.database.UNAVAILABLE` when the database is away.
    """
    check = ChainCheck()
    faults: list[AuditFault] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in store.audit_rows(connection, clinic_id):
            faults.extend(check.faults_of(row))
        heads = await store.audit_heads(connection, clinic_id)
    faults.extend(check.faults_of_heads(heads))
    return AuditReport(check.rows, tuple(faults), heads)
