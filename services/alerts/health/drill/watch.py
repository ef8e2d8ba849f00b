"""Does a drill each day, and tells the operator of one that was missed, by another way than pages go.

Guarantees: each drill is done once, however many workers look; one that a worker began and left is ended by the next;
the operator is told until it worked, also while the database is away; a fault here holds up no page. The other way is
an address of its own: it does not pass through the database, the queue of pages or a policy.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import asyncpg
import structlog

from schemas.events import AlarmState
from schemas.policy import Priority
from schemas.topics import DRILL
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import SendResult
from services.alerts.health.drill import store
from services.alerts.health.drill.course import Drill, due, hindrances, missed_text, outcome, trouble_of
from services.alerts.health.drill.device import say_alarm
from services.alerts.health.looks import keep_looking
from services.alerts.model import Occasion, OccasionKind
from services.alerts.resources import Resources
from services.runtime.addresses import BrokerAddress, broker_address
from services.runtime.database import UNAVAILABLE, Connection, borrow, plainly

log = structlog.get_logger()

_DATABASE_SECONDS: Final = 3.0
_TELLING: Final = timedelta(seconds=60)
_WAITS: Final = timedelta(minutes=10)
"""So long a drill waits for the one before to be over."""
_MOMENT: Final = timedelta(microseconds=1)
_KEEP: Final = timedelta(days=400)
_BEHIND: Final = (
    "it did not begin, as the drill before is not over: its device cannot say so, or its alert does not end"
)
_ELSEWHERE: Final = f"a device {DRILL} was enrolled in another clinic before that name was kept: retire it"


class DrillWatch:
    """Looks whether a drill is due or under way; does nothing unless the drill's device has a login."""

    def __init__(self, resources: Resources, channels: Channels) -> None:
        settings = resources.settings
        self._resources = resources
        self._channels = channels
        self._within = timedelta(seconds=settings.drill_within_seconds)
        self._broker: BrokerAddress | None = None
        if settings.drill_mqtt_url is not None:
            url = settings.drill_mqtt_url.get_secret_value()
            self._broker = broker_address(
                url, ca_file=settings.mqtt_ca_file, password_file=settings.drill_mqtt_password_file
            )
        self._enrolled = False
        self._last_due: datetime | None = None
        self._not_ended: datetime | None = None
        """When the drill was due that has not ended yet."""
        self._away_since: datetime | None = None
        self._told_away: datetime | None = None
        self._why_not_sent: str | None = None
        self._stands_since: datetime | None = None
        """When an alert of an earlier drill was found open, or the broker was told last that its alarm is over."""

    async def run(self) -> None:
        """Look until cancelled; returns at once where no drill is set up."""
        if self._broker is None:
            return
        await keep_looking(
            self._resources.pool,
            self.look_once,
            task="drill",
            failed="drill_not_looked_at",
            every_seconds=self._resources.settings.escalation_seconds,
        )

    async def look_once(self) -> None:
        """Plan, begin, follow and end a drill, each if it is time for it, and tell of one that was missed."""
        now = self._resources.clock()
        try:
            async with borrow(self._resources.pool, within_seconds=_DATABASE_SECONDS) as connection:
                drill = await self._planned(connection, now)
            self._away_since = None
            self._not_ended = drill.due_at if drill is not None and drill.ended_at is None else None
        except UNAVAILABLE as error:
            await self._tell_of_the_database(now, plainly(error))
            raise
        if drill is not None and self._broker is not None:
            await self._go_on(drill, self._broker)
        elif self._stands_since is not None and now - self._stands_since > self._within and self._broker is not None:
            self._stands_since = now
            await self._say_over(self._broker)
        await self._tell()
        await self._measure()

    async def _planned(self, connection: Connection, now: datetime) -> Drill | None:
        """Plan what is due, begin what waits; the drill that is under way then."""
        policy = self._resources.holding.by_clinic.get(DRILL)
        against = list(hindrances(policy, self._within))
        if policy is not None and not self._enrolled:
            self._enrolled = await store.enrol(connection)
            if self._enrolled:
                return None  # ingest hears of it meanwhile
            against.append(_ELSEWHERE)
        self._last_due = await store.last_due(connection)
        due_at = due(self._resources.settings.drill_at, self._last_due, now)
        if due_at is not None and policy is not None:  # without one nobody has said whom a drill pages: there is none
            await store.plan(connection, due_at, now)
            await store.forget(connection, now - _KEEP)
        if against:
            await store.give_up(connection, now + _MOMENT, "; ".join(against), now)
        await store.give_up(connection, now - _WAITS, _BEHIND, now)
        under_way = await store.under_way(connection)
        if under_way is not None or against:
            return under_way
        if await store.alarm_stands(connection):
            self._stands_since = self._stands_since or now
            return None
        self._stands_since, self._why_not_sent = None, None
        try:
            return await store.begin(connection, now)
        except asyncpg.UniqueViolationError:  # another worker has begun one
            return None

    async def _go_on(self, drill: Drill, broker: BrokerAddress) -> None:
        """Take a drill as far as it comes now. Nothing is borrowed while the broker or ingest is waited for."""
        pool, clock = self._resources.pool, self._resources.clock
        assert drill.begun_at is not None  # noqa: S101 - it is under way
        if drill.ended_at is None and drill.accepted_at is None:
            seconds = self._within.total_seconds() / 2
            said = await say_alarm(
                broker, AlarmState.RAISED, drill.event_id, drill.begun_at, clock, receipt_seconds=seconds
            )
            self._why_not_sent = said.fault
            async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
                await store.record_sent(connection, drill.drill_id, said.accepted_at, said.stored_at)
        async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
            ended = drill.ended_at is not None or await self._end(connection, drill)
        if not ended:
            return
        # Also of one that was missed: what comes late must not stand for good.
        if await self._say_over(broker):
            async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
                await store.record_cleared(connection, drill.drill_id, clock())

    async def _say_over(self, broker: BrokerAddress) -> bool:
        clock = self._resources.clock
        said = await say_alarm(broker, AlarmState.CLEARED, uuid4(), clock(), clock, receipt_seconds=0)
        if said.accepted_at is None:
            log.warning("drill_not_cleared", error=said.fault)
        return said.accepted_at is not None

    async def _end(self, connection: Connection, drill: Drill) -> bool:
        """Look how far a drill came, and end it if that is known. False: it goes on."""
        reached = await store.reached(connection, drill.drill_id)
        known = await store.load(connection, drill.drill_id)
        now = self._resources.clock()
        missed = None if known is None else outcome(known, self._within, now, reached.last_error or self._why_not_sent)
        if known is None or missed is None:
            return False
        await store.end(connection, drill.drill_id, missed or None, now)
        legs = {name: known.seconds_until(at) for name, at in known.legs}
        if missed:
            log.error("drill_missed", why=missed, legs=legs)
        else:
            log.info("drill_came_through", legs=legs)
        return True

    # --- the other way ------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Tell of one drill that was missed. Nothing is borrowed while the receiver is waited for."""
        if self._resources.settings.drill_missed_url is None:
            return
        pool, clock = self._resources.pool, self._resources.clock
        async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
            told = await store.claim_to_tell(connection, clock(), clock() + _TELLING)
        if told is None:
            return
        if await self._send(missed_text(told.due_at, told.missed, self._resources.settings.public_url)):
            async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
                await store.record_told(connection, told.drill_id, clock())

    async def _tell_of_the_database(self, now: datetime, fault: str) -> None:
        """A drill is due, and there is no database that it could pass through: tell it once for each, from here."""
        self._away_since = self._away_since or now
        due_at = self._not_ended or due(self._resources.settings.drill_at, self._last_due, now)
        waited = max(due_at, self._away_since) if due_at else now
        if due_at is None or due_at == self._told_away or now - waited < self._within:
            return
        text = missed_text(due_at, f"the database is away: {fault}", self._resources.settings.public_url)
        if await self._send(text):
            self._told_away = due_at

    async def _send(self, text: PageText) -> bool:
        url = self._resources.settings.drill_missed_url
        if url is None:
            return False
        now = self._resources.clock()
        page = OutgoingPage(
            uuid4(), DRILL, Occasion(OccasionKind.NOTICE, "drill"), Priority.HIGH, text.title, text.body, now
        )
        sent = await self._channels.send(url.get_secret_value(), page)
        if sent.result is not SendResult.SENT:
            log.error("drill_missed_not_told", error=sent.error)
        return sent.result is SendResult.SENT

    async def _measure(self) -> None:
        async with borrow(self._resources.pool, within_seconds=_DATABASE_SECONDS) as connection:
            last, passed_at = await store.last_ended(connection), await store.passed_at(connection)
        self._resources.health.drill = trouble_of(last, passed_at, self._resources.clock())
        metrics = self._resources.metrics
        metrics.drill_missed.set(last is not None and last.missed is not None)
        if passed_at is not None:
            metrics.drill_passed_timestamp.set(passed_at.timestamp())
        if last is not None and (seconds := last.seconds_until(last.paged_at)) is not None:
            metrics.drill_page_seconds.set(seconds)
