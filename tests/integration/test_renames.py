"""What had another name in the release before still works under it: processes of that release run beside this one's."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import asyncpg
import pytest

from schemas.paths import SQL_FOLDER
from schemas.policy import Priority
from services.runtime.migrate import migrate
from tests.command import pumpwatch
from tests.stack import Database, execute_at

LAST_MIGRATION_BEFORE = 19
# Written as the release before wrote them.
INSERT = """
    INSERT INTO rejected_messages AS r (digest, event_index, topic, payload, reason, detail, times_received,
                                        first_received_at, last_received_at)
    SELECT digest, -1, topic, payload, reason, detail, times, $1::timestamptz, $1::timestamptz
    FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::int[])
        AS u (digest, topic, payload, reason, detail, times)
    ON CONFLICT (digest, event_index) DO UPDATE
    SET times_received = r.times_received + EXCLUDED.times_received, reason = EXCLUDED.reason"""
READ = "SELECT * FROM rejected_messages WHERE rejection_id = $1"
MARK = "UPDATE rejected_messages SET replayed_at = now(), replay_outcome = $2 WHERE rejection_id = $1"
PURGE = "DELETE FROM rejected_messages WHERE replay_outcome IN ('stored', 'duplicate')"


@pytest.fixture
def migrations_before(tmp_path: Path) -> Path:
    """The migrations that the release before had."""
    folder = Path(shutil.copytree(SQL_FOLDER, tmp_path / "before"))
    for path in folder.glob("*.sql"):
        if int(path.name[:4]) > LAST_MIGRATION_BEFORE:
            path.unlink()
    return folder


@pytest.fixture(params=["timescaledb", "plain"])
async def dsn(request, timescaledb, plain_postgres, migrations_before):
    """A database as the release before left it."""
    server = plain_postgres if request.param == "plain" else timescaledb
    name = f"pumpwatch_renames_{os.getpid()}"
    await execute_at(server.dsn(), f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(server.dsn(name))
    await migrate(connection, migrations_before)
    await connection.close()
    yield server.dsn(name)
    await execute_at(server.dsn(), f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_process_of_the_release_before_goes_on_across_the_migration(dsn):
    before, owner = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    now = await owner.fetchval("SELECT now()")
    batch = (now, [b"1", b"2"], ["a", "b"], [b"{", b"["], ["not_json", "not_json"], ["why", "why"], [1, 2])
    insert, read, mark, purge = [await before.prepare(sql) for sql in (INSERT, READ, MARK, PURGE)]
    await insert.fetch(*batch)
    [old_row] = await read.fetch(1)

    await migrate(owner, SQL_FOLDER)

    await before.execute(INSERT, *batch)
    await insert.fetch(*batch)
    [new_row] = await before.fetch(READ, 1)
    assert (old_row["times_received"], new_row["times_received"]) == (1, 3)
    assert list(new_row.keys()) == list(old_row.keys())
    await before.execute(MARK, 1, "stored")
    await mark.fetch(2, "rejected")
    await purge.fetch()
    rows = await owner.fetch("SELECT dead_letter_id, times_received, replay_outcome FROM dead_letters")
    assert [tuple(row) for row in rows] == [(2, 6, "rejected")]
    await before.execute(INSERT, now, [b"3"], ["c"], [b"{"], ["not_json"], ["why"], [1])
    assert await owner.fetchval("SELECT count(*) FROM rejected_messages") == 2
    for connection in (before, owner):
        await connection.close()


async def test_everything_but_the_view_has_the_new_name(dsn):
    owner = await asyncpg.connect(dsn)
    await migrate(owner, SQL_FOLDER)
    named = await owner.fetch(
        """SELECT relname AS name FROM pg_class WHERE relname LIKE '%rejected_messages%' AND relkind <> 'v'
           UNION ALL SELECT conname FROM pg_constraint WHERE conname ~ 'rejected_messages|rejection_id'
           UNION ALL SELECT attname FROM pg_attribute
                     WHERE attrelid = 'dead_letters'::regclass AND attname ~ 'rejection'"""
    )
    assert named == []
    assert await owner.fetchval("SELECT pg_get_serial_sequence('dead_letters', 'dead_letter_id')") == (
        "public.dead_letters_dead_letter_id_seq"
    )
    await owner.close()


async def test_who_had_rights_on_the_table_has_the_same_on_the_view(dsn):
    role = f"pw_renames_{re.sub(r'[^0-9]', '', dsn)}"
    owner = await asyncpg.connect(dsn)
    await owner.execute(f"CREATE ROLE {role}; GRANT SELECT, UPDATE ON rejected_messages TO {role}")
    await migrate(owner, SQL_FOLDER)
    rights = await owner.fetch(
        """SELECT relation, privilege FROM unnest(ARRAY['dead_letters', 'rejected_messages']) AS relation,
                  unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
           WHERE has_table_privilege($1, relation, privilege)""",
        role,
    )
    await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert {tuple(right) for right in rights} == {
        (relation, privilege)
        for relation in ("dead_letters", "rejected_messages")
        for privilege in ("SELECT", "UPDATE")
    }
    await owner.close()


async def test_rejects_does_what_dead_letters_does_and_is_not_listed(database: Database):
    await database.pool.execute(
        """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, payload, reason,
                                     detail)
           VALUES ('\\x01', -1, now(), now(), 't', '{', 'not_json', 'why')"""
    )
    url = {"DATABASE_URL": database.dsn}
    for arguments in (("list",), ("show", "1"), ("replay", "--all", "--dry-run"), ("purge", "--older-than", "9d")):
        old, new = (pumpwatch(command, *arguments, **url) for command in ("rejects", "dead-letters"))
        assert (old.returncode, old.stdout, old.stderr) == (new.returncode, new.stdout, new.stderr)
        assert new.returncode == 0
    assert "rejects" not in pumpwatch("--help").stdout


async def test_the_database_orders_priorities_as_the_policy_does(database: Database):
    rows = await database.pool.fetch(
        "SELECT priority FROM unnest($1::text[]) AS priority ORDER BY priority_rank(priority)",
        [*sorted(Priority), "odd"],
    )
    by_urgency = sorted(Priority, key=lambda priority: -priority.rank)
    assert [row["priority"] for row in rows] == [*by_urgency, "odd"]
    assert [await database.pool.fetchval("SELECT priority_rank($1)", p) for p in by_urgency] == [0, 1, 2, 3]
