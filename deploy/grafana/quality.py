"""Alert quality: how many alerts there were, who answered them and how soon, and which led to nothing.

No figure says what is good: no standard sets one (docs/domain.md section 4). `pumpwatch report alerts` has the same
figures, and those of pages.
"""

from __future__ import annotations

from typing import Any, Final

from deploy.grafana.model import (
    COLORED_TEXT,
    GREY,
    ORANGE,
    PRIORITY_COLORS,
    QUERIES,
    RED,
    Panel,
    bars,
    clinic_variable,
    column,
    dashboard,
    number,
    steps,
    table,
    timeseries,
    to_pump_page,
)

_PLAIN: Final = steps((None, GREY))
_NONE: Final = "No alert was opened in this time."


def quality() -> dict[str, Any]:
    """Build the dashboard."""
    return dashboard(
        "pumpwatch-quality",
        "Alert quality",
        "Alerts that were opened in the chosen time, and what became of them by now. Compare a clinic with its last "
        "year, and rules with each other: no standard says what is good.",
        [*_numbers(), _by_rule(), *_over_time(), _busiest()],
        variables=[clinic_variable()],
        span="90d",
    )


def _numbers() -> list[Panel]:
    def figure(title: str, description: str, query: str, unit: str) -> Panel:
        decimals = 0 if unit != "none" else 2
        return number(title, description, query, width=6, unit=unit, thresholds=_PLAIN, decimals=decimals)

    return [
        figure("Alerts", "That were opened in the chosen time.", QUERIES["quality_alerts"], "short"),
        figure(
            "For each pump and week", "By the pumps that are enrolled now.", QUERIES["quality_per_pump_week"], "none"
        ),
        figure(
            "High and medium, answered",
            "Somebody took or resolved them, or wrote something down.",
            QUERIES["quality_answered"],
            "percent",
        ),
        figure(
            "Taken after",
            "The median, from when the alert was opened; of those that somebody took.",
            QUERIES["quality_median"],
            "dtdurations",
        ),
    ]


def _by_rule() -> Panel:
    return Panel(
        "table",
        "By rule",
        "A rule whose alerts are mostly over before anybody answers tells little: look at its thresholds, and try "
        "others with `pumpwatch backtest`.",
        [QUERIES["quality_by_rule"]],
        24,
        9,
        nothing=_NONE,
        unit="short",
        table=True,
        options=table(),
        overrides=[
            column("rule", unit="string", width=200),
            column("answered", unit="percent", decimals=0),
            column("median", unit="dtdurations"),
            column("nine of ten", unit="dtdurations"),
            column(
                "over, nobody answered",
                cell=COLORED_TEXT,
                thresholds=steps((None, GREY), (10, ORANGE), (50, RED)),
            ),
        ],
    )


def _over_time() -> list[Panel]:
    return [
        Panel(
            "timeseries",
            "Alerts by priority",
            "When they were opened.",
            [QUERIES["quality_by_priority"]],
            16,
            9,
            nothing=_NONE,
            options=timeseries(),
            defaults={**bars(stacked=True), "decimals": 0},
            overrides=[
                column(name, color={"mode": "fixed", "fixedColor": color}) for name, color in PRIORITY_COLORS.items()
            ],
        ),
        Panel(
            "table",
            "High and medium by hour of the day",
            "Hours of UTC. What is opened at night wakes somebody.",
            [QUERIES["quality_by_hour"]],
            8,
            9,
            nothing=_NONE,
            table=True,
            options=table(),
            overrides=[
                column("hour", unit="string", width=80),
                column("alerts", cell={"type": "gauge", "mode": "basic"}, min=0),
            ],
        ),
    ]


def _busiest() -> Panel:
    return Panel(
        "table",
        "Pumps with most alerts",
        "In the chosen time, and the rule that most of them are from.",
        [QUERIES["quality_busiest"]],
        24,
        8,
        nothing=_NONE,
        table=True,
        options=table(),
        overrides=[to_pump_page(), column("mostly", unit="string")],
    )
