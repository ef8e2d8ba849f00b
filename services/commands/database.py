"""`pumpwatch migrate` and `pumpwatch database`: the schema is brought up to date; a database is copied into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database

if TYPE_CHECKING:
    from services.admin.moving.copy import Copied
    from services.runtime.database import Connection

app = typer.Typer(help="The database as a whole.", no_args_is_help=True)


@app.callback()
def _database() -> None:
    """The database as a whole."""


def migrate(
    database_url: DatabaseUrl, as_json: Annotated[bool, json_of("database", "applied", "rights")] = False
) -> None:
    """Bring the database's schema up to date. Safe to run again, and by several at once."""
    from schemas.paths import GRANTS_FILE, SQL_FOLDER
    from services.runtime.migrate import MigrationError
    from services.runtime.migrate import migrate as bring_up_to_date

    result = with_database(
        database_url, lambda connection: bring_up_to_date(connection, SQL_FOLDER, GRANTS_FILE), MigrationError
    )
    applied = len(result.applied)
    did = f"applied {applied} migration{'' if applied == 1 else 's'}" if applied else "nothing to apply"
    answer(
        {"database": result.description, "applied": result.applied, "rights": result.rights.lines},
        [f"{result.description}: {did}", *result.rights.lines],
        as_json=as_json,
    )


@app.command()
def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database that is there, as its owner.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database, as its owner to be.")],
    as_json: Annotated[bool, json_of("database", "rows", "tables", "audit_rows", "rights")] = False,
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
    lines = [
        *done.rights,
        f"{done.description}: copied {done.rows} rows of {done.tables} tables, each counted on both sides",
        f"audit trail: {done.audit_rows} rows, as in the source",
    ]
    document = {
        "database": done.description,
        "rows": done.rows,
        "tables": done.tables,
        "audit_rows": done.audit_rows,
        "rights": done.rights,
    }
    answer(document, lines, as_json=as_json)
