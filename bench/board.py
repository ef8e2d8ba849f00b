"""What the board costs with thousands of open alerts, and how soon an alarm stands on those that are open.

python -m bench.board [--alerts 5000] [--boards 200] [--json]

One clinic with so many open alerts, a page sent for each, and twenty times as many closed ones; `pumpwatch web` with
its defaults, by the login of its job. Printed: the time to the first byte and the size of each kind of list, read anew
each time; from an alarm's commit to the event at each open board, and that event's size, with one board and with so
many; and the processor's time of the web process while nobody does anything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import psutil

from bench import stack
from schemas.paths import GRANTS_FILE
from services.people.model import Role
from services.runtime.grants import give_rights
from tests.logins import make_logins, with_login
from tests.signed_in import make_person, make_session

_ROUNDS: Final = 15
_ALARMS: Final = 15
_KEPT_SECONDS: Final = 1.1
_IDLE_SECONDS: Final = 15.0
_FILL: Final = """
INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, evidence, since, opened_at,
                    updated_at, closed_at, acknowledged_by, acknowledged_at, policy_version)
SELECT $1, 'pump-' || lpad((n % $2)::text, 6, '0'), 'low_reservoir', 'k' || n,
       CASE WHEN n % 50 = 0 THEN 'high' ELSE 'medium' END,
       CASE WHEN n > $2 THEN 'closed' WHEN n % 20 = 1 THEN 'acknowledged' ELSE 'active' END, 'Low reservoir',
       '1.8 mL left, below the alarm level of 2.0 mL. If every bolus is used, the reservoir is empty on '
       || '5 Mar 2026 09:00 UTC. The next refill is booked for 9 Mar 2026.', '{"volume_ml": 1.8}', at, at, at,
       CASE WHEN n > $2 THEN at END, CASE WHEN n % 20 = 1 THEN 'Ann Keller' END, CASE WHEN n % 20 = 1 THEN at END, 'v'
FROM generate_series(1, 21 * $2::integer) n, LATERAL (SELECT now() - n * interval '1 minute') t (at)
"""
_PAGES: Final = """
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, state,
                        created_at, due_at, sent_at, policy_version)
SELECT alert_id, clinic_id, 'opened', 0, 0, 'nurse', 'sms', priority, 't', 'b', 'sent', opened_at, opened_at,
       opened_at, 'v'
FROM alerts
"""
_LIVES: Final = (
    "INSERT INTO worker_heartbeats (worker_id, service, at) VALUES ('bench', 'alerts', now() + interval '1 day')"
)
_ALARM: Final = """
INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, updated_at,
                    policy_version)
VALUES ($1, 'pump-000000', 'pump_alarm', $2, 'high', 'active', 'Motor stall', 'The motor stalls.', $3, $3, $3, 'v')
RETURNING alert_id
"""
_WRITTEN_DOWN: Final = """
SELECT append_to_audit(ARRAY[$1], ARRAY[$2::uuid], ARRAY['opened'], ARRAY[NULL], ARRAY['active'], ARRAY['high'],
                       ARRAY['condition_began'], ARRAY['pumpwatch'], $3, ARRAY['{}'])
"""
_LISTS: Final = {
    "first page": "/",
    "page 100": "/?page=100",
    "one word": "/?text=pump-000123",
    "headings": "/?group=pump",
    "closed, one word": "/?state=closed&text=refill",
    "API, 100": "/v1/alerts",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the board listens, and who looks."""

    host: str
    port: int
    cookies: tuple[str, ...]

    async def get(self, path: str, cookie: str) -> tuple[float, bytes]:
        """The time to the first byte of an answer, in seconds, and the answer's body."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            began = time.perf_counter()
            writer.write(_request(path, cookie))
            first = await reader.readexactly(1)
            took = time.perf_counter() - began
            head, _, body = (first + await reader.read()).partition(b"\r\n\r\n")
            assert b" 200 " in head.splitlines()[0], head
            return took, body
        finally:
            writer.close()


@dataclass(slots=True)
class Board:
    """One that is open."""

    arrived: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, server: Server, cookie: str) -> None:
        """Read the page, and then hear what changes."""
        _, page = await server.get("/", cookie)
        version = page.partition(b'data-version="')[2].partition(b'"')[0].decode()
        reader, writer = await asyncio.open_connection(server.host, server.port, limit=2**22)
        try:
            writer.write(_request(f"/live?have={version}", cookie).replace(b"close", b"keep-alive"))
            while True:
                said = await reader.readuntil(b"\n\n")
                if b"event: change" in said:
                    self.arrived.append(time.perf_counter())
                    self.sizes.append(len(said))
                    self.told.set()
                self.is_open.set()
        finally:
            writer.close()


def _request(path: str, cookie: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: pumpwatch={cookie}\r\nConnection: close\r\n\r\n".encode()


async def _fill(dsn: str, alerts: int, persons: int) -> tuple[str, ...]:
    await make_logins(dsn)
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    async with pool.acquire() as connection:
        await give_rights(connection, GRANTS_FILE)
        await connection.execute(_FILL, stack.CLINIC, alerts)
        for statement in (_PAGES, _LIVES, "ANALYZE"):
            await connection.execute(statement)
    now = datetime.now(UTC)
    cookies = []
    for number in range(persons):
        person = await make_person(pool, f"Nurse {number}", Role.RESPONDER, now)
        cookies.append(await make_session(pool, person, now))
    await pool.close()
    return tuple(cookies)


async def _measure_lists(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, path in _LISTS.items():
        times, size = [], 0
        for _ in range(_ROUNDS):
            await asyncio.sleep(_KEPT_SECONDS)
            took, body = await server.get(path, server.cookies[0])
            times.append(1e3 * took)
            size = len(body)
        found[name] = {
            "first byte, ms": round(statistics.median(times)),
            "least": round(min(times)),
            "most": round(max(times)),
            "bytes": size,
        }
    return found


async def _measure_boards(server: Server, dsn: str, boards: int, web: psutil.Process) -> dict[str, Any]:
    shown = [Board() for _ in range(boards)]
    looking = [
        asyncio.create_task(board.look(server, cookie)) for board, cookie in zip(shown, server.cookies, strict=False)
    ]
    connection = await asyncpg.connect(dsn)
    for board in shown:
        await board.is_open.wait()
    await asyncio.sleep(2)
    before = web.cpu_times()
    await asyncio.sleep(_IDLE_SECONDS)
    after = web.cpu_times()
    idle = (after.user + after.system - before.user - before.system) / _IDLE_SECONDS
    first, last = [], []
    for number in range(_ALARMS):
        for board in shown:
            board.arrived.clear()
            board.told.clear()
        async with connection.transaction():
            now = datetime.now(UTC)
            alert = await connection.fetchval(_ALARM, stack.CLINIC, f"{boards}-{number}", now)
            await connection.execute(_WRITTEN_DOWN, stack.CLINIC, alert, now)
        committed = time.perf_counter()
        async with asyncio.timeout(20):
            for board in shown:
                await board.told.wait()
        times = [board.arrived[0] - committed for board in shown]
        first.append(1e3 * min(times))
        last.append(1e3 * max(times))
        await asyncio.sleep(0.7 + number * 0.037)  # not in step with those who look
    for task in looking:
        task.cancel()
    await asyncio.wait(looking)
    await connection.close()
    return {
        "boards": boards,
        "alarm to first board, ms": round(statistics.median(first)),
        "alarm to last board, ms": round(statistics.median(last)),
        "most": round(max(last)),
        "bytes of an update": round(statistics.median(size for board in shown for size in board.sizes)),
        "largest": max(size for board in shown for size in board.sizes),
        "web process while nothing happens, % of a processor": round(100 * idle, 1),
    }


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=5000)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as on_exit:
        servers = on_exit.enter_context(stack.servers())
        asyncio.run(stack.fresh_database(servers, devices=arguments.alerts))
        cookies = asyncio.run(_fill(servers.dsn, arguments.alerts, arguments.boards))
        settings = {"WEB_DATABASE_URL": with_login(servers.dsn, "pumpwatch_web")}
        web = on_exit.enter_context(stack.service("web", settings, log_path=servers.folder / "w.log"))
        place = urlsplit(web.url)
        server = Server(place.hostname or "", place.port or 0, cookies)
        (process,) = (
            each
            for each in psutil.Process().children(recursive=True)
            if "web" in _arguments_of(each) and "services.cli" in _arguments_of(each)
        )
        result: dict[str, Any] = {"alerts": arguments.alerts, "lists": asyncio.run(_measure_lists(server))}
        for boards in sorted({1, arguments.boards}):
            result[f"open: {boards}"] = asyncio.run(_measure_boards(server, servers.dsn, boards, process))
    for name, values in result.items():
        print(f"{name}: {values}")
    if arguments.json:
        print(json.dumps(result))


def _arguments_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


if __name__ == "__main__":
    main()
