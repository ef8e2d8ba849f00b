"""PostgreSQL: pools, and SQL that lives in `.sql` files.

Guarantees: every statement a service runs has a name and stands in its `queries.sql`; a statement that hangs is
ended by the command time limit, so a database that stops answering is noticed and not waited for; a connection that
`borrow` gave is closed when its time is up, also on a network that hangs, where closing in order would wait.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = Pool = object

_NAME: Final = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)

UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.exceptions.ObjectInUseError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.InternalClientError,
)
"""What the database raises when it is away, full, starting or in conflict: the same call may succeed later.

`IdleInTransactionSessionTimeoutError` is what a network that hung delivers when it comes back; `PostgresSystemError`
(SQLSTATE class 58) is the server's own disk. `InternalClientError` is what asyncpg 0.32 raises when the server dies at
certain moments of a query ("cannot switch to state 15"); its pool then drops the connection (found by
tests/faults/test_kill.py).
"""

REFUSED: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""SQLSTATE classes 22 and 23: the data itself is refused, and will be refused again."""


class QueryFileError(ValueError):
    """A `.sql` file of named queries is malformed."""


def load_queries(path: Path) -> Mapping[str, str]:
    """Read the named statements of one file: `-- name: some_name`, then the statement.

    Raises:
        QueryFileError: A name stands twice, or the file names none.
    """
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    names, statements = parts[1::2], parts[2::2]
    if not names or len(names) != len(set(names)):
        msg = f"{path}: expected named statements, each name once; found {names}"
        raise QueryFileError(msg)
    return {name: statement.strip().rstrip(";") for name, statement in zip(names, statements, strict=True)}


class NoAnswerError(TimeoutError):
    """The database took a connection and then did not finish in time; the connection is closed."""


@asynccontextmanager
async def borrow(pool: Pool, *, within_seconds: float) -> AsyncIterator[Connection]:
    """Borrow a connection for so long; then it is closed, whatever it is waiting for, and no idle one is used again.

    Not `asyncio.timeout`: a cancelled statement asks the server to cancel it and waits for the answer, a transaction
    rolls back, a pool resets, and each of them would wait for a network that hangs.

    Raises:
        NoAnswerError: The time was up. Like everything else of `UNAVAILABLE`: a commit may or may not have happened.
    """
    late = False

    def close() -> None:
        nonlocal late
        late = True
        lent.terminate()

    watch: asyncio.TimerHandle | None = None
    try:
        async with pool.acquire(timeout=within_seconds) as lent:
            watch = asyncio.get_running_loop().call_later(within_seconds, close)
            yield lent
    except UNAVAILABLE as error:
        if not late:
            raise
        await pool.expire_connections()  # a network that swallowed one has probably swallowed them all
        msg = f"no answer from the database within {within_seconds:g} s"
        raise NoAnswerError(msg) from error
    finally:
        if watch is not None:
            watch.cancel()


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    max_size: int = 4,
    command_timeout_seconds: float = 30.0,
    connect_timeout_seconds: float = 10.0,
    idle_in_transaction_seconds: float = 60.0,
) -> Pool:
    """Open a pool, which connects when it is first used: a service starts while its database is away.

    The server ends a transaction that says nothing for `idle_in_transaction_seconds`, and does not compile statements.
    Where a network hangs, the server keeps such a transaction, and the rows of it that another try has to wait for.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        command_timeout=command_timeout_seconds,
        timeout=connect_timeout_seconds,
        server_settings={
            "application_name": application_name,
            "idle_in_transaction_session_timeout": str(round(idle_in_transaction_seconds * 1000)),
            # Measured on the facts of 500 pumps: 125 ms without, 1,850 ms with. Its cost model does not know that
            # most chunks of a hypertable are never looked into.
            "jit": "off",
            "timezone": "UTC",
        },
    )
