"""`pumpwatch rejects`: what was refused and why, and the way back in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.terminal import DatabaseUrl, fail, printable, readable, with_database

if TYPE_CHECKING:
    from services.admin.rejections import Rejection
    from services.admin.replay_dead_letters import Replayed
    from services.runtime.database import Connection

Device = Annotated[str | None, typer.Option(help="Only of this device.")]
Reason = Annotated[str | None, typer.Option(help="Only with this reason, such as invalid_field.")]

app = typer.Typer(help="Messages that were refused: why, and the way back in.", no_args_is_help=True)


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    device: Device = None,
    reason: Reason = None,
    since: Annotated[str | None, typer.Option(help="Received in the last 12h, 7d, ..., or since a time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    not_replayed: Annotated[bool, typer.Option("--not-replayed", help="Only what still stands in no table.")] = False,
) -> None:
    """The newest rejections first."""
    from services.admin.ages import parse_since
    from services.admin.rejections import Filter, recent_rejections

    try:
        from_time = None if since is None else parse_since(since, datetime.now(UTC))
    except ValueError as error:
        fail(f"--since: {error}", exit_code=2)
    which = Filter(device, _known(reason), from_time, settled=False if not_replayed else None)
    rows = with_database(database_url, lambda connection: recent_rejections(connection, which, limit=limit))
    for row in rows:
        replayed = f"  [replayed: {row.replay_outcome}]" if row.replay_outcome else ""
        print(
            f"{row.rejection_id}  {row.last_received_at:%Y-%m-%d %H:%M:%S}Z  {row.times_received}x  "
            f"{_place(row)}  {row.reason}: {printable(row.detail)}{replayed}"
        )
    if not rows:
        print("no rejections")
    if len(rows) == limit:
        print(f"... the newest {limit}; --limit shows more")


@app.command()
def show(rejection_id: int, database_url: DatabaseUrl) -> None:
    """One rejection: everything that is known, what to do about it, and the message as it came."""
    from services.admin.advice import advice_on
    from services.admin.rejections import RejectionError, rejection

    row = with_database(database_url, lambda connection: rejection(connection, rejection_id), RejectionError)
    replayed = f"{row.replayed_at:%Y-%m-%d %H:%M:%S}Z: {row.replay_outcome}" if row.replayed_at else "never"
    is_text, payload = readable(row.payload or b"")
    size = f"{len(row.payload or b'')} bytes{'' if is_text else ', in hexadecimal'}"
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
        print(f"{name:9}{value}")
    print(payload)


@app.command()
def replay(
    database_url: DatabaseUrl,
    rejection_ids: Annotated[list[int] | None, typer.Argument(help="As `list` shows them; or use a filter.")] = None,
    device: Device = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All that still stands in no table.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    clock_ahead_hours: Annotated[
        float | None,
        typer.Option(min=0, envvar="INGEST_CLOCK_AHEAD_HOURS", help="How far ahead a device's clock may have been."),
    ] = None,
    clock_behind_days: Annotated[
        float | None,
        typer.Option(min=0, envvar="INGEST_CLOCK_BEHIND_DAYS", help="How old an event may have been when it came."),
    ] = None,
) -> None:
    """Put messages through ingest again, after the cause was mended. Safe to repeat: an event is stored once."""
    from services.admin.rejections import RejectionError
    from services.admin.replay_dead_letters import replay as replay_one
    from services.admin.replay_dead_letters import replayable
    from services.ingest.messages.decode import ClockLimits
    from services.ingest.settings import IngestSettings

    by_filter = everything or device is not None or reason is not None
    if by_filter == bool(rejection_ids):
        fail("name rejections by their ids, or by --device, --reason or --all", exit_code=2)
    _known(reason)
    defaults = IngestSettings.model_fields
    ahead = defaults["clock_ahead_hours"].default if clock_ahead_hours is None else clock_ahead_hours
    behind = defaults["clock_behind_days"].default if clock_behind_days is None else clock_behind_days
    clock = ClockLimits(timedelta(hours=ahead), timedelta(days=behind))

    async def work(connection: Connection) -> list[Replayed]:
        done = []
        for rejection_id in await replayable(connection, ids=rejection_ids or (), device_id=device, reason=reason):
            now = datetime.now(UTC)
            done.append(await replay_one(connection, rejection_id, clock=clock, now=now, dry_run=dry_run))
            print(f"{rejection_id}  {_told(done[-1])}")
        return done

    done = with_database(database_url, work, RejectionError)
    stored, again = sum(r.stored for r in done), sum(r.outcome == "rejected" for r in done)
    print(
        f"{'would replay' if dry_run else 'replayed'} {len(done)}: {stored} events stored, "
        f"{sum(r.duplicates for r in done)} were there already, {again} rejections stay"
    )


@app.command()
def purge(
    database_url: DatabaseUrl,
    older_than: Annotated[str, typer.Option(help="Last received longer ago than this, such as 90d.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was never replayed: it is lost for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only count.")] = False,
) -> None:
    """Remove old rejections; without --all only those whose events stand in the tables by now."""
    from services.admin.ages import parse_age
    from services.admin.rejections import count_purgeable
    from services.admin.rejections import purge as remove

    try:
        before = datetime.now(UTC) - parse_age(older_than)
    except ValueError as error:
        fail(f"--older-than: {error}", exit_code=2)
    what = "" if everything else " that were replayed"
    work = remove if yes else count_purgeable
    count = with_database(database_url, lambda connection: work(connection, before=before, unsettled_too=everything))
    if yes or count == 0:
        print(f"removed {count} rejections{what}")
    else:
        fail(f"{count} rejections{what} would be removed, and nothing was: add --yes to remove them")


def _known(reason: str | None) -> str | None:
    from schemas.events import RejectionReason

    if reason is not None and reason not in set(RejectionReason):
        fail(f"--reason: {reason!r} is none: expected one of {', '.join(RejectionReason)}", exit_code=2)
    return reason


def _place(row: Rejection) -> str:
    return printable(row.topic) + ("" if row.event_index is None else f"[{row.event_index}]")


def _told(replayed: Replayed) -> str:
    faults = "; ".join(f"{reason}: {printable(detail)}" for reason, detail in replayed.faults[:3])
    if replayed.outcome == "rejected":
        return f"rejected again: {faults}"
    counts = f"{replayed.stored} stored, {replayed.duplicates} there already"
    return f"{replayed.outcome}: {counts}{f'; refused, with rows of their own: {faults}' if faults else ''}"
