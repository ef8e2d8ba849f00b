"""Of several processes none runs a test while one that promises a time runs, and the report is that of one process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.contract.prose import ROOT_FOLDER

CONFTEST = """
from tests.spread import (
    pytest_collection_modifyitems, pytest_configure, pytest_runtest_protocol, pytest_sessionfinish,
    pytest_terminal_summary, pytest_testnodedown,
)
"""
TESTS = """
import pathlib, time
import pytest
from tests.spread import SUMMARY

def run(name):
    began = time.monotonic()
    time.sleep(0.15)
    (pathlib.Path(__file__).parent / f"{name}.ran").write_text(f"{began} {time.monotonic()}")

@pytest.mark.alone
@pytest.mark.parametrize("number", range(3))
def test_quick(number, pytestconfig):
    pytestconfig.stash[SUMMARY]["world"] = "ran on a made-up world"
    run(f"alone-{number}")

@pytest.mark.parametrize("number", range(8))
def test_slow(number, pytestconfig):
    pytestconfig.stash[SUMMARY]["world"] = "ran on a made-up world"
    run(f"beside-{number}")
    assert number != 5
"""
SETTINGS = """
[pytest]
markers =
    alone: alone
"""


def test_what_promises_a_time_runs_alone_and_a_failure_is_told_as_ever(tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    for name, text in (("conftest.py", CONFTEST), ("unit/test_made_up.py", TESTS), ("pytest.ini", SETTINGS)):
        (tmp_path / name).write_text(text)
    several = ("--numprocesses", "2", "--dist", "load", "--maxschedchunk", "1")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *several, f"--basetemp={tmp_path}/temporary"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT_FOLDER), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines().count("ran on a made-up world") == 1
    assert "FAILED unit/test_made_up.py::test_slow[5]" in done.stdout
    assert "1 failed, 10 passed" in done.stdout
    ran = {path.stem: tuple(map(float, path.read_text().split())) for path in (tmp_path / "unit").glob("*.ran")}
    assert len(ran) == 11
    for name in (f"alone-{number}" for number in range(3)):
        began, ended = ran.pop(name)
        assert all(ended <= other[0] or other[1] <= began for other in ran.values()), name
    several_at_once = [(one, other) for one in ran.values() for other in ran.values() if one[0] < other[0] < one[1]]
    assert several_at_once
