"""The ping to the outside stops when a part is unwell, and people are told when nothing is received any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from tests.faults.alerts_process import POLICY, environment
from tests.stack import Database, RunService, eventually


class Outside:
    """Counts pings."""

    def __init__(self) -> None:
        self.pings = 0
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.pings += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ping"


@pytest.fixture
def outside() -> Iterator[Outside]:
    here = Outside()
    thread = threading.Thread(target=here.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield here
    here.server.shutdown()
    thread.join()
    here.server.server_close()


async def test_pings_stop_and_people_are_told_when_ingest_stops(
    database: Database,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    outside: Outside,
    tmp_path: Path,
) -> None:
    mark = uuid4().hex[:8]
    settings = environment(database.dsn, tmp_path / "policies", page_collector) | {
        "ALERTS_WATCHDOG_URL": outside.url,
        "ALERTS_WATCHDOG_SECONDS": "0.2",
    }
    north = POLICY.format(url=page_collector.url).replace("default", "north")
    (tmp_path / "policies" / "default.yaml").write_text(north)
    await run_service("alerts", settings)
    ingest = await run_service(
        "ingest",
        {
            "INGEST_DATABASE_URL": database.dsn,
            "INGEST_MQTT_URL": broker.url,
            "INGEST_CLIENT_ID": f"watchdog-{mark}",
            "INGEST_SHARE_GROUP": mark,
        },
    )
    await eventually(lambda: outside.pings > 0, 15)
    assert len(page_collector.pages) == 0
    ingest.kill()
    await database.pool.execute("UPDATE worker_heartbeats SET at = at - interval '61 s' WHERE service = 'ingest'")
    (page,) = await page_collector.wait_for(1, within_seconds=10)
    assert page.title == "Pumpwatch HIGH: nothing is being received"
    seen = outside.pings
    # Two more measurements, and nobody is told again; nothing was pinged meanwhile.
    beats = "SELECT count(*) = 1 FROM deliveries WHERE state = 'sent' AND kind = 'notice' AND episode LIKE 'ingest:%'"

    async def recorded() -> bool:
        return bool(await database.pool.fetchval(beats))

    await eventually(recorded, 10)
    assert outside.pings - seen <= 1
    assert len(page_collector.pages) == 1
