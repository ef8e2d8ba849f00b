"""How long a pump alarm takes: from publish to its receipt (committed) and to the page that Apprise hands over.

    python -m bench.latency --json

One ingest and one alert process, their defaults; `--rate` readings a second of other pumps in the background, each a
message with a receipt. One alarm at a time, each of a pump of its own. The page's end is its arrival at a local HTTP
server, so Apprise's own time and the post are inside the figure.

    python -m bench.latency --flood valid|invalid|nested|huge
    python -m bench.latency --backlog 1000000
    python -m bench.latency --readers 200 [--without-pause]
    python -m bench.latency --busy 2
    python -m bench.latency --links

With `--flood` one more device, in a process of its own, publishes such messages without pause (bench/flood.py). With
`--backlog` so many readings wait at the broker when ingest starts, and the alarms are sent while they drain. With
`--readers` so many people have the board open, each told of changes by a stream (before decision 49, it read itself
again every 5 s), beside 1,500 half requests and guesses of its password (bench/readers.py). With `--busy` so many
processes compute beside it, as willing to wait as these people are: what a machine without an idle processor costs by
itself, when nobody reads. People look from other machines; here they have no other: `--busy 2` is what `--readers 200
--without-pause` compares with on two processors. `grouped_by_session` tells of a kernel that gives each connection's
database process the share of a user of its own (`/proc/sys/kernel/sched_autogroup_enabled`), which no container is:
there, readers cost more than they would.
With `--links` each page is answered by its link as soon as it is there; what that takes is from the phone's request to
the answer, which comes when it is committed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import Process
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import asyncpg
import yaml
from mqtt5 import PublishPacket

from bench import stack
from bench.flood import PAYLOADS, flood
from bench.ingest import ingest_environment, metric, start_load
from bench.links import SIGN_IN, Press, make_key, make_nurse, presser
from bench.load import write_messages
from bench.readers import look, processes_are_grouped, stand_for_another_machine
from schemas.topics import EVENTS_FILTER, URGENT_FILTERS
from services.devstack.pages import PageCollector
from services.ingest.settings import IngestSettings, alarms_client_id
from services.people.accounts.changes import add
from services.people.model import Actor, Role
from services.people.sessions.life import begin
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import DeviceLink
from services.runtime.mqtt import broker_address, connect

_BACKGROUND_PUMPS = 500
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a list of times, in milliseconds."""

    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: list[float]) -> Percentiles:
        """Summarise."""
        return cls(
            round(median(seconds) * 1e3, 2), round(quantiles(seconds, n=100)[98] * 1e3, 2), round(max(seconds) * 1e3, 2)
        )


class Receipts:
    """Waits for receipts by their Correlation Data."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[float]] = {}
        self.background_seconds: list[float] = []

    def take(self, packet: PublishPacket) -> None:
        """A receipt has come."""
        waiting = self._waiting.pop(packet.correlation_data or b"", None)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())

    def send(self, link: DeviceLink, pump: str, kind: str, event: dict[str, Any]) -> asyncio.Future[float]:
        """Publish one event and return the moment of its receipt, to come."""
        correlation = uuid4().bytes
        answer = self._waiting[correlation] = asyncio.get_running_loop().create_future()
        link.send(
            f"pumpwatch/v1/{pump}/events/{kind}",
            json.dumps(event).encode(),
            on_ack=lambda _: None,
            response_topic=f"pumpwatch/v1/{pump}/receipts",
            correlation_data=correlation,
        )
        return answer


def _event(**more: object) -> dict[str, Any]:
    return {"event_id": str(uuid4()), "observed_at": datetime.now(UTC).isoformat(), **more}


async def _background(link: DeviceLink, receipts: Receipts, rate: float) -> None:
    chance = random.Random(1)
    started = time.perf_counter()
    for number in itertools.count(1):
        pump = f"pump-{chance.randrange(_BACKGROUND_PUMPS):06d}"
        sent = time.perf_counter()
        answer = receipts.send(link, pump, "reservoir", _event(volume_ml=15.0))
        answer.add_done_callback(lambda done, sent=sent: receipts.background_seconds.append(done.result() - sent))  # type: ignore[misc]
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))


async def _alarms(
    link: DeviceLink, receipts: Receipts, pager: PageCollector, arrivals: list[float], count: int, press: Press | None
) -> tuple[list[float], list[float], list[float]]:
    to_commit, to_page, to_take = [], [], []
    for number in range(count):
        pump = f"pump-{_BACKGROUND_PUMPS + number:06d}"
        sent = time.perf_counter()
        receipt = receipts.send(link, pump, "alarm", _event(code="motor_stall", state="raised"))
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            to_commit.append(await receipt - sent)
        await pager.wait_for(number + 1, within_seconds=_TIMEOUT_SECONDS)
        to_page.append(arrivals[number] - sent)
        if press is not None:
            to_take.append(await press(pager.pages[number].body))
        await asyncio.sleep(random.Random(number).uniform(0.02, 0.08))
    return to_commit, to_page, to_take


async def measure(
    servers: stack.BenchStack,
    pager: PageCollector,
    arrivals: list[float],
    *,
    rate: float,
    alarms: int,
    warm_up_seconds: float,
    press: Press | None = None,
) -> dict[str, Any]:
    """Measure on running services."""
    receipts = Receipts()
    async with open_link(broker_address(servers.broker.url), "bench-latency", receipts.take) as link:
        await link.subscribe("pumpwatch/v1/+/receipts")
        background = asyncio.create_task(_background(link, receipts, rate))
        await asyncio.sleep(warm_up_seconds)
        to_commit, to_page, to_take = await _alarms(link, receipts, pager, arrivals, alarms, press)
        background.cancel()
        await asyncio.wait({background})
    return {
        "alarms": alarms,
        "background_per_second": rate,
        "background_events": len(receipts.background_seconds),
        "publish_to_commit_ms": asdict(Percentiles.of(to_commit)),
        "publish_to_page_ms": asdict(Percentiles.of(to_page)),
        **({"link_to_acknowledged_ms": asdict(Percentiles.of(to_take))} if to_take else {}),
        "background_publish_to_commit_ms": asdict(Percentiles.of(receipts.background_seconds))
        if len(receipts.background_seconds) > 1
        else None,
    }


def _flood(url: str, kind: str) -> None:
    asyncio.run(flood(url, PAYLOADS[kind]))


def _look(url: str, readers: int, without_pause: bool, dsn: str) -> None:
    asyncio.run(_look_as_administrators(url, readers, dsn, without_pause=without_pause))


async def _look_as_administrators(url: str, readers: int, dsn: str, *, without_pause: bool) -> None:
    """Sign in as so many administrators of every clinic, and look."""
    connection = await asyncpg.connect(dsn)
    try:
        clinics = [row["clinic_id"] for row in await connection.fetch("SELECT clinic_id FROM clinics")]
        roles = dict.fromkeys(clinics, Role.ADMINISTRATOR)
        now, by = datetime.now(UTC), Actor("login:bench", "bench")
        cookies = []
        for number in range(readers):
            made = await add(connection, f"bench.{number}", "Bench", roles, is_operator=False, by=by, now=now)
            cookies.append(f"pumpwatch={await begin(connection, made.person_id, 'password', now)}")
    finally:
        await connection.close()
    await look(url, cookies, without_pause=without_pause)


def _compute() -> None:
    stand_for_another_machine()
    while True:
        pass


async def _keep_a_session(url: str) -> None:
    """Have the sessions that ingest would have, so that what is published before it starts waits for it."""
    defaults = IngestSettings.model_fields
    client_id, group = defaults["client_id"].default, defaults["share_group"].default
    for own, filters in ((alarms_client_id(client_id), URGENT_FILTERS), (client_id, (EVENTS_FILTER,))):
        async with connect(broker_address(url), client_id=own, session_expiry_seconds=3_600) as connection:
            for each in filters:
                await connection.subscribe(f"$share/{group}/{each}")


def _make_backlog(servers: stack.BenchStack, events: int) -> None:
    asyncio.run(_keep_a_session(servers.broker.url))
    path = servers.folder / "backlog.bin"
    observed_at = datetime.now(UTC).isoformat(timespec="seconds")
    messages = write_messages(path, events=events, devices=_BACKGROUND_PUMPS, batch=1, observed_at=observed_at)
    start_load(servers, path, messages).wait()


def _policy(folder: Path, url: str, contact: str) -> None:
    folder.mkdir()
    policy = {
        "clinic_id": stack.CLINIC,
        "contacts": [{"name": contact, "channels": [{"name": "pager", "url": url}]}],
        "routes": {"high": {"steps": [{"after_minutes": 0, "contacts": [contact]}]}},
    }
    (folder / "bench.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200, help="background events a second")
    parser.add_argument("--alarms", type=int, default=200)
    parser.add_argument("--flood", choices=PAYLOADS, help="what one more device sends without pause")
    parser.add_argument("--backlog", type=int, default=0, help="readings that wait at the broker when ingest starts")
    parser.add_argument("--readers", type=int, default=0, help="people who have the board open")
    parser.add_argument("--without-pause", action="store_true", help="these read again and again, as no board does")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside it and read nothing")
    parser.add_argument("--links", action="store_true", help="answer each page by its link")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as on_exit:
        servers = on_exit.enter_context(stack.servers())
        arrivals: list[float] = []
        pager = PageCollector(on_page=lambda _: arrivals.append(time.perf_counter()))
        on_exit.enter_context(pager)
        asyncio.run(stack.fresh_database(servers, devices=_BACKGROUND_PUMPS + arguments.alarms))
        _policy(servers.folder / "policies", pager.url, SIGN_IN if arguments.links else "on call")
        alerts = {"ALERTS_DATABASE_URL": servers.dsn, "ALERTS_POLICY_FOLDER": str(servers.folder / "policies")}
        key = make_key(servers.folder)
        if arguments.links:
            asyncio.run(make_nurse(servers.dsn))
            alerts["ALERTS_LINK_KEY_FILES"] = str(key)
        worker = on_exit.enter_context(stack.service("alerts", alerts, log_path=servers.folder / "a.log"))
        if arguments.backlog:
            _make_backlog(servers, arguments.backlog)
        ingest = stack.service("ingest", ingest_environment(servers), log_path=servers.folder / "i.log")
        process = on_exit.enter_context(ingest)
        if arguments.readers:
            board = {"WEB_DATABASE_URL": servers.dsn, "WEB_WORKER_URL": worker.url}
            web = on_exit.enter_context(stack.service("web", board, log_path=servers.folder / "w.log"))
            reading = (web.url, arguments.readers, arguments.without_pause, servers.dsn)
            looking = Process(target=_look, args=reading, daemon=True)
            looking.start()
            on_exit.callback(looking.kill)
        for _ in range(arguments.busy):
            computing = Process(target=_compute, daemon=True)
            computing.start()
            on_exit.callback(computing.kill)
        if arguments.flood:
            flooding = Process(target=_flood, args=(servers.broker.url, arguments.flood), daemon=True)
            flooding.start()
            on_exit.callback(flooding.kill)
        press = None
        if arguments.links:
            web_settings = {
                "WEB_DATABASE_URL": servers.dsn,
                "WEB_WORKER_URL": worker.url,
                "WEB_LINK_KEY_FILES": str(key),
                "WEB_STATE_FOLDER": str(servers.folder / "answers"),
            }
            phones = stack.service("web", web_settings, log_path=servers.folder / "links.log")
            press = presser(on_exit.enter_context(phones).url)
        warm_up = 0.1 if arguments.backlog else 2.0
        result = asyncio.run(
            measure(
                servers,
                pager,
                arrivals,
                rate=arguments.rate,
                alarms=arguments.alarms,
                warm_up_seconds=warm_up,
                press=press,
            )
        )
        for what in ("stored", "rejected"):
            result[what] = metric(process.url, f'pumpwatch_ingest_events_total{{result="{what}"}}')
        result["grouped_by_session"] = processes_are_grouped()
        if arguments.readers:
            for status in ("200", "401", "429"):
                result[f"answers {status}"] = metric(web.url, f'pumpwatch_web_requests_total{{status="{status}"}}')
            result["open boards"] = metric(web.url, "pumpwatch_web_streams")
    for name, values in result.items():
        print(f"{name}: {values}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
