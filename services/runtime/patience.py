"""Work that wants locks which everybody else would wait behind: a migration, a removal.

Guarantees: it waits for a lock no longer than a second at a time, because whoever reads or writes waits behind it
meanwhile, pages too; then it lets go and tries again. A reader (a member of the role pumpwatch_reader) whose one
transaction stands in the way over several tries is ended; a login of ours never is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg
import structlog

from services.runtime.database import Connection

LOCK_TIMEOUT: Final = "1s"
TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.5
_TRIES_BEFORE_ENDING: Final = 3

Result = TypeVar("Result")
_Holder = tuple[int, str, str]

# Every session may see who holds which lock. 16384 is the first number of a relation that is not PostgreSQL's own.
_READERS: Final = """
    SELECT DISTINCT a.pid, l.virtualtransaction, a.usename::text
    FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_roles r ON r.oid = a.usesysid
    WHERE l.locktype = 'relation' AND l.granted AND l.relation >= 16384 AND a.datname = current_database()
      AND NOT r.rolsuper AND a.usename <> current_user
      AND pg_has_role(r.oid, (SELECT oid FROM pg_roles WHERE rolname = 'pumpwatch_reader'), 'USAGE')"""

log = structlog.get_logger()


async def patiently(connection: Connection, work: Callable[[], Awaitable[Result]], *, tries: int = TRIES) -> Result:
    """Do `work`, which sets `LOCK_TIMEOUT` for itself and leaves nothing behind when a lock is not free in time.

    Raises:
        asyncpg.LockNotAvailableError: A lock was free in none of the tries.
    """
    standing: set[_Holder] = set()
    for number in range(1, tries + 1):
        try:
            return await work()
        except asyncpg.LockNotAvailableError:
            if number == tries:
                raise
        holders = await _readers(connection)
        standing = holders if number == 1 else standing & holders
        if number >= _TRIES_BEFORE_ENDING:
            await _end(connection, standing)
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError  # the last try returns or raises


async def _readers(connection: Connection) -> set[_Holder]:
    return {(pid, transaction, login) for pid, transaction, login in await connection.fetch(_READERS)}


async def _end(connection: Connection, holders: set[_Holder]) -> None:
    for pid, _, login in sorted(holders):
        try:
            await connection.execute("SELECT pg_terminate_backend($1)", pid)
        except asyncpg.InsufficientPrivilegeError:
            log.warning("reader_in_the_way", login=login, mend="GRANT pg_signal_backend to this login")
        else:
            log.warning("reader_ended", login=login)
