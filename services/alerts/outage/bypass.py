"""Page high pump alarms straight from MQTT when nothing else does (docs/operating/outages.md).

Guarantees: a high alarm that the broker delivers while the database does not answer is paged within 5 s of its coming,
and one that is not evaluated within `bypass_after_seconds`, whatever the reason, then: ingest is away, behind or cannot
store it, or what is stored cannot be evaluated. By the policies, silences and the registry as they were last known. An
alarm is evaluated when it is stored and the entry of the queue that came with it is gone. What went out is written down
before an alert about it is, so the alert that then opens pages nobody a second time. For high alarms only, at least
once: a second alert process that decides before this one has written may page again, and **each of several processes
pages by itself while the database is away**, because there is nothing left by which they could agree. (While it is
there, the first by name pages, and each further one 5 s later what is not written down by then.) A page's delivery
id follows from what it is about, so both carry the same, and a receiver that knows ids shows one. The last step of a
route is not repeated: nobody can acknowledge what stands in no record.

It has a subscription of its own and no session: it keeps nothing from ingest. A process that starts while the database
is away knows no registry, and cannot page.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import structlog

from schemas.events import AlarmCode, AlarmState, EventKind
from schemas.policy import Policy
from schemas.topics import ROOT
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.escalate import after_failure, due_steps
from services.alerts.delivery.mute import Silence, mute_of, still_holds
from services.alerts.delivery.persons.page_links import with_link
from services.alerts.delivery.planned import About, OutgoingPage, PlannedDelivery
from services.alerts.delivery.send_outcome import SendOutcome, SendResult
from services.alerts.delivery.store import list_silences
from services.alerts.delivery.webhooks.programs import is_program
from services.alerts.facts.model import AlarmEvent, RefusedAlarm
from services.alerts.lifecycle.store import AlertChange
from services.alerts.model import Occasion, OpenAlert, Transition
from services.alerts.outage import store
from services.alerts.outage.bypass_plan import (
    BypassedPage,
    Cause,
    HeardAlarm,
    Hold,
    Trace,
    bypass_text,
    delivery_id_of,
    emergencies,
    follow,
    held,
    overdue,
    remembered,
)
from services.alerts.outage.store import Told
from services.alerts.policies import address_of
from services.alerts.resources import Resources
from services.ingest.messages.decode import ClockLimits, decode
from services.ingest.messages.whose import Enrolment
from services.runtime.backoff import backoff_seconds
from services.runtime.database import FAILED, Connection, ensure_writable, plainly
from services.runtime.isolation import apart, described
from services.runtime.mqtt import BrokerUnavailableError, ConnectionLostError, Message, broker_address, connect
from services.texts.catalogue import texts_in

FILTERS: Final = (f"{ROOT}/+/events/{EventKind.ALARM}", f"{ROOT}/+/events/batch")
_LIMITS: Final = ClockLimits(timedelta(hours=24), timedelta(days=400))
_PROBE_SECONDS: Final = 0.5
_PROBE_ANSWER_SECONDS: Final = 1.0
_FAILURES: Final = 2
_REFRESH_SECONDS: Final = 10.0
_KEEP_UNSTORED: Final = timedelta(hours=1)
_MOST_ALIKE: Final = 50
"""Of one pump, code and state so many are kept: a device that floods must not fill the memory."""
_NEXT_WORKER_SECONDS: Final = 5.0
_RETRY_FIRST_SECONDS: Final = 2.0
_RETRY_LONGEST_SECONDS: Final = 120.0

_Send = tuple[UUID, Occasion, str, str]

log = structlog.get_logger()


class Bypass:
    """Listens always, pages only what nobody else can."""

    def __init__(self, resources: Resources, channel: Channels) -> None:
        self._resources = resources
        self._channel = channel
        self._registry: Mapping[str, Enrolment] = {}
        self._known: frozenset[Cause] = frozenset()
        self._decided: list[tuple[str, Transition]] = []
        self._refreshed_at = float("-inf")
        self._registry_of = datetime.min.replace(tzinfo=UTC)
        self._heard: dict[UUID, HeardAlarm] = {}
        self._failures = 0
        self._unwritten: list[BypassedPage] = []
        self._tried: dict[_Send, tuple[int, float]] = {}
        self._extra: dict[UUID, list[PlannedDelivery]] = {}
        self._sending: dict[_Send, tuple[str, asyncio.Task[None]]] = {}
        self._told: frozenset[Told] = frozenset()
        self._silences: tuple[Silence, ...] = ()
        self._late_after = timedelta(seconds=resources.settings.bypass_after_seconds)
        self._deciding: dict[str, Hold] = {}
        self._sent = asyncio.Event()
        self._knows = asyncio.Event()
        """Set when the registry is known: before, nothing that is heard is understood."""

    @property
    def is_away(self) -> bool:
        """Whether the database does not answer."""
        return self._failures >= _FAILURES

    @property
    def paged(self) -> tuple[OpenAlert, ...]:
        """What was paged and is not written down yet, for the board."""
        return tuple({page.event_id: page.alert for page in self._unwritten}.values())

    async def run(self) -> None:
        """Listen and watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._watch(group))

    async def before_writing(self, connection: Connection, pump_ids: Sequence[str]) -> None:
        """Write down what went out about these pumps, in the transaction that writes their alerts."""
        self._failures = 0
        moment = time.monotonic()
        self._deciding |= {pump_id: held(self._deciding.get(pump_id), moment) for pump_id in pump_ids}
        about = set(pump_ids)
        if sending := [task for pump_id, task in self._sending.values() if pump_id in about]:
            await asyncio.wait(sending, timeout=self._resources.settings.send_timeout_seconds)
        await self._write_down(connection, [page for page in self._unwritten if page.alert.pump_id in about])

    async def _write_down(self, connection: Connection, pages: Sequence[BypassedPage]) -> None:
        _, failed = await apart(connection, pages, functools.partial(store.insert_bypassed, connection))
        for failure in failed:
            log.error("bypass_page_not_recorded", event_id=str(failure.item.event_id), error=described(failure.error))

    def after_deciding(self, changes: Iterable[AlertChange]) -> None:
        """Remember which high alerts are open: those pages have gone out."""
        decided = [(change.pump_id, change.transition) for change in changes]
        self._decided += decided
        self._known = remembered(self._known, decided)

    # --- the broker ---------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        url = self._resources.settings.mqtt_url
        if url is None:
            return
        settings = self._resources.settings
        address = broker_address(
            url.get_secret_value(), ca_file=settings.mqtt_ca_file, password_file=settings.mqtt_password_file
        )
        self._resources.health.failing["bypass"] = "not connected to the broker yet"
        await self._knows.wait()
        while True:
            try:
                async with connect(address, client_id=f"pumpwatch-bypass-{uuid4().hex[:12]}") as connection:
                    for topic_filter in FILTERS:
                        await connection.subscribe(topic_filter)
                    self._resources.health.failing.pop("bypass", None)
                    async for messages in connection.messages():
                        for message in messages:
                            self._hear(message)
                        await connection.acknowledge(messages)
            except (BrokerUnavailableError, ConnectionLostError) as error:
                self._resources.health.failing["bypass"] = str(error)
                log.warning("bypass_cut_off", error=str(error))
            await asyncio.sleep(1.0)

    def _hear(self, message: Message) -> None:
        if b'"raised"' not in message.payload and b'"cleared"' not in message.payload:
            return
        now = self._resources.clock()
        decoded = decode([message], self._registry, now=now, clock=_LIMITS)
        for pump_id, observed, event_id, device_id, seq, code, state, detail, _ in decoded.rows.get(
            EventKind.ALARM, ()
        ):
            enrolment = self._registry[device_id]
            event = AlarmEvent(
                code=AlarmCode(code),
                state=AlarmState(state),
                observed_at=datetime.fromtimestamp(observed, UTC),
                received_at=now,
                device_id=device_id,
                seq=seq,
                event_id=event_id,
                detail=detail,
            )
            self._keep(HeardAlarm(enrolment.clinic_id, pump_id, event, now, enrolment.pumps))
        for pump_id, event_id, device_id, code, state, seq, behind in decoded.refused_alarms:
            clinic_id = self._registry[device_id].clinic_id
            refused = RefusedAlarm(
                AlarmCode(code), AlarmState(state), now, timedelta(seconds=behind), device_id, seq, event_id
            )
            self._keep(HeardAlarm(clinic_id, pump_id, refused, now, self._registry[device_id].pumps))

    def _keep(self, heard: HeardAlarm) -> None:
        self._heard.setdefault(heard.event.event_id, heard)
        if len(self._heard) <= _MOST_ALIKE:
            return
        alike = [each for each in self._heard.values() if _kind(each) == _kind(heard)]
        if len(alike) > _MOST_ALIKE:
            del self._heard[alike[1].event.event_id]  # the first gives its page the id

    # --- the database -------------------------------------------------------------------------------------------

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        connection: asyncpg.Connection[asyncpg.Record] | None = None
        while True:
            try:
                if connection is None or connection.is_closed():
                    connection = await asyncpg.connect(
                        self._resources.settings.database_url.get_secret_value(),
                        password=self._resources.settings.database_password,
                        timeout=_PROBE_ANSWER_SECONDS,
                        command_timeout=_PROBE_ANSWER_SECONDS,
                    )
                await self._look(connection)
                self._failures = 0
                self._page(group, self._late_after)
            except FAILED as error:
                if connection is not None:
                    connection.terminate()
                    connection = None
                self._failures += 1
                if self._failures == _FAILURES:
                    log.warning("bypass_begins", error=plainly(error))
            if self.is_away:
                self._page(group, timedelta())
            with suppress(TimeoutError):
                async with asyncio.timeout(_PROBE_SECONDS):
                    await self._sent.wait()  # to write down at once: another process may be about to decide
            self._sent.clear()

    async def _look(self, connection: Connection) -> None:
        """Ask the database whether it answers; bring up to date what is known of it."""
        now = self._resources.clock()
        written = list(self._unwritten)
        await ensure_writable(connection)  # one that can only be read stores no alarm, and nobody would be paged
        await self._write_down(connection, written)
        if self._must_refresh(now):
            self._registry = await store.load_registry(connection)
            self._refreshed_at, self._registry_of = time.monotonic(), now
            self._heard = {each.event.event_id: each for each in map(self._whose_now, self._heard.values()) if each}
            self._knows.set()
        traces = await store.load_traces(connection, self._heard.values())
        left = [follow(heard, traces.get(event_id, Trace())) for event_id, heard in self._heard.items()]
        self._heard = {each.event.event_id: each for each in left if each and now - each.received_at < _KEEP_UNSTORED}
        self._told = await store.told_already(connection, self._heard)
        before = await store.workers_before(connection, self._resources.worker_id)
        self._late_after = timedelta(
            seconds=self._resources.settings.bypass_after_seconds + before * _NEXT_WORKER_SECONDS
        )
        self._silences = await list_silences(connection, None, now)
        if not self._sending:
            self._unwritten = self._unwritten[len(written) :]
            self._tried = {send: tried for send, tried in self._tried.items() if send[0] in self._heard}
            self._extra = {event_id: more for event_id, more in self._extra.items() if event_id in self._heard}
        # Every time: what another process decides is known here by this alone, and an outage may begin now.
        self._decided = []
        self._known = remembered(await store.load_open_high(connection), self._decided)

    def _must_refresh(self, now: datetime) -> bool:
        """Every 10 s, and before anything is paged that was heard since: a handheld may have another pump by now."""
        late = [each.received_at for each in self._heard.values() if now - each.received_at >= self._late_after]
        return time.monotonic() - self._refreshed_at >= _REFRESH_SECONDS or any(at >= self._registry_of for at in late)

    def _whose_now(self, heard: HeardAlarm) -> HeardAlarm | None:
        """The same alarm by the registry of now; None: it is about no pump, or its device is retired."""
        known = self._registry.get(heard.event.device_id)
        if known is None:
            return None
        pump_id = known.pump_id
        if isinstance(heard.event, AlarmEvent):
            pump_id = known.pump_at(heard.event.judged_at.timestamp())
        if pump_id is None:
            return None
        return replace(heard, clinic_id=known.clinic_id, pump_id=pump_id, pumps=known.pumps)

    # --- pages --------------------------------------------------------------------------------------------------

    def _page(self, group: asyncio.TaskGroup, after: timedelta) -> None:
        """Page what has waited for so long, unless a transaction is about to write it down."""
        now, moment = self._resources.clock(), time.monotonic()
        policies = self._resources.holding
        deciding = {pump_id for pump_id, hold in self._deciding.items() if moment < hold.ends}
        # Only here: a hold that is over is not begun anew before its pump was looked at.
        self._deciding = {pump_id: self._deciding[pump_id] for pump_id in deciding}
        for clinic_id, pump_id in sorted({(heard.clinic_id, heard.pump_id) for heard in self._heard.values()}):
            policy = policies.of(clinic_id)
            own = [heard for heard in self._heard.values() if (heard.clinic_id, heard.pump_id) == (clinic_id, pump_id)]
            if pump_id in deciding:
                continue
            try:
                for alert in overdue(emergencies(own, policy, now, self._known), now, after):
                    if self._is_silenced(alert, now) or self._is_answered(alert, policy, now):
                        continue
                    planned = [*due_steps(alert, policy, now), *self._extra.get(alert.alert_id, ())]
                    for each in dict.fromkeys(planned):
                        self._start(group, alert, each)
            except Exception:  # one pump's fault: the others are paged (decision 11)
                log.exception("bypass_pump_not_judged", pump_id=pump_id)

    def _is_silenced(self, alert: OpenAlert, now: datetime) -> bool:
        policy = self._resources.holding.of(alert.clinic_id)
        of_clinic = [each for each in self._silences if each.clinic_id == alert.clinic_id]
        mute = mute_of(of_clinic, policy, pump_id=alert.pump_id, rule=alert.rule, priority=alert.priority, now=now)
        return still_holds(mute, now)

    def _is_answered(self, alert: OpenAlert, policy: Policy, now: datetime) -> bool:
        """Tell whether a person has taken it by a link: for as long as an acknowledgement lasts."""
        lasts = timedelta(hours=policy.acknowledgement_expires_hours)
        return self._resources.answered.has(alert.alert_id, (alert.pump_id, alert.rule, alert.key), now, lasts)

    def _start(self, group: asyncio.TaskGroup, alert: OpenAlert, planned: PlannedDelivery) -> None:
        send = (alert.alert_id, planned.occasion, planned.contact, planned.channel)
        attempts, again_at = self._tried.get(send, (0, 0.0))
        told = Told(alert.alert_id, planned.occasion.step, planned.contact, planned.channel)
        if send in self._sending or told in self._told or time.monotonic() < again_at:
            return
        wait = backoff_seconds(attempts + 1, first_seconds=_RETRY_FIRST_SECONDS, longest_seconds=_RETRY_LONGEST_SECONDS)
        self._tried[send] = (attempts + 1, time.monotonic() + wait)
        task = group.create_task(self._send(alert, planned, send, attempts + 1))
        self._sending[send] = (alert.pump_id, task)
        task.add_done_callback(lambda _: self._sending.pop(send, None))

    async def _send(self, alert: OpenAlert, planned: PlannedDelivery, send: _Send, attempt: int) -> None:
        policy = self._resources.holding.of(alert.clinic_id)
        text = bypass_text(
            alert,
            planned.occasion.step,
            self._resources.settings.public_url,
            include_patient_data=policy.include_patient_data,
            away=self.is_away,
            texts=texts_in(policy.language),
        )
        url = address_of(policy, planned.contact, planned.channel, self._resources.environment)
        outcome = SendOutcome(SendResult.PERMANENT, "the policy has no address for this channel")
        if url is not None:
            page = OutgoingPage(
                delivery_id_of(*send),
                alert.clinic_id,
                planned.occasion,
                alert.priority,
                text.title,
                text.body,
                alert.since,  # the same for each try
                # Whose it is only the database knows.
                About(alert.alert_id, alert.rule, alert.key, alert.pump_id, recorded=False),
                policy.include_patient_data,
            )
            if not is_program(url):
                site, now = self._resources, self._resources.clock()
                board, texts = site.settings.public_url, texts_in(policy.language)
                page = with_link(page, planned.contact, site.links, board, now, texts, past_the_database=True)
            outcome = await self._channel.send(url, page)
        result = outcome.result
        self._resources.metrics.deliveries.labels(result).inc()
        log.warning(
            "bypass_page",
            contact=planned.contact,
            channel=planned.channel,
            result=result.value,
            error=outcome.error,
        )
        if result is SendResult.SENT:
            self._tried[send] = (attempt, float("inf"))
            told = BypassedPage(
                alert.alert_id,
                alert,
                planned.occasion.step,
                planned.contact,
                planned.channel,
                text,
                self._resources.clock(),
            )
            self._unwritten.append(told)
            self._sent.set()
            return
        final = result is SendResult.PERMANENT
        if final:
            self._tried[send] = (attempt, float("inf"))
        instead = after_failure(planned, alert.priority, policy, attempt, final=final)
        self._extra.setdefault(alert.alert_id, []).extend(instead)


def _kind(heard: HeardAlarm) -> tuple[str, AlarmCode, AlarmState]:
    return heard.pump_id, heard.event.code, heard.event.state
