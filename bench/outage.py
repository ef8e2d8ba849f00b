"""The database is gone for a while under load: does ingest keep its memory, lose nothing, and catch up?

    python -m bench.outage --rate 5000 --seconds 60 --json

Devices go on publishing single events, each with a receipt, through the outage and after it. Caught up is when no more
events wait for their receipt than half a second of load brings. The last line is one JSON object with `--json`; the
exit code is 1 when a limit does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import psutil

from bench.faults.cells import CELLS, MakeServer, World, until, world_of
from schemas.events import EventKind
from schemas.topics import event_topic
from services.devstack.servers import timescaledb
from services.runtime.log import configure_logging
from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher

GROWTH_LIMIT_MB: Final = 50.0
CAUGHT_UP_LIMIT_SECONDS: Final = 30.0
_PUMPS: Final = 1_000
_TICK_SECONDS: Final = 0.02
_GIVE_UP_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Outage:
    """What was measured."""

    rate: int
    seconds: float
    events: int
    missing: int
    twice: int
    rss_before_mb: float
    rss_growth_mb: float
    """The most that was seen, from before the outage until everything was stored."""
    caught_up_seconds: float
    """From the database's return."""
    alive: bool

    @property
    def passed(self) -> bool:
        """Whether every limit held."""
        whole = self.missing == self.twice == 0 and self.alive
        return whole and self.rss_growth_mb < GROWTH_LIMIT_MB and self.caught_up_seconds <= CAUGHT_UP_LIMIT_SECONDS


async def run_outage(
    *,
    rate: int,
    seconds: float,
    folder: Path,
    warm_seconds: float = 5.0,
    make_server: MakeServer = timescaledb.make_server,
) -> Outage:
    """Measure one outage on servers of its own.

    Raises:
        TimeoutError: Ingest did not catch up at all.
    """
    cell = CELLS["postgres-immediate"]
    async with world_of(cell, folder, seed="outage", pumps=_PUMPS, make_server=make_server) as world:
        process = world.ingests[0]
        watched = psutil.Process(process.pid)
        most = [0]
        devices = Publisher(
            broker_address(world.broker.url),
            connections=2,
            window_events=int(rate * (seconds + 4 * _GIVE_UP_SECONDS)),
            resend_after_seconds=10
            * _GIVE_UP_SECONDS,  # the broker has them: only what a connection lost is sent again
        )
        async with devices, asyncio.TaskGroup() as group:
            sent: list[UUID] = []
            publishing = group.create_task(_publish_for_ever(devices, rate, sent))
            await asyncio.sleep(warm_seconds)  # the load itself
            before = watched.memory_info().rss
            watching = group.create_task(_watch(watched, most))
            await cell.strike(world)
            await asyncio.sleep(seconds)
            await cell.mend(world)
            mended = time.monotonic()
            await until(
                lambda: devices.counts.outstanding <= rate / 2, within_seconds=_GIVE_UP_SECONDS, what="caught up"
            )
            caught_up = time.monotonic() - mended
            publishing.cancel()
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                await devices.drained()
            watching.cancel()
        missing, twice = await _compare(world, sent)
        return Outage(
            rate=rate,
            seconds=seconds,
            events=len(sent),
            missing=missing,
            twice=twice,
            rss_before_mb=round(before / 2**20, 1),
            rss_growth_mb=round((most[0] - before) / 2**20, 1),
            caught_up_seconds=round(caught_up, 1),
            alive=process.is_running,
        )


async def _publish_for_ever(devices: Publisher, rate: int, sent: list[UUID]) -> None:
    """Publish `rate` events a second; what a blocked event loop held up is made good."""
    chance = random.Random("outage")
    observed_at = datetime.now(UTC).isoformat()
    started = time.monotonic()
    while True:
        while len(sent) < (time.monotonic() - started) * rate:
            event_id = UUID(int=chance.getrandbits(128))
            sent.append(event_id)
            pump = f"pump-{chance.randrange(_PUMPS):06d}"
            payload = f'{{"event_id":"{event_id}","observed_at":"{observed_at}","volume_ml":12.5}}'
            await devices.publish_raw(pump, event_topic(pump, EventKind.RESERVOIR), payload.encode(), 1)
        await asyncio.sleep(_TICK_SECONDS)


async def _watch(process: psutil.Process, most: list[int]) -> None:
    with suppress(psutil.NoSuchProcess):
        while True:
            most[0] = max(most[0], process.memory_info().rss)
            await asyncio.sleep(0.1)


async def _compare(world: World, sent: list[UUID]) -> tuple[int, int]:
    connection = await asyncpg.connect(world.dsn)
    try:
        rows = await connection.fetch("SELECT event_id FROM reservoir_readings")
    finally:
        await connection.close()
    stored = {row["event_id"].int for row in rows}
    return len({event_id.int for event_id in sent} - stored), len(rows) - len(stored)


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=60, help="how long the database is gone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    configure_logging(json=False, level="ERROR")
    with tempfile.TemporaryDirectory(prefix="pumpwatch-outage-") as folder:
        outage = asyncio.run(run_outage(rate=arguments.rate, seconds=arguments.seconds, folder=Path(folder)))
    print(
        f"{outage.events:,} events, {outage.missing} missing, {outage.twice} twice; RSS {outage.rss_before_mb} MB and "
        f"at most {outage.rss_growth_mb} MB more; caught up {outage.caught_up_seconds} s after the database's return: "
        f"{'passed' if outage.passed else 'FAILED'}"
    )
    if arguments.json:
        print(json.dumps({**asdict(outage), "passed": outage.passed}))
    sys.exit(not outage.passed)


if __name__ == "__main__":
    main()
