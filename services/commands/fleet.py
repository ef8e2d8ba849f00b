"""`pumpwatch gaps` and `pumpwatch devices clocks`: what is missing from the fleet's events, and whose clock is off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, say, table, utc, with_database

_LIMIT = 1_000


def gaps(
    database_url: DatabaseUrl,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    since: Annotated[
        str, typer.Option(help="Events observed in the last 12h, 7d, ..., or since a time, by the device's clock.")
    ] = "7d",
    as_json: Annotated[bool, json_of("gaps", "limit")] = False,
) -> None:
    """Numbers that are missing from devices' own counters: events that never came, or were rejected."""
    from services.admin.ages import parse_since
    from services.admin.store import sequence_gaps

    try:
        from_time = parse_since(since, datetime.now(UTC))
    except ValueError as error:
        fail(f"--since: {error}", exit_code=2)
    found = with_database(
        database_url,
        lambda connection: sequence_gaps(connection, since=from_time, device_id=device, limit=_LIMIT),
    )
    rows = [
        (
            gap.device_id,
            f"{gap.gap_from}" if gap.missing == 1 else f"{gap.gap_from}-{gap.gap_to}",
            gap.missing,
            _second(gap.observed_after),
            _second(gap.observed_before),
        )
        for gap in found
    ]
    lines = [*table(("DEVICE", "NUMBERS", "MISSING", "AFTER", "BEFORE"), rows)] or ["no gaps"]
    answer({"gaps": found, "limit": _LIMIT}, lines, as_json=as_json)
    if len(found) == _LIMIT and not as_json:
        say(f"... the first {_LIMIT}; --device and --since show fewer")


def clocks(
    database_url: DatabaseUrl,
    more_than: Annotated[str, typer.Option(help="Off by more than this, such as 5m or 1h.")] = "5m",
    as_json: Annotated[bool, json_of("clocks", "limit")] = False,
) -> None:
    """Devices whose clock is off, the worst first; behind looks the same as sent late."""
    from services.admin.ages import parse_age
    from services.admin.store import clocks_off

    try:
        by_more_than = parse_age(more_than)
    except ValueError as error:
        fail(f"--more-than: {error}", exit_code=2)
    found = with_database(
        database_url, lambda connection: clocks_off(connection, by_more_than=by_more_than, limit=_LIMIT)
    )
    rows = [
        (
            clock.device_id,
            clock.kind,
            clock.clinic_id,
            f"{timedelta(seconds=round(abs(clock.clock_offset_seconds)))} "
            + ("ahead" if clock.clock_offset_seconds < 0 else "behind, or its events came late"),
            utc(clock.measured_at),
        )
        for clock in found
    ]
    lines = [*table(("DEVICE", "KIND", "CLINIC", "OFF BY (H:M:S)", "MEASURED"), rows)]
    answer({"clocks": found, "limit": _LIMIT}, lines or [f"no clock is off by more than {more_than}"], as_json=as_json)
    if len(found) == _LIMIT and not as_json:
        say(f"... the worst {_LIMIT}")


def _second(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
