"""The fleet dashboard: what a nurse looks at first. Every alert that is open, every pump that is low or not heard."""

from __future__ import annotations

from typing import Any, Final

from deploy.grafana.model import (
    COLORED,
    COLORED_TEXT,
    GREEN,
    GREY,
    ORANGE,
    PRIORITY_COLORS,
    QUERIES,
    RED,
    WRAPPED,
    YELLOW,
    Panel,
    bars,
    column,
    dashboard,
    stat,
    steps,
    table,
    timeseries,
    to_pump_page,
    variable,
    words,
)

# As queries.sql has it. A first look, the same for all: some pumps are heard once a month.
SILENT_HOURS: Final = 72


def fleet() -> dict[str, Any]:
    """Build the dashboard."""
    return dashboard(
        "pumpwatch-fleet",
        "Pumps of the clinic",
        "Open alerts, low reservoirs, unusual demand and silent devices. It informs; it is never the only alarm.",
        [*_numbers(), _open_alerts(), *_pumps(), *_demand(), *_wire()],
        variables=[
            variable(
                "clinic",
                "Clinic",
                QUERIES["clinics"],
                several=True,
            )
        ],
        span="7d",
    )


def _numbers() -> list[Panel]:
    def number(title: str, description: str, query: str, thresholds: dict[str, Any]) -> Panel:
        return Panel(
            "stat", title, description, [query], 4, 4, table=True, options=stat(), defaults={"thresholds": thresholds}
        )

    none_is_good = steps((None, GREEN), (1, RED))
    few_are_fine = steps((None, GREEN), (1, ORANGE))
    return [
        number(
            "Pumps",
            "Pumps that are enrolled and not retired.",
            QUERIES["fleet_pumps"],
            steps((None, GREY)),
        ),
        number(
            "High alerts, nobody on it",
            "Open alerts of high priority that nobody has acknowledged.",
            QUERIES["fleet_high_unacknowledged"],
            none_is_good,
        ),
        number(
            "Open alerts",
            "Alerts that are not closed, whatever their priority.",
            QUERIES["fleet_open"],
            few_are_fine,
        ),
        number(
            "At or below alarm level",
            "Pumps whose newest volume is at or below the level that was programmed, or 2 mL where none was.",
            QUERIES["fleet_at_alarm_level"],
            none_is_good,
        ),
        number(
            f"Not heard for {SILENT_HOURS} h",
            "Devices of which nothing has come for so long, or never.",
            QUERIES["fleet_silent_count"],
            few_are_fine,
        ),
        number(
            "Rejected in 24 h",
            "Messages that could not be stored. Devices that nobody knows belong to no clinic: only a reader of all "
            "clinics sees those.",
            QUERIES["fleet_rejected_count"],
            few_are_fine,
        ),
    ]


def _open_alerts() -> Panel:
    return Panel(
        "table",
        "Open alerts",
        "Every alert that is not closed: highest priority first, then the newest. Acknowledge on the alert board.",
        [QUERIES["fleet_open_alerts"]],
        24,
        9,
        unit="string",
        table=True,
        options=table(),
        overrides=[
            column("priority", width=90, cell=COLORED, mappings=words(PRIORITY_COLORS)),
            column("title", width=260),
            to_pump_page(),
            column("opened", width=130, unit="dateTimeFromNow"),
            column("since", width=130, unit="dateTimeFromNow"),
            column(
                "state",
                width=120,
                cell=COLORED_TEXT,
                mappings=words({"active": RED, "acknowledged": YELLOW, "cleared": GREEN}),
            ),
            column("acknowledged by", width=150),
            column("explanation", cell=WRAPPED),
        ],
    )


def _pumps() -> list[Panel]:
    return [
        Panel(
            "bargauge",
            "Pumps by state",
            "Each pump once: by its most urgent open alert, else as silent, else as quiet.",
            [QUERIES["fleet_by_state"]],
            8,
            9,
            table=True,
            options={
                "displayMode": "basic",
                "orientation": "horizontal",
                "valueMode": "color",
                "namePlacement": "auto",
                "showUnfilled": True,
                "sizing": "auto",
                "minVizWidth": 8,
                "minVizHeight": 16,
                "maxVizHeight": 300,
                "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
                "reduceOptions": {"calcs": [], "fields": "", "values": True},
            },
            defaults={"min": 0, "thresholds": steps((None, "blue"))},
        ),
        Panel(
            "table",
            "Lowest reservoirs",
            "By what is left above the alarm level. The volume is what was filled in, what the pump computes, or what "
            "was measured less what was programmed to flow since: a pump that gives too much computes too high a "
            "volume, so of the last two the lower counts until a refill.",
            [QUERIES["fleet_lowest_reservoirs"]],
            16,
            9,
            unit="string",
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("volume", unit="mlitre", decimals=1, width=90),
                column("alarm level", unit="mlitre", decimals=1, width=95),
                column(
                    "left",
                    unit="mlitre",
                    decimals=1,
                    min=0,
                    max=20,
                    cell={"type": "gauge", "mode": "basic"},
                    thresholds=steps((None, RED), (0.5, ORANGE), (2, YELLOW), (4, GREEN)),
                ),
                column("refill due", width=105),
                column("days to refill", unit="d", width=110),
                column("computed", unit="mlitre", decimals=1, width=90),
                column("measured", unit="mlitre", decimals=1, width=90),
                column("as of", unit="dateTimeFromNow", width=130),
            ],
        ),
    ]


def _demand() -> list[Panel]:
    return [
        Panel(
            "table",
            "Bolus requests in 24 h beside the usual",
            "Requests, given or refused, beside this pump's own mean a day over the 28 days before. No validated "
            "threshold exists; many requests from a stable patient call for a look at the therapy.",
            [QUERIES["fleet_demand"]],
            12,
            9,
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("requests", decimals=0),
                column("refused", decimals=0),
                column("usual", decimals=1),
                column(
                    "times",
                    decimals=1,
                    cell=COLORED_TEXT,
                    thresholds=steps((None, GREY), (2, ORANGE), (3, RED)),
                ),
            ],
        ),
        Panel(
            "table",
            f"Not heard for {SILENT_HOURS} h",
            "Silence is not health: nothing is known of these pumps but what is old.",
            [QUERIES["fleet_silent"]],
            12,
            9,
            unit="string",
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("last heard", unit="dateTimeFromNow"),
                column("enrolled", unit="dateTimeFromNow"),
            ],
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
            "leaves one until it is replayed.",
            [QUERIES["fleet_gaps"]],
            12,
            8,
            unit="string",
            table=True,
            options=table(),
            overrides=[
                column("missing", unit="short", decimals=0, width=80),
                column("from", unit="none", width=90),
                column("to", unit="none", width=90),
                column("after", unit="dateTimeAsSystem"),
                column("before", unit="dateTimeAsSystem"),
            ],
        ),
        Panel(
            "table",
            "Clocks that are off",
            "By more than five minutes when last heard. Behind, and sent late, look the same from here.",
            [QUERIES["fleet_clocks"]],
            12,
            8,
            unit="string",
            table=True,
            options=table(),
            overrides=[column("by", unit="dtdurations"), column("measured", unit="dateTimeFromNow")],
        ),
        Panel(
            "table",
            "How old the sums are",
            "Sums of days before that time are kept, and brought up to date each hour; later days are counted at each "
            "look. Where something is due, tell the operator.",
            [QUERIES["fleet_upkeep"]],
            24,
            6,
            unit="string",
            table=True,
            options=table(),
            overrides=[column("until", unit="dateTimeFromNow"), column("due", unit="dateTimeFromNow")],
        ),
    ]
