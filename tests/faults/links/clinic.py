"""A clinic whose nurses are persons, with every process, and a phone that follows the links of its pages."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from services.devstack.pages import Page, PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer
from services.devstack.service import ServiceProcess
from tests.faults.alerts_process import enrol
from tests.integration.alerts.links.linked import link_in, write_key
from tests.stack import RunService, make_database

PUBLIC = "https://pw.example.org"
STEP_MINUTES = 0.1
POLICY = """
clinic_id: default
contacts:
  - {{name: tann, channels: [{{name: push, url: "{url}"}}]}}
  - {{name: tbob, channels: [{{name: push, url: "{url}"}}]}}
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [tann]}}, {{after_minutes: {step}, contacts: [tbob]}}]}}
"""


@dataclass
class Clinic:
    """Running: ingest, one alert worker, the web process; two pumps."""

    server: DatabaseServer
    dsn: str
    broker: MosquittoServer
    run_service: RunService
    collector: PageCollector
    folder: Path
    pumps: list[str] = field(default_factory=list)
    people: dict[str, UUID] = field(default_factory=dict)
    web: ServiceProcess | None = None
    worker: ServiceProcess | None = None

    async def start(self, *, ingest: bool = True, mqtt: bool = True) -> None:
        """Begin everything, and wait until the worker knows who is who."""
        self.pumps = await enrol(self.dsn, 2)
        connection = await asyncpg.connect(self.dsn)
        for name in ("Ann", "Bob"):
            self.people[name] = await connection.fetchval(
                "INSERT INTO persons (name, sign_in, made_at, made_by) VALUES ($1, $2, now(), 'test')"
                " RETURNING person_id",
                name, f"t{name.lower()}",
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO person_roles VALUES ($1, 'north', 'responder', now(), 'test')", self.people[name]
            )
        await connection.close()
        policies = self.folder / "policies"
        policies.mkdir()
        (policies / "default.yaml").write_text(POLICY.format(url=self.collector.url, step=STEP_MINUTES))
        self.key = write_key(self.folder)
        if ingest:
            names = {"INGEST_CLIENT_ID": f"links-{self.pumps[0]}", "INGEST_SHARE_GROUP": "links"}
            await self.run_service(
                "ingest", {"INGEST_DATABASE_URL": self.dsn, "INGEST_MQTT_URL": self.broker.url} | names
            )
        environment = {
            "ALERTS_DATABASE_URL": self.dsn,
            "ALERTS_POLICY_FOLDER": str(policies),
            "ALERTS_PUBLIC_URL": PUBLIC,
            "ALERTS_LINK_KEY_FILES": str(self.key),
            "ALERTS_POLICY_POLL_SECONDS": "0.2",
            "ALERTS_SEND_TIMEOUT_SECONDS": "1",
            "ALERTS_SEND_LEASE_SECONDS": "2",
        }
        self.worker = await self.run_service(
            "alerts", environment | ({"ALERTS_MQTT_URL": self.broker.url} if mqtt else {})
        )
        await self.start_web()

    async def start_web(self, *, wait: bool = True) -> None:
        assert self.worker is not None
        environment = {
            "WEB_DATABASE_URL": self.dsn,
            "WEB_PUBLIC_URL": PUBLIC,
            "WEB_WORKER_URL": self.worker.url,
            "WEB_LINK_KEY_FILES": str(self.key),
            "WEB_STATE_FOLDER": str(self.folder / "state"),
        }
        self.web = await self.run_service("web", environment, wait=wait)

    async def ask(self, method: str, path: str) -> tuple[int, str]:
        """What a phone is answered that follows a link; 0: nobody answered."""
        assert self.web is not None
        return await asyncio.to_thread(_ask, method, f"{self.web.url}{path}")

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def acknowledgements(self) -> list[dict[str, Any]]:
        return await self.rows(
            "SELECT a.pump_id, a.state, a.acknowledged_by, t.at, t.actor FROM alert_transitions t"
            " JOIN alerts a USING (alert_id) WHERE t.kind = 'acknowledged' ORDER BY t.clinic_seq"
        )

    async def one_is_recorded(self) -> bool:
        return len(await self.acknowledgements()) >= 1

    def journal(self) -> bytes:
        path = self.folder / "state" / "answers.jsonl"
        return path.read_bytes() if path.exists() else b""

    def links(self) -> list[str]:
        return [link_in(page.body) for page in self.pages() if "/l/" in page.body]

    def pages(self) -> tuple[Page, ...]:
        return self.collector.pages


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """The answer itself is wanted."""


def _ask(method: str, url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


async def clinic_of(
    server: DatabaseServer, broker: MosquittoServer, run_service: RunService, collector: PageCollector, folder: Path
) -> Clinic:
    return Clinic(server, await make_database(server), broker, run_service, collector, folder)


def text_of(html: str) -> str:
    """The words of a page, without marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def now() -> datetime:
    return datetime.now(UTC)
