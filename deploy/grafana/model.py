"""Grafana's classic dashboard JSON (schema 42) as plain dicts: what the dashboards are put together from.

Guarantees: panels get ids and places in the order in which they are given; every panel has the one data source, says
what it shows in words, and what it means when there is nothing to show. Every dashboard leads to the others, with the
clinic and the time that were chosen, and to the alert board.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.runtime.database import load_queries

SCHEMA_VERSION: Final = 42
DATASOURCE: Final = {"type": "grafana-postgresql-datasource", "uid": "pumpwatch"}
WIDTH: Final = 24
QUERIES: Final = load_queries(*sorted((Path(__file__).parent / "queries").glob("*.sql")))

GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
GREY: Final = "text"

MILLILITRES: Final = "suffix:mL"
DAYS: Final = "suffix:days"
"""Words of our own: Grafana's units `mlitre` and `d` would make "500 µL" of 0.5 mL, and "2.86 weeks" of 20 days."""

PRIORITY_COLORS: Final = {"high": RED, "medium": ORANGE, "low": YELLOW, "info": BLUE}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, before it has its place. `width` and `height` are in Grafana's grid units (24 make a row)."""

    type: str
    title: str
    description: str
    queries: Sequence[str]
    width: int
    height: int
    nothing: str
    """What stands there when a query gives no row."""
    unit: str = "short"
    table: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    overrides: Sequence[dict[str, Any]] = ()


def target(query: str, *, table: bool, ref_id: str = "A") -> dict[str, Any]:
    """One query of a panel, a variable or an annotation."""
    return {
        "refId": ref_id,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "format": "table" if table else "time_series",
        "rawQuery": True,
        "rawSql": query,
    }


def steps(*pairs: tuple[float | None, str]) -> dict[str, Any]:
    """Thresholds: (from this value, this colour), the first with None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def words(colors: dict[str, str]) -> list[dict[str, Any]]:
    """Colours for texts."""
    return [
        {
            "type": "value",
            "options": {text: {"color": color, "index": place} for place, (text, color) in enumerate(colors.items())},
        }
    ]


def column(name: str, **properties: Any) -> dict[str, Any]:
    """How one column of a table looks; `width=90`, `unit=DAYS`, `custom.cellOptions` as `cell={...}`, `links=[...]`."""
    ids = {"width": "custom.width", "cell": "custom.cellOptions", "hidden": "custom.hideFrom.viz"}
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": ids.get(key, key), "value": value} for key, value in properties.items()],
    }


COLORED_TEXT: Final = {"type": "color-text"}
COLORED: Final = {"type": "color-background", "mode": "basic"}
WRAPPED: Final = {"type": "auto", "wrapText": True}


def to_pump_page(name: str = "pump") -> dict[str, Any]:
    """A column of pump ids, each a way to that pump's page."""
    return column(
        name,
        width=130,
        links=[
            {
                "title": "Open this pump",
                "url": "/d/pumpwatch-pump?var-pump=${__value.text:percentencode}"
                "&${clinic:queryparam}&${__url_time_range}",
            },
            {"title": "This pump on the board", "url": "${board}/pumps/${__value.text:percentencode}"},
        ],
    )


def to_alert_page(name: str = "title") -> dict[str, Any]:
    """A column of alerts' titles, each a way to that alert on the board; the query has `alert_id` too."""
    url = "${board}/alerts/${__data.fields.alert_id}"
    return column(name, width=260, links=[{"title": "Open this alert on the board", "url": url}])


HIDDEN_ID: Final = column("alert_id", hidden=True)
"""The column `alert_id`, which only links need."""


def variable(name: str, label: str, query: str, *, several: bool) -> dict[str, Any]:
    """A choice at the top of a dashboard, filled by a query."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": query,
        "refresh": 1,
        "sort": 0,
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
        "multi": several,
        "includeAll": several,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if several else {},
        "options": [],
    }


def clinic_variable() -> dict[str, Any]:
    """Which clinics."""
    return variable("clinic", "Clinic", QUERIES["clinics"], several=True)


def board_variable() -> dict[str, Any]:
    """Where the alert board is: seen by nobody, for links."""
    return variable("board", "Board", QUERIES["board"], several=False) | {"hide": 2}


def annotation(name: str, color: str, query: str) -> dict[str, Any]:
    """Marks on every time axis: `time`, `text`, and where it has an end `timeend`."""
    return {
        "name": name,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "datasource": DATASOURCE,
        "target": target(query, table=True, ref_id="Anno"),
    }


def place(panels: Iterable[Panel]) -> list[dict[str, Any]]:
    """Give panels their ids and places: left to right, and a new row when one is full."""
    placed: list[dict[str, Any]] = []
    x = y = row_height = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y, row_height = 0, y + row_height, 0
        placed.append(_panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height}))
        x += panel.width
        row_height = max(row_height, panel.height)
    return placed


EMPTY_CELLS: Final = (
    {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": "-"}]},
)
"""What stands in a cell that holds nothing; without it that is the text which the panel has for no rows at all."""
MOMENTS: Final = (
    {"matcher": {"id": "byType", "options": "time"}, "properties": [{"id": "unit", "value": "dateTimeAsSystem"}]},
)
"""Without it a moment within the last minutes is written to the millisecond, and is cut."""


def _panel(panel: Panel, number: int, grid: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.type,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": grid,
        "targets": [
            target(query, table=panel.table, ref_id="ABCDEF"[place]) for place, query in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "noValue": panel.nothing,
                "thresholds": steps((None, GREY)),
                **panel.defaults,
            },
            "overrides": [*((*EMPTY_CELLS, *MOMENTS) if panel.type == "table" else ()), *panel.overrides],
        },
        "options": panel.options,
    }


OTHERS: Final = {
    "pumpwatch-clinic": "Clinic",
    "pumpwatch-pump": "One pump",
    "pumpwatch-fleet": "Devices and data",
    "pumpwatch-quality": "Alert quality",
}
"""Every dashboard, by its id."""


def _links(uid: str) -> list[dict[str, Any]]:
    usual = {"type": "link", "asDropdown": False, "targetBlank": False, "tags": [], "tooltip": ""}
    others = [
        {**usual, "title": title, "url": f"/d/{other}", "icon": "apps", "includeVars": True, "keepTime": True}
        for other, title in OTHERS.items()
        if other != uid
    ]
    board = {
        "title": "Alert board",
        "url": "${board}/",
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
    }
    return [*others, {**usual, **board}]


def dashboard(
    uid: str,
    title: str,
    description: str,
    panels: Iterable[Panel],
    *,
    variables: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]] = (),
    span: str,
) -> dict[str, Any]:
    """A whole dashboard. `span` is how far back it looks at first, such as `24h`."""
    return {
        "id": None,
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["pumpwatch"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "liveNow": False,
        "preload": False,
        "refresh": "1m",
        "time": {"from": f"now-{span}", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "weekStart": "",
        "links": _links(uid),
        "templating": {"list": [*variables, board_variable()]},
        "annotations": {"list": list(annotations)},
        "panels": place(panels),
    }


# --- options of the panel types in use


def stat(field: str | None = None) -> dict[str, Any]:
    """One value, large: of the column `field`, else of the first number."""
    return {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": f"/^{field}$/" if field else "", "values": False},
    }


def number(
    title: str,
    description: str,
    query: str,
    *,
    width: int = 4,
    unit: str = "short",
    nothing: str = "none",
    field: str | None = None,
    **defaults: Any,
) -> Panel:
    """A panel with one large number: of the column `field`, else of the first."""
    return Panel(
        "stat",
        title,
        description,
        [query],
        width,
        4,
        nothing=nothing,
        unit=unit,
        table=True,
        options=stat(field) | ({} if _has_colours(defaults) else {"colorMode": "none"}),
        defaults={"mappings": _uncoloured(nothing), **defaults},
    )


def _uncoloured(nothing: str) -> list[dict[str, Any]]:
    """What is not known is neither good nor bad; without it, it has the colour of the lowest number."""
    said = {"match": "null+nan", "result": {"text": nothing, "color": "text", "index": 0}}
    return [{"type": "special", "options": said}]


def _has_colours(defaults: dict[str, Any]) -> bool:
    """Whether the number means more by its colour; if not, a block behind it would only shout."""
    thresholds = defaults.get("thresholds", {"steps": []})
    return any(step["color"] != GREY for step in thresholds["steps"])


def number_now(title: str, description: str, query: str, thresholds: dict[str, Any], **more: Any) -> Panel:
    """The same of what is so now, whatever time is chosen, in a colour."""
    return number(title, f"{description} As of now.", query, thresholds=thresholds, **more)


def table() -> dict[str, Any]:
    """Rows as the query orders them."""
    return {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": [], "fields": ""}}


def timeseries() -> dict[str, Any]:
    """Lines or bars over time, with a legend."""
    return {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def bars(*, stacked: bool) -> dict[str, Any]:
    """Field settings that draw bars."""
    return {
        "custom": {
            "drawStyle": "bars",
            "fillOpacity": 70,
            "lineWidth": 0,
            "barAlignment": 0,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        }
    }


def lines() -> dict[str, Any]:
    """Field settings that draw lines which bridge gaps of up to two days: a pump is heard when somebody asks it."""
    return {
        "custom": {"drawStyle": "line", "lineWidth": 2, "fillOpacity": 8, "showPoints": "auto", "spanNulls": 172800000}
    }
