"""The fault matrix: what ingest loses, doubles and takes to come back, when the parts around it break.

    python -m bench.faults --events 100000 --repeats 10 --json
    python -m bench.faults --cell ingest --cell disk-full --events 20000 --repeats 3

In each cell simulated devices publish single events and arrays over several connections and keep each message until its
receipt. The fault strikes at random moments (seeded), `--repeats` times in one run. Prints a table, and last JSON
with `--json`. The exit code is 1 when a cell failed; what this machine cannot run is "not run", never passed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

import asyncpg

from bench.faults.cells import CELLS, Cell, MakeServer, NotRunError, World, ready, until, world_of
from bench.ingest import metric
from schemas.events import EventKind
from schemas.topics import event_topic
from services.devstack.servers import timescaledb
from services.runtime.log import configure_logging
from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher

BACK_WITHIN_SECONDS: Final = 10.0
_PUMPS: Final = 200
_CONNECTIONS: Final = 4
_ARRAY_EVENTS: Final = 30
_GIVE_UP_SECONDS: Final = 120
# Each re-send to a session whose owner is gone has an even chance, so the last message takes many: let them be quick.
_GONE_EVENTS: Final = 2_000
_GONE_RESEND_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one cell."""

    cell: str
    events: int = 0
    strikes: int = 0
    missing: int = 0
    """Events that have a receipt and no row."""
    twice: int = 0
    rejected: int = 0
    unexpected: int = 0
    """Rows that nobody sent."""
    resent_messages: int = 0
    back_seconds: list[float] = field(default_factory=list)
    """For each strike: from the peer's return until ingest had stored again."""
    alive: bool = False
    seconds: float = 0.0
    not_run: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every limit held."""
        whole = self.missing == self.twice == self.rejected == self.unexpected == 0
        back = len(self.back_seconds) == self.strikes > 0 and max(self.back_seconds) <= BACK_WITHIN_SECONDS
        return self.not_run is None and whole and back and self.alive


@dataclass(frozen=True, slots=True)
class _Message:
    device_id: str
    topic: str
    payload: bytes
    event_ids: list[UUID]


async def run_cell(
    name: str,
    *,
    events: int,
    strikes: int,
    folder: Path,
    seed: str = "1",
    gone_events: int = _GONE_EVENTS,
    make_server: MakeServer = timescaledb.make_server,
) -> Outcome:
    """Run one cell on servers of its own.

    Args:
        name: Of `CELLS`.
        events: To publish, and more until the last strike is over; at most `gone_events` where an ingestor is gone for
            good.
        strikes: How often the fault strikes; once where it is for good.
        folder: For logs.
        seed: Of the moments, the choices and the events.
        gone_events: See `events`.
        make_server: Makes the database server, but for the cell that fills a disk.

    Raises:
        TimeoutError: Ingest did not come back at all, or did not finish.
    """
    cell = CELLS[name]
    resend_after_seconds = 2.0
    if cell.for_good:
        events, strikes, resend_after_seconds = min(events, gone_events), 1, _GONE_RESEND_SECONDS
    try:
        async with world_of(cell, folder, seed=seed, pumps=_PUMPS, make_server=make_server) as world:
            return await _run(cell, world, events, strikes, resend_after_seconds)
    except NotRunError as error:
        return Outcome(cell.title, not_run=str(error))


async def _run(cell: Cell, world: World, events: int, strikes: int, resend_after_seconds: float) -> Outcome:
    messages: list[_Message] = []
    struck = asyncio.Event()
    moments = sorted(world.chance.uniform(0.05, 0.85) for _ in range(strikes))
    started, back_seconds = time.monotonic(), []
    async with (
        Publisher(
            broker_address(world.broker.url),
            connections=_CONNECTIONS,
            window_events=max(_ARRAY_EVENTS, events // 50),
            resend_after_seconds=resend_after_seconds,
        ) as devices,
        asyncio.TaskGroup() as group,
    ):
        to_send = _messages(random.Random(world.chance.random()))  # of its own: what is drawn depends on no clock
        publishing = group.create_task(_publish(devices, to_send, messages, at_least=events, until=struck))
        for moment in moments:
            sent = moment * events
            await until(
                lambda sent=sent: devices.counts.published >= sent and devices.counts.receipts,  # type: ignore[misc]
                within_seconds=_GIVE_UP_SECONDS,
                what=f"{cell.title}: {sent:.0f} events published",
            )
            back_seconds.append(await _one_fault(cell, world))
        struck.set()
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            await publishing
            await devices.drained()
        counts = devices.counts
    seconds = time.monotonic() - started
    alive = all(process.is_running for process in world.ingests)
    await until(lambda: ready(world), within_seconds=BACK_WITHIN_SECONDS, what="ingest is ready at the end")
    sent_ids = {event_id for message in messages for event_id in message.event_ids}
    rows = await _stored(world.dsn)
    stored = set(rows)
    return Outcome(
        cell=cell.title,
        events=len(sent_ids),
        strikes=strikes,
        missing=len(sent_ids - stored),
        twice=len(rows) - len(stored),
        rejected=counts.rejected,
        unexpected=len(stored - sent_ids),
        resent_messages=counts.resent,
        back_seconds=[round(each, 2) for each in back_seconds],
        alive=alive,
        seconds=round(seconds, 1),
    )


async def _one_fault(cell: Cell, world: World) -> float:
    """Strike, hold, mend; returns the seconds from then until ingest had stored again."""
    await cell.strike(world)
    await asyncio.sleep(world.chance.uniform(*cell.hold_seconds))
    before = {process.pid: await _handled(process.url) for process in world.ingests if process.is_running}
    await cell.mend(world)
    mended = time.monotonic()

    async def stores_again() -> bool:
        return any([await _handled(each.url) > before.get(each.pid, 0) for each in world.ingests])

    await until(stores_again, within_seconds=_GIVE_UP_SECONDS, what=f"{cell.title}: ingest stores again")
    return time.monotonic() - mended


async def _handled(url: str) -> float:
    """Events that a process has committed, again or for the first time; 0 when it does not answer."""
    try:
        return sum(
            [
                await asyncio.to_thread(metric, url, f'pumpwatch_ingest_events_total{{result="{result}"}}')
                for result in ("stored", "duplicate")
            ]
        )
    except (urllib.error.URLError, OSError):
        return 0.0


async def _publish(
    devices: Publisher, messages: Iterator[_Message], sent: list[_Message], *, at_least: int, until: asyncio.Event
) -> None:
    """Publish so many events, and on until the last fault is over: each strikes while there is something to lose."""
    left = at_least
    while left > 0 or not until.is_set():
        message = next(messages)
        left -= len(message.event_ids)
        sent.append(message)
        await devices.publish_raw(message.device_id, message.topic, message.payload, len(message.event_ids))


def _messages(chance: random.Random) -> Iterator[_Message]:
    """Readings and heartbeats, one to a message or many."""
    observed_at = datetime.now(UTC).isoformat()
    while True:
        device_id = f"pump-{chance.randrange(_PUMPS):06d}"
        size = chance.randint(2, _ARRAY_EVENTS) if chance.random() < 0.2 else 1
        kinds = [chance.choice((EventKind.RESERVOIR, EventKind.STATUS)) for _ in range(size)]
        ids = [UUID(int=chance.getrandbits(128)) for _ in kinds]
        bodies = [
            f'{{"kind":"{kind}","event_id":"{event_id}","observed_at":"{observed_at}",'
            + ('"volume_ml":12.5}' if kind is EventKind.RESERVOIR else '"battery_percent":80}')
            for kind, event_id in zip(kinds, ids, strict=True)
        ]
        topic = event_topic(device_id, None if size > 1 else kinds[0])
        yield _Message(device_id, topic, (f"[{','.join(bodies)}]" if size > 1 else bodies[0]).encode(), ids)


async def _stored(dsn: str) -> list[UUID]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT event_id FROM reservoir_readings UNION ALL SELECT event_id FROM device_statuses"
        )
    finally:
        await connection.close()
    return [UUID(int=row["event_id"].int) for row in rows]  # asyncpg's own class is slower to compare


def _row(outcome: Outcome) -> str:
    if outcome.not_run is not None:
        return f"{outcome.cell:36} not run: {outcome.not_run}"
    back = f"{median(outcome.back_seconds):.1f} / {max(outcome.back_seconds):.1f}"
    return (
        f"{outcome.cell:36} {outcome.events:>8,} {outcome.strikes:>7} {outcome.missing:>8} {outcome.twice:>6} "
        f"{outcome.resent_messages:>8,} {back:>12} {'yes' if outcome.alive else 'NO':>6} "
        f"{'passed' if outcome.passed else 'FAILED'}"
    )


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="in each cell")
    parser.add_argument("--repeats", type=int, default=10, help="faults in each cell")
    parser.add_argument("--cell", action="append", choices=list(CELLS), help="only this one; may be given again")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    configure_logging(json=False, level="ERROR")
    print(f"{'cell':36} {'events':>8} {'strikes':>7} {'missing':>8} {'twice':>6} {'re-sent':>8} {'back s':>12}  alive")
    outcomes = []
    for name in arguments.cell or CELLS:
        with tempfile.TemporaryDirectory(prefix="pumpwatch-faults-") as folder:
            outcome = asyncio.run(
                run_cell(
                    name,
                    events=arguments.events,
                    strikes=arguments.repeats,
                    seed=arguments.seed,
                    folder=Path(folder),
                )
            )
        outcomes.append(outcome)
        print(_row(outcome), flush=True)
    if arguments.json:
        print(json.dumps([{**asdict(outcome), "passed": outcome.passed} for outcome in outcomes]))
    sys.exit(any(not outcome.passed and outcome.not_run is None for outcome in outcomes))
