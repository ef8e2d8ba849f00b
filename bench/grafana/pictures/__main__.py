"""Do what the package's docstring says."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import asyncpg
from playwright.sync_api import sync_playwright

from schemas.paths import SQL_FOLDER
from services.devstack.servers import timescaledb
from services.devstack.servers.postgres import SCRATCH_SETTINGS
from services.runtime.database import Connection
from services.runtime.migrate import migrate
from tests.contract.grafana.boards import BOARDS
from tests.contract.grafana.clinic_data import seed
from tests.contract.grafana.macros import View, filled_in

_HERE: Final = Path(__file__).parent
_PACKAGES: Final = (
    "@grafana/ui@12.4.10",
    "@grafana/data@12.4.10",
    "@grafana/schema@12.4.10",
    "react@18.3.1",
    "react-dom@18.3.1",
    "esbuild@0.28.2",
)
_GRAFANAS: Final = ("ui", "data", "schema", "e2e-selectors", "i18n")
_CHROMIUM: Final = "/usr/bin/chromium"
_READER: Final = "pw_pictures"


async def boards_with_rows(dsn: str) -> dict[str, Any]:
    """Each dashboard with the frames of its panels, as a reader of the clinic north sees them."""
    owner = await asyncpg.connect(dsn)
    await migrate(owner, SQL_FOLDER)
    await seed(owner)
    await owner.execute(f"CREATE ROLE {_READER} LOGIN PASSWORD '{_READER}' IN ROLE pumpwatch_reader")
    await owner.execute("INSERT INTO clinic_readers VALUES ($1, 'north')", _READER)
    reader = await asyncpg.connect(dsn, user=_READER, password=_READER, server_settings={"timezone": "UTC"})
    found = {}
    for name, board in BOARDS.items():
        now = datetime.now(UTC)
        opens = timedelta(days=int(board["time"]["from"].removeprefix("now-").removesuffix("d")))
        view = View(now - opens, now, 3600, {"clinic": ["north"], "pump": ["north-pump-1"]})
        panels = [await _drawn(reader, panel, view) for panel in board["panels"]]
        found[name] = {"title": board["title"], "panels": panels}
    await reader.close()
    await owner.close()
    return found


async def _drawn(reader: Connection, panel: dict[str, Any], view: View) -> dict[str, Any]:
    frames: list[dict[str, Any]] = []
    for target in panel["targets"]:
        rows = await reader.fetch(filled_in(target["rawSql"], view))
        names = list(rows[0].keys()) if rows else []
        if target["format"] == "time_series" and "metric" in names:
            for metric in dict.fromkeys(row["metric"] for row in rows):
                of_metric = [row for row in rows if row["metric"] == metric]
                frames.append(_frame(of_metric, [name for name in names if name != "metric"], metric))
        else:
            frames.append(_frame(rows, names, None))
    ends = {"from": _plain(view.start), "to": _plain(view.end)}
    return {"frames": frames, **ends, **{key: panel[key] for key in _KEPT if key in panel}}


_KEPT: Final = ("id", "type", "title", "gridPos", "fieldConfig", "options", "transformations")


def _frame(rows: list[asyncpg.Record], names: Iterable[str], metric: str | None) -> dict[str, Any]:
    """Rows as Grafana's data source gives them; the one value of a metric has the metric's name."""
    fields = []
    for name in names:
        values = [row[name] for row in rows]
        shown = metric if metric and name != "time" else name
        fields.append({"name": shown, "type": _type(values), "values": [_plain(value) for value in values]})
    return {"fields": fields}


def _type(values: list[Any]) -> str:
    known = next((value for value in values if value is not None), None)
    if isinstance(known, datetime):
        return "time"
    return "number" if isinstance(known, int | float | Decimal) and not isinstance(known, bool) else "string"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


def bundle(packages: Path) -> Path:
    """The page's script, made with what npm gives; fetched when it is not there."""
    packages.mkdir(parents=True, exist_ok=True)
    if not (packages / "node_modules/@grafana/ui").is_dir():
        (packages / "package.json").write_text('{"private": true}\n')
        npm = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--legacy-peer-deps",
            "--no-package-lock",
        ]
        subprocess.run([*npm, *_PACKAGES], cwd=packages, check=True)
    source = packages / "draw.jsx"
    source.write_text((_HERE / "draw.jsx").read_text())
    loaders = [f"--loader:.{kind}=dataurl" for kind in ("ttf", "woff", "woff2", "svg")]
    flags = ["--bundle", "--outfile=draw.js", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
    # Their CommonJS: as modules, some packages below come out as objects that are no components.
    whole = [f"--alias:@grafana/{name}=./node_modules/@grafana/{name}/dist/cjs/index.cjs" for name in _GRAFANAS]
    make = ["npx", "esbuild", source.name, *flags, *loaders, *whole, "--log-level=error"]
    subprocess.run(make, cwd=packages, check=True)
    return packages / "draw.js"


def draw(found: dict[str, Any], packages: Path, out: Path) -> list[str]:
    """Write a picture of each dashboard, light and dark; says what the browser complained of."""
    out.mkdir(parents=True, exist_ok=True)
    data = json.dumps({"boards": found}).replace("</", "<\\/")
    page_file = packages / "page.html"
    page_file.write_text(
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="draw.css"><div id="root"></div>'
        f'<script>window.PUMPWATCH = {data}</script><script src="draw.js"></script>'
    )
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        for name in found:
            for mode in ("light", "dark"):
                page = browser.new_page(viewport={"width": 1400, "height": 900})
                page.on("pageerror", lambda error: said.append(str(error)))
                page.goto(f"{page_file.as_uri()}#board={name}&mode={mode}")
                page.wait_for_selector("#board section")
                page.wait_for_function("document.fonts.status === 'loaded'")
                page.locator("#board").screenshot(path=out / f"{name}-{mode}.png")
                page.close()
        browser.close()
    return said


def main() -> None:
    """Read the command line, ask, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, default=Path(gettempdir()) / "pumpwatch-grafana-ui")
    arguments = parser.parse_args()
    server = timescaledb.make_server(settings=SCRATCH_SETTINGS)
    server.start()
    try:
        found = asyncio.run(boards_with_rows(server.dsn()))
    finally:
        server.remove()
    bundle(arguments.packages)
    said = draw(found, arguments.packages, arguments.out)
    print("\n".join([f"{len(found)} dashboards, light and dark, in {arguments.out}", *said]))


if __name__ == "__main__":
    main()
