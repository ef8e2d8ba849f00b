"""What somebody can do to the audit trail who owns the database: triggers off, and perhaps so that it follows again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg

from services.alerts.audit.anchors import Anchor
from services.alerts.audit.store import last_rows
from services.alerts.clock import utc_now
from services.runtime.database import Connection
from tests.logins import worker_pool
from tests.stack import Database

CLINIC = "north"
_APPEND = """
    SELECT append_to_audit(
        ARRAY[$1::text], ARRAY[$2::uuid], '{opened}', '{NULL}', '{active}', '{high}', '{condition_began}',
        ARRAY[$3::text], $4, ARRAY['{}'])"""
# Number the rows anew in their order, and let each follow from the one before it.
_REWRITE = """
    DO $$
    DECLARE
        t alert_transitions;
        n bigint := 0;
        last bytea := '\\x';
    BEGIN
        FOR t IN SELECT * FROM alert_transitions WHERE clinic_id = 'north' ORDER BY clinic_seq LOOP
            n := n + 1;
            DELETE FROM alert_transitions WHERE clinic_id = 'north' AND clinic_seq = t.clinic_seq;
            t.clinic_seq := n;
            t.previous_hash := last;
            t.row_hash := alert_transition_hash(t);
            last := t.row_hash;
            INSERT INTO alert_transitions SELECT (t).*;
        END LOOP;
        UPDATE audit_heads SET clinic_seq = n, row_hash = last WHERE clinic_id = 'north';
    END
    $$"""


async def begin_trail(database: Database, rows: int) -> UUID:
    """A clinic with one alert and so many rows of its trail, appended as the service appends them."""
    alert_id = uuid4()
    await database.pool.execute("INSERT INTO clinics VALUES ($1, $1)", CLINIC)
    await database.pool.execute(
        "INSERT INTO alerts (alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, since, "
        "opened_at, updated_at, policy_version) "
        "VALUES ($1, $2, 'p', 'pump_alarm', 'x', 'high', 'active', '', '', now(), now(), now(), '')",
        alert_id,
        CLINIC,
    )
    await go_on(database, alert_id, [f"person {number}" for number in range(1, rows + 1)])
    return alert_id


async def go_on(database: Database, alert_id: UUID, people: Sequence[str], *, dated: str = "now()") -> None:
    """Append rows, as the alert worker."""
    async with worker_pool(database.pool).acquire() as connection:
        for person in people:
            at = await connection.fetchval(f"SELECT {dated}")
            await connection.execute(_APPEND, CLINIC, alert_id, person, at)


async def anchor_now(database: Database) -> Anchor:
    """What a worker would leave elsewhere now."""
    async with worker_pool(database.pool).acquire() as connection:
        return Anchor(utc_now(), "alerts-1", await last_rows(connection))


async def tamper(database: Database, *statements: str, rewrite: bool) -> None:
    """Do it as the superuser with the triggers off; then, perhaps, make everything follow again, the head as well."""
    connection: Connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in (*statements, *([_REWRITE] if rewrite else [])):
            await connection.execute(statement)
    finally:
        await connection.close()
