"""The clinic's dashboard: what a nurse looks at first. Alerts that are open, pumps that are low or not heard."""

from __future__ import annotations

from typing import Any, Final

from deploy.grafana.model import (
    COLORED,
    COLORED_TEXT,
    DAYS,
    GREEN,
    GREY,
    HIDDEN_ID,
    MILLILITRES,
    ORANGE,
    PRIORITY_COLORS,
    QUERIES,
    RED,
    WRAPPED,
    YELLOW,
    Panel,
    clinic_variable,
    column,
    dashboard,
    number_now,
    steps,
    table,
    to_alert_page,
    to_pump_page,
    words,
)

# As its queries have it. A first look, the same for all: some pumps are heard once a month.
SILENT_HOURS: Final = 72


def clinic() -> dict[str, Any]:
    """Build the dashboard."""
    return dashboard(
        "pumpwatch-clinic",
        "Pumps of the clinic",
        "Open alerts, low reservoirs, unusual demand and silent devices, as they are now, whatever time is chosen. It "
        "informs; it is never the only alarm.",
        [*_numbers(), _open_alerts(), *_pumps(), *_demand()],
        variables=[clinic_variable()],
        span="7d",
    )


def _numbers() -> list[Panel]:
    none_is_good = steps((None, GREEN), (1, RED))
    few_are_fine = steps((None, GREEN), (1, ORANGE))
    return [
        number_now(
            "Pumps",
            "Pumps that are enrolled and not retired.",
            QUERIES["clinic_pumps"],
            steps((None, GREY)),
        ),
        number_now(
            "High alerts, nobody on it",
            "Open alerts of high priority that nobody has acknowledged.",
            QUERIES["clinic_high_unacknowledged"],
            none_is_good,
        ),
        number_now(
            "Open alerts",
            "Alerts that are not closed, whatever their priority.",
            QUERIES["clinic_open"],
            few_are_fine,
        ),
        number_now(
            "At or below alarm level",
            "Pumps whose newest volume is at or below the level that was programmed, or 2 mL where none was.",
            QUERIES["clinic_at_alarm_level"],
            none_is_good,
        ),
        number_now(
            f"Not heard for {SILENT_HOURS} h",
            "Devices of which nothing has come for so long, or never.",
            QUERIES["clinic_silent_count"],
            few_are_fine,
        ),
        number_now(
            "Refill within 7 days",
            "Pumps whose booked refill is within 7 days, or should have been.",
            QUERIES["clinic_refills_soon"],
            steps((None, GREY)),
        ),
    ]


def _open_alerts() -> Panel:
    return Panel(
        "table",
        "Open alerts",
        "Every alert that is not closed now: highest priority first, then the newest. Titles lead to the board.",
        [QUERIES["clinic_open_alerts"]],
        24,
        9,
        nothing="No alert is open.",
        unit="string",
        table=True,
        options=table(),
        overrides=[
            HIDDEN_ID,
            column("priority", width=90, cell=COLORED, mappings=words(PRIORITY_COLORS)),
            to_alert_page(),
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
            "Each pump once, as of now: by its most urgent open alert, else as silent, else as quiet.",
            [QUERIES["clinic_by_state"]],
            8,
            9,
            nothing="No pump is enrolled.",
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
            "volume, so of the last two the lower counts until a refill. Days are those to the alarm level, by the "
            "programme alone and with every bolus of the limit. As of now.",
            [QUERIES["clinic_lowest_reservoirs"]],
            16,
            9,
            nothing="No level is known of any pump.",
            unit="string",
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("volume", unit=MILLILITRES, decimals=1, width=90),
                column("alarm level", unit=MILLILITRES, decimals=1, width=95),
                column(
                    "left",
                    unit=MILLILITRES,
                    decimals=1,
                    min=0,
                    max=20,
                    cell={"type": "gauge", "mode": "basic"},
                    thresholds=steps((None, RED), (0.5, ORANGE), (2, YELLOW), (4, GREEN)),
                ),
                column(
                    "days by programme",
                    unit=DAYS,
                    decimals=0,
                    width=155,
                    cell=COLORED_TEXT,
                    thresholds=steps((None, RED), (3, ORANGE), (7, GREY)),
                ),
                column("days at most use", unit=DAYS, decimals=0, width=145),
                column("refill due", width=105),
                column("days to refill", unit=DAYS, width=110),
                column("computed", unit=MILLILITRES, decimals=1, width=90),
                column("measured", unit=MILLILITRES, decimals=1, width=90),
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
            "threshold exists; many requests from a stable patient call for a look at the therapy. As of now.",
            [QUERIES["clinic_demand"]],
            12,
            9,
            nothing="Nobody asked for a bolus in 24 h.",
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("requests", decimals=0, width=95),
                column("refused", decimals=0, width=90),
                column("usual", decimals=1, width=80),
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
            "Silence is not health: nothing is known of these pumps but what is old. As of now.",
            [QUERIES["clinic_silent"]],
            12,
            9,
            nothing="Every device was heard.",
            unit="string",
            table=True,
            options=table(),
            overrides=[
                to_pump_page(),
                column("device", width=130),
                column("kind", width=80),
                column("last heard", unit="dateTimeFromNow", width=130, noValue="never"),
                column("enrolled", unit="dateTimeFromNow"),
            ],
        ),
    ]
