"""The dashboards' queries, and what a clinic sees of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.grafana import build
from services.runtime.database import Connection
from tests.contract.grafana.macros import View

BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in build.FOLDER.glob("*.json")}
PANELS: list[tuple[str, dict[str, Any]]] = [
    (f"{name}: {panel['title']} {target['refId']}", target)
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
]
ANNOTATIONS: list[tuple[str, str]] = [
    (annotation["name"], annotation["target"]["rawSql"])
    for board in BOARDS.values()
    for annotation in board["annotations"]["list"]
]
VARIABLES: dict[str, str] = {
    variable["name"]: variable["query"] for board in BOARDS.values() for variable in board["templating"]["list"]
}
ALL = [*((name, target["rawSql"]) for name, target in PANELS), *ANNOTATIONS, *VARIABLES.items()]
NOW = datetime.now(UTC)
NORTH = View(NOW - timedelta(days=30), NOW, 3600, {"clinic": ["north"], "pump": ["north-pump-1"]})


@dataclass(frozen=True, slots=True)
class Readers:
    """Connections as Grafana opens them: read-only, and no query may take long."""

    north: Connection
    everybody: Connection
    nobody: Connection
    views: tuple[str, ...]
