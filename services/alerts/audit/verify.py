"""Is the audit trail whole, and is it what was seen of it elsewhere? Follows the chain that a trigger writes.

Whoever can rewrite the whole table and the heads leaves no trace in the database: anchors (`anchoring.py`) show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.alerts.audit import store
from services.alerts.audit.anchors import Anchor, AnchorCheck
from services.alerts.audit.chain import AuditFault, AuditHead, ChainCheck
from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How many rows were looked at, what is wrong, and where each clinic's chain ends."""

    rows: int
    faults: tuple[AuditFault, ...]
    heads: tuple[AuditHead, ...]
    erased: int = 0
    """How many of the rows lost their text by an erasure that the trail tells of."""


async def verify_chain(
    connection: Connection, clinic_id: str | None = None, anchors: Sequence[Anchor] = ()
) -> AuditReport:
    """Follow the chain of one clinic, or of every one, in one snapshot; memory stays flat.

    Args:
        connection: To the owner of the tables.
        clinic_id: None: every one.
        anchors: What was seen of it before, to be compared.

    Raises:
        One of `services.runtime.database.UNAVAILABLE` when the database is away.
    """
    seen = AnchorCheck(anchors, clinic_id)
    faults: list[AuditFault] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        check = ChainCheck(await store.erased_rows(connection, clinic_id))
        async for row in store.audit_rows(connection, clinic_id):
            faults.extend(check.faults_of(row))
            faults.extend(seen.faults_of(row))
        heads = await store.audit_heads(connection, clinic_id)
    faults.extend(check.faults_of_heads(heads))
    faults.extend(seen.faults_of_ends())
    return AuditReport(check.rows, tuple(faults), heads, check.erased)


async def verify_access(connection: Connection) -> AuditReport:
    """Follow the chain of what persons did and read, in one snapshot; memory stays flat.

    Raises:
        One of `services.runtime.database.UNAVAILABLE` when the database is away.
    """
    check = ChainCheck()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        faults = [fault async for row in store.access_rows(connection) for fault in check.faults_of(row)]
        heads = await store.access_heads(connection)
    return AuditReport(check.rows, (*faults, *check.faults_of_heads(heads)), heads)
