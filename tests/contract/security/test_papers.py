"""The security papers say what is so: tests that are there, ports that are open, logins that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from schemas.paths import GRANTS_FILE
from tests.contract.deploy.compose_file import PRODUCTION, ROOT, read
from tests.contract.prose import code

FOLDER = ROOT / "docs" / "security"
ATTACKS = (FOLDER / "attacks.md").read_text()
SERVICES = read(PRODUCTION)["services"]


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows but their heads."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:2] == "| "]
    return [row for place, row in enumerate(found) if not row[0].startswith("---") and not _is_head(found, place)]


def _is_head(found: list[list[str]], place: int) -> bool:
    return place + 1 < len(found) and found[place + 1][0].startswith("---")


def section(paper: str, title: str) -> str:
    """What stands below one heading."""
    text = (FOLDER / paper).read_text()
    return text[text.index(f"## {title}") :].split("\n## ")[0]


@pytest.mark.parametrize("row", rows(ATTACKS), ids=lambda row: row[0][:40])
def test_each_attack_names_tests_that_are_there(row: list[str]) -> None:
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[-1])
    assert tests, row
    for path, name in tests:
        assert re.search(rf"^(async )?def {name}\(", code(path), re.MULTILINE), name


def test_each_threat_names_a_table_of_attacks() -> None:
    tables = set(re.findall(r"^## (.+)$", ATTACKS, re.MULTILINE))
    threats = rows(section("threat-model.md", "Threats"))
    assert len(threats) > 10
    for row in threats:
        assert set(row[-1].split(", ")) <= tables, row


def test_the_ports_are_those_of_the_compose_file() -> None:
    table = rows((FOLDER / "network.md").read_text())
    said = {(row[0], row[1]): (row[3].startswith("yes"), set(row[4].split(", "))) for row in table}
    for name, service in SERVICES.items():
        published = {str(port).rpartition(":")[2] for port in service.get("ports", ())}
        inside = {str(port) for port in service.get("expose", ())}
        for port in published | inside:
            assert said[name, port] == (port in published, set(service["networks"])), (name, port)
    with_ports = {name for name, each in SERVICES.items() if each.get("ports") or each.get("expose")}
    assert {name for name, _ in said} == with_ports | {"timescaledb"}


def test_the_logins_are_those_that_are_made() -> None:
    table = rows(section("roles.md", "Logins at the database"))
    said = {name for row in table for name in re.findall(r"`(pumpwatch_\w+)`", row[0])}
    made = (ROOT / "deploy/timescaledb/make-roles").read_text()
    assert said == set(re.findall(r"=(pumpwatch_\w+)", made)) - {"pumpwatch_service"}
    assert set(re.findall(r"^-- login: (\w+)$", GRANTS_FILE.read_text(), re.MULTILINE)) <= said


def test_the_brokers_logins_are_those_of_its_files() -> None:
    said = {row[0].strip("`") for row in rows(section("roles.md", "Logins at the broker"))}
    users = set(re.findall(r"^user (\w+)$", (ROOT / "deploy/mosquitto/services.acl").read_text(), re.MULTILINE))
    assert said - {"a device"} == users - {"simulator"}


def test_what_the_scanner_leaves_is_explained() -> None:
    explained = (FOLDER / "weaknesses.md").read_text()
    settings = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["tool"]["bandit"]
    assert [each for each in (*settings["skips"], *settings["exclude_dirs"]) if each not in explained] == []
