"""`pumpwatch retention`: how long events are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.commands.terminal import DatabaseUrl, fail, say, with_database


def retention(
    database_url: DatabaseUrl,
    keep: Annotated[str, typer.Option(help="How long by the devices' clocks, such as 7y or 3650d.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only count.")] = False,
    clock_behind_days: Annotated[
        float | None,
        typer.Option(min=0, envvar="INGEST_CLOCK_BEHIND_DAYS", help="As ingest has it: --keep must be longer."),
    ] = None,
) -> None:
    """Remove readings, bolus requests and statuses that are older. Without it everything is kept for ever."""
    from services.admin.retention import RetentionError, parse_keep, plan, remove
    from services.ingest.settings import IngestSettings

    if clock_behind_days is None:
        clock_behind_days = IngestSettings.model_fields["clock_behind_days"].default
    try:
        before = datetime.now(UTC) - parse_keep(keep, longer_than=timedelta(days=clock_behind_days))
    except ValueError as error:
        fail(f"--keep: {error}", exit_code=2)
    work = remove if yes else plan
    removals = with_database(database_url, lambda connection: work(connection, before=before), RetentionError)
    for removal in removals:
        until = "" if removal.until is None else f" before {removal.until:%Y-%m-%d %H:%M}Z"
        say(f"{removal.table}: {'removed' if yes else 'would remove'} {removal.events} events{until}")
    if not yes and any(removal.events for removal in removals):
        fail("nothing was removed: add --yes to remove them")
