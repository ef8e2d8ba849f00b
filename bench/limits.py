"""The two limits that ingest is measured against, in the same run: reading without storing, storing without reading."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg

from bench.load import event_id
from services.runtime.mqtt import Message, broker_address, connect

_WINDOW = 8_000
_COPY_ROWS = 2_000


async def mqtt_only_per_second(url: str, messages: int, start_load: Callable[[], object]) -> float:
    """Messages a second that one process reads and acknowledges, and does nothing else with."""
    async with connect(broker_address(url), client_id="bench-limit", receive_maximum=_WINDOW) as connection:
        await connection.subscribe("$share/limit/pumpwatch/v1/+/events/#")
        start_load()
        unacknowledged: list[Message] = []
        count, started = 0, 0.0
        async for came in connection.messages():
            started = started or time.perf_counter()
            count += len(came)
            unacknowledged += came
            if len(unacknowledged) >= _WINDOW // 8 or count == messages:
                await connection.acknowledge(unacknowledged)
                unacknowledged.clear()
            if count == messages:
                return count / (time.perf_counter() - started)
    msg = "the connection ended early"
    raise RuntimeError(msg)


async def copy_rows_per_second(dsn: str, rows: int) -> float:
    """Rows a second that one connection copies into a table like the real one, without de-duplication."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE copy_limit (LIKE reservoir_readings INCLUDING ALL)")
        await connection.execute("SELECT create_hypertable('copy_limit', by_range('observed_at', interval '7 days'))")
        now = datetime.now(UTC)
        records = [
            (f"pump-{n % 1000:06d}", now, event_id(n), now, f"pump-{n % 1000:06d}", n, 5 + n % 300 / 10, "computed")
            for n in range(rows)
        ]
        started = time.perf_counter()
        for first in range(0, rows, _COPY_ROWS):
            await connection.copy_records_to_table("copy_limit", records=records[first : first + _COPY_ROWS])
        seconds = time.perf_counter() - started
        await connection.execute("DROP TABLE copy_limit")
    finally:
        await connection.close()
    return rows / seconds


async def forget_session(url: str, client_id: str) -> None:
    """End the session that the broker keeps for a client that is gone, or it would queue the next load for it."""
    async with connect(broker_address(url), client_id=client_id):
        pass
