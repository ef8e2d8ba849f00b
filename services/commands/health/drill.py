"""`pumpwatch drill`: a test alarm goes from the broker to a page, now, and how long each leg took."""

from __future__ import annotations

import asyncio
import dataclasses
import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, one_line, say, table, utc, with_database

if TYPE_CHECKING:
    from services.alerts.health.drill.course import Drill
    from services.runtime.database import Connection

_LOOK_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 660.0
"""A drill may take ALERTS_DRILL_WITHIN_SECONDS, at most 600."""
_LISTED: Final = 30


def drill(
    database_url: DatabaseUrl,
    by: Annotated[
        str,
        typer.Option(envvar="PUMPWATCH_BY", callback=one_line, help="Who asks, for the record; else this login."),
    ] = "",
    wait: Annotated[float, typer.Option(min=0, help="So many seconds for a worker to begin it.")] = 20.0,
    past: Annotated[bool, typer.Option("--list", help="Do none: show the last ones.")] = False,
    as_json: Annotated[bool, json_of("drill", "drills")] = False,
) -> None:
    """Send a test alarm through broker, ingest, database and alerts to a page, and say how long each took.

    The alert worker does it, as by itself each day (docs/operating/paging/drill.md). Exit code 1: it was missed.
    """
    from services.alerts.health.drill.store import newest

    if past:
        _list(with_database(database_url, lambda connection: newest(connection, _LISTED)), as_json=as_json)
        return
    done = with_database(database_url, lambda connection: _done(connection, by or getpass.getuser(), wait))
    if done is None:
        fail(
            f"no alert worker began the drill within {wait:g} s; expected one that runs, with ALERTS_DRILL_MQTT_URL "
            "set, and no other drill under way"
        )
    answer({"drill": _fields(done)}, _lines(done), as_json=as_json)
    if done.missed or done.ended_at is None:
        fail(f"the drill was missed: {done.missed or 'it has not ended'}")
    if not as_json:
        say("the drill came through")


async def _done(connection: Connection, by: str, begun_within_seconds: float) -> Drill | None:
    """Ask, and wait for the end; None: nobody began it, and it is asked for no more."""
    from services.alerts.health.drill import store

    asked_at = datetime.now(UTC)
    asking = asyncio.ensure_future(store.ask(connection, by, asked_at))
    try:
        drill_id = await asyncio.shield(asking)
        while True:
            found = await store.load(connection, drill_id)
            waited = (datetime.now(UTC) - asked_at).total_seconds()
            if found is None or found.ended_at is not None or waited > _LONGEST_SECONDS:
                return found
            late = found.begun_at is None and waited > begun_within_seconds
            if late and await store.take_back(connection, drill_id):
                return None
            await asyncio.sleep(_LOOK_SECONDS)
    except asyncio.CancelledError:  # Ctrl-C: it is not done behind the back of who asked
        await store.take_back(connection, await asking)
        raise


def _lines(each: Drill) -> list[str]:
    if each.begun_at is None or each.cleared_at == each.begun_at:  # it could not begin
        return []
    found = []
    for name, at in each.legs:
        seconds = each.seconds_until(at)
        found.append(f"{name:<20} {'not reached' if seconds is None else f'{seconds:6.2f} s'}")
    return found


def _list(drills: tuple[Drill, ...], *, as_json: bool) -> None:
    rows = []
    for each in drills:
        seconds = each.seconds_until(each.paged_at)
        if each.missed:
            came = f"missed: {each.missed}"
        elif each.ended_at is None:
            came = "waits" if each.begun_at is None else "under way"
        else:
            came = f"came through, page after {seconds or 0:.2f} s"
        rows.append((utc(each.due_at), came, each.asked_by or "the timer"))
    lines = [*table(("WHEN", "WHAT CAME OF IT", "ASKED BY"), rows)] or ["no drill yet"]
    answer({"drills": [_fields(each) for each in drills]}, lines, as_json=as_json)


def _fields(each: Drill) -> dict[str, Any]:
    fields = {
        name: None if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in dataclasses.asdict(each).items()
    }
    return fields | {"seconds": {name: each.seconds_until(at) for name, at in each.legs}}
