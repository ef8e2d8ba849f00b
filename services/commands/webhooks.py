"""`pumpwatch webhooks`: secrets of programs that take signed events, what went to them, and sending it again.

Guarantee: no secret is shown; it stands in its file, from where the receiver is given it (docs/webhooks.md).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, one_line, table, utc, with_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.admin.webhooks.changes import Asked
    from services.admin.webhooks.store import ListedReplay, SentMessage
    from services.runtime.database import Connection

File = Annotated[Path, typer.Argument(help="The file that the channel's address names (#secret=FILE).")]
Clinic = Annotated[str, typer.Option(callback=one_line, help="The clinic's id.")]
ContactName = Annotated[str, typer.Option("--contact", callback=one_line, help="The contact, as the policy names it.")]
ChannelName = Annotated[
    str | None, typer.Option("--channel", callback=one_line, help="Its channel, where it has several.")
]
Since = Annotated[str, typer.Option(help="In the last 12h, 7d, ..., or since a time.")]
Until = Annotated[str | None, typer.Option(help="Up to so long ago, or a time; else up to now.")]

app = typer.Typer(help="Programs that take signed events: secrets, and sending again.", no_args_is_help=True)


@app.command()
def secret(file: File, as_json: Annotated[bool, json_of("file")] = False) -> None:
    """Make the file of a new receiver's secret. It is shown nowhere: give the receiver what stands in the file."""
    from services.admin.webhooks.secret_files import make

    _with_file(make, file)
    answer(
        {"file": str(file)},
        [f"made {file}: give the receiver what stands in it, by a way that nobody else reads"],
        as_json=as_json,
    )


@app.command()
def rotate(file: File, as_json: Annotated[bool, json_of("file", "secrets")] = False) -> None:
    """Put a new secret beside the old one: both sign, until `retire` ends the old one."""
    from services.admin.webhooks.secret_files import rotate as change

    _with_file(change, file)
    answer(
        {"file": str(file), "secrets": 2},
        [
            f"{file}: the new secret, which stands first, and the old one both sign from the next page on",
            "give the receiver the new one; when it has it, end the old one with `pumpwatch webhooks retire`",
        ],
        as_json=as_json,
    )


@app.command()
def retire(file: File, as_json: Annotated[bool, json_of("file", "secrets")] = False) -> None:
    """End the old secret: from the next page on only the new one signs."""
    from services.admin.webhooks.secret_files import retire as change

    _with_file(change, file)
    answer(
        {"file": str(file), "secrets": 1},
        [f"{file}: only the new secret signs from the next page on"],
        as_json=as_json,
    )


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    clinic: Clinic,
    contact: ContactName,
    channel: ChannelName = None,
    since: Since = "24h",
    until: Until = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show, the oldest first.")] = 100,
    as_json: Annotated[bool, json_of("messages", "more")] = False,
) -> None:
    """What went to a program and what it did not take, the oldest first."""
    from services.admin.webhooks.changes import ReplayRefusedError, find_receiver
    from services.admin.webhooks.store import messages_sent

    begins, ends = _times(since, until)

    async def work(connection: Connection) -> tuple[SentMessage, ...]:
        receiver = await find_receiver(connection, clinic, contact, channel)
        return await messages_sent(connection, receiver, begins, ends, most)

    found = with_database(database_url, work, ReplayRefusedError)
    heads = ("AT", "MESSAGE", "TYPE", "STATE", "ERROR")
    rows = [(utc(each.at), each.delivery_id, _type(each), each.state, each.last_error or "") for each in found]
    lines = [*table(heads, rows)] or ["nothing went there in this time"]
    if len(found) == most:
        lines.append(f"... the oldest {most}; --most shows more")
    answer({"messages": [_values(each) for each in found], "more": len(found) == most}, lines, as_json=as_json)


@app.command()
def replay(
    database_url: DatabaseUrl,
    clinic: Clinic,
    contact: ContactName,
    since: Since,
    channel: ChannelName = None,
    until: Until = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many to send at most; more are refused.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many there are, and send nothing.")] = False,
    by: By = "",
    as_json: Annotated[bool, json_of("replay_id", "messages", "first_at")] = False,
) -> None:
    """Send a program again what went to it, with the same ids. No person is paged. The alert worker sends it."""
    from services.admin.webhooks import changes

    begins, ends = _times(since, until)

    async def work(connection: Connection) -> Asked:
        receiver = await changes.find_receiver(connection, clinic, contact, channel)
        send = partial(changes.replay, connection, receiver, since=begins, until=ends, most=most)
        return await send(by=by or who(), now=datetime.now(UTC), dry_run=dry_run)

    asked = with_database(database_url, work, changes.ReplayRefusedError)
    count = f"{len(asked.messages)} message{'' if len(asked.messages) == 1 else 's'}"
    first_at = asked.messages[0].at
    if asked.replay_id is None:
        lines = [f"{count} would go to {contact} again, the first of {first_at:%Y-%m-%d %H:%M:%S}Z"]
    else:
        lines = [
            f"replay {asked.replay_id}: {count} to go to {contact} again, one after the other",
            "`pumpwatch webhooks replays` says how far it is",
        ]
    answer(
        {"replay_id": asked.replay_id, "messages": len(asked.messages), "first_at": first_at}, lines, as_json=as_json
    )


@app.command()
def replays(
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(callback=one_line, help="Only of this clinic.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show, the newest first.")] = 20,
    as_json: Annotated[bool, json_of("replays")] = False,
) -> None:
    """What was asked to be sent again, by whom, and how far it came; the newest first."""
    from services.admin.webhooks.store import list_replays

    found = with_database(database_url, lambda connection: list_replays(connection, clinic, most))
    lines = [_line(each) for each in found] or ["nothing was asked to be sent again"]
    answer({"replays": found}, lines, as_json=as_json)


def _with_file(work: Callable[[Path], None], file: Path) -> None:
    from services.admin.webhooks.secret_files import WebhookFileError

    try:
        work(file)
    except WebhookFileError as error:
        fail(str(error))


def _times(since: str, until: str | None) -> tuple[datetime, datetime]:
    from services.admin.ages import parse_since

    now = datetime.now(UTC)
    found = []
    for name, text in (("--since", since), ("--until", until)):
        try:
            found.append(now if text is None else parse_since(text, now))
        except ValueError as error:
            fail(f"{name}: {error}", exit_code=2)
    return found[0], found[1]


def _type(message: SentMessage) -> str:
    from services.alerts.delivery.webhooks.event import meaning_of

    kind, _ = meaning_of(message.occasion)
    return kind.value


def _values(message: SentMessage) -> dict[str, object]:
    return {
        "id": message.delivery_id,
        "type": _type(message),
        "at": message.at,
        "state": message.state,
        "attempts": message.attempts,
        "last_error": message.last_error,
    }


def _line(each: ListedReplay) -> str:
    refused = f", {each.refused} not taken ({each.error})" if each.refused else ""
    state = f"stopped: {each.stopped}" if each.stopped else "done" if each.ended_at else "under way"
    return (
        f"{each.asked_at:%Y-%m-%d %H:%M:%S}Z  {each.replay_id}  {each.clinic_id}: {each.contact} / {each.channel}, "
        f"{each.since:%Y-%m-%d %H:%M}Z to {each.until:%Y-%m-%d %H:%M}Z, asked by {each.asked_by}: "
        f"{each.sent} of {each.messages} sent{refused}; {state}"
    )
