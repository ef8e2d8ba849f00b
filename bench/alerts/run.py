"""What the alert service costs: a sweep over a fleet, pumps that changed, and a network that falls silent.

    python -m bench.alerts --pumps 1000 10000 100000 --days 28 --json

Real `pumpwatch alerts` processes (two: one for each core) on a TimescaleDB of the benchmark's own, with the memory that
its makers' tuning would give it (a quarter of the machine's). A sweep runs from the moment that every pump is due until
the last one was evaluated, and so holds up to a second in which nobody looks; the first one opens the alerts that the
history holds, the others find that nothing changed. Changed pumps run from the commit of their readings until the queue
is empty: all in one entry of it, and each in one of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import asyncpg
import psutil

from bench import stack
from bench.alerts.fleet import QUERIES, make_fleet
from bench.alerts.silence import Silence, silence
from services.devstack.pages import PageCollector
from services.devstack.servers import timescaledb
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess

_POLICY: Final = """
clinic_id: default
contacts: [{{name: nurse, channels: [{{name: sms, url: "{url}"}}]}}]
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}
  medium: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}
  low: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}
"""
_DATABASE: Final = "alerts_bench"


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall seconds, and CPU milliseconds for each pump by part."""

    seconds: float
    alerts_cpu_ms: float
    postgres_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of fleet."""

    pumps: int
    history_days: int
    first_sweep: Spent
    open_alerts: int
    sweep: Spent
    changed_in_one_entry: Spent
    changed_in_entries_of_their_own: Spent
    changed_worst_seconds: float
    rss_mb: float
    idle_alerts_cpu_percent: float
    idle_postgres_cpu_percent: float


class Bench:
    """A fleet and the processes that watch it."""

    def __init__(self, server: DatabaseServer, connection: asyncpg.Connection[asyncpg.Record], pumps: int) -> None:
        self.connection = connection
        self.pumps = pumps
        self.workers: list[ServiceProcess] = []
        listening = [c for c in psutil.net_connections("tcp4") if c.status == psutil.CONN_LISTEN]
        self._postmaster = psutil.Process(next(c.pid for c in listening if tuple(c.laddr)[1:] == (server.port,)))

    async def sweep(self) -> Spent:
        """Let every pump be due, and wait until the last was evaluated."""
        # As after a sweep of long ago: most of the table's old row versions are gone.
        await self.connection.execute("VACUUM pump_evaluations")
        now = datetime.now(UTC)
        before, started = self._cpu(), time.perf_counter()
        await self.connection.execute(QUERIES["all_due"])
        await self._until("all_evaluated", now, every=0.1)
        return self._spent(before, started, self.pumps)

    async def changed(self, first: int, count: int, *, entry: int) -> Spent:
        """A reading of each of `count` pumps, as ingest would have stored and queued it, `entry` pumps to an entry."""
        before = self._cpu()
        await self.connection.execute(QUERIES["change"], first, count, self.pumps, entry)
        started = time.perf_counter()
        await self._until("queue_empty", every=0.005)
        return self._spent(before, started, count)

    async def idle_percent(self, seconds: float) -> tuple[float, float]:
        """CPU while nothing is due and nothing changes, in percent of one core: workers, and PostgreSQL."""
        before, started = self._cpu(), time.perf_counter()
        await asyncio.sleep(seconds)
        spent = self._spent(before, started, 1)
        return round(spent.alerts_cpu_ms / 10 / spent.seconds, 1), round(spent.postgres_cpu_ms / 10 / spent.seconds, 1)

    def rss_mb(self) -> float:
        """Of the largest process."""
        return round(max(psutil.Process(worker.pid).memory_info().rss for worker in self.workers) / 2**20, 1)

    async def _until(self, query: str, *arguments: object, every: float) -> None:
        while not await self.connection.fetchval(QUERIES[query], *arguments):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(every)

    def _cpu(self) -> tuple[float, float]:
        return (
            sum(_cpu_of(psutil.Process(worker.pid)) for worker in self.workers),
            sum(map(_cpu_of, [self._postmaster, *self._postmaster.children()])),
        )

    def _spent(self, before: tuple[float, float], started: float, pumps: int) -> Spent:
        seconds = time.perf_counter() - started
        alerts, postgres = (now - then for now, then in zip(self._cpu(), before, strict=True))
        return Spent(round(seconds, 3), round(alerts / pumps * 1e3, 3), round(postgres / pumps * 1e3, 3))


def _cpu_of(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)


@contextmanager
def alert_workers(dsn: str, pager: PageCollector, count: int, **settings: str) -> Iterator[list[ServiceProcess]]:
    """`pumpwatch alerts`, so many times, with a policy that tells one nurse of everything."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(TemporaryDirectory(prefix="pumpwatch-bench-")))
        (folder / "default.yaml").write_text(_POLICY.format(url=pager.url))
        environment = {"ALERTS_DATABASE_URL": dsn, "ALERTS_POLICY_FOLDER": str(folder)} | settings
        yield [
            exits.enter_context(stack.service("alerts", environment, log_path=folder / f"alerts-{number}.log"))
            for number in range(count)
        ]


async def measure(server: DatabaseServer, pager: PageCollector, pumps: int, days: int, workers: int) -> Measured:
    """Measure one size of fleet."""
    dsn = server.dsn(_DATABASE)
    started = time.perf_counter()
    database = await make_fleet(server.dsn(), dsn, pumps=pumps, days=days, now=datetime.now(UTC))
    print(f"{pumps:,} pumps, {days} days: made in {time.perf_counter() - started:.0f} s; {database}", flush=True)
    connection = await asyncpg.connect(dsn, timeout=30, command_timeout=600)
    # Nothing is due of itself: it becomes due when the benchmark says so.
    with alert_workers(dsn, pager, workers, ALERTS_SWEEP_SECONDS="3600") as running:
        bench = Bench(server, connection, pumps)
        bench.workers = running
        first = await bench.sweep()
        open_alerts = await connection.fetchval("SELECT count(*) FROM alerts WHERE state <> 'closed'")
        sweeps = [await bench.sweep() for _ in range(2)]
        count = min(1_000, pumps)
        one = [await bench.changed(n * count, count, entry=count) for n in range(5)]
        own = [await bench.changed((n + 5) * count, count, entry=1) for n in range(5)]
        await asyncio.sleep(6.0)
        idle = await bench.idle_percent(10.0)
        measured = Measured(
            pumps,
            days,
            first,
            open_alerts,
            _middle(sweeps),
            _middle(one),
            _middle(own),
            max(each.seconds for each in (*one, *own)),
            bench.rss_mb(),
            *idle,
        )
    await connection.close()
    return measured


def _middle(runs: list[Spent]) -> Spent:
    wanted = median(run.seconds for run in runs)
    return min(runs, key=lambda run: abs(run.seconds - wanted))


def table(runs: list[Measured]) -> str:
    """The figures as lines."""
    head = (
        "pumps",
        "sweep s",
        "cpu ms a pump",
        "of it alerts",
        "of it postgres",
        "first s",
        "alerts",
        "1,000 changed s",
    )
    rows = [head] + [
        (
            f"{run.pumps:,}",
            f"{run.sweep.seconds:.1f}",
            f"{run.sweep.alerts_cpu_ms + run.sweep.postgres_cpu_ms:.3f}",
            f"{run.sweep.alerts_cpu_ms:.3f}",
            f"{run.sweep.postgres_cpu_ms:.3f}",
            f"{run.first_sweep.seconds:.1f}",
            f"{run.open_alerts:,}",
            f"{run.changed_in_one_entry.seconds:.2f} / {run.changed_in_entries_of_their_own.seconds:.2f}",
        )
        for run in runs
    ]
    return "\n".join("  ".join(f"{cell:>15}" for cell in row) for row in rows)


def main() -> None:
    """Read the command line, run, and print."""
    quarter = min(8, psutil.virtual_memory().total // 4 // 2**30)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pumps", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--days", type=int, default=28, help="of history, at least 6")
    parser.add_argument("--workers", type=int, default=2, help="alert processes")
    parser.add_argument("--silent", type=int, default=2_000, help="devices that fall silent at once; 0: leave it out")
    parser.add_argument("--shared-buffers", default=f"{max(1, quarter)}GB", help="of the database")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = {"shared_buffers": arguments.shared_buffers, "max_wal_size": "8GB", "max_connections": "60"}
    runs: list[Measured] = []
    silent: Silence | None = None
    with ExitStack() as exits:
        pager = exits.enter_context(PageCollector())
        server = timescaledb.make_server(settings=settings)
        exits.callback(server.remove)
        server.start()
        if arguments.silent:
            silent = asyncio.run(silence(server, pager, alert_workers, arguments.silent))
            print(json.dumps(asdict(silent)), flush=True)
        for pumps in arguments.pumps:
            runs.append(asyncio.run(measure(server, pager, pumps, arguments.days, arguments.workers)))
            print(json.dumps(asdict(runs[-1])), flush=True)
    print(table(runs))
    if arguments.json:
        result: dict[str, Any] = {"runs": [asdict(run) for run in runs], "silent": asdict(silent) if silent else None}
        print(json.dumps(result | {"shared_buffers": arguments.shared_buffers, "workers": arguments.workers}))
