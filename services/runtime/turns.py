"""One process at a time: a turn is a row of the table `turns` that names the session which has it.

An advisory lock would be simpler, and anybody who may connect can take one and keep it; readers have no grant on this
table (docs/decisions/0021-no-lock-that-a-reader-can-take.md).

Guarantees: at most one session has a turn, over any number of transactions; the turn of a session that has ended,
however it ended, is free. Nobody waits: who asks is told yes or no.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import asyncpg

from services.runtime.database import UNAVAILABLE, Connection

_MAKE: Final = """
    CREATE TABLE IF NOT EXISTS turns (
        name          text PRIMARY KEY,
        server_pid    integer,
        session_began timestamptz,
        login         text)"""
# The beginning of a session of somebody else's is hidden (null). Its login is not, and a turn stays within one.
_TAKE: Final = """
    INSERT INTO turns AS t (name, server_pid, session_began, login)
    SELECT $1, pid, backend_start, usename FROM pg_stat_activity WHERE pid = pg_backend_pid()
    ON CONFLICT (name) DO UPDATE
    SET server_pid = excluded.server_pid, session_began = excluded.session_began, login = excluded.login
    WHERE NOT EXISTS (SELECT FROM pg_stat_activity a
                      WHERE a.pid = t.server_pid AND a.usename = t.login
                        AND coalesce(a.backend_start = t.session_began, true))
    RETURNING true"""
_END: Final = "UPDATE turns SET server_pid = NULL WHERE name = $1 AND server_pid = pg_backend_pid()"
# Which of them depends on how far the other one is: its name, its type or its table.
_MADE_AT_ONCE: Final = (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError, asyncpg.DuplicateTableError)


async def make_turns(connection: Connection) -> None:
    """Make the table if it is not there: migrations take turns before any of them has run."""
    if await connection.fetchval("SELECT to_regclass('turns')") is None:
        with suppress(*_MADE_AT_ONCE):  # another makes it at the same moment
            await connection.execute(_MAKE)


async def take_turn(connection: Connection, name: str) -> bool:
    """Take a turn outside a transaction, if no session that lives has it."""
    return bool(await connection.fetchval(_TAKE, name))


async def end_turn(connection: Connection, name: str) -> None:
    """Give it back; a connection that is lost has given it back already."""
    with suppress(*UNAVAILABLE):
        await connection.execute(_END, name)
