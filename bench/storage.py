"""How storage grows with its history: bytes an event, inserts, dashboards and facts at 1, 10 and 50 million events.

    python -m bench.storage --events 1000000 10000000 --json --database-url postgresql://postgres@127.0.0.1/x_bench

The database is dropped and made anew; its name must end in `_bench`. Without a URL a TimescaleDB of the benchmark's own
is started. A fleet of `--pumps` reports 11 events a day each (6 readings, 4 bolus requests, 1 status), so more events
are a longer history. The bulk is made by the server; what is measured is written on top of it, with ingest's own
statements. Old chunks are converted when they would be by their policy, and everything is measured before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg

from bench import stack
from schemas.events import EventKind
from schemas.paths import SQL_FOLDER
from services.alerts.facts.store import load_facts
from services.ingest.storage.store import QUERIES as INGEST
from services.runtime.database import Connection, load_queries
from services.runtime.migrate import Edition, migrate
from tests.contract.grafana.macros import View, filled_in

_QUERIES: Final = load_queries(Path(__file__).with_suffix(".sql"))
_DASHBOARD: Final = load_queries(*sorted((Path(__file__).parents[1] / "deploy/grafana/queries").glob("*.sql")))
_EVENTS_PER_PUMP_DAY: Final = 11
_BATCH: Final = 2_000
_BATCHES: Final = 32
_FACTS_PUMPS: Final = 500
_BASELINE_DAYS: Final = 28
_CHUNK_OF_BULK: Final = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Measured:
    """One size, in one state of the old chunks."""

    events: int
    history_days: int
    chunks: int
    columnstore: bool
    bytes_per_event: float
    heap_bytes_per_event: float
    index_bytes_per_event: float
    rollup_bytes_per_event: dict[str, float]
    inserts_per_second: int
    late_inserts_per_second: int
    late_duplicates_per_second: int
    slowest_dashboard_ms: dict[str, float]
    facts_500_ms: float
    facts_500_first_ms: float
    database: str


async def grow(connection: Connection, pumps: int, newest: datetime, days_from: int, days_to: int) -> None:
    """Add history between `days_from` and `days_to` days before `newest`, the oldest first."""
    start, end = newest - timedelta(days=days_to), newest - timedelta(days=days_from)
    while start < end:
        until = min(start + _CHUNK_OF_BULK, end)
        for name in ("readings", "boluses", "statuses"):
            await connection.execute(_QUERIES[name], start, until, pumps)
        start = until
    await connection.execute(_QUERIES["rare"], newest - timedelta(days=days_to), end, pumps)


def batch_of(
    chance: random.Random, pumps: int, now: datetime, *, late_days: tuple[float, float] | None
) -> list[Columns]:
    """The columns of one batch: 6 readings to 4 requests to 1 status, of random pumps.

    Live ones are of the last minute, one in ten of a handheld's log of the last day, and one in a hundred older.
    """
    rows: dict[EventKind, list[tuple[object, ...]]] = {kind: [] for kind in _OWN_COLUMNS}
    for kind in chance.choices(list(rows), weights=(6, 4, 1), k=_BATCH):
        pump = f"pump-{chance.randrange(pumps):06d}"
        if late_days is None:
            seconds = chance.choices((60, 86_400, 60 * 86_400), weights=(89, 10, 1))[0] * chance.random()
        else:
            seconds = chance.uniform(*late_days) * 86_400
        observed = (now - timedelta(seconds=seconds)).timestamp()
        rows[kind].append((pump, observed, uuid.UUID(int=chance.getrandbits(128)), pump, None, *_OWN_COLUMNS[kind]))
    return [(kind, [list(column) for column in zip(*each, strict=True)]) for kind, each in rows.items()]


Columns = tuple[EventKind, list[list[object]]]
_OWN_COLUMNS: Final[dict[EventKind, tuple[object, ...]]] = {
    EventKind.RESERVOIR: (12.4, "computed"),
    EventKind.BOLUS: ("delivered", 12.5),
    EventKind.STATUS: (88.0, "2.2.0", None),
}


async def insert_rate(connection: Connection, batches: list[list[Columns]], now: datetime) -> tuple[int, int]:
    """Write each batch in one transaction; rows a second in the median batch, and how many rows were new in all."""
    inserted, took = 0, []
    for batch in batches:
        started = time.perf_counter()
        async with connection.transaction():
            for kind, columns in batch:
                status = await connection.execute(INGEST[f"insert_{kind}"], now, *columns)
                inserted += int(status.rpartition(" ")[2])
        took.append(time.perf_counter() - started)
    return round(_BATCH / median(took)), inserted


async def dashboards(connection: Connection, now: datetime, *, timescaledb: bool) -> dict[str, float]:
    """Milliseconds of every dashboard query over 30 days and all clinics, the slowest first."""
    choice = {"clinic": [f"clinic-{n}" for n in range(4)], "pump": ["pump-000007"]}
    view = View(now - timedelta(days=30), now, 3_600, choice, timescaledb=timescaledb)
    took = {}
    for name, query in _DASHBOARD.items():
        took[name] = await milliseconds(connection, filled_in(query, view), times=5)
    return dict(sorted(took.items(), key=lambda item: -item[1]))


async def milliseconds(connection: Connection, query: str, *, times: int) -> float:
    """How long a query takes, its rows fetched: the fastest of some, because what else runs only adds."""
    each = []
    for _ in range(times):
        started = time.perf_counter()
        await connection.fetch(query)
        each.append((time.perf_counter() - started) * 1_000)
    return round(min(each), 1)


async def facts(dsn: str, pumps: int, now: datetime) -> tuple[float, float]:
    """Milliseconds of the facts of 500 pumps: the fastest time, and the first on a new connection."""
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off", "timezone": "UTC"})
    each = []
    for run in range(8):
        ids = [f"pump-{(n * 37 + run) % pumps:06d}" for n in range(_FACTS_PUMPS)]
        started = time.perf_counter()
        await load_facts(connection, ids, now, windows=_BASELINE_DAYS)
        each.append((time.perf_counter() - started) * 1_000)
    await connection.close()
    return round(min(each[1:]), 1), round(each[0], 1)


async def measure(dsn: str, pumps: int, days: int, database: str, *, columnstore: bool) -> Measured:
    """Measure the database as it is."""
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off", "timezone": "UTC"}, command_timeout=300)
    now = datetime.now(UTC)
    chance = random.Random(f"{days}{columnstore}")
    community = "Community" in database
    sizes = await connection.fetchrow(_QUERIES["table_sizes"])
    assert sizes is not None
    events = sizes["events"]
    rollups = (
        {r[0]: round(r[1] / events, 1) for r in await connection.fetch(_QUERIES["rollup_sizes"])} if community else {}
    )
    chunks = await connection.fetchval(_QUERIES["count_chunks"])
    slowest = await dashboards(connection, now, timescaledb=True)
    typical, first = await facts(dsn, pumps, now)
    live = [batch_of(chance, pumps, now, late_days=None) for _ in range(_BATCHES)]
    late_days = (35.0, max(36.0, min(400.0, days - 1.0)))
    late = [batch_of(chance, pumps, now, late_days=late_days) for _ in range(_BATCHES // 4)]
    await connection.execute("CHECKPOINT")
    rate, stored = await insert_rate(connection, live, now)
    late_rate, late_stored = await insert_rate(connection, late, now)
    again_rate, again = await insert_rate(connection, late, now)
    assert (stored, late_stored, again) == (len(live) * _BATCH, len(late) * _BATCH, 0), (stored, late_stored, again)
    await connection.close()
    return Measured(
        events=events,
        history_days=days,
        chunks=chunks,
        columnstore=columnstore,
        bytes_per_event=round((sizes["heap"] + sizes["indexes"]) / events, 1),
        heap_bytes_per_event=round(sizes["heap"] / events, 1),
        index_bytes_per_event=round(sizes["indexes"] / events, 1),
        rollup_bytes_per_event=rollups,
        inserts_per_second=rate,
        late_inserts_per_second=late_rate,
        late_duplicates_per_second=again_rate,
        slowest_dashboard_ms=dict(list(slowest.items())[:5]),
        facts_500_ms=typical,
        facts_500_first_ms=first,
        database=database,
    )


async def convert(dsn: str) -> float:
    """Do what the policies would do by now; the seconds it took."""
    connection = await asyncpg.connect(dsn, command_timeout=600)
    started = time.perf_counter()
    for row in await connection.fetch(_QUERIES["old_chunks"]):
        await connection.execute(f"CALL convert_to_columnstore('{row['chunk']}')")
    seconds = time.perf_counter() - started
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return seconds


async def run(url: str, sizes: list[int], pumps: int, chunk_days: int | None) -> list[Measured]:
    """Grow one database through the sizes."""
    server, _, name = url.rpartition("/")
    admin = await asyncpg.connect(f"{server}/postgres")
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{name}"')
    connection = await asyncpg.connect(url, command_timeout=900)
    result = await migrate(connection, SQL_FOLDER)
    if result.edition is Edition.POSTGRES:
        raise SystemExit("error: the benchmark needs TimescaleDB")
    if chunk_days is not None:
        await connection.execute(_QUERIES["set_chunk_days"], chunk_days)
    await connection.execute(_QUERIES["fleet"], pumps)
    done, newest, runs = 0, datetime.now(UTC), []
    for size in sorted(sizes):
        days = size // (_EVENTS_PER_PUMP_DAY * pumps)
        started = time.perf_counter()
        await grow(connection, pumps, newest, done, days)
        await connection.execute("VACUUM ANALYZE")
        print(f"{size:,} events, {days} days: made in {time.perf_counter() - started:.0f} s", flush=True)
        done = days
        if result.edition is Edition.COMMUNITY:
            for rollup in await connection.fetch(_QUERIES["rollup_sizes"]):
                await connection.execute(f"CALL refresh_continuous_aggregate('{rollup[0]}', NULL, NULL)")
        runs.append(await measure(url, pumps, days, result.description, columnstore=False))
        print(json.dumps(asdict(runs[-1])), flush=True)
        if result.edition is Edition.COMMUNITY:
            print(f"converted in {await convert(url):.1f} s", flush=True)
            runs.append(await measure(url, pumps, days, result.description, columnstore=True))
            print(json.dumps(asdict(runs[-1])), flush=True)
    await connection.close()
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.close()
    return runs


@contextmanager
def database_url(given: str | None) -> Iterator[str]:
    """The database to use: the one that was named, or one on a server of the benchmark's own."""
    if given is None:
        with stack.servers() as servers:
            yield servers.database.dsn("pumpwatch_bench")
        return
    yield stack.checked_bench_url(given)


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--pumps", type=int, default=2_000)
    parser.add_argument("--chunk-days", type=int, help="instead of what the migrations set")
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON array")
    arguments = parser.parse_args()
    with database_url(arguments.database_url) as url:
        runs = asyncio.run(run(url, arguments.events, arguments.pumps, arguments.chunk_days))
    if arguments.json:
        print(json.dumps([asdict(each) for each in runs]))


if __name__ == "__main__":
    main()
