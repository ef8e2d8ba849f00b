"""How fast one ingest process stores, with broker, TimescaleDB and load on the same cores.

    python -m bench.ingest --events 200000 --json

The clock runs from the first publish to the commit of the last event. Devices are enrolled, each batch leaves its pumps
in the evaluation queue, durability is full. The last line is one JSON object with `--json`.

`--database-url postgresql://user:password@host:port/ingest_bench` is another server's, such as one with TimescaleDB
Community: the database is dropped and made anew. Its CPU is told where it runs on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import psutil

from bench import limits, stack
from bench.load import write_messages
from services.ingest.settings import IngestSettings, alarms_client_id

_STORED: Final = 'pumpwatch_ingest_events_total{result="stored"}'


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    events: int
    devices: int
    batch: int
    seconds: float
    events_per_second: float
    cpu_us_per_event: float
    cpu_us_per_event_by_part: dict[str, float]
    rss_mb: float
    lost: int
    duplicates: int
    mqtt_only_per_second: float
    copy_rows_per_second: float
    database: str


def metric(url: str, name: str) -> float:
    """Read one metric of a service."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
    return 0.0


def ingest_environment(servers: stack.BenchStack) -> dict[str, str]:
    """The settings of the ingest process under test: its defaults."""
    return {"INGEST_DATABASE_URL": servers.dsn, "INGEST_MQTT_URL": servers.broker.url}


def start_load(servers: stack.BenchStack, path: Path, messages: int) -> subprocess.Popen[bytes]:
    """Start the process that publishes the file."""
    return subprocess.Popen([sys.executable, "-m", "bench.load", str(servers.broker.port), str(path), str(messages)])


def measure(servers: stack.BenchStack, *, events: int, devices: int, batch: int) -> Measured:
    """Run once on a fresh database."""
    result = asyncio.run(stack.fresh_database(servers, devices=devices))
    path = servers.folder / "messages.bin"
    observed_at = datetime.now(UTC).isoformat(timespec="seconds")
    messages = write_messages(path, events=events, devices=devices, batch=batch, observed_at=observed_at)

    with stack.service("ingest", ingest_environment(servers), log_path=servers.folder / "ingest.log") as ingest:
        before = _cpu_seconds(servers, ingest.pid)
        started = time.perf_counter()
        load = start_load(servers, path, messages)
        stack.wait_until(
            lambda: metric(ingest.url, _STORED) >= events, within_seconds=60 + events / 1_000, what="all events stored"
        )
        seconds = time.perf_counter() - started
        cpu = {part: used - before[part] for part, used in _cpu_seconds(servers, ingest.pid).items()}
        cpu["load"] = _cpu_of(psutil.Process(load.pid))
        peak_kib = int(
            next(x for x in Path(f"/proc/{ingest.pid}/status").read_text().splitlines() if "VmHWM" in x).split()[1]
        )
        load.wait(timeout=30)
    client_id = IngestSettings.model_fields["client_id"].default
    for each in (client_id, alarms_client_id(client_id)):
        asyncio.run(limits.forget_session(servers.broker.url, each))
    rows, distinct = asyncio.run(_count(servers.dsn))

    loads: list[subprocess.Popen[bytes]] = []
    mqtt_only = asyncio.run(
        limits.mqtt_only_per_second(
            servers.broker.url, messages, lambda: loads.append(start_load(servers, path, messages))
        )
    )
    for process_ in loads:
        process_.wait(timeout=30)
    copied = asyncio.run(limits.copy_rows_per_second(servers.dsn, min(events, 200_000)))
    return Measured(
        events=events,
        devices=devices,
        batch=batch,
        seconds=round(seconds, 3),
        events_per_second=round(events / seconds),
        cpu_us_per_event=round(cpu["ingest"] / events * 1e6, 2),
        cpu_us_per_event_by_part={part: round(used / events * 1e6, 2) for part, used in cpu.items()},
        rss_mb=round(peak_kib / 1024, 1),
        lost=events - distinct,
        duplicates=rows - distinct,
        mqtt_only_per_second=round(mqtt_only * batch),
        copy_rows_per_second=round(copied),
        database=result.description,
    )


def _cpu_of(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)


def _cpu_seconds(servers: stack.BenchStack, ingest_pid: int) -> dict[str, float]:
    """CPU seconds that each part has used so far: PostgreSQL with all its processes, if they are to be seen."""
    listening = [c for c in psutil.net_connections("tcp4") if c.status == psutil.CONN_LISTEN]
    used = {
        "ingest": _cpu_of(psutil.Process(ingest_pid)),
        "broker": _cpu_of(psutil.Process(servers.broker.process.pid)),
    }
    if urlsplit(servers.dsn).hostname not in {"localhost", "127.0.0.1"}:
        return used
    pid = next((c.pid for c in listening if tuple(c.laddr)[1:] == (servers.database.port,)), None)
    if pid is not None:
        postmaster = psutil.Process(pid)
        used["postgres"] = sum(map(_cpu_of, [postmaster, *postmaster.children()]))
    return used


async def _count(dsn: str) -> tuple[int, int]:
    connection = await asyncpg.connect(dsn)
    row = await connection.fetchrow("SELECT count(*), count(DISTINCT event_id) FROM reservoir_readings")
    await connection.close()
    assert row is not None
    return row[0], row[1]


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=1, help="events in one message")
    parser.add_argument("--runs", type=int, default=1, help="the median run by events a second is printed last")
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    runs = []
    with stack.servers(arguments.database_url) as servers:
        for number in range(1, arguments.runs + 1):
            run = measure(servers, events=arguments.events, devices=arguments.devices, batch=arguments.batch)
            runs.append(run)
            print(
                f"run {number}: {run.events_per_second:,} events/s, "
                f"us of CPU an event: {run.cpu_us_per_event_by_part}, {run.rss_mb} MB, "
                f"{run.lost} lost, {run.duplicates} twice; "
                f"reading alone {run.mqtt_only_per_second:,}/s, COPY alone {run.copy_rows_per_second:,}/s; "
                f"{run.database}",
                flush=True,
            )
    middle = median(run.events_per_second for run in runs)
    chosen = min(runs, key=lambda run: abs(run.events_per_second - middle))
    if arguments.json:
        print(json.dumps({**asdict(chosen), "runs": len(runs)}))


if __name__ == "__main__":
    main()
