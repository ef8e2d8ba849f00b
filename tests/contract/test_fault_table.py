"""Every test that tests/README.md names for a fault is there."""

from __future__ import annotations

import re

import pytest

from tests.contract.prose import ROOT_FOLDER, code

TABLE = (ROOT_FOLDER / "tests" / "README.md").read_text()
FUNCTIONS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)
TIMELINES = [
    (path, title)
    for path, titles in re.findall(r'`(tests/[\w/]+\.py)`: ((?:"[^"]+"(?:, )?)+)', TABLE)
    for title in re.findall(r'"([^"]+)"', titles)
]


@pytest.mark.parametrize(("path", "name"), FUNCTIONS)
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", code(path), re.MULTILINE)


@pytest.mark.parametrize(("path", "title"), TIMELINES)
def test_a_timeline_that_is_named_is_there(path: str, title: str) -> None:
    assert f'"{title}"' in code(path)


def test_every_row_names_one() -> None:
    rows = re.findall(r"^\| (?!Fault|Folder|`tests|-).*$", TABLE, re.MULTILINE)
    assert rows
    for row in rows:
        assert re.search(r"::\w+`|\.py`: \"", row), row
