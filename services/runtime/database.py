"""PostgreSQL: pools, and SQL that lives in `.sql` files.

Guarantees: every statement a service runs has a name and stands in its `queries.sql`; a statement that hangs is
ended by the command time limit, so a database that stops answering is noticed and not waited for; a connection that
`borrow` gave is closed when its time is up, also on a network that hangs, where closing in order would wait.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.exceptions._base import DataError as UnencodableError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = Pool = object

_NAME: Final = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)

_RELEASE_SECONDS: Final = 2.0
_END_PROCESSES: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = ANY ($1::int[]) AND pid <> pg_backend_pid() AND usename = current_user
      AND application_name = current_setting('application_name')"""

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

REFUSED: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnencodableError)
"""SQLSTATE classes 22 and 23, and a value that does not fit its parameter: the data itself is refused, and will be
refused again. `UnencodableError` is one of `UNAVAILABLE` by its base class, so ask for these first."""


class WrongUseError(RuntimeError):
    """asyncpg refused the call itself, on a connection that is open: a bug, which no second try mends."""


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
    """The database took a connection and then did not finish in time; the connection is closed, here.

    There, the transaction may go on: on a network that drops packets the server is not told, and it has no limit for
    a client that sent half a statement. `server_pid` is for who tries again and would wait for that transaction's rows.
    """

    def __init__(self, within_seconds: float, server_pid: int) -> None:
        super().__init__(f"no answer from the database within {within_seconds:g} s")
        self.server_pid = server_pid


@asynccontextmanager
async def borrow(pool: Pool, *, within_seconds: float, end_first: Sequence[int] = ()) -> AsyncIterator[Connection]:
    """Lend a connection for `within_seconds`; then it is closed, whatever it waits for, and no idle one is used again.

    `asyncio.timeout` would not do: a cancelled statement asks the server to cancel it and waits for the answer, a
    transaction rolls back, a pool resets, and each of them would wait for a network that hangs.

    Args:
        pool: Where the connection comes from and goes back to.
        within_seconds: How long it may be used.
        end_first: Server processes of earlier tries (`NoAnswerError.server_pid`), to be ended before anything else.

    Raises:
        NoAnswerError: The time was up. Like everything else of `UNAVAILABLE`: a commit may or may not have happened.
        WrongUseError: A bug (`asyncpg.InterfaceError` says both "the connection is closed" and "wrong arguments").
    """
    late = False

    def close() -> None:
        nonlocal late
        late = True
        lent.terminate()

    lent = await pool.acquire(timeout=within_seconds)
    server_pid = lent.get_server_pid()
    watch = asyncio.get_running_loop().call_later(within_seconds, close)
    try:
        if end_first:
            await lent.execute(_END_PROCESSES, list(end_first))
        yield lent
    except (*UNAVAILABLE, AttributeError) as error:
        # AttributeError: what asyncpg 0.32 raises when a connection is closed between two steps of a statement.
        if not late:
            if isinstance(error, asyncpg.InterfaceError) and not lent.is_closed():
                raise WrongUseError(str(error)) from error
            raise
        await pool.expire_connections()  # a network that swallowed one has probably swallowed them all
        raise NoAnswerError(within_seconds, server_pid) from error
    finally:
        watch.cancel()
        with suppress(*UNAVAILABLE):  # what was to be done is done, and such a connection is not used again
            await pool.release(lent, timeout=_RELEASE_SECONDS)


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
            # The server learns within a minute that a client's machine is gone; by default, after two hours.
            "tcp_keepalives_idle": "30",
            "tcp_keepalives_interval": "10",
            "tcp_keepalives_count": "3",
            "idle_in_transaction_session_timeout": str(round(idle_in_transaction_seconds * 1000)),
            # Measured on the facts of 500 pumps: 125 ms without, 1,850 ms with. Its cost model does not know that
            # most chunks of a hypertable are never looked into.
            "jit": "off",
            "timezone": "UTC",
        },
    )
