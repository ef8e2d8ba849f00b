"""`pumpwatch retention`: how long events are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database


def retention(
    database_url: DatabaseUrl,
    keep: Annotated[
        str | None, typer.Option(help="How long by the devices' clocks, such as 7y or 3650d; left out: for ever.")
    ] = None,
    keep_kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=TIME", help="Another time for reservoir, bolus or status, such as status=90d."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only count.")] = False,
    clock_behind_days: Annotated[
        float | None,
        typer.Option(
            min=0, envvar="INGEST_CLOCK_BEHIND_DAYS", help="Days that ingest takes events of; --keep must be longer."
        ),
    ] = None,
    as_json: Annotated[bool, json_of("removed", "tables")] = False,
) -> None:
    """Remove readings, bolus requests and statuses that are older. Without it everything is kept for ever."""
    from services.admin.retention import RetentionError, parse_keep, parse_keep_kind, plan, remove
    from services.ingest.settings import IngestSettings

    if clock_behind_days is None:
        clock_behind_days = IngestSettings.model_fields["clock_behind_days"].default
    if keep is None and not keep_kind:
        fail("expected --keep TIME, such as --keep 10y, or --keep-kind KIND=TIME", exit_code=2)
    now, longer_than, option = datetime.now(UTC), timedelta(days=clock_behind_days), "--keep"
    try:
        before = None if keep is None else now - parse_keep(keep, longer_than=longer_than)
        option = "--keep-kind"
        by_kind = [parse_keep_kind(each, longer_than=longer_than) for each in keep_kind or ()]
    except ValueError as error:
        fail(f"{option}: {error}", exit_code=2)
    if len(dict(by_kind)) < len(by_kind):
        fail("--keep-kind: expected each kind once", exit_code=2)
    before_by_kind = {kind: now - kept for kind, kept in by_kind}
    work = remove if yes else plan
    removals = with_database(
        database_url, lambda connection: work(connection, before=before, before_by_kind=before_by_kind), RetentionError
    )
    lines = [
        f"{removal.table}: {'removed' if yes else 'would remove'} {removal.events} events"
        + ("" if removal.until is None else f" before {removal.until:%Y-%m-%d %H:%M}Z")
        for removal in removals
    ]
    answer({"removed": yes, "tables": removals}, lines, as_json=as_json)
    if not yes and any(removal.events for removal in removals):
        fail("nothing was removed: add --yes to remove them")
