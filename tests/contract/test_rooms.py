"""Each thing is where it is looked for: SQL is asked for in one kind of place, and no room is too full to look around.

The limits are for people. A folder of more than a few files, or a file of many screens, holds more than one thing.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.contract.prose import FOLDERS, ROOT_FOLDER

MOST_FILES = 15
MOST_LINES = 400
MOST_LINES_OF_QUERIES = 250

NUMBERED = frozenset({"schemas/sql", "docs/decisions"})
"""Lists that only grow: a migration or a decision is never taken out, and is found by its number."""

_ASKS_FOR_A_STATEMENT = re.compile(r"\bQUERIES\[|_QUERIES\[")


def files(folder: str) -> Iterator[Path]:
    """Files below a folder, without what programs leave there or what is made on this machine."""
    for path in sorted((ROOT_FOLDER / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and (ROOT_FOLDER / "deploy/secrets") not in path.parents:
            yield path


def named(path: Path) -> str:
    return path.relative_to(ROOT_FOLDER).as_posix()


def imported(path: Path) -> Iterator[str]:
    """The full names that a file of Python imports from this project's tests."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module or ''}.{name}" for name in names]
        yield from (name for name in names if name.startswith("tests."))


def outside_stores() -> list[str]:
    return [
        named(path)
        for path in files("services")
        if path.suffix == ".py" and path.name != "store.py" and _ASKS_FOR_A_STATEMENT.search(path.read_text())
    ]


def too_long() -> list[str]:
    limits = {path: MOST_LINES for folder in FOLDERS for path in files(folder) if path.suffix == ".py"}
    limits |= {
        path: MOST_LINES_OF_QUERIES for folder in FOLDERS for path in files(folder) if path.name == "queries.sql"
    }
    return [named(path) for path, most in limits.items() if len(path.read_text().splitlines()) > most]


def test_statements_are_asked_for_in_stores_only() -> None:
    assert outside_stores() == []


def test_commands_print_by_way_of_the_terminal() -> None:
    """Which escapes what would steer it (services/commands/terminal.py)."""
    found = [
        named(path)
        for path in (*files("services/commands"), ROOT_FOLDER / "services/cli.py")
        if path.suffix == ".py" and path.name != "terminal.py" and re.search(r"\bprint\((?!.*file=)", path.read_text())
    ]
    assert found == []


def test_no_folder_has_more_files_than_can_be_looked_over() -> None:
    counts = Counter(named(path.parent) for folder in FOLDERS for path in files(folder))
    assert {name: count for name, count in counts.items() if count > MOST_FILES and name not in NUMBERED} == {}


def test_no_file_is_too_long_to_be_read() -> None:
    assert too_long() == []


def test_what_tests_share_is_in_no_test_module() -> None:
    found = [
        f"{named(path)}: {name}"
        for path in files("tests")
        if path.suffix == ".py"
        for name in imported(path)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert found == []
