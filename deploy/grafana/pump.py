"""The page of one pump: its reservoir, its boluses, its alarms and what was done about them."""

from __future__ import annotations

from typing import Any, Final

from deploy.grafana.model import (
    BLUE,
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
    annotation,
    bars,
    clinic_variable,
    column,
    dashboard,
    lines,
    number_now,
    steps,
    table,
    timeseries,
    to_alert_page,
    variable,
    words,
)

_OUTCOME_COLORS: Final = {
    "delivered": GREEN,
    "refused in lockout": ORANGE,
    "refused at limit": RED,
    "refused, other": "purple",
    "outcome unknown": GREY,
}


_DECIMALS: Final = {MILLILITRES: 1, DAYS: 0}


def pump() -> dict[str, Any]:
    """Build the dashboard."""
    return dashboard(
        "pumpwatch-pump",
        "One pump",
        "Reservoir, boluses, alarms and alerts of one pump. It informs; it is never the only alarm.",
        [*_numbers(), _volume(), _boluses(), _battery(), _alerts(), _transitions(), *_events(), _therapy()],
        variables=[clinic_variable(), variable("pump", "Pump", QUERIES["pumps"], several=False)],
        annotations=[
            annotation(
                "refills",
                BLUE,
                QUERIES["pump_refill_marks"],
            ),
            annotation(
                "alarms",
                RED,
                QUERIES["pump_alarm_marks"],
            ),
        ],
        span="30d",
    )


def _numbers() -> list[Panel]:
    def value(title: str, description: str, field: str, unit: str, thresholds: dict[str, Any]) -> Panel:
        query, known = QUERIES["pump_now"], {"width": 3, "nothing": "not known"}
        if unit in _DECIMALS:
            known["decimals"] = _DECIMALS[unit]
        return number_now(title, description, query, thresholds, field=field, unit=unit, **known)

    plain = steps((None, GREY))
    return [
        value(
            "Volume",
            "What was filled in, what the pump computes, or what was measured less what flowed since: the lower.",
            "volume",
            MILLILITRES,
            plain,
        ),
        value(
            "Above alarm level",
            "The newest volume less the programmed alarm level (2 mL where none was programmed).",
            "left",
            MILLILITRES,
            steps((None, RED), (0.5, ORANGE), (2, YELLOW), (4, GREEN)),
        ),
        value(
            "Refill due in",
            "Days to the refill that was booked with the therapy.",
            "refill",
            DAYS,
            steps((None, RED), (3, ORANGE), (7, GREEN)),
        ),
        value(
            "To the alarm level",
            "Days, by the programme alone: without any bolus.",
            "days",
            DAYS,
            steps((None, RED), (3, ORANGE), (7, GREEN)),
        ),
        value("At most use", "Days to the alarm level with every bolus of the limit.", "least_days", DAYS, plain),
        value("Last heard", "When anything came from the pump itself.", "heard", "dateTimeFromNow", plain),
        value("Open alerts", "Alerts that are not closed.", "alerts", "short", steps((None, GREEN), (1, ORANGE))),
        value(
            "Not acknowledged",
            "Open alerts that nobody has acknowledged.",
            "unacknowledged",
            "short",
            steps((None, GREEN), (1, RED)),
        ),
    ]


def _volume() -> Panel:
    return Panel(
        "timeseries",
        "Reservoir",
        "Computed by the pump and measured at refills are two different things and two series. Blue marks: refills; "
        "red marks: alarms.",
        [
            QUERIES["pump_volume"],
            QUERIES["pump_alarm_level"],
        ],
        24,
        10,
        nothing="No level is known in this time.",
        unit=MILLILITRES,
        options=timeseries(),
        defaults={**lines(), "min": 0},
        overrides=[
            {
                "matcher": {"id": "byRegexp", "options": "/alarm level/"},
                "properties": [
                    {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
                    {"id": "custom.lineInterpolation", "value": "stepAfter"},
                    {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}},
                    {"id": "custom.fillOpacity", "value": 0},
                    {"id": "custom.spanNulls", "value": True},
                ],
            },
            {
                "matcher": {"id": "byRegexp", "options": "/measured/"},
                "properties": [{"id": "custom.drawStyle", "value": "points"}, {"id": "custom.pointSize", "value": 8}],
            },
        ],
    )


def _boluses() -> Panel:
    return Panel(
        "timeseries",
        "Bolus requests a day, by outcome",
        'Days are of UTC. "Outcome unknown" is neither given nor refused: handheld and pump lost each other. The line '
        "is what was usual over the 28 days before; the board's picture tells days of which nothing was heard apart.",
        [QUERIES["pump_boluses"], QUERIES["pump_usual_boluses"]],
        16,
        9,
        nothing="No request in this time.",
        options=timeseries(),
        defaults={**bars(stacked=True), "decimals": 0},
        overrides=[
            *(column(name, color={"mode": "fixed", "fixedColor": color}) for name, color in _OUTCOME_COLORS.items()),
            {
                "matcher": {"id": "byName", "options": "usual a day"},
                "properties": [
                    {"id": "color", "value": {"mode": "fixed", "fixedColor": BLUE}},
                    {"id": "custom.drawStyle", "value": "line"},
                    {"id": "custom.lineWidth", "value": 2},
                    {"id": "custom.fillOpacity", "value": 0},
                    {"id": "custom.stacking", "value": {"mode": "none", "group": "B"}},
                ],
            },
        ],
    )


def _battery() -> Panel:
    return Panel(
        "timeseries",
        "Battery",
        "Of the pump and of its handheld, as each reports it.",
        [QUERIES["pump_battery"]],
        8,
        9,
        nothing="No device told its battery in this time.",
        unit="percent",
        options=timeseries(),
        defaults={**lines(), "min": 0, "max": 100},
    )


def _alerts() -> Panel:
    return Panel(
        "table",
        "Alerts of this pump",
        "All of them, the newest first, whatever time is chosen.",
        [QUERIES["pump_alerts"]],
        24,
        9,
        nothing="This pump never had an alert.",
        unit="string",
        table=True,
        options=table(),
        overrides=[
            HIDDEN_ID,
            column("opened", unit="dateTimeAsSystem", width=170),
            column("priority", width=90, cell=COLORED, mappings=words(PRIORITY_COLORS)),
            column(
                "state",
                width=120,
                cell=COLORED_TEXT,
                mappings=words({"active": RED, "acknowledged": YELLOW, "cleared": GREEN, "closed": GREY}),
            ),
            to_alert_page(),
            column("explanation", cell=WRAPPED),
            column("acknowledged by", width=150),
            column("after", unit="dtdurations", width=110),
            column("cleared", unit="dateTimeAsSystem", width=170),
        ],
    )


def _transitions() -> Panel:
    return Panel(
        "table",
        "What happened to them",
        "From the audit trail, in the chosen time: each change with its reason and who made it.",
        [QUERIES["pump_transitions"]],
        24,
        8,
        nothing="Nothing happened in this time.",
        unit="string",
        table=True,
        options=table(),
        overrides=[
            column("time", unit="dateTimeAsSystem", width=170),
            column("title", width=260),
            column("reason", cell=WRAPPED),
        ],
    )


def _events() -> list[Panel]:
    return [
        Panel(
            "table",
            "Pump alarms",
            "As the pump reported them, in the chosen time.",
            [QUERIES["pump_alarms"]],
            12,
            8,
            nothing="The pump told no alarm in this time.",
            unit="string",
            table=True,
            options=table(),
            overrides=[
                column("time", unit="dateTimeAsSystem", width=170),
                column("state", width=90, cell=COLORED_TEXT, mappings=words({"raised": RED, "cleared": GREEN})),
                column("heard after", unit="dtdurations", width=120),
            ],
        ),
        Panel(
            "table",
            "What the patient reports",
            "With the handheld, in the chosen time.",
            [QUERIES["pump_reports"]],
            12,
            8,
            nothing="The patient said nothing in this time.",
            unit="string",
            table=True,
            options=table(),
            overrides=[column("time", unit="dateTimeAsSystem", width=170), column("score", unit="short", width=80)],
        ),
    ]


def _therapy() -> Panel:
    return Panel(
        "table",
        "Therapy as programmed",
        "The newest first, whatever time is chosen.",
        [QUERIES["pump_therapies"]],
        24,
        7,
        nothing="Nobody told what was programmed.",
        unit="string",
        table=True,
        options=table(),
        overrides=[
            column("programmed", unit="dateTimeAsSystem", width=170),
            column("drugs", cell=WRAPPED),
            column("profile", cell=WRAPPED),
            column("bolus mcg", unit="short", width=95),
            column("lockout min", unit="m", width=105),
            column("limit in 24 h", unit="short", width=110),
            column("reservoir", unit=MILLILITRES, width=95),
            column("alarm level", unit=MILLILITRES, width=95),
            column("refill due", width=105),
            column("note", width=130),
        ],
    )
