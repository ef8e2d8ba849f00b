"""PostgreSQL: pools, and SQL that lives in `.sql` files.

Guarantees: every statement a service runs has a name and stands in its `queries.sql`; a statement that hangs is
ended by the command time limit, so a database that stops answering is noticed and not waited for; a connection that
`borrow` gave is closed when its time is up, also on a network that hangs, where closing in order would wait.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from asyncpg.exceptions._base import DataError as UnencodableError

from services.runtime.secrets.file import PasswordNow, PasswordUnavailableError
from services.runtime.sqlstate import Meaning, verdict_on

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

_EMPTY_NOTIFY_QUEUE: Final = "SELECT pg_notification_queue_usage()"
"""PostgreSQL 17 forgets what everybody has read as notifications are added. Once its queue is full none are, and it
stays full when whoever stood still is gone, until somebody asks how full it is."""


class ValueRefusedError(ValueError):
    """A value does not fit its parameter, as a lone surrogate or too large a number: the data is refused."""


class RelationGoneError(RuntimeError):
    """A table, or a chunk of one, was dropped between two steps of a statement: the same call may succeed now."""


_GONE: Final = re.compile(r"could not open relation with OID|cache lookup failed for relation")
"""Said with XX000, as for damaged data; seen when a chunk was dropped under an insert (TimescaleDB 2.19.3)."""


def _errors_that_mean(meaning: Meaning) -> tuple[type[asyncpg.PostgresError], ...]:
    named = [each for each in vars(asyncpg.exceptions).values() if isinstance(each, type)]
    errors = [each for each in named if issubclass(each, asyncpg.PostgresError)]
    return tuple(each for each in errors if each.sqlstate and verdict_on(each.sqlstate).meaning is meaning)


UNAVAILABLE: Final[tuple[type[Exception], ...]] = (
    OSError,
    TimeoutError,
    *_errors_that_mean(Meaning.WAIT),
    asyncpg.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    asyncpg.exceptions.InvalidCachedStatementError,
    RelationGoneError,
)
"""What the database raises when it is away, full, starting, in conflict, or refuses this service for now
(services/runtime/sqlstate.py): the same call may succeed later.

`InternalClientError` is what asyncpg 0.32 raises when the server dies at certain moments of a query ("cannot switch to
state 15"); its pool then drops the connection (found by tests/faults/test_kill.py). `InvalidCachedStatementError`: a
migration changed a table under a prepared statement; the next try prepares it anew.
"""

REFUSED: Final[tuple[type[Exception], ...]] = (
    *_errors_that_mean(Meaning.DATA_REFUSED),
    UnencodableError,
    ValueRefusedError,
)
"""The data itself is refused, and will be refused again. `UnencodableError` is one of `UNAVAILABLE` by its base class;
on a connection of `open_pool` it comes as `ValueRefusedError`, which is not."""

FAILED: Final[tuple[type[Exception], ...]] = (*UNAVAILABLE, asyncpg.PostgresError)
"""Whatever the database can answer instead of a result: for those who only say that it cannot be used."""

# AttributeError: what asyncpg 0.32 raises when a connection is closed between two steps of a statement.
_CLOSED_UNDER_WAY: Final[tuple[type[Exception], ...]] = (*UNAVAILABLE, AttributeError)


def plainly(error: BaseException) -> str:
    """Say why the database cannot be used: what that means, and what the database said."""
    words = meaning_in_words(error)
    said = " ".join(str(error).split())
    return f"{words}: {said}" if said else words


def meaning_in_words(error: BaseException) -> str:
    """Say what it means that the database cannot be used, in words that name no host, login or table."""
    match error:
        case asyncpg.exceptions.InvalidCachedStatementError():
            return f"the schema of the database changed under a statement ({error.sqlstate})"
        case RelationGoneError():
            return "a table or a part of one was dropped under a statement (XX000)"
        case asyncpg.PostgresError():
            return f"{verdict_on(error.sqlstate).words} ({error.sqlstate})"
        case PasswordUnavailableError():
            return "the file of the database's password cannot be used"
        case TimeoutError():
            return "the database does not answer"
        case OSError():
            return "the database cannot be reached"
        case _:
            return "the connection to the database was lost"


class WrongUseError(RuntimeError):
    """asyncpg refused the call itself, on a connection that is open: a bug, which no second try mends."""


class _Connection(asyncpg.Connection):
    """asyncpg's `InterfaceError` says "the connection is closed", "wrong arguments" and "this value does not fit".

    Here each is an error of its own, whoever asks; and so is a relation that was dropped meanwhile.
    """

    def get_reset_query(self) -> str:
        """What the server is asked when a pool gets it back: nothing, as no statement of ours outlasts its transaction.

        A transaction that is open is rolled back all the same. By default four statements go out each time, and who is
        to be paged waited for seven of those. tests/contract/test_statements.py holds the statements to it.
        """
        return ""

    async def execute(self, query: str, *args: Any, **how: Any) -> str:
        with self._told_apart():
            return await super().execute(query, *args, **how)

    async def executemany(self, command: str, args: Any, **how: Any) -> None:
        with self._told_apart():
            await super().executemany(command, args, **how)

    async def fetch(self, query: str, *args: Any, **how: Any) -> Any:
        with self._told_apart():
            return await super().fetch(query, *args, **how)

    async def fetchval(self, query: str, *args: Any, **how: Any) -> Any:
        with self._told_apart():
            return await super().fetchval(query, *args, **how)

    async def fetchrow(self, query: str, *args: Any, **how: Any) -> Any:
        with self._told_apart():
            return await super().fetchrow(query, *args, **how)

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except UnencodableError as error:
            raise ValueRefusedError(str(error)) from error
        except asyncpg.InterfaceError as error:
            if self.is_closed():
                raise
            raise WrongUseError(str(error)) from error
        except asyncpg.exceptions.InternalServerError as error:
            if _GONE.search(str(error)):
                raise RelationGoneError(str(error)) from error
            raise


class QueryFileError(ValueError):
    """A `.sql` file of named queries is malformed."""


def load_queries(*paths: Path) -> Mapping[str, str]:
    """Read the named statements of a store's files: `-- name: some_name`, then the statement.

    Raises:
        QueryFileError: A name stands twice, in one file or in two, or a file names none.
    """
    found: dict[str, str] = {}
    for path in paths:
        parts = _NAME.split(path.read_text(encoding="utf-8"))
        names, statements = parts[1::2], parts[2::2]
        if not names or len({*names, *found}) != len(names) + len(found):
            msg = f"{path}: expected named statements, each name once; found {names}"
            raise QueryFileError(msg)
        found.update((name, _without_what_follows(text)) for name, text in zip(names, statements, strict=True))
    return found


def _without_what_follows(text: str) -> str:
    """Cut off the semicolon, and the comment that stands before the next name: it is the next one's."""
    lines = text.strip().splitlines()
    while lines and (not lines[-1].strip() or lines[-1].startswith("--")):
        lines.pop()
    return "\n".join(lines).rstrip(";")


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
    except _CLOSED_UNDER_WAY as error:
        if not late:
            if isinstance(error, asyncpg.InterfaceError) and not lent.is_closed():
                raise WrongUseError(str(error)) from error
            await leave_read_only(pool, error)
            if isinstance(error, asyncpg.exceptions.ProgramLimitExceededError):
                with suppress(*UNAVAILABLE):
                    await lent.execute(_EMPTY_NOTIFY_QUEUE)
            raise
        await pool.expire_connections()  # a network that swallowed one has probably swallowed them all
        raise NoAnswerError(within_seconds, server_pid) from error
    finally:
        watch.cancel()
        with suppress(*UNAVAILABLE):  # what was to be done is done, and such a connection is not used again
            await pool.release(lent, timeout=_RELEASE_SECONDS)


async def leave_read_only(pool: Pool, error: BaseException) -> None:
    """Use no connection again that is open, if the error says that it leads to a database that can only be read.

    After a failover a connection may still lead to the old primary, and a new one to the new one.
    """
    if isinstance(error, asyncpg.exceptions.ReadOnlySQLTransactionError):
        await pool.expire_connections()


async def ensure_writable(connection: Connection) -> None:
    """Make sure that the database can be written to.

    Raises:
        asyncpg.exceptions.ReadOnlySQLTransactionError: It cannot. One of `UNAVAILABLE`.
    """
    if await connection.fetchval("SELECT current_setting('transaction_read_only')::boolean"):
        msg = "its transactions are read-only"
        raise asyncpg.exceptions.ReadOnlySQLTransactionError(msg)


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    password: PasswordNow | None = None,
    max_size: int = 4,
    command_timeout_seconds: float = 30.0,
    connect_timeout_seconds: float = 10.0,
    idle_in_transaction_seconds: float = 60.0,
    lock_wait_seconds: float = 0.0,
    schemas: str | None = None,
    given_back: Callable[[Connection], Awaitable[None]] | None = None,
) -> Pool:
    """Open a pool, which connects when it is first used: a service starts while its database is away.

    The server ends a transaction that says nothing for `idle_in_transaction_seconds`, and does not compile statements.
    Where a network hangs, the server keeps such a transaction, and the rows of it that another try has to wait for.
    Every statement is prepared once for a connection, however long it is. A statement waits for a lock no longer than
    `lock_wait_seconds`; 0: as long as it takes. Where the address holds no password, `password` is asked for each
    connection. `schemas`: where names are looked up, in this order. `given_back` is done to each connection that comes
    back.
    """
    lock_wait = {"lock_timeout": str(round(lock_wait_seconds * 1000))} if lock_wait_seconds else {}
    return await asyncpg.create_pool(
        dsn,
        password=password,
        connection_class=_Connection,
        reset=given_back,
        min_size=0,
        max_size=max_size,
        command_timeout=command_timeout_seconds,
        timeout=connect_timeout_seconds,
        # By default nothing over 15 kB is kept: the facts of a pump were planned anew each time, 10 ms and not 1.
        max_cacheable_statement_size=0,
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
            **lock_wait,
            **({"search_path": schemas} if schemas else {}),
        },
    )
