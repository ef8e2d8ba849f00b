"""The processes that tests fork (tests/servers/forked.py) are what `python -m services.cli` would have been."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from services.devstack.ports import free_port
from tests.command import pumpwatch, pumpwatch_from_scratch
from tests.servers.forked import ForkedChild, Forks, forks


def serving(from_process: Forks, log: Path) -> ForkedChild:
    """The ingest of a database and a broker that are not there: it stays and tries."""
    nowhere = {
        "INGEST_DATABASE_URL": "postgresql://postgres@127.0.0.1:1/nowhere",
        "INGEST_MQTT_URL": "mqtt://127.0.0.1:1",
        "INGEST_HTTP_PORT": str(free_port()),
    }
    with log.open("ab") as file:
        return from_process.fork(["ingest"], {**os.environ, **nowhere}, file.fileno(), file.fileno())


@pytest.mark.parametrize("arguments", [("--help",), ("gaps", "--since", "soon"), ("migrate",), ("ingest",)])
def test_a_fork_says_and_returns_what_a_process_from_scratch_does(arguments):
    forked, real = pumpwatch(*arguments), pumpwatch_from_scratch(*arguments)
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


def test_a_signal_that_ends_a_fork_is_its_exit_code(tmp_path):
    child = serving(forks(), tmp_path / "log")
    assert not child.has_ended()
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def test_no_fork_outlives_the_process_that_forks(tmp_path):
    own = Forks()
    child = serving(own, tmp_path / "log")
    own.close()
    assert child.has_ended(20)
