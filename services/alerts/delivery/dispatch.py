"""Send what is due, and write down what came of it.

Guarantees: **at least once**. A delivery is claimed for a lease, sent, then recorded; a process killed
between sending and recording sends again when the lease is over, with the same delivery id. Within one
process nothing is sent twice. The most urgent goes first; one channel that hangs holds up at most
`sends_per_channel` of the `sends_at_once` places, and one server that hangs, whoever is told by it, half of
them. What is acknowledged or over meanwhile is cancelled, not retried; what a silence or quiet hours hold is
put off, and its row says by what. When tries on a channel fail, the contact's next channel or the next
contact is used beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from services.alerts.delivery import store
from services.alerts.delivery.channels import Channels, server_at
from services.alerts.delivery.escalate import after_failure
from services.alerts.delivery.group_pages import group_pages_once
from services.alerts.delivery.mute import mute_of, still_holds, wakes_nobody
from services.alerts.delivery.persons.page_links import with_link
from services.alerts.delivery.persons.who_has_it import who_hears
from services.alerts.delivery.planned import Failed, PlannedDelivery
from services.alerts.delivery.receipts.model import FIRST_ASKED_AFTER
from services.alerts.delivery.receipts.store import keep_receipt
from services.alerts.delivery.send_outcome import SendOutcome, SendResult
from services.alerts.delivery.store import Claim, ClaimedRow
from services.alerts.delivery.webhooks.programs import is_program
from services.alerts.policies import Policies, address_of
from services.alerts.resources import Resources
from services.people.channels.sending.store import note_outcome, quiet_hours_of
from services.people.rota.people import person_in
from services.runtime.backoff import backoff_seconds
from services.runtime.database import FAILED, UNAVAILABLE, Connection, leave_read_only, plainly
from services.runtime.isolation import apart, concerns_all
from services.texts.catalogue import texts_in

log = structlog.get_logger()

_STOP_SECONDS: Final = 5.0
"""A database that is asked for a page at the moment of the stop has so long to answer."""
_NOTE_SECONDS: Final = 5.0
_FOLLOW_UP_EVERY: Final = timedelta(seconds=0.9)
_ANSWERED_WITHIN: Final = timedelta(days=1)
"""Longer ago nobody can have answered what is recorded now."""
_ANSWER_IS_RECORDED: Final = timedelta(seconds=1)
_ChannelKey = tuple[str, str, str]


class Dispatcher:
    """Sends deliveries; `Resources.pages_written` wakes it when some were committed."""

    def __init__(self, resources: Resources, channel: Channels) -> None:
        self._resources = resources
        self._channel = channel
        self._stopping = False
        self._sending: set[asyncio.Task[None]] = set()
        self._under_way: set[UUID] = set()
        self._in_use: Counter[_ChannelKey] = Counter()
        self._servers_in_use: Counter[str] = Counter()
        self._server_of: dict[_ChannelKey, str] = {}
        self._followed_up_at = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Send until cancelled; then let what is being sent end and be recorded."""
        failures = 0
        try:
            while True:
                try:
                    await self._start_uninterrupted()
                    failures, wait = 0, self._resources.settings.poll_seconds
                except UNAVAILABLE as error:
                    failures += 1
                    wait = backoff_seconds(failures, first_seconds=0.2, longest_seconds=5.0)
                    self._resources.metrics.database_failures.labels("dispatch").inc()
                    log.warning("database_unavailable", task="dispatch", error=plainly(error), retry_seconds=wait)
                    await leave_read_only(self._resources.pool, error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._resources.pages_written.wait()
                self._resources.pages_written.clear()
                self._raise_bugs()
        finally:
            await self._finish()

    async def _start_uninterrupted(self) -> None:
        """A stop must not come between a claim and its sending: until another took it over, nobody would be told."""
        starting = asyncio.create_task(self._start_what_is_due())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._stopping = True
            await asyncio.wait({starting}, timeout=_STOP_SECONDS)
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, *UNAVAILABLE):
                await starting
            raise

    async def send_due(self) -> None:
        """Send everything that is due now, and return when it is recorded; for tests and a last flush."""
        while True:
            await self._start_what_is_due()
            if not self._sending:
                return
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            self._raise_bugs()

    async def _start_what_is_due(self) -> None:
        async with self._resources.pool.acquire() as connection:
            policies, now = self._resources.holding, self._resources.clock()
            public_url, environment = self._resources.settings.public_url, self._resources.environment
            self._resources.answered.database_is_there(now)
            await group_pages_once(connection, policies, now, public_url=public_url, environment=environment)
            await self._follow_up(connection, now)
        while len(self._sending) < self._resources.settings.sends_at_once and not self._stopping:
            claimed = await self._claim()
            if claimed is None:
                return
            try:
                await self._start(claimed.claim())
            except Exception as error:
                if concerns_all(error):
                    raise
                # A fault of ours in one page: it counts as failed, and the others go out (decision 11). What the error
                # says is told nowhere: it may hold the address.
                said = f"a fault of Pumpwatch: {type(error).__name__}"
                log.error("delivery_failed_here", delivery_id=str(claimed.delivery_id), error=said)  # noqa: TRY400
                await store.record_failed(self._resources.pool, claimed.delivery_id, said)

    async def _follow_up(self, connection: Connection, now: datetime) -> None:
        """Let people hear who has an alert, and receivers how it goes on; looks about once a second.

        A fault here holds up no page.
        """
        if abs(now - self._followed_up_at) < _FOLLOW_UP_EVERY:
            return
        self._followed_up_at = now

        async def write(names: Sequence[str]) -> None:
            if "follow-ups" in names and await store.anybody_follows(connection):
                await store.insert_follow_ups(connection, now)
            if "who has it" in names:
                told = await store.told_of_taken(connection, now - _ANSWERED_WITHIN)
                receivers, environment = self._resources.links.receivers, self._resources.environment
                hears = list(who_hears(told, self._resources.holding, receivers, environment, texts_in))
                await store.insert_who_has_it(connection, hears, now)

        async with connection.transaction():
            _, failed = await apart(connection, ["follow-ups", "who has it"], write)
        for failure in failed:
            log.error("follow_ups_not_written", exc_info=failure.error)

    async def _start(self, claim: Claim) -> None:
        """Begin to send one page, unless nobody wants it any more, or something holds it."""
        policy = self._resources.holding.of(claim.clinic_id)
        url = address_of(policy, claim.contact, claim.channel, self._resources.environment)
        if not claim.wanted:
            may_have_gone = claim.attempts > 1 and self._follows(claim, url)
            await store.record_cancelled(self._resources.pool, claim.delivery_id, follows=may_have_gone)
            return
        now = self._resources.clock()
        if self._resources.answered.holds(claim.alert_id, claim.cause, now) and not claim.occasion.kind.is_follow_up:
            await store.put_back(self._resources.pool, claim.delivery_id, now + _ANSWER_IS_RECORDED)
            return
        if await self._is_held(claim):
            return
        server = self._server_of[claim.channel_key] = server_at(url or "")
        if self._is_full(server):  # not known before it was claimed; it is left alone from now on
            await store.put_back(self._resources.pool, claim.delivery_id, self._resources.clock())
            return
        self._under_way.add(claim.delivery_id)
        self._in_use[claim.channel_key] += 1
        self._servers_in_use[server] += 1
        self._sending.add(asyncio.create_task(self._send(claim, url, server)))

    async def _claim(self) -> ClaimedRow | None:
        now = self._resources.clock()
        busy = {key for key, count in self._in_use.items() if count >= self._resources.settings.sends_per_channel}
        busy |= {key for key, server in self._server_of.items() if self._is_full(server)}
        until = now + timedelta(seconds=self._resources.settings.send_lease_seconds)
        return await store.claim_delivery(
            self._resources.pool, now, until, busy=busy, worker_id=self._resources.worker_id, under_way=self._under_way
        )

    def _is_full(self, server: str) -> bool:
        most = max(self._resources.settings.sends_per_channel, self._resources.settings.sends_at_once // 2)
        return self._servers_in_use[server] >= most

    async def _is_held(self, claim: Claim) -> bool:
        """Put the page off if something holds it.

        A page about no single alert was looked at when it was made; who heard of a start must hear of the end.
        """
        if claim.pump_id is None or claim.rule is None or claim.occasion.kind.is_follow_up:
            return False
        now = self._resources.clock()
        policy = self._resources.holding.of(claim.clinic_id)
        async with self._resources.pool.acquire() as connection:
            try:
                silences = await store.silences_now(connection, claim.clinic_id, now)
                who = person_in(claim.contact)
                own = await quiet_hours_of(connection, who) if who and wakes_nobody(claim.priority) else None
                about = {"pump_id": claim.pump_id, "rule": claim.rule}
                mute = mute_of(silences, policy, **about, priority=claim.priority, now=now, own=own)
            except Exception as error:
                if concerns_all(error):
                    raise
                log.exception("delivery_not_held", delivery_id=str(claim.delivery_id))
                return False  # rather a page too many
            if mute is None or not still_holds(mute, now):
                return False
            await store.record_held(connection, claim.delivery_id, mute)
        log.info(
            "delivery_held", delivery_id=str(claim.delivery_id), by=mute.reason.value, until=mute.until.isoformat()
        )
        return True

    async def _send(self, claim: Claim, url: str | None, server: str) -> None:
        try:
            if url is None:
                outcome = SendOutcome(SendResult.PERMANENT, "the policy has no address for this channel")
            else:
                outcome = await self._sent(url, claim)
            await self._record(claim, outcome, follows=self._follows(claim, url))
            await self._note(claim, url, outcome)
        finally:
            self._under_way.discard(claim.delivery_id)
            self._in_use -= Counter([claim.channel_key])
            self._servers_in_use -= Counter([server])
            self._resources.pages_written.set()  # a place is free

    async def _sent(self, url: str, claim: Claim) -> SendOutcome:
        try:
            policy = self._resources.holding.of(claim.clinic_id)
            page = claim.page(include_patient_data=policy.include_patient_data)
            if not is_program(url):
                public_url, now = self._resources.settings.public_url, self._resources.clock()
                texts = texts_in(policy.language)
                page = with_link(page, claim.contact, self._resources.links, public_url, now, texts)
            return await self._channel.send(url, page)
        except Exception as error:  # noqa: BLE001 - a channel's fault is this page's, and the next channel is tried
            # Only its type: what it says may hold the address.
            log.error("channel_failed", delivery_id=str(claim.delivery_id), error=type(error).__name__)  # noqa: TRY400
            return SendOutcome(SendResult.RETRY, f"the channel failed: {type(error).__name__}")

    @staticmethod
    def _follows(claim: Claim, url: str | None) -> bool:
        """Tell whether who gets this is to hear how the alert goes on."""
        return is_program(url) and claim.alert_id is not None and not claim.occasion.kind.is_follow_up

    async def _record(self, claim: Claim, outcome: SendOutcome, *, follows: bool) -> None:
        """Write the outcome down, however long the database is away: forgetting it would page twice."""
        given_up = outcome.result is SendResult.RETRY and claim.attempts >= self._resources.settings.send_attempts
        result = "given_up" if given_up else outcome.result.value
        failures = 0
        while True:
            try:
                await self._write(claim, outcome, given_up=given_up, follows=follows)
                break
            except UNAVAILABLE as error:
                failures += 1
                log.warning("delivery_not_recorded", delivery_id=str(claim.delivery_id), error=plainly(error))
                await leave_read_only(self._resources.pool, error)
                await asyncio.sleep(backoff_seconds(failures, first_seconds=0.1, longest_seconds=2.0))
        self._resources.metrics.deliveries.labels(result).inc()
        if outcome.result is SendResult.SENT:
            self._resources.metrics.delivery_seconds.observe(
                (self._resources.clock() - claim.created_at).total_seconds()
            )
        log.info(
            "delivery_attempted",
            delivery_id=str(claim.delivery_id),
            contact=claim.contact,
            channel=claim.channel,
            attempt=claim.attempts,
            result=result,
            error=outcome.error,
        )

    async def _note(self, claim: Claim, url: str | None, outcome: SendOutcome) -> None:
        """Let a person see how their own channel does. Nothing waits for it, and nothing fails by it."""
        if url is None or person_in(claim.contact) is None:
            return
        try:
            async with asyncio.timeout(_NOTE_SECONDS), self._resources.pool.acquire() as connection:
                await note_outcome(connection, url, self._resources.clock(), outcome.error)
        except FAILED as error:
            log.warning("channel_outcome_not_noted", delivery_id=str(claim.delivery_id), error=plainly(error))

    async def _write(self, claim: Claim, outcome: SendOutcome, *, given_up: bool, follows: bool) -> None:
        now = self._resources.clock()
        if outcome.result is SendResult.SENT:
            await store.record_sent(self._resources.pool, claim.delivery_id, now, follows=follows)
            if outcome.receipt is not None:
                ask_at = now + FIRST_ASKED_AFTER
                await keep_receipt(self._resources.pool, claim.delivery_id, outcome.receipt, ask_at)
            return
        final = outcome.result is SendResult.PERMANENT or given_up
        async with self._resources.pool.acquire() as connection, connection.transaction():
            if final:
                await store.record_failed(connection, claim.delivery_id, outcome.error)
            else:
                wait = backoff_seconds(
                    claim.attempts,
                    first_seconds=self._resources.settings.retry_first_seconds,
                    longest_seconds=self._resources.settings.retry_longest_seconds,
                    spread=claim.delivery_id.int % 1000 / 1000,
                )
                due_at = now + timedelta(seconds=wait)
                await store.record_retry(connection, claim.delivery_id, due_at, outcome.error, follows=follows)
            tell = functools.partial(self._tell_others, connection, now=now, final=final)
            _, failed = await apart(connection, [claim], tell)
            for failure in failed:
                log.error("nobody_told_instead", delivery_id=str(claim.delivery_id), exc_info=failure.error)

    async def _tell_others(
        self, connection: Connection, claims: Sequence[Claim], *, now: datetime, final: bool
    ) -> None:
        for claim in claims:
            await tell_instead(connection, claim, self._resources.holding, now, final=final)

    def _raise_bugs(self) -> None:
        done = {task for task in self._sending if task.done()}
        self._sending -= done
        for task in done:
            task.result()

    async def _finish(self) -> None:
        if self._sending:
            _, unfinished = await asyncio.wait(self._sending, timeout=self._resources.settings.send_timeout_seconds + 1)
            for task in unfinished:
                task.cancel()


async def tell_instead(
    connection: Connection, failed: Failed, policies: Policies, now: datetime, *, final: bool
) -> None:
    """Let the contact's next channel, or the next step, be told of a page that did not reach who it was for.

    Args:
        connection: In the transaction that writes down that it failed.
        failed: The page.
        policies: As they hold now.
        now: The moment.
        final: It will not be tried again.
    """
    policy, version = policies.of(failed.clinic_id), policies.version_of(failed.clinic_id)
    page = PlannedDelivery(failed.occasion, failed.contact, failed.channel)
    for planned in after_failure(page, failed.priority, policy, failed.attempts, final=final):
        await store.insert_instead(connection, failed, planned, version, now)
