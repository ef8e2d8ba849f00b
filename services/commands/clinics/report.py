"""`pumpwatch report`: figures for people who review how the system does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from services.commands.terminal import DatabaseUrl, fail, json_of, say, say_lines, with_database

app = typer.Typer(help="Reports for a clinic's reviews.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Reports for a clinic's reviews."""


@app.command()
def alerts(
    database_url: DatabaseUrl,
    since: Annotated[str, typer.Option(help="Alerts that opened in the last 30d, 52w, ..., or since a date.")] = "30d",
    clinic: Annotated[str | None, typer.Option(help="Only of this clinic.")] = None,
    as_json: Annotated[
        bool, json_of("clinic_id", "since", "until", "pumps", "pump_weeks", "total", "rules", "busiest")
    ] = False,
) -> None:
    """How many alerts there were, how soon they were answered, and how many pages were sent. Only reads."""
    from services.admin.ages import parse_since
    from services.admin.alert_report import ReportError, alert_report, as_lines
    from services.admin.alert_report import as_json as in_json

    now = datetime.now(UTC)
    try:
        begin = parse_since(since, now)
    except ValueError as error:
        fail(f"--since: {error}", exit_code=2)
    found = with_database(database_url, lambda connection: alert_report(connection, clinic, begin, now), ReportError)
    if as_json:
        say_lines(in_json(found))
        return
    for line in as_lines(found):
        say(line)
