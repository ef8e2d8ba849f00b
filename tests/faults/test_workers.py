"""`pumpwatch ingest --workers 2`: they share the load; when one is killed, nothing with a receipt is lost."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter

import psutil
import pytest

from services.devstack.ports import free_port
from services.ingest.settings import IngestSettings
from services.ingest.workers import WorkersFailedError, run_workers
from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.stack import Database, eventually

EVENTS = 8_000


def free_ports() -> int:
    """The first of two free ports in a row."""
    while True:
        port = free_port()
        if free_port(port + 1) == port + 1:
            return port


def workers_of(parent: int) -> dict[str, psutil.Process]:
    """The running workers by their names."""
    found = {}
    for process in psutil.Process(parent).children():
        try:
            found[process.environ()["INGEST_CLIENT_ID"]] = process
        except (psutil.NoSuchProcess, psutil.ZombieProcess, KeyError):
            continue
    return found


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stored(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
        lines = answer.read().decode().splitlines()
    return next(
        float(line.split()[-1]) for line in lines if line.startswith('pumpwatch_ingest_events_total{result="stored"}')
    )


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
async def started(database: Database, broker, run_service):
    """(service, settings, first port) with both workers ready."""
    port = free_ports()
    settings = ingest_settings(database.dsn, broker, INGEST_HTTP_PORT=str(port))
    service = await run_service("ingest", settings, options=("--workers", "2"))
    await eventually(lambda: ready(port) and ready(port + 1), 30, what="both workers are ready")
    return service, settings, port


async def test_two_workers_share_the_load_and_a_killed_one_comes_back(database: Database, broker, started):
    service, settings, port = started
    names = {f"{settings['INGEST_CLIENT_ID']}-{n}" for n in (1, 2)}
    before = workers_of(service.pid)
    assert set(before) == names
    pumps = [unique("pump") for _ in range(50)]
    await enrol(database.pool, pumps)
    chance = random.Random(1)
    sent: Counter[str] = Counter()
    async with Publisher(
        broker_address(broker.url), connections=2, window_events=1_000, resend_after_seconds=2
    ) as devices:
        for number in range(EVENTS):
            if number == EVENTS // 2:
                await eventually(lambda: devices.counts.receipts > 0, what="the first receipts")
                assert min(stored(port), stored(port + 1)) > EVENTS // 20
                before[min(names)].kill()
            pump, event = chance.choice(pumps), reading(15.0, seq=number)
            sent[str(event["event_id"])] += 1
            await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)
        await devices.drained()
        assert (devices.counts.receipts, devices.counts.rejected) == (EVENTS, 0)
    rows = await database.pool.fetch("SELECT event_id::text FROM reservoir_readings")
    assert Counter(row[0] for row in rows) == sent

    await eventually(lambda: ready(port), 30, what="the killed worker is back")
    after = workers_of(service.pid)
    assert set(after) == names
    assert after[max(names)].pid == before[max(names)].pid
    assert after[min(names)].pid != before[min(names)].pid
    assert service.terminate(within_seconds=20) == 0
    assert all(is_gone(process) for process in after.values())


async def test_a_signal_to_parent_and_workers_at_once_is_one_orderly_stop(started):
    service, _, _ = started
    workers = list(workers_of(service.pid).values())
    os.killpg(service.pid, signal.SIGTERM)
    assert service.wait(20)
    assert service.exit_code == 0
    assert all(is_gone(process) for process in workers)
    assert service.log().count("stopped") == 3
    assert "worker_ended" not in service.log()


async def test_no_worker_outlives_the_parent(started):
    service, _, _ = started
    workers = list(workers_of(service.pid).values())
    os.kill(service.pid, signal.SIGKILL)
    await eventually(lambda: all(map(is_gone, workers)), 20, what="the workers stop")
    assert service.log().count("stopped") == 2


async def test_workers_that_all_keep_ending_end_the_parent():
    settings = IngestSettings(database_url="postgresql://h/d", mqtt_url="mqtt://h")
    command = (sys.executable, "-I", "-S", "-c", "raise SystemExit(3)")
    with pytest.raises(WorkersFailedError, match="soon after its start 5 times, the last with code 3"):
        await run_workers(settings, workers=2, command=command, first_pause_seconds=0.01)


async def test_one_worker_that_keeps_ending_ends_nobody(tmp_path):
    """It is started again and again; the other runs until the stop, which waits for no pause."""
    settings = IngestSettings(database_url="postgresql://h/d", mqtt_url="mqtt://h", client_id="w")
    script = (
        "import os, sys, signal; open(sys.argv[1], 'a').write('x')\n"
        "if os.environ['INGEST_CLIENT_ID'] == 'w-1': sys.exit(1)\n"
        "while os.path.getsize(sys.argv[1]) < 8: pass\n"
        "os.kill(os.getppid(), signal.SIGTERM); sys.stdin.read()\n"
    )
    started_at = time.monotonic()
    command = (sys.executable, "-I", "-S", "-c", script, str(tmp_path / "starts"))
    await run_workers(settings, workers=2, command=command, first_pause_seconds=0.001)
    assert time.monotonic() - started_at < 15
