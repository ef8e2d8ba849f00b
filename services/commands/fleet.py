"""`pumpwatch gaps` and `pumpwatch devices clocks`: what is missing from the fleet's events, and whose clock is off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.commands.terminal import DatabaseUrl, fail, say, with_database

_LIMIT = 1_000


def gaps(
    database_url: DatabaseUrl,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    since: Annotated[
        str, typer.Option(help="Events observed in the last 12h, 7d, ..., or since a time, by the device's clock.")
    ] = "7d",
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
    for gap in found:
        numbers = f"{gap.gap_from}" if gap.missing == 1 else f"{gap.gap_from}-{gap.gap_to}"
        say(
            f"{gap.device_id}  {numbers}  {gap.missing} missing  "
            f"between {gap.observed_after:%Y-%m-%d %H:%M:%S}Z and {gap.observed_before:%Y-%m-%d %H:%M:%S}Z"
        )
    if not found:
        say("no gaps")
    elif len(found) == _LIMIT:
        say(f"... the first {_LIMIT}; --device and --since show fewer")


def clocks(
    database_url: DatabaseUrl,
    more_than: Annotated[str, typer.Option(help="Off by more than this, such as 5m.")] = "5m",
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
    for clock in found:
        off = timedelta(seconds=round(abs(clock.clock_offset_seconds)))
        verdict = "ahead" if clock.clock_offset_seconds < 0 else "behind, or its events came late"
        say(
            f"{clock.device_id}  {clock.kind}  clinic {clock.clinic_id}  {off} {verdict}  "
            f"at {clock.measured_at:%Y-%m-%d %H:%M:%S}Z"
        )
    if not found:
        say(f"no clock is off by more than {more_than}")
    elif len(found) == _LIMIT:
        say(f"... the worst {_LIMIT}")
