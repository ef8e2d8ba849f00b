"""`pumpwatch dead-letters`: what was rejected and why, and storing it once the cause is mended."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.progress import how_far
from services.commands.terminal import (
    DatabaseUrl,
    answer,
    fail,
    json_of,
    printable,
    readable,
    say,
    say_lines,
    table,
    with_database,
)

if TYPE_CHECKING:
    from services.admin.model import DeadLetterSummary, NotKept
    from services.admin.replay_dead_letters import Replayed
    from services.runtime.database import Connection

Device = Annotated[str | None, typer.Option(help="Only of this device.")]
Reason = Annotated[str | None, typer.Option(help="Only with this reason, such as invalid_field.")]

app = typer.Typer(help="Messages that were rejected: why, and storing them after all.", no_args_is_help=True)


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    device: Device = None,
    reason: Reason = None,
    since: Annotated[str | None, typer.Option(help="Received in the last 12h, 7d, ..., or since a time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest.")] = 20,
    not_replayed: Annotated[
        bool, typer.Option("--not-replayed", help="Only those whose events are not stored.")
    ] = False,
    as_json: Annotated[bool, json_of("dead_letters", "not_kept", "limit")] = False,
) -> None:
    """The newest dead letters first."""
    from services.admin.ages import parse_since
    from services.admin.model import DeadLetterFilter
    from services.admin.store import dead_letters_not_kept, recent_dead_letters

    try:
        from_time = None if since is None else parse_since(since, datetime.now(UTC))
    except ValueError as error:
        fail(f"--since: {error}", exit_code=2)
    which = DeadLetterFilter(device, _known(reason), from_time, settled=False if not_replayed else None)

    async def work(connection: Connection) -> tuple[tuple[DeadLetterSummary, ...], tuple[NotKept, ...]]:
        return await recent_dead_letters(connection, which, limit=limit), await dead_letters_not_kept(connection, which)

    rows, not_kept = with_database(database_url, work)
    lines = [*table(("ID", "LAST RECEIVED", "TIMES", "EVENT", "WHY"), [_cells(row) for row in rows])]
    if len(rows) == limit:
        lines.append(f"... the newest {limit}; --limit shows more")
    for day in not_kept:
        who = printable(day.device_id) or "topics that name no device"
        lines.append(
            f"not kept: {day.not_kept} more of {who} on {day.day} ({day.not_kept_bytes} bytes): its quota of a day was "
            f"used up by {day.kept}"
        )
    if not rows:
        lines.insert(0, "no dead letters")
    answer({"dead_letters": rows, "not_kept": not_kept, "limit": limit}, lines, as_json=as_json)


@app.command()
def show(
    dead_letter_id: Annotated[int, typer.Argument(help="As `list` shows it.")],
    database_url: DatabaseUrl,
    as_json: Annotated[bool, json_of("dead_letter", "to_do", "payload_is_text")] = False,
) -> None:
    """One dead letter: everything that is known, what to do about it, and the message as it came."""
    from services.admin.dead_letter_advice import advice_on
    from services.admin.model import DeadLetterError
    from services.admin.store import dead_letter

    row = with_database(database_url, lambda connection: dead_letter(connection, dead_letter_id), DeadLetterError)
    replayed = f"{row.replayed_at:%Y-%m-%d %H:%M:%S}Z: {row.replay_outcome}" if row.replayed_at else "never"
    is_text, payload = readable(row.payload)
    if as_json:
        fields = dataclasses.asdict(row) | {"payload": payload}
        answer({"dead_letter": fields, "to_do": advice_on(row.reason), "payload_is_text": is_text}, (), as_json=as_json)
        return
    size = f"{len(row.payload)} bytes{'' if is_text else ', in hexadecimal'}"
    for name, value in {
        "topic": printable(row.topic),
        "device": row.device_id or "cannot be told",
        "event": "the whole message" if row.event_index is None else f"number {row.event_index} of the array, from 0",
        "event id": row.event_id or "cannot be told",
        "received": f"{row.first_received_at:%Y-%m-%d %H:%M:%S}Z first, {row.last_received_at:%Y-%m-%d %H:%M:%S}Z "
        f"last, {row.times_received} times",
        "reason": f"{row.reason}: {printable(row.detail)}",
        "to do": advice_on(row.reason),
        "replayed": replayed,
        "payload": size,
    }.items():
        say(f"{name:9}{value}")
    say_lines(payload)


@app.command()
def replay(
    database_url: DatabaseUrl,
    dead_letter_ids: Annotated[
        list[int] | None, typer.Argument(metavar="IDS", help="As `list` shows them; or use a filter.")
    ] = None,
    device: Device = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All whose events are not stored.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    clock_ahead_hours: Annotated[
        float | None,
        typer.Option(
            min=0, envvar="INGEST_CLOCK_AHEAD_HOURS", help="How many hours ahead a device's clock may have been."
        ),
    ] = None,
    clock_behind_days: Annotated[
        float | None,
        typer.Option(
            min=0, envvar="INGEST_CLOCK_BEHIND_DAYS", help="How many days old an event may have been when it came."
        ),
    ] = None,
    as_json: Annotated[bool, json_of("replayed", "stored", "duplicates", "stay", "dry_run")] = False,
) -> None:
    """Put messages through ingest again, after the cause was mended. Safe to repeat: an event is stored once."""
    from services.admin.model import DeadLetterError
    from services.admin.replay_dead_letters import replay as replay_one
    from services.admin.replay_dead_letters import replayable
    from services.ingest.messages.decode import ClockLimits
    from services.ingest.settings import IngestSettings

    by_filter = everything or device is not None or reason is not None
    if by_filter == bool(dead_letter_ids):
        fail("name dead letters by their ids, or by --device, --reason or --all", exit_code=2)
    _known(reason)
    defaults = IngestSettings.model_fields
    ahead = defaults["clock_ahead_hours"].default if clock_ahead_hours is None else clock_ahead_hours
    behind = defaults["clock_behind_days"].default if clock_behind_days is None else clock_behind_days
    clock = ClockLimits(timedelta(hours=ahead), timedelta(days=behind))

    async def work(connection: Connection) -> list[Replayed]:
        done = []
        ids = await replayable(connection, ids=dead_letter_ids or (), device_id=device, reason=reason)
        for number, dead_letter_id in enumerate(ids):
            how_far(number, len(ids), "dead letters")
            now = datetime.now(UTC)
            done.append(await replay_one(connection, dead_letter_id, clock=clock, now=now, dry_run=dry_run))
            if not as_json:  # what was done is told though the next one may fail
                say(f"{dead_letter_id}  {_told(done[-1])}")
        return done

    done = with_database(database_url, work, DeadLetterError)
    stored, again = sum(r.stored for r in done), sum(r.outcome == "rejected" for r in done)
    duplicates = sum(r.duplicates for r in done)
    line = (
        f"{'would replay' if dry_run else 'replayed'} {len(done)}: {stored} events stored, "
        f"{duplicates} were there already, {again} dead letters stay"
    )
    document = {"replayed": done, "stored": stored, "duplicates": duplicates, "stay": again, "dry_run": dry_run}
    answer(document, [line], as_json=as_json)


@app.command()
def purge(
    database_url: DatabaseUrl,
    older_than: Annotated[str, typer.Option(help="Last received longer ago than this, such as 90d.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was never replayed: it is lost for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only count.")] = False,
    as_json: Annotated[bool, json_of("removed")] = False,
) -> None:
    """Remove old dead letters; without --all only those whose events are stored by now."""
    from services.admin.ages import parse_age
    from services.admin.store import count_purgeable, purge_dead_letters

    try:
        before = datetime.now(UTC) - parse_age(older_than)
    except ValueError as error:
        fail(f"--older-than: {error}", exit_code=2)
    what = "" if everything else " that were replayed"
    work = purge_dead_letters if yes else count_purgeable
    count = with_database(database_url, lambda connection: work(connection, before=before, unsettled_too=everything))
    if yes or count == 0:
        answer({"removed": count}, [f"removed {count} dead letters{what}"], as_json=as_json)
    else:
        fail(f"{count} dead letters{what} would be removed, and nothing was: add --yes to remove them")


def _known(reason: str | None) -> str | None:
    from schemas.events import RejectionReason

    if reason is not None and reason not in set(RejectionReason):
        fail(f"--reason: {reason!r} is none: expected one of {', '.join(RejectionReason)}", exit_code=2)
    return reason


def _cells(row: DeadLetterSummary) -> tuple[object, ...]:
    replayed = f"  [replayed: {row.replay_outcome}]" if row.replay_outcome else ""
    why = f"{row.reason}: {printable(row.detail)}{replayed}"
    received = f"{row.last_received_at:%Y-%m-%d %H:%M:%S}Z"
    return row.dead_letter_id, received, row.times_received, _which_event(row), why


def _which_event(row: DeadLetterSummary) -> str:
    return printable(row.topic) + ("" if row.event_index is None else f"[{row.event_index}]")


def _told(replayed: Replayed) -> str:
    faults = "; ".join(f"{reason}: {printable(detail)}" for reason, detail in replayed.faults[:3])
    if replayed.outcome == "rejected":
        return f"rejected again: {faults}"
    counts = f"{replayed.stored} stored, {replayed.duplicates} there already"
    return f"{replayed.outcome}: {counts}{f'; rejected, as dead letters of their own: {faults}' if faults else ''}"
