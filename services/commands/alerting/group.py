"""`pumpwatch alerts`: the worker, where no word follows; else which alerts there are, one of them, and taking it.

Guarantee: what the board refuses is refused here, because it is asked of the same functions and the same database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from services.commands import serving
from services.commands.alerting.identity import As, Asker, PasswordStdin, note_reading, with_asker
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, one_line, table, utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.alerts.web.lists.asked import Asked
    from services.alerts.web.read_models import AlertView
    from services.commands.alerting.text import Opened
    from services.runtime.database import Connection

app = typer.Typer(
    help=(
        "The alert worker: without a word after it, this decides about alerts and pages people (settings: ALERTS_...). "
        "With one of the words below it says which alerts there are, or takes one."
    ),
    invoke_without_command=True,
)
Id = Annotated[UUID, typer.Argument(metavar="ID", help="The alert's id, as `alerts list` shows it.")]


def _choices(name: str) -> Any:
    def complete(incomplete: str) -> list[str]:
        from services.alerts.web.lists.asked import choices

        return [each for each in choices(name) if each.startswith(incomplete)]

    return complete


@app.callback()
def alerts(context: typer.Context) -> None:
    """The alert worker, where no word follows."""
    if context.invoked_subcommand is None:
        serving.alerts()


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    clinic: Annotated[str, typer.Option(help="Only of this clinic.")] = "",
    state: Annotated[
        str,
        typer.Option(
            autocompletion=_choices("state"), help="open, active (nobody has it), acknowledged, cleared, closed or all."
        ),
    ] = "open",
    priority: Annotated[
        str, typer.Option(autocompletion=_choices("priority"), help="high, medium, low or info; else any.")
    ] = "",
    rule: Annotated[
        str, typer.Option(autocompletion=_choices("rule"), help="Such as low_reservoir or pump_alarm; else any.")
    ] = "",
    person: Annotated[str, typer.Option(help="A part of the name of who has it, or had it.")] = "",
    text: Annotated[str, typer.Option(help="Words that all stand in the pump's name, the title or the text.")] = "",
    sort: Annotated[
        str, typer.Option(autocompletion=_choices("sort"), help="urgent, newest, oldest or pump.")
    ] = "urgent",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    page: Annotated[int, typer.Option(min=1, max=99_999, help="With --limit: the first so many, the next, ...")] = 1,
    as_: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, json_of("read_at", "total", "page", "limit", "alerts")] = False,
) -> None:
    """Alerts, the most urgent that nobody has first, and how many there are in all. Reading is noted."""
    from services.alerts.web.lists.asked import asked_for
    from services.commands.alerting.reading import as_values, read_list

    given = {"clinic_id": clinic, "state": state, "priority": priority, "rule": rule, "person": person, "text": text}
    try:
        asked = asked_for([*given.items(), ("sort", sort), ("page", str(page))])
    except ValueError as error:
        fail(str(error), exit_code=2)

    async def work(connection: Connection, asker: Asker, now: datetime) -> tuple[datetime, tuple[AlertView, ...], int]:
        found, total = await read_list(connection, asker, asked, limit, now)
        await note_reading(connection, asker, {(each.clinic_id, each.pump_id) for each in found}, now)
        return now, found, total

    now, found, total = with_asker(database_url, as_, work, password_stdin=password_stdin)
    heads = ("ID", "PRIORITY", "STATE", "SINCE", "CLINIC", "PUMP", "ALERT")
    lines = [*table(heads, [_cells(each) for each in found]), _how_many(found, total, asked, limit, now)]
    document = {"read_at": now, "total": total, "page": page, "limit": limit, "alerts": as_values(found)}
    answer(document, lines, as_json=as_json)


@app.command()
def show(
    alert_id: Id,
    database_url: DatabaseUrl,
    as_: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, json_of("read_at", "alert", "told", "what_to_do", "promises", "transitions")] = False,
) -> None:
    """One alert, as its page at the board says it: what happened, since when, what to do, and who was told."""
    from services.commands.alerting.reading import as_document, read_alert
    from services.commands.alerting.text import lines_of

    async def work(connection: Connection, asker: Asker, now: datetime) -> Opened:
        opened = await read_alert(connection, asker, alert_id, now)
        await note_reading(connection, asker, {(opened.alert.clinic_id, opened.alert.pump_id)}, now)
        return opened

    opened = with_asker(database_url, as_, work, password_stdin=password_stdin)
    answer(as_document(opened), lines_of(opened), as_json=as_json)


@app.command()
def ack(
    alert_id: Id,
    database_url: DatabaseUrl,
    as_: As = None,
    note: Annotated[
        str | None, typer.Option(callback=one_line, help="What the others should know; at most 1,000 characters.")
    ] = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, json_of("changed", "alert")] = False,
) -> None:
    """Take an alert, as the person --as NAME, who is asked for their password. A second time changes nothing.

    Whoever is to be paged next is not, until the acknowledgement ends. Programs use POST /v1/alerts/ID/acknowledge.
    """
    from services.alerts.web.inputs import LONGEST_TEXT, is_note
    from services.commands.alerting.reading import as_values, take

    if as_ is None:
        fail("an alert is taken by a person: expected --as NAME, as they sign in at the board", exit_code=2)
    words = (note or "").strip()
    if not is_note(words):
        fail(f"--note: expected at most {LONGEST_TEXT:,} characters, not {len(words):,}", exit_code=2)

    async def work(connection: Connection, asker: Asker, now: datetime) -> tuple[AlertView, bool]:
        return await take(connection, asker, alert_id, words or None, now)

    alert, changed = with_asker(database_url, as_, work, password_stdin=password_stdin)
    (value,) = as_values([alert])
    answer({"changed": changed, "alert": value}, [_taken(alert, changed=changed)], as_json=as_json)


def _taken(alert: AlertView, *, changed: bool) -> str:
    what = f"{alert.priority.upper()} {alert.title}, {alert.pump_id} in {alert.clinic_id}"
    if not changed:
        return f"{what}: you had it already, and nothing has changed"
    if alert.state == "closed":
        return f"{what}: it had ended, and is closed now that you have seen it"
    until = f" until {utc(alert.acknowledgement_expires_at)}" if alert.acknowledgement_expires_at else ""
    return f"{what}: you have it{until}; until then it pages nobody, unless it becomes more urgent"


def _cells(each: AlertView) -> tuple[object, ...]:
    match each.state:
        case "active":
            state = "waiting"
        case "acknowledged":
            state = f"{each.acknowledged_by} has it"
        case "cleared":
            state = "ended, not seen"
        case other:
            state = other
    return each.alert_id, each.priority, state, utc(each.since), each.clinic_id, each.pump_id, each.title


def _how_many(found: Sequence[AlertView], total: int, asked: Asked, limit: int, now: datetime) -> str:
    shown = f", filtered by {'; '.join(asked.in_words())}" if asked.in_words() else ""
    if not total:
        return f"no alerts{shown}, at {utc(now)}"
    whole = f"{total:,} alert{'' if total == 1 else 's'}{shown}, at {utc(now)}"
    if len(found) == total:
        return whole
    if not found:
        return f"{whole}: page {asked.page} is behind the last, which is {-(-total // limit)}"
    first = (asked.page - 1) * limit + 1
    more = f"; --page {asked.page + 1} shows more" if first + len(found) <= total else ""
    return f"{whole}, of which {first:,} to {first + len(found) - 1:,}{more}"
