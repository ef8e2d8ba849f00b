"""How long every query of the four dashboards takes, as the login of a clinic runs it, at so many events.

    python -m bench.grafana.times --events 10000000 --database-url postgresql://postgres@127.0.0.1/x_bench

The database is dropped and made anew; its name must end in `_bench`. Without a URL a TimescaleDB of the benchmark's own
is started. The fleet is that of `bench.storage`, with two ended alerts a month of each pump. Every panel, mark and
variable is asked for the time with which its dashboard opens, by the login of one clinic (a quarter of the pumps) and
by one that sees all, five times. What counts is the processor's time of the database's own process, which other work on
the machine does not change; the time on the clock stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg
import psutil

from bench.storage import database_url, grow
from schemas.paths import SQL_FOLDER
from services.runtime.database import Connection, load_queries
from services.runtime.migrate import Edition, migrate
from tests.contract.grafana.boards import ALL, BOARDS
from tests.contract.grafana.macros import View, filled_in

_QUERIES: Final = load_queries(Path(__file__).parents[1] / "storage.sql", Path(__file__).with_suffix(".sql"))
_EVENTS_PER_PUMP_DAY: Final = 11
_TIMES: Final = 5
_BOUND_MS: Final = 300.0
_ROLES: Final = {"one clinic": "pw_bench_one", "all clinics": "pw_bench_all"}
_CHOSEN: Final = {"one clinic": ["clinic-0"], "all clinics": [f"clinic-{number}" for number in range(4)]}


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Of one query: the median of some times."""

    processor: float
    clock: float


@dataclass(frozen=True, slots=True)
class Took:
    """One query, by who asks."""

    name: str
    by: dict[str, Milliseconds]

    @property
    def slowest(self) -> float:
        """For whom it takes longest."""
        return max(each.processor for each in self.by.values())


async def fill(url: str, events: int, pumps: int) -> str:
    """Make the database anew and give it a history; says what it is."""
    server, _, name = url.rpartition("/")
    admin = await asyncpg.connect(f"{server}/postgres")
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
    connection = await asyncpg.connect(url, command_timeout=1800)
    result = await migrate(connection, SQL_FOLDER)
    await connection.execute(_QUERIES["fleet"], pumps)
    days = events // (_EVENTS_PER_PUMP_DAY * pumps)
    began = time.perf_counter()
    now = datetime.now(UTC)
    await grow(connection, pumps, now, 0, days)
    await connection.execute(_QUERIES["ended_alerts"], now - timedelta(days=days))
    if result.edition is Edition.COMMUNITY:
        for rollup in await connection.fetch(_QUERIES["rollup_sizes"]):
            await connection.execute(f"CALL refresh_continuous_aggregate('{rollup[0]}', NULL, NULL)")
        for row in await connection.fetch(_QUERIES["old_chunks"]):
            await connection.execute(f"CALL convert_to_columnstore('{row['chunk']}')")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return f"{result.description}; {days} days of {pumps} pumps, made in {time.perf_counter() - began:.0f} s"


async def times(url: str) -> list[Took]:
    """Every query, the slowest first."""
    owner = await asyncpg.connect(url)
    timescaledb = await owner.fetchval("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')")
    found: dict[str, dict[str, Milliseconds]] = {}
    for who, role in _ROLES.items():
        await owner.execute(f"DROP ROLE IF EXISTS {role}")
        await owner.execute("DELETE FROM clinic_readers WHERE role_name = $1", role)
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' IN ROLE pumpwatch_reader")
        await owner.execute(
            "INSERT INTO clinic_readers VALUES ($1, $2)", role, _CHOSEN[who][0] if len(_CHOSEN[who]) == 1 else None
        )
        # As Grafana's data source opens it (deploy/grafana/provisioning).
        connection = await asyncpg.connect(url, user=role, password=role, server_settings={"timezone": "UTC"})
        for name, query in _filled(who, timescaledb=timescaledb):
            found.setdefault(name, {})[who] = await milliseconds(connection, query)
        await connection.close()
    await owner.execute(f"DROP ROLE {', '.join(_ROLES.values())}")
    await owner.close()
    return sorted((Took(name, by) for name, by in found.items()), key=lambda each: -each.slowest)


async def milliseconds(connection: Connection, query: str) -> Milliseconds:
    """How long a query takes, its rows fetched."""
    process = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    each = []
    for _ in range(_TIMES):
        began, used = time.perf_counter(), sum(process.cpu_times()[:2])
        await connection.fetch(query)
        each.append(((sum(process.cpu_times()[:2]) - used) * 1000, (time.perf_counter() - began) * 1000))
    return Milliseconds(median(used for used, _ in each), median(lasted for _, lasted in each))


def _filled(who: str, *, timescaledb: bool) -> Iterator[tuple[str, str]]:
    now = datetime.now(UTC)
    chosen = {"clinic": _CHOSEN[who], "pump": ["pump-000008"]}
    for name, query in dict(ALL).items():
        board = BOARDS.get(name.partition(":")[0], BOARDS["pump"])  # what has no name of a board is of the pump's
        opens = timedelta(days=int(board["time"]["from"].removeprefix("now-").removesuffix("d")))
        yield name, filled_in(query, View(now - opens, now, 3600, chosen, timescaledb))


def main() -> None:
    """Read the command line, run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--pumps", type=int, default=2_000)
    parser.add_argument("--database-url", help="of a server on this machine")
    parser.add_argument("--keep", action="store_true", help="measure what is in that database already")
    arguments = parser.parse_args()
    with database_url(arguments.database_url) as url:
        if not arguments.keep:
            print(asyncio.run(fill(url, arguments.events, arguments.pumps)), flush=True)
        found = asyncio.run(times(url))
    heads = (f"{who}, ms of processor | on the clock" for who in _ROLES)
    print(f"| query | {' | '.join(heads)} |")
    print("| --- | --- | --- | --- | --- |")
    for each in found:
        cells = (f"{each.by[who].processor:.0f} | {each.by[who].clock:.0f}" for who in _ROLES)
        print(f"| {each.name} | {' | '.join(cells)} |")
    slow = [each.name for each in found if each.slowest > _BOUND_MS]
    print(f"{len(found)} queries, {len(slow)} over {_BOUND_MS:.0f} ms{': ' if slow else ''}{', '.join(slow)}")


if __name__ == "__main__":
    main()
