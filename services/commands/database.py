"""`pumpwatch database`: a database is copied into another one, of whichever edition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.terminal import fail, say, with_database

if TYPE_CHECKING:
    from services.admin.moving.copy import Copied
    from services.runtime.database import Connection

app = typer.Typer(help="The database as a whole.", no_args_is_help=True)


@app.callback()
def _database() -> None:
    """The database as a whole."""


@app.command()
def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database that is there, as its owner.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database, as its owner to be.")],
) -> None:
    """Copy everything into an empty database of any edition. Stop the services first: what comes later stays behind."""
    import asyncpg

    from services.admin.moving.copy import CopyError, copy_database
    from services.runtime.addresses import check_database_url
    from services.runtime.database import UNAVAILABLE
    from services.runtime.migrate import MigrationError

    unusable: tuple[type[Exception], ...] = (*UNAVAILABLE, ValueError)

    async def work(to: Connection) -> Copied:
        try:
            connection = await asyncpg.connect(check_database_url(source), timeout=10)
        except unusable as error:
            msg = f"--from: the database cannot be used: {error or type(error).__name__}"
            raise CopyError(msg) from error
        try:
            return await copy_database(connection, to)
        finally:
            await connection.close()

    if source == target:
        fail("--to: expected another database than --from", exit_code=2)
    done = with_database(target, work, CopyError, MigrationError)
    for line in done.rights:
        say(line)
    say(f"{done.description}: copied {done.rows} rows of {done.tables} tables, each counted on both sides")
    say(f"audit trail: {done.audit_rows} rows, as in the source")
