"""The loops that evaluate pumps: on news, on a timer, and when somebody must be told next.

Guarantees: NOTIFY only wakes, so a lost one costs a second and nothing else; queue entries go with the
transaction that evaluated them, so a crash leaves them; while the database is away the loops wait and try
again, and the process stays up. Any number of workers may run at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alerts.delivery.addresses import can_be_told
from services.alerts.delivery.escalate import due_deliveries
from services.alerts.delivery.store import insert_notices
from services.alerts.evaluation import store
from services.alerts.evaluation.claim import USUAL_ENTRIES
from services.alerts.evaluation.evaluate import Outcome, evaluate_pumps, nothing_before
from services.alerts.evaluation.pass_on import pass_on_for_everybody
from services.alerts.health import store as health_store
from services.alerts.health.broker_files import read_endings
from services.alerts.health.gaps import Ahead, clinics_with_persons, gap_notices, look_ahead
from services.alerts.health.policy_state import BoardWarning, policy_state_now, secrets_now, warnings_about
from services.alerts.health.troubles import ingest_notices, policy_notices
from services.alerts.health.upkeep import overdue_seconds
from services.alerts.lifecycle.store import AlertChange, load_open_alerts
from services.alerts.model import OpenAlert, TransitionKind
from services.alerts.outage.bypass import Bypass
from services.alerts.policies import Policies
from services.alerts.policy_files.keep import PolicyKeeper
from services.alerts.resources import Resources
from services.people.links.store import load_receivers
from services.people.rota.store import load_everybody
from services.runtime.backoff import backoff_seconds
from services.runtime.database import UNAVAILABLE, Connection, leave_read_only, plainly
from services.runtime.isolation import apart
from services.runtime.listen import listen
from services.texts.catalogue import texts_in

_CHANNEL: Final = "pumps_changed"
_ENROL_SECONDS: Final = 10.0
_MEASURE_SECONDS: Final = 5.0
_STATE_SECONDS: Final = 3.0
_UPKEEP_SECONDS: Final = 60.0
_LOOK_AHEAD_SECONDS: Final = 60.0
_KEEP_HEARTBEATS: Final = timedelta(days=1)
_KEEP_CHANGES: Final = timedelta(days=2)
"""Changes of a rota that ended longer ago are not read."""

log = structlog.get_logger()


class Worker:
    """Evaluates pumps. Each `*_once` is one step of one loop, and can be called by itself."""

    def __init__(self, resources: Resources, bypass: Bypass | None = None) -> None:
        self._resources = resources
        self._bypass = bypass
        self._before_writing = bypass.before_writing if bypass is not None else nothing_before
        self._news = {"urgent": asyncio.Event(), "queue": asyncio.Event()}
        self._entries = dict.fromkeys(self._news, USUAL_ENTRIES)
        self._enrolled_at = float("-inf")
        self._told_of: tuple[Policies, tuple[str, ...], tuple[str, ...]] | None = None
        self._warnings: tuple[BoardWarning, ...] = ()
        self._ahead: tuple[BoardWarning, ...] = ()
        """Times ahead in which nobody would be told."""
        self._keeper = PolicyKeeper(resources.policies)
        self.policies_known = asyncio.Event()
        """Set once the database has said what was last good: before that, nothing may be decided or sent."""

    async def queue_once(self, trigger: str = "queue") -> int:
        """Evaluate some of the pumps that wait in the queue, `urgent` ones or the others; returns how many."""
        async with self._resources.pool.acquire() as connection:
            began = time.monotonic()
            async with connection.transaction():
                taking = await store.take_queue(connection, self._entries[trigger], urgent=trigger == "urgent")
                self._entries[trigger] = taking.entries_next
                if not taking.pump_ids:
                    return 0
                outcome = await self._evaluate(connection, taking.pump_ids)
            self._report(outcome, trigger, began)
        return len(taking.pump_ids)

    async def sweep_once(self) -> int:
        """Evaluate one slice of the pumps that are due, or that nobody has looked at for a sweep; returns how many."""
        async with self._resources.pool.acquire() as connection:
            now, most = self._resources.clock(), self._resources.settings.sweep_slice_pumps
            before = now - timedelta(seconds=self._resources.settings.sweep_seconds)
            if time.monotonic() - self._enrolled_at >= _ENROL_SECONDS:
                await store.follow_registry(connection, before - timedelta(seconds=1))
                self._enrolled_at = time.monotonic()
            began = time.monotonic()
            async with connection.transaction():
                pumps = await store.take_due_slice(connection, now, most)
                pumps = pumps or await store.take_sweep_slice(connection, before, most)
                if not pumps:
                    return 0
                outcome = await self._evaluate(connection, pumps)
            self._report(outcome, "sweep", began)
        return len(pumps)

    async def escalate_once(self) -> int:
        """Evaluate the pumps whose alerts are due for a next step or have an expired acknowledgement."""
        now = self._resources.clock()
        async with self._resources.pool.acquire() as connection:
            active = await store.pumps_to_look_at(connection, now)
            if not active:
                return 0
            look = functools.partial(self._due_for_a_step, connection, now)
            async with connection.transaction():
                found, failed = await apart(connection, active, look)
            # One that cannot be looked at is evaluated too: there it is told of.
            pumps = [pump_id for each in found for pump_id in each] + [failure.item for failure in failed]
            if not pumps:
                return 0
            began = time.monotonic()
            async with connection.transaction():
                outcome = await self._evaluate(connection, pumps)
            self._report(outcome, "escalation", began)
        return len(pumps)

    async def pass_on_once(self) -> None:
        """Let whoever stands in for somebody who is out have what is open."""
        began = time.monotonic()
        async for outcome in pass_on_for_everybody(self._resources, self._before_writing):
            self._report(outcome, "passed_on", began)

    async def _due_for_a_step(self, connection: Connection, now: datetime, pump_ids: Sequence[str]) -> list[str]:
        open_alerts = await load_open_alerts(connection, pump_ids)
        return [
            pump_id
            for pump_id, alerts in open_alerts.items()
            if any(alert.acknowledgement_is_over(now) or self._must_tell(alert, now) for alert in alerts)
        ]

    def _must_tell(self, alert: OpenAlert, now: datetime) -> bool:
        policies = self._resources.holding
        policy, version = policies.of(alert.clinic_id), policies.version_of(alert.clinic_id)
        return bool(due_deliveries(alert, policy, now, version=version))

    async def heartbeat_once(self) -> None:
        """Say that this worker lives."""
        async with self._resources.pool.acquire() as connection:
            await health_store.record_heartbeat(connection, self._resources.worker_id, self._resources.clock())

    async def say_state_once(self) -> None:
        """Say what people at the board should know; the process that shows it has no policy file and no address."""
        policies, environment = self._resources.holding, self._resources.environment
        secrets = await secrets_now(policies, environment)
        async with self._resources.pool.acquire() as connection:
            clinics = await health_store.clinics_with_pumps(connection)
            told_of = self._told_of
            if told_of is None or told_of[0] is not policies or told_of[1:] != (clinics, secrets):
                self._warnings = warnings_about(policies, await policy_state_now(policies, environment, clinics))
                self._told_of = (policies, clinics, secrets)
            said = (*self._warnings, *self._ahead)
            url = self._resources.settings.public_url
            await health_store.say_state(connection, self._resources.worker_id, said, url, self._resources.clock())

    async def measure_once(self) -> None:
        """Measure how far behind the work is, and how many alerts have reached nobody."""
        now, metrics = self._resources.clock(), self._resources.metrics
        async with self._resources.pool.acquire() as connection:
            unreached = await health_store.count_unreached(connection)
            status = await health_store.load_status(connection)
        metrics.unreached.set(sum(unreached.values()))
        metrics.queue_oldest_seconds.set(_seconds(now, status.oldest_queued_at))
        metrics.sweep_oldest_seconds.set(_seconds(now, status.oldest_evaluated_at))

    async def look_at_upkeep_once(self) -> None:
        """Measure until when the broker's certificates are good, and how late the database is with its upkeep."""
        resources = self._resources
        for each in await asyncio.to_thread(read_endings, resources.settings.broker_certificates):
            seconds = each.seconds(resources.clock())
            resources.metrics.certificate_expires_seconds.labels(each.what).set(seconds)
        async with self._resources.pool.acquire() as connection:
            upkeep = await health_store.load_upkeep(connection)
        self._resources.metrics.upkeep_overdue_seconds.set(overdue_seconds(upkeep, self._resources.clock()))

    async def watch_ingest_once(self) -> None:
        """Tell people when nothing is received any more, or a policy file is of no use; forget workers long gone."""
        now, policies = self._resources.clock(), self._resources.holding
        url = self._resources.settings.public_url
        async with self._resources.pool.acquire() as connection:
            await health_store.forget_heartbeats(connection, now - _KEEP_HEARTBEATS)
            status = await health_store.load_status(connection)
            notices = [
                *ingest_notices(status.ingest_alive_at, policies.by_clinic.values(), now, url, texts_in),
                *policy_notices(policies, now, url, texts_in),
            ]
            if notices and await insert_notices(connection, notices, now):
                self._resources.pages_written.set()

    async def look_ahead_once(self) -> None:
        """Measure who is on call, and tell the administrators of times ahead in which nobody would be told."""
        resources, now, people = self._resources, self._resources.clock(), self._resources.on_call.people
        told = functools.partial(can_be_told, environment=resources.environment)
        seen: list[Ahead] = []
        for clinic, policy in clinics_with_persons(resources.policies.now, people).items():
            try:  # in a thread: three months of rotas take a while, and pages do not wait for them
                seen.append(await asyncio.to_thread(look_ahead, clinic, policy, people[clinic], now, told))
            except Exception:  # of one clinic: the others are looked at (decision 11)
                log.exception("coverage_not_known", clinic_id=clinic)
        resources.metrics.tell_ahead((each.clinic_id, each.seconds, each.reached) for each in seen)
        self._ahead = tuple(BoardWarning(each.clinic_id, each.words) for each in seen if each.gaps)
        holding, url = resources.holding, resources.settings.public_url
        notices = [
            notice
            for each in seen
            for notice in gap_notices(
                each,
                holding.of(each.clinic_id),
                now,
                url,
                zone=holding.zone_of(each.clinic_id),
                texts_of=texts_in,
            )
        ]
        if notices:
            async with resources.pool.acquire() as connection:
                if await insert_notices(connection, notices, now):
                    resources.pages_written.set()

    async def keep_policies_once(self) -> None:
        """Keep in the database what the policy files say; take over what is newer there, and who can be told."""
        async with self._resources.pool.acquire() as connection:
            if await self._keeper.keep_once(connection, self._resources.clock()):
                _report_policies(self._resources)
            await self._look_at_people(connection)
        self.policies_known.set()

    async def _look_at_people(self, connection: Connection) -> None:
        """Read who can be told. Where that fails by a fault of ours, who was known before is told, and not nobody."""
        health = self._resources.health
        try:
            people = await load_everybody(connection, self._resources.clock() - _KEEP_CHANGES)
            receivers = await load_receivers(connection)
        except UNAVAILABLE:
            raise
        except Exception:
            log.exception("people_not_read")
            health.failing["people"] = "persons and rotas cannot be read; who was known last is told"
            return
        health.failing.pop("people", None)
        self._resources.on_call.take(people)
        self._resources.links.receivers = receivers

    async def run(self) -> None:
        """Run every loop until cancelled."""
        settings = self._resources.settings
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look_at_policy_files())
            keep = _then_wait(self.keep_policies_once, settings.policy_poll_seconds)
            group.create_task(self._forever("policies", keep))
            beat = _then_wait(self.heartbeat_once, settings.heartbeat_seconds)
            # After an outage this one must not be late: others would take it for dead.
            group.create_task(self._forever("heartbeat", beat, longest_seconds=settings.heartbeat_seconds))
            await self.policies_known.wait()
            for trigger in self._news:  # two loops: an alarm waits for no routine evaluation
                group.create_task(self._forever(trigger, functools.partial(self._drain_queue, trigger)))
            group.create_task(self._forever("sweep", self._sweep))
            group.create_task(self._forever("escalation", _then_wait(self.escalate_once, settings.escalation_seconds)))
            group.create_task(self._forever("passing on", _then_wait(self.pass_on_once, settings.escalation_seconds)))
            group.create_task(self._forever("state", _then_wait(self.say_state_once, _STATE_SECONDS)))
            group.create_task(self._forever("measure", _then_wait(self.measure_once, _MEASURE_SECONDS)))
            group.create_task(self._forever("upkeep", _then_wait(self.look_at_upkeep_once, _UPKEEP_SECONDS)))
            group.create_task(self._forever("coverage", _then_wait(self.look_ahead_once, _LOOK_AHEAD_SECONDS)))
            group.create_task(self._forever("watch", _then_wait(self.watch_ingest_once, _MEASURE_SECONDS)))

    async def _evaluate(self, connection: Connection, pump_ids: tuple[str, ...] | list[str]) -> Outcome:
        return await evaluate_pumps(
            connection,
            pump_ids,
            self._resources.holding,
            self._resources.clock(),
            public_url=self._resources.settings.public_url,
            before_writing=self._before_writing,
        )

    def _report(self, outcome: Outcome, trigger: str, began: float) -> None:
        """After the commit: wake the dispatcher first, then count and log."""
        if outcome.deliveries:
            self._resources.pages_written.set()
        if self._bypass is not None:
            self._bypass.after_deciding(outcome.changes)
        self._resources.metrics.evaluated.labels(trigger).inc(outcome.pumps)
        self._resources.metrics.evaluation_seconds.labels(trigger).observe(time.monotonic() - began)
        for change in outcome.changes:
            transition = change.transition
            rule = transition.alert.rule if transition.alert else _rule_of(change)
            self._resources.metrics.transitions.labels(rule, transition.kind, transition.reason).inc()
            if transition.kind is not TransitionKind.REFRESHED:
                log.info(
                    "alert_transition",
                    alert_id=str(change.alert_id),
                    clinic_id=change.clinic_id,
                    rule=rule,
                    kind=transition.kind.value,
                    reason=transition.reason.value,
                    priority=transition.priority.value,
                    trigger=trigger,
                )
        self._resources.metrics.unjudged.inc(len(outcome.unjudged))
        for priority in outcome.unreached:
            self._resources.metrics.without_contact.labels(priority).inc()
            log.warning("nobody_to_tell", priority=priority.value)

    async def _drain_queue(self, trigger: str) -> float:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._resources.settings.poll_seconds):
                await self._news[trigger].wait()
        self._news[trigger].clear()
        while await self.queue_once(trigger):
            pass
        return 0.0

    def _wake(self) -> None:
        for news in self._news.values():
            news.set()

    async def _sweep(self) -> float:
        done = await self.sweep_once()
        return (
            0.0
            if done >= self._resources.settings.sweep_slice_pumps
            else min(1.0, self._resources.settings.sweep_seconds / 4)
        )

    async def _look_at_policy_files(self) -> None:
        """Apart from the database: a file that is mended while it hangs is used by what pages past it."""
        while True:
            await asyncio.sleep(self._resources.settings.policy_poll_seconds)
            await reload_policy_files(self._resources)

    async def _forever(self, task: str, step: Callable[[], Awaitable[float]], *, longest_seconds: float = 5.0) -> None:
        """Repeat a step, which returns how long to wait; while the database is away, wait longer each time."""
        failures = 0
        while True:
            try:
                wait = await step()
                failures = 0
                self._resources.health.failing.pop(task, None)
            except UNAVAILABLE as error:
                failures += 1
                wait = backoff_seconds(failures, first_seconds=0.2, longest_seconds=longest_seconds)
                self._resources.health.failing[task] = plainly(error)
                self._resources.metrics.database_failures.labels(task).inc()
                log.warning("database_unavailable", task=task, error=plainly(error), retry_seconds=wait)
                await leave_read_only(self._resources.pool, error)
            await asyncio.sleep(wait)

    async def _listen(self) -> None:
        settings = self._resources.settings
        dsn = settings.database_url.get_secret_value()
        await listen(dsn, _CHANNEL, self._wake, password=settings.database_password, on_state=self._heard)

    def _heard(self, listening: bool) -> None:
        self._resources.health.listening = listening
        self._resources.metrics.listening.set(listening)


async def reload_policy_files(resources: Resources) -> None:
    """Look at the policy files, and say what is wrong with them."""
    if await resources.policies.reload():
        _report_policies(resources)


def _report_policies(resources: Resources) -> None:
    policies = resources.policies.now
    resources.metrics.policy_files_broken.set(len(policies.faults))
    log.info("policies_loaded", clinics=len(policies.by_clinic))
    for fault in policies.faults:
        log.error("policy_broken", fault=fault)
    for _, fault in policies.elsewhere:
        log.warning("policy_differs", fault=fault)


def _then_wait(step: Callable[[], Awaitable[object]], seconds: float) -> Callable[[], Awaitable[float]]:
    async def stepped() -> float:
        await step()
        return seconds

    return stepped


def _rule_of(change: AlertChange) -> str:
    condition = change.transition.condition
    return condition.rule.value if condition else "unknown"


def _seconds(now: datetime, at: datetime | None) -> float:
    return max(0.0, (now - at).total_seconds()) if at else 0.0
