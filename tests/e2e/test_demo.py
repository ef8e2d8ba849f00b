"""`pumpwatch demo`: the three pages arrive, and nothing is left running, whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stack import eventually

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # three pages within a minute, and one set of ports

PUMPS = 40
SECONDS_TO_LIVE = 40
SECONDS_TO_PAGES = 60


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A demo in a folder of its own; its output goes to `demo.txt` there."""
    with (tmp_path / "demo.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "demo", "--pumps", str(PUMPS), "--no-color"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"},
        )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    print((tmp_path / "demo.txt").read_text())  # noqa: T201 - shown when the test fails
    for log in sorted((tmp_path / ".demo" / "logs").glob("*.log")):
        print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")  # noqa: T201


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def live(demo: subprocess.Popen[bytes], tmp_path: Path) -> list[psutil.Process]:
    """Wait until the demo says that the fleet is live, and name every process of it."""

    def said() -> bool:
        assert demo.poll() is None, (tmp_path / "demo.txt").read_text()
        return "the fleet is live" in (tmp_path / "demo.txt").read_text()

    await eventually(said, SECONDS_TO_LIVE)
    return psutil.Process(demo.pid).children(recursive=True)


async def test_the_three_pages_arrive_and_ctrl_c_ends_everything(demo: subprocess.Popen[bytes], tmp_path: Path):
    processes = await live(demo, tmp_path)
    expected = [truth for truth in lines(tmp_path / ".demo" / "truth.jsonl") if truth["expected_rule"]]
    assert {truth["scenario"] for truth in expected} == {"motor_stall", "low_reservoir", "demand_surge"}

    def pages_of(pump_id: str) -> list[str]:
        pages = lines(tmp_path / ".demo" / "pages.log")
        return [page["title"] for page in pages if f"pump {pump_id}:" in page["title"]]

    await eventually(
        lambda: all(pages_of(truth["pump_id"]) for truth in expected), SECONDS_TO_PAGES, what="one page of each kind"
    )
    demo.send_signal(signal.SIGINT)
    await eventually(lambda: demo.poll() is not None, 20)
    assert demo.returncode == 0
    assert all(gone(process) for process in processes)
    for truth in expected:
        assert len(pages_of(truth["pump_id"])) == 1
    assert "Traceback" not in (tmp_path / "demo.txt").read_text()


async def test_a_second_ctrl_c_ends_everything_at_once_and_leaves_nothing(
    demo: subprocess.Popen[bytes], tmp_path: Path
):
    processes = await live(demo, tmp_path)
    stuck = [process for process in processes if {"ingest", "alerts", "simulate"} & set(process.cmdline())]
    assert len(stuck) == 3
    for process in stuck:  # it would be waited for: 5 seconds each
        process.suspend()
    demo.send_signal(signal.SIGINT)
    await eventually(lambda: "ending every process" in (tmp_path / "demo.txt").read_text())
    assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    await eventually(lambda: demo.poll() is not None, 12)
    assert demo.returncode == 130
    assert all(gone(process) for process in processes)
    assert "Traceback" not in (tmp_path / "demo.txt").read_text()


async def test_a_demo_that_is_killed_leaves_nothing(demo: subprocess.Popen[bytes], tmp_path: Path):
    processes = await live(demo, tmp_path)
    assert len(processes) > 8
    demo.kill()
    await eventually(lambda: all(gone(process) for process in processes), 15)


async def test_a_part_that_dies_is_named(demo: subprocess.Popen[bytes], tmp_path: Path):
    processes = await live(demo, tmp_path)
    (broker,) = (process for process in processes if process.name() == "mosquitto")
    broker.kill()
    await eventually(lambda: demo.poll() is not None, 20)
    assert demo.returncode == 1
    assert "error: Mosquitto ended with exit code -9" in (tmp_path / "demo.txt").read_text()
    assert all(gone(process) for process in processes)
