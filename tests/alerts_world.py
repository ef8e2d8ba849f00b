"""Timelines for the alert service: what a pump sends and when it arrives, and what came of it.

A step is (minute of arrival, text). The text says what happened, `@minute` when by the device's clock (left out: on
arrival), and `;` parts the events of one upload:

    alarm motor_stall raised @0      level 1.8 [measured]      refill 18      status      bolus delivered x3
    therapy low=4      ack Ann       tick (the timers run)     retire      report pain 9
    refill 18 4 3.5 (filled, expected, measured)      therapy of morphine 0.3 14 (mL a day, days until the refill)
    resolve Ann found the programme wrong (the newest alert that is open)
    explant      implant @-30 (in another patient, as of that minute)

The story goes through the real queue, worker and database; only the clock is the test's own. What was due is taken as
sent at the end of each step.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.audit.chain import FaultKind
from services.alerts.audit.verify import AuditReport, verify_chain
from services.alerts.clock import Clock
from services.alerts.evaluation.evaluate import evaluate_pumps
from services.alerts.evaluation.store import take_queue
from services.alerts.evaluation.worker import Worker
from services.alerts.lifecycle.accept import accept_level
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.lifecycle.resolve import resolve_alert
from services.alerts.metrics import Metrics
from services.alerts.model import Occasion, OccasionKind
from services.alerts.policies import policies_of
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.resources import Health, Resources
from services.alerts.settings import AlertsSettings
from services.people.links.signing import Links
from services.runtime.database import Connection, Pool
from tests.logins import worker_pool
from tests.signed_in import somebody
from tests.stack import Database

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Step = tuple[float, str]
_number = itertools.count(1)


def contact(name: str, url: str = "json://127.0.0.1:9/") -> Contact:
    return Contact(name=name, channels=(Channel(name="sms", url=url),))


def route(*steps: tuple[float, str]) -> Route:
    return Route(steps=tuple(EscalationStep(after_minutes=minutes, contacts=(name,)) for minutes, name in steps))


POLICY = Policy(
    contacts=(contact("nurse"), contact("doctor")),
    routes={
        Priority.HIGH: route((0, "nurse"), (10, "doctor")),
        Priority.MEDIUM: route((0, "nurse")),
    },
)


class FixedPolicies(PolicyFolder):
    """Policies that stand in no file."""

    def __init__(self, *policies: Policy) -> None:
        super().__init__(None)
        self.now = policies_of(*policies)


def settings_for(dsn: str, **values: object) -> AlertsSettings:
    return AlertsSettings.model_validate({"database_url": dsn, "public_url": "https://pw.example.org"} | values)


def resources_for(
    pool: Pool,
    dsn: str,
    *policies: Policy,
    folder: PolicyFolder | None = None,
    clock: Clock = lambda: T0,
    registry: CollectorRegistry | None = None,
    worker_id: str = "alerts",
    environment: Mapping[str, str] | None = None,
    health: Health | None = None,
    links: Links | None = None,
    **settings: object,
) -> Resources:
    """What the parts of one alert process share, with a clock of the test's own."""
    return Resources(
        worker_pool(pool),
        folder or FixedPolicies(*policies),
        settings_for(dsn, **settings),
        Metrics.on(registry or CollectorRegistry()),
        clock,
        worker_id=worker_id,
        environment={} if environment is None else environment,
        health=health or Health(),
        links=links or Links(),
    )


async def verify_undated(connection: Connection, clinic_id: str | None = None) -> AuditReport:
    """Whether the audit trail is whole. That it is not dated by the database's clock is the test's own doing."""
    report = await verify_chain(connection, clinic_id)
    return replace(report, faults=tuple(fault for fault in report.faults if fault.kind is not FaultKind.DATE))


async def enrol(database: Database, pumps: int, clinics: int = 1) -> list[str]:
    """Put so many pumps of so many clinics into the registry."""
    names = [f"pump-{number:04d}" for number in range(pumps)]
    async with database.pool.acquire() as connection:
        for number in range(clinics):
            await connection.execute("INSERT INTO clinics VALUES ($1, $1)", f"clinic-{number}")
        await connection.executemany(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', $2)",
            [(name, f"clinic-{place % clinics}") for place, name in enumerate(names)],
        )
    return names


async def stall(database: Database, names: list[str], *, entries: int = 1, notify: bool = False) -> None:
    """Let pumps stall, and queue them."""
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.executemany(
            "INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, code, state) "
            "VALUES ($1, $2, gen_random_uuid(), $2, $1, 'motor_stall', 'raised')",
            [(name, T0) for name in names],
        )
        for _ in range(entries):
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", names)
        if notify:
            await connection.execute("SELECT pg_notify('pumps_changed', '')")


@dataclass
class Story:
    """One pump of a clinic of its own."""

    pool: Pool
    dsn: str
    rough: bool = False
    """Every event arrives twice, every evaluation dies once before its commit, and every step meets a new worker."""
    policy: Policy = POLICY
    pump_id: str = field(default_factory=lambda: f"pump-{next(_number):05d}")
    now: datetime = T0

    @property
    def clinic_id(self) -> str:
        return f"clinic-of-{self.pump_id}"

    async def run(self, steps: Sequence[Step]) -> None:
        """Enrol the pump and let everything happen, in the order of arrival."""
        await self.enrol()
        await self.run_more(steps)

    async def run_more(self, steps: Sequence[Step]) -> None:
        """Go on with a pump that is enrolled."""
        worker = self.new_worker()
        for minute, text in sorted(steps, key=lambda step: step[0]):
            self.now = T0 + timedelta(minutes=minute)
            if self.rough:
                worker = self.new_worker()
            await self._step(worker, text)
            async with self.pool.acquire() as connection:
                await connection.execute(
                    "UPDATE deliveries SET state = 'sent', sent_at = $1 WHERE state = 'due'", self.now
                )

    async def enrol(self) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute("INSERT INTO clinics VALUES ($1, $1)", self.clinic_id)
            await connection.execute(
                "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, 'pump', $2)", self.pump_id, self.clinic_id
            )

    def resources(self, **more: Any) -> Resources:
        """Of a process that lives at the story's time."""
        return resources_for(self.pool, self.dsn, self.policy, clock=lambda: self.now, **more)

    def new_worker(self) -> Worker:
        return Worker(self.resources())

    async def _step(self, worker: Worker, text: str) -> None:
        match text.split():
            case ["ack", person]:
                await self._acknowledge(person)
            case ["resolve", person, *note]:
                await self._resolve(person, " ".join(note))
            case ["accept", person, *note]:
                await self._accept(person, " ".join(note))
            case ["tick"]:
                while await worker.sweep_once():
                    pass
                await worker.escalate_once()
            case ["retire"]:
                async with self.pool.acquire() as connection:
                    retire = "UPDATE devices SET retired_at = $2 WHERE device_id = $1"
                    await connection.execute(retire, self.pump_id, self.now)
                await self.queue()
                await worker.queue_once()
            case ["implant" | "explant" as what, *since]:
                minute = float(since[0].removeprefix("@")) if since else None
                began_at = self.now if minute is None else T0 + timedelta(minutes=minute)
                async with self.pool.acquire() as connection:
                    await connection.execute(
                        "INSERT INTO implantations (pump_id, began_at, implanted) VALUES ($1, $2, $3)",
                        self.pump_id,
                        began_at,
                        what == "implant",
                    )
                await self.queue()
                await worker.queue_once()
            case _:
                await self._arrive(worker, [self.parse(part) for part in text.split(";")])

    def parse(self, text: str) -> tuple[list[str], datetime]:
        """The words of one event, and when it happened by the device's clock."""
        place = re.search(r"@(-?[\d.]+)", text)
        observed_at = T0 + timedelta(minutes=float(place[1])) if place else self.now
        return re.sub(r"@\S+", "", text).split(), observed_at

    async def _arrive(self, worker: Worker, upload: list[tuple[list[str], datetime]]) -> None:
        event_ids = [uuid4() for _ in upload]
        for _ in range(2 if self.rough else 1):
            async with self.pool.acquire() as connection, connection.transaction():
                for (words, observed_at), event_id in zip(upload, event_ids, strict=True):
                    await self.insert(connection, words, observed_at, event_id)
            await self.queue()
            if self.rough:
                await self._die_before_commit()
            await worker.queue_once()

    async def _die_before_commit(self) -> None:
        async with worker_pool(self.pool).acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            entries = await take_queue(connection, 10)
            assert entries.pump_ids
            await evaluate_pumps(connection, entries.pump_ids, policies_of(self.policy), self.now, public_url="")
            await transaction.rollback()

    async def queue(self) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", [self.pump_id])

    async def insert(
        self, connection: Connection, words: list[str], observed_at: datetime, event_id: UUID | None = None
    ) -> None:
        """Store one event, received now; a second one with the same id is a duplicate."""
        common = (self.pump_id, observed_at, event_id or uuid4(), self.now, self.pump_id)
        columns = "pump_id, observed_at, event_id, received_at, device_id"
        values: tuple[object, ...]
        match words:
            case ["alarm", code, state]:
                table, names, values = "pump_alarms", "code, state", (code, state)
            case ["level", volume, *basis]:
                table, names, values = (
                    "reservoir_readings",
                    "volume_ml, basis",
                    (float(volume), *(basis or ["computed"])),
                )
            case ["report", complaint, score]:
                table, names, values = "patient_reports", "complaint, score", (complaint, int(score))
            case ["refill", filled, expected, measured]:
                table, names = "refills", "filled_ml, expected_ml, measured_ml"
                values = (float(filled), float(expected), float(measured))
            case ["therapy", "of", drug, rate, due_in_days]:
                table, names = "therapies", "drugs, profile, reservoir_size_ml, refill_due"
                drugs = f'[{{"name": "{drug}", "concentration_mcg_per_ml": 2000.0}}]'
                profile = f'[{{"from": "00:00", "rate_ml_per_day": {rate}}}]'
                values = (drugs, profile, 40.0, (T0 + timedelta(days=int(due_in_days))).date())
            case ["refill", volume]:
                table, names, values = "refills", "expected_ml, measured_ml, filled_ml", (2.0, 2.0, float(volume))
            case ["status"]:
                table, names, values = "device_statuses", "firmware", ("1.0",)
            case ["therapy", level]:
                table, names = "therapies", "drugs, profile, reservoir_size_ml, low_reservoir_ml"
                values = ("[]", "[]", 20.0, float(level.removeprefix("low=")))
            case ["bolus", outcome, times]:
                for place in range(int(times.removeprefix("x"))):
                    at = observed_at - timedelta(minutes=6 * place)
                    await connection.execute(
                        f"INSERT INTO bolus_requests ({columns}, outcome) VALUES ($1, $2, $3, $4, $5, $6) "  # noqa: S608
                        "ON CONFLICT DO NOTHING",
                        self.pump_id,
                        at,
                        UUID(int=common[2].int ^ place),
                        self.now,
                        self.pump_id,
                        outcome,
                    )
                return
            case _:
                msg = f"no such step: {words}"
                raise AssertionError(msg)
        places = ", ".join(f"${n}" for n in range(1, len(common) + len(values) + 1))
        await connection.execute(
            f"INSERT INTO {table} ({columns}, {names}) VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608
            *common,
            *values,
        )

    async def _acknowledge(self, person: str) -> None:
        async with self.pool.acquire() as connection:
            alert_id = await connection.fetchval(
                "SELECT alert_id FROM alerts WHERE pump_id = $1 AND state <> 'closed' ORDER BY opened_at DESC LIMIT 1",
                self.pump_id,
            )
            await acknowledge_alert(connection, alert_id, somebody(person), None, policies_of(self.policy), self.now)

    async def _resolve(self, person: str, note: str) -> None:
        query = "SELECT alert_id FROM alerts WHERE pump_id = $1 AND state <> 'closed' ORDER BY opened_at DESC LIMIT 1"
        async with self.pool.acquire() as connection:
            alert_id = await connection.fetchval(query, self.pump_id)
            await resolve_alert(connection, alert_id, somebody(person), note, policies_of(self.policy), self.now)

    async def _accept(self, person: str, note: str) -> None:
        query = "SELECT alert_id FROM alerts WHERE pump_id = $1 AND rule = 'bolus_demand' AND state <> 'closed'"
        async with self.pool.acquire() as connection:
            alert_id = await connection.fetchval(query, self.pump_id)
            await accept_level(connection, alert_id, somebody(person), note, policies_of(self.policy), self.now)

    async def trail(self) -> list[str]:
        """The audited transitions: "minute rule kind priority"."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT t.at, a.rule, t.kind, t.priority FROM alert_transitions t JOIN alerts a USING (alert_id) "
                "WHERE a.pump_id = $1 ORDER BY t.clinic_seq",
                self.pump_id,
            )
        return [f"{self._minute(row['at'])} {row['rule']} {row['kind']} {row['priority']}" for row in rows]

    async def pages(self) -> list[str]:
        """What was sent: "minute contact occasion", the audit numbers left out."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT d.created_at, d.contact, d.kind, d.episode, d.step FROM deliveries d JOIN alerts a "
                "USING (alert_id) WHERE a.pump_id = $1 AND d.state = 'sent' ORDER BY d.created_at, d.contact",
                self.pump_id,
            )
        told = []
        for row in rows:
            occasion = Occasion(OccasionKind(row["kind"]), row["episode"])
            name = f"step:{row['step']}" if row["step"] else re.sub(r":[0-9]+$", "", str(occasion))
            told.append(f"{self._minute(row['created_at'])} {row['contact']} {name}")
        return told

    async def cleanup(self) -> None:
        """Leave nothing for the timers of the next story."""
        async with self.pool.acquire() as connection:
            await connection.execute("UPDATE alerts SET state = 'closed' WHERE pump_id = $1", self.pump_id)
            await connection.execute("DELETE FROM pump_evaluations WHERE pump_id = $1", self.pump_id)
            await connection.execute("UPDATE devices SET retired_at = now() WHERE device_id = $1", self.pump_id)

    @staticmethod
    def _minute(at: datetime) -> str:
        return f"{(at - T0) / timedelta(minutes=1):g}"
