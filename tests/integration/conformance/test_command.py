"""`pumpwatch conformance` as a maker types it: reports, exit codes, and where it refuses to run."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from services.devstack.ports import free_port
from tests.command import pumpwatch
from tests.ingest_world import ingest_settings
from tests.integration.conformance.devices import PYTHON, RESEND_SECONDS, broken, running
from tests.stack import eventually

PACE = ("--unattended", "--resend-seconds", str(RESEND_SECONDS), "--patience-seconds", "13")


async def conformance(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", "conformance", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
async def test_a_maker_needs_one_command_and_gets_a_report_for_people_and_for_programs(tmp_path: Path) -> None:
    """It brings its own broker."""
    device, port, junit = f"pump-{uuid.uuid4().hex[:8]}", free_port(), tmp_path / "report.xml"
    async with running(PYTHON, device, port, tmp_path):
        code, out, err = await conformance(
            device, "--listen", f"127.0.0.1:{port}", *PACE, "--kind", "status", "--json", "--junit", str(junit)
        )
    said = json.loads(out)
    assert (code, said["conforms"], said["device_id"]) == (0, True, device)
    assert said["counts"]["failed"] == 0
    assert f"the device connects to mqtt://127.0.0.1:{port} as {device}" in err
    assert "lost receipt: waiting for a new event" in err
    assert ET.parse(junit).getroot().get("failures") == "0"  # noqa: S314


@pytest.mark.long
async def test_a_device_that_does_not_conform_is_exit_code_1(own_broker, tmp_path: Path) -> None:
    device, port, broker = f"pump-{uuid.uuid4().hex[:8]}", free_port(), own_broker()
    program = broken(tmp_path, "quiet", ("qos=1", "qos=0"), ("ask.ResponseTopic, ask.CorrelationData", "_, _"))
    async with running(program, device, port, tmp_path):
        code, out, _ = await conformance(
            device, "--listen", f"127.0.0.1:{port}", "--broker", broker.url, *PACE[:-1], "1"
        )
    assert code == 1
    lines = out.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("D-20  FAILED")]
    assert lines[place].endswith("MUST    publish with QoS 1")
    assert lines[place + 1].strip().endswith("QoS 0; expected 1")
    assert lines[-1].partition(f"{device} does not conform: ")[2].startswith("D-20, D-40")


async def test_it_refuses_a_broker_at_which_ingest_takes_events(database, broker, run_service) -> None:
    await run_service("ingest", ingest_settings(database.dsn, broker))
    code, out, err = await conformance("pump-1", "--broker", broker.url, *PACE)
    assert (code, out) == (2, "")
    assert "somebody takes devices' events already" in err
    kept = await eventually(lambda: database.pool.fetch("SELECT DISTINCT reason, device_id FROM dead_letters"))
    assert [tuple(each) for each in kept] == [("unknown_device", "pumpwatch-conformance")]
    assert await database.pool.fetchval("SELECT count(*) FROM devices") == 0


async def test_it_refuses_a_broker_to_which_ingest_comes_back(database, own_broker, run_service) -> None:
    """A session that waits for its owner: what a device sends would be stored later (decision 26)."""
    broker = own_broker(persistence=True)
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    service.terminate()
    code, _, err = await conformance("pump-1", "--broker", broker.url, *PACE)
    assert code == 2
    assert "comes back to its session" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pump 1",), "cannot be a device's id"),
        (("pumpwatch-ingest",), "cannot be a device's id"),
        (("pump-1", "--listen", "here"), "--listen: expected"),
        (("pump-1", "--listen", "127.0.0.1:0"), "--listen: expected"),
        (("pump-1", "--broker", "here"), "--broker: expected mqtt://"),
        (("pump-1", "--broker", "mqtts://broker.example"), "without TLS"),
        (("pump-1", "--broker", "mqtt://127.0.0.1:1"), "the broker cannot be used"),
    ],
)
def test_what_it_cannot_do_is_one_line_and_exit_code_2(words, said):
    done = pumpwatch("conformance", *words)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert (done.returncode, done.stdout, len(errors)) == (2, "", 1)
    assert said in errors[0]


def test_without_a_device_there_is_nothing_to_judge(own_broker):
    broker = own_broker()
    done = pumpwatch("conformance", "pump-1", "--broker", broker.url, "--unattended", "--patience-seconds", "0.1")
    assert done.returncode == 2
    assert "pump-1 did not connect to 127.0.0.1:" in done.stderr


def test_a_port_that_is_taken_is_said(own_broker):
    broker = own_broker()
    listen = f"127.0.0.1:{broker.port}"
    done = pumpwatch("conformance", "pump-1", "--broker", broker.url, "--listen", listen)
    assert done.returncode == 2
    assert f"cannot listen on {listen}" in done.stderr


async def test_a_run_that_is_ended_says_nothing_of_the_device(own_broker):
    """Exit code 1 is for a device that does not conform."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", "conformance", "pump-1", "--broker", own_broker().url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"waiting for pump-1" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"the run was ended before its end" in err
