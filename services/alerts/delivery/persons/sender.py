"""Sends codes, tests, drills and warnings over persons' own channels, and writes down what came of each.

Guarantees: a code or a link is made when it is sent and kept as its digest only; nothing but a code goes to a channel
that is not verified, and nothing to a person who is disabled; no page waits for any of it (a loop of its own, with one
connection for moments); a process that dies leaves its message to another.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Final, assert_never

import structlog

from schemas.policy import Priority
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.persons.texts import code_text, drill_text, language_of, try_text, warning_text
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import SendOutcome, SendResult
from services.alerts.model import Occasion, OccasionKind
from services.alerts.resources import Resources
from services.people.channels.codes import CODE_BYTES, LINK_BYTES, code_of, digest_of_code, digest_of_link, link_of
from services.people.channels.model import CODE_LASTS, Purpose
from services.people.channels.sending import store
from services.people.channels.sending.store import Claimed
from services.runtime.backoff import backoff_seconds
from services.runtime.database import UNAVAILABLE, Pool, leave_read_only, plainly
from services.texts.catalogue import texts_in

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
_AFTER_A_FAULT_SECONDS: Final = 30.0
_AT_ONCE: Final = 4
_MOST_ATTEMPTS: Final = 5
_GIVE_UP_AFTER: Final = timedelta(minutes=30)
_CLINIC: Final = ""
"""It is of no clinic."""


class PersonalSender:
    """Sends what is due; several workers share the work."""

    def __init__(self, resources: Resources, channels: Channels) -> None:
        self._resources = resources
        self._channels = channels

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        while True:
            try:
                await self.send_due()
                failures, wait = 0, _LOOK_SECONDS
            except UNAVAILABLE as error:
                failures += 1
                wait = backoff_seconds(failures, first_seconds=0.5, longest_seconds=10.0)
                log.warning("database_unavailable", task="personal channels", error=plainly(error), retry_seconds=wait)
                await leave_read_only(self._resources.pool, error)
            except Exception:  # a fault of ours here must not end the process that pages
                log.exception("personal_messages_failed")
                wait = _AFTER_A_FAULT_SECONDS
            await asyncio.sleep(wait)

    async def send_due(self) -> int:
        """Send everything that is due now; returns how many attempts were made."""
        sent = 0
        while batch := await self._claim():
            await asyncio.gather(*(self._send(each) for each in batch))
            sent += len(batch)
        return sent

    async def _claim(self) -> list[Claimed]:
        now = self._resources.clock()
        until = now + timedelta(seconds=self._resources.settings.send_lease_seconds)
        batch: list[Claimed] = []
        async with self._resources.pool.acquire() as connection:
            while len(batch) < _AT_ONCE and (found := await store.claim(connection, now, until)):
                batch.append(found)
        return batch

    async def _send(self, claimed: Claimed) -> None:
        pool, now = self._resources.pool, self._resources.clock()
        if claimed.disabled or not (claimed.verified or claimed.purpose is Purpose.CODE):
            async with pool.acquire() as connection:
                await store.end_message(
                    connection, claimed.message_id, now, "the channel is not verified, or its person is disabled"
                )
            return
        text, priority = await self._said(pool, claimed)
        page = OutgoingPage(
            claimed.message_id,
            _CLINIC,
            Occasion(OccasionKind.NOTICE, f"{claimed.purpose}:{claimed.message_id}"),
            priority,
            text.title,
            text.body,
            claimed.asked_at,
        )
        try:
            outcome = await self._channels.send(claimed.url, page)
        except Exception as error:  # noqa: BLE001 - a channel's fault is this message's alone
            # Only its type: what it says may hold the address.
            log.error("channel_failed", message_id=str(claimed.message_id), error=type(error).__name__)  # noqa: TRY400
            outcome = SendOutcome(SendResult.RETRY, f"the channel failed: {type(error).__name__}")
        await self._record(claimed, outcome)

    async def _said(self, pool: Pool, claimed: Claimed) -> tuple[PageText, Priority]:
        """What is sent. A code or a link that was sent before and may not have arrived is replaced."""
        public_url = self._resources.settings.public_url
        policies = self._resources.holding
        texts = texts_in(language_of(policies.of(clinic).language for clinic in claimed.clinics))
        match claimed.purpose:
            case Purpose.CODE:
                code, until = code_of(secrets.token_bytes(CODE_BYTES)), self._resources.clock() + CODE_LASTS
                async with pool.acquire() as connection:
                    digest = digest_of_code(code, claimed.channel_id)
                    await store.keep_code(connection, claimed.channel_id, digest, until)
                return code_text(code, texts), Priority.LOW
            case Purpose.TEST:
                return try_text(claimed.name, texts), Priority.HIGH
            case Purpose.DRILL:
                link = link_of(secrets.token_bytes(LINK_BYTES))
                async with pool.acquire() as connection:
                    await store.keep_link(connection, claimed.message_id, digest_of_link(link))
                return drill_text(claimed.name, public_url, link, texts), Priority.HIGH
            case Purpose.WARNING:
                return warning_text(claimed.about, public_url, texts), Priority.LOW
            case never:
                assert_never(never)

    async def _record(self, claimed: Claimed, outcome: SendOutcome) -> None:
        now = self._resources.clock()
        late = now - claimed.asked_at > _GIVE_UP_AFTER or claimed.attempts >= _MOST_ATTEMPTS
        async with self._resources.pool.acquire() as connection, connection.transaction():
            if outcome.result is SendResult.RETRY and not late:
                wait = backoff_seconds(claimed.attempts, first_seconds=2.0, longest_seconds=120.0)
                await store.retry_message(connection, claimed.message_id, now + timedelta(seconds=wait), outcome.error)
            else:
                await store.end_message(connection, claimed.message_id, now, outcome.error)
            await store.note_outcome(connection, claimed.url, now, outcome.error, claimed.channel_id)
        log.info(
            "personal_message_attempted",
            message_id=str(claimed.message_id),
            purpose=claimed.purpose.value,
            attempt=claimed.attempts,
            result=outcome.result.value,
            error=outcome.error,
        )
