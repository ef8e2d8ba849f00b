"""`pumpwatch policy remove`: takes a clinic's policy away for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, say, with_database

if TYPE_CHECKING:
    from services.runtime.database import Connection


def remove(
    clinic: Annotated[str, typer.Argument(help="The clinic's id, as in its policy file.")],
    database_url: DatabaseUrl,
    with_pumps: Annotated[
        bool, typer.Option("--with-pumps", help="Though it has pumps, of which nobody will be told.")
    ] = False,
    by: By = "",
) -> None:
    """Remove a clinic's policy, after its file was taken away: what was last good holds until then."""
    from services.alerts.errors import Refused
    from services.alerts.policy_files.remove import remove_policy

    async def work(connection: Connection) -> None:
        await remove_policy(connection, clinic, by or who(), datetime.now(UTC), with_pumps=with_pumps)

    with_database(database_url, work, Refused)
    say(f"clinic {clinic}: its policy is removed; running workers follow within seconds")
