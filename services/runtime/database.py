"""PostgreSQL: pools, and SQL that lives in `.sql` files.

Guarantees: every statement a service runs has a name and stands in its `queries.sql`; a statement that hangs is
ended by the command time limit, so a database that stops answering is noticed and not waited for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    asyncpg.exceptions.InternalClientError,
)
"""What the database raises when it is away, full, starting or in conflict: the same call may succeed later.

`InternalClientError` is what asyncpg 0.32 raises when the server dies at certain moments of a query ("cannot switch to
state 15"); its pool then drops the connection (found by tests/faults/test_kill.py).
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


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    max_size: int = 4,
    command_timeout_seconds: float = 30.0,
) -> Pool:
    """Open a pool, which connects when it is first used: a service starts while its database is away.

    The server ends a forgotten transaction after a minute, and does not compile statements.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        command_timeout=command_timeout_seconds,
        timeout=10.0,
        server_settings={
            "application_name": application_name,
            "idle_in_transaction_session_timeout": "60000",
            # Measured on the facts of 500 pumps: 125 ms without, 1,850 ms with. Its cost model does not know that
            # most chunks of a hypertable are never looked into.
            "jit": "off",
            "timezone": "UTC",
        },
    )
