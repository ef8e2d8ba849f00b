"""Devices and data: what comes from them, what could not be stored, what never came, and what is due."""

from __future__ import annotations

from typing import Any, Final

from deploy.grafana.model import (
    GREEN,
    GREY,
    ORANGE,
    QUERIES,
    RED,
    WRAPPED,
    Panel,
    bars,
    clinic_variable,
    column,
    dashboard,
    number_now,
    steps,
    table,
    timeseries,
)

_FEW_ARE_FINE: Final = steps((None, GREEN), (1, ORANGE))


def fleet() -> dict[str, Any]:
    """Build the dashboard."""
    return dashboard(
        "pumpwatch-fleet",
        "Devices and data",
        "What devices send and what became of it. Whoever runs Pumpwatch, or makes a device, looks here.",
        [*_numbers(), *_wire()],
        variables=[clinic_variable()],
        span="7d",
    )


def _numbers() -> list[Panel]:
    plain = steps((None, GREY))
    return [
        number_now("Devices", "Pumps and handhelds that are enrolled.", QUERIES["fleet_devices"], plain),
        number_now("Heard in 24 h", "Of which anything came in the last 24 hours.", QUERIES["fleet_heard"], plain),
        number_now(
            "Rejected in 24 h",
            "Messages that could not be stored. Devices that nobody knows belong to no clinic: only a reader of all "
            "clinics sees those.",
            QUERIES["fleet_rejected_count"],
            _FEW_ARE_FINE,
        ),
        number_now(
            "Events that never came",
            "Missing in the devices' own counters over seven days.",
            QUERIES["fleet_missing_count"],
            _FEW_ARE_FINE,
        ),
        number_now("Clocks that are off", "By more than five minutes.", QUERIES["fleet_clocks_count"], _FEW_ARE_FINE),
        number_now(
            "Upkeep that is due",
            "Sums, columns and jobs of the database that are late.",
            QUERIES["fleet_overdue_count"],
            steps((None, GREEN), (1, RED)),
        ),
    ]


def _wire() -> list[Panel]:
    return [
        Panel(
            "timeseries",
            "Rejected messages by reason",
            "What devices sent and Pumpwatch could not store, at the time of the last repeat. Each is kept as a dead "
            "letter, with its bytes.",
            [QUERIES["fleet_rejections_by_reason"]],
            12,
            8,
            nothing="Nothing was rejected in this time.",
            options=timeseries(),
            defaults=bars(stacked=True),
        ),
        Panel(
            "table",
            "Dead letters, newest first",
            "Tell the device's maker the reason; the device maker's guide says what to do about each.",
            [QUERIES["fleet_dead_letters"]],
            12,
            8,
            nothing="Nothing was rejected in this time.",
            unit="string",
            table=True,
            options=table(),
            overrides=[
                column("time", unit="dateTimeFromNow", width=130),
                column("device", width=130),
                column("reason", width=130),
                column("times", unit="short", width=70),
                column("detail", cell=WRAPPED),
            ],
        ),
        Panel(
            "table",
            "Events that never came",
            "Gaps in the devices' own counters over seven days. One closes when the event comes late; a rejected event "
            "leaves one until it is replayed. As of now.",
            [QUERIES["fleet_gaps"]],
            12,
            8,
            nothing="No event is missing.",
            unit="string",
            table=True,
            options=table(),
            overrides=[
                column("missing", unit="short", decimals=0, width=70),
                column("from", unit="none", width=70),
                column("to", unit="none", width=90),
                column("after", unit="dateTimeAsSystem"),
                column("before", unit="dateTimeAsSystem"),
            ],
        ),
        Panel(
            "table",
            "Clocks that are off",
            "By more than five minutes when last heard. Behind, and sent late, look the same from here. As of now.",
            [QUERIES["fleet_clocks"]],
            12,
            8,
            nothing="Every clock is right.",
            unit="string",
            table=True,
            options=table(),
            overrides=[column("by", unit="dtdurations"), column("measured", unit="dateTimeFromNow")],
        ),
        Panel(
            "table",
            "How old the sums are",
            "Sums of days before that time are kept, and brought up to date each hour; later days are counted at each "
            "look. Where something is due, tell the operator. As of now.",
            [QUERIES["fleet_upkeep"]],
            24,
            6,
            nothing="Nothing is kept up by itself.",
            unit="string",
            table=True,
            options=table(),
            overrides=[column("until", unit="dateTimeFromNow"), column("due", unit="dateTimeFromNow")],
        ),
    ]
