"""The dashboards as files: what code says, well formed, and laid out without holes or overlaps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana import build
from deploy.grafana.clinic import SILENT_HOURS
from deploy.grafana.model import DATASOURCE, QUERIES, SCHEMA_VERSION, WIDTH
from tests.contract.deploy.compose_file import PRODUCTION, read
from tests.contract.grafana.macros import variables_in

GRAFANA = Path(build.__file__).parent
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in build.FOLDER.glob("*.json")}
UNITS = {
    "short",
    "none",
    "string",
    "suffix:mL",
    "percent",
    "suffix:days",
    "m",
    "dtdurations",
    "dateTimeFromNow",
    "dateTimeAsSystem",
}
"""Without `mlitre` and `d`, by which Grafana writes 0.5 mL as 500 µL, and 20 days as 2.86 weeks."""
PANEL_TYPES = {"stat", "table", "timeseries", "bargauge"}

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
each_panel = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{name}: {panel['title']}")
        for name, board in BOARDS.items()
        for panel in board["panels"]
    ],
)


def targets(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield from panel["targets"]
    for annotation in board["annotations"]["list"]:
        yield annotation["target"]


def test_files_are_what_the_code_says() -> None:
    assert build.drifted() == (), "run `python -m deploy.grafana.build`"
    assert build.documents() == build.documents()
    assert BOARDS.keys() == {"clinic", "fleet", "pump", "quality"}


def test_a_drifted_file_is_named(tmp_path: Path) -> None:
    for name, text in build.documents().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "fleet.json").write_text("{}")
    (tmp_path / "gone.json").write_text("{}")
    assert build.drifted(tmp_path) == ("fleet.json", "gone.json")


def test_every_query_is_used() -> None:
    used = {target["rawSql"] for board in BOARDS.values() for target in targets(board)} | {
        variable["query"] for board in BOARDS.values() for variable in board["templating"]["list"]
    }
    assert used == set(QUERIES.values())


def test_dashboards_have_different_ids() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(uids) == len(set(uids))
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids)


@each_board
def test_schema_and_numbering(board: dict[str, Any]) -> None:
    assert board["schemaVersion"] == SCHEMA_VERSION == 42
    assert board["id"] is None
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


@each_board
def test_panels_do_not_overlap_and_leave_no_row_ragged(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(WIDTH) for y in range(bottom)}


@each_board
def test_every_query_has_the_one_data_source_and_known_variables(board: dict[str, Any]) -> None:
    known = {variable["name"] for variable in board["templating"]["list"]}
    for target in targets(board):
        assert target["datasource"] == DATASOURCE
        assert target["rawQuery"] is True
        assert variables_in(target["rawSql"]) <= known
    assert all(variable["datasource"] == DATASOURCE for variable in board["templating"]["list"])


@each_panel
def test_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["type"] in PANEL_TYPES
    assert len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for override in panel["fieldConfig"]["overrides"]:
        for item in override["properties"]:
            assert item["id"] != "unit" or item["value"] in UNITS
    assert {target["format"] for target in panel["targets"]} == {
        "time_series" if panel["type"] == "timeseries" else "table"
    }
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs))


@each_panel
def test_every_column_that_is_dressed_up_is_one_of_the_query(panel: dict[str, Any]) -> None:
    text = " ".join(target["rawSql"] for target in panel["targets"])
    named = [override["matcher"] for override in panel["fieldConfig"]["overrides"]]
    for name in [matcher["options"] for matcher in named if matcher["id"] == "byName"]:
        assert re.search(rf"\b{re.escape(name)}\b", text), name


def test_queries_read_the_views_for_readers_and_nothing_else() -> None:
    for name, query in QUERIES.items():
        sources = re.findall(r"\b(?:FROM|JOIN)\s+([a-z_.]+)", query)
        assert [
            source for source in sources if not source.startswith(("dashboard.", "jsonb_array", "generate_series"))
        ] in (
            [],
            ["acknowledged_at"],  # extract(epoch FROM ...)
            ["received_at"],
        ), name


def test_links_go_to_dashboards_that_are_there() -> None:
    text = json.dumps(list(BOARDS.values()))
    assert set(re.findall(r"/d/([a-z-]+)", text)) <= {board["uid"] for board in BOARDS.values()}


def test_hours_of_silence_are_the_same_in_words_and_in_sql() -> None:
    assert set(re.findall(r"last_heard_at.*?interval '(\d+) hours'", "\n".join(QUERIES.values()))) == {
        str(SILENT_HOURS)
    }


def test_provisioning_names_what_is_there() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/timescaledb.yaml").read_text())["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    grafana = read(PRODUCTION)["services"]["grafana"]
    secret = source["secureJsonData"]["password"]
    assert secret.removeprefix("$__file{/run/secrets/").removesuffix("}") in grafana["secrets"]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/pumpwatch.yaml").read_text())["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert provider["allowUiUpdates"] is False


@each_panel
def test_a_panel_without_a_row_says_what_that_means(panel: dict[str, Any]) -> None:
    assert len(panel["fieldConfig"]["defaults"]["noValue"]) > 3


@each_panel
def test_a_panel_obeys_the_time_that_is_chosen_or_says_that_it_does_not(panel: dict[str, Any]) -> None:
    obeys = any("$__time" in target["rawSql"] for target in panel["targets"])
    says = re.search(r"[Aa]s of now|whatever time is chosen|not closed now|as they are now", panel["description"])
    assert obeys != bool(says), panel["description"]


@each_board
def test_it_leads_to_every_other_dashboard_with_what_is_chosen_and_to_the_board(board: dict[str, Any]) -> None:
    links = {link["url"]: link for link in board["links"]}
    others = {f"/d/{each['uid']}" for each in BOARDS.values() if each is not board}
    assert links.keys() == others | {"${board}/"}
    assert all(links[url]["keepTime"] and links[url]["includeVars"] for url in others)
    assert [variable["hide"] for variable in board["templating"]["list"] if variable["name"] == "board"] == [2]


def test_alerts_and_pumps_lead_to_their_pages_on_the_board_by_columns_that_are_there() -> None:
    led = {
        (panel["title"], each["value"][-1]["url"].removeprefix("${board}"))
        for board in BOARDS.values()
        for panel in board["panels"]
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
    }
    assert {place for _, place in led} == {"/pumps/${__value.text:percentencode}", "/alerts/${__data.fields.alert_id}"}
    for title, place in led:
        queries = " ".join(
            target["rawSql"] for board in BOARDS.values() for panel in board["panels"] if panel["title"] == title
            for target in panel["targets"]
        )  # fmt: skip
        assert re.search(r"SELECT alert_id\b" if "alert_id" in place else r"\bAS pump\b", queries), title


def test_an_empty_cell_does_not_say_what_a_table_without_rows_says() -> None:
    """Grafana puts `noValue` into cells, too: "The pump told no alarm" would stand beside an alarm."""
    tables = [panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] == "table"]
    assert len(tables) > 10
    for panel in tables:
        first, *others = panel["fieldConfig"]["overrides"]
        assert first == {
            "matcher": {"id": "byRegexp", "options": "/.*/"},
            "properties": [{"id": "noValue", "value": "-"}],
        }
        assert panel["fieldConfig"]["defaults"]["noValue"] not in str(others)
