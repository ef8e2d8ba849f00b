"""Sends again what went to a program, when an operator asks for it (`pumpwatch webhooks replay`).

Guarantees: nothing goes to anything but a receiver of signed events, so no person is paged a second time; the messages
of one replay go in the order in which they went, one at a time, with their ids and bodies of before; no page waits for
it (a loop of its own, with a connection for moments); a process that dies leaves its replay to another. A receiver that
does not answer is tried a few times, then the replay is stopped and says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from services.alerts.delivery.channels import Channels
from services.alerts.delivery.send_outcome import SendOutcome, SendResult
from services.alerts.delivery.webhooks import store
from services.alerts.delivery.webhooks.address import is_webhook
from services.alerts.delivery.webhooks.store import Resend
from services.alerts.policies import address_of
from services.alerts.resources import Resources
from services.runtime.backoff import backoff_seconds

log = structlog.get_logger()

MOST_TRIES: Final = 5
_AT_A_TIME: Final = 100
_ERASED: Final = "Erased"
"""What an erasure leaves of a page's words (services/admin/patients)."""


class Replays:
    """Looks for what is to be sent again."""

    def __init__(self, resources: Resources, channels: Channels) -> None:
        self._resources = resources
        self._channels = channels

    async def look_once(self) -> None:
        """Send what is due, at most a hundred messages. Nothing is borrowed while a receiver is waited for."""
        for _ in range(_AT_A_TIME):
            now = self._resources.clock()
            until = now + timedelta(seconds=self._resources.settings.send_lease_seconds)
            async with self._resources.pool.acquire() as connection:
                resend = await store.claim_resend(connection, now, until)
            if resend is None:
                return
            await self._resend(resend)

    async def _resend(self, resend: Resend) -> None:
        claim = resend.claim
        policy = self._resources.holding.of(claim.clinic_id)
        url = address_of(policy, claim.contact, claim.channel, self._resources.environment)
        if url is None or not is_webhook(url):
            await self._stop(resend, "the channel is no signed webhook, or its address is not set")
            return
        if claim.body == _ERASED:
            outcome = SendOutcome(SendResult.PERMANENT, "erased")
        else:
            outcome = await self._channels.send(url, claim.page(include_patient_data=policy.include_patient_data))
        if outcome.result is not SendResult.RETRY:
            await self._record(resend, outcome)
        elif resend.tried >= MOST_TRIES:
            await self._stop(resend, f"given up after {resend.tried} tries: {outcome.error}")
        else:
            await self._put_off(resend, outcome)

    async def _record(self, resend: Resend, outcome: SendOutcome) -> None:
        async with self._resources.pool.acquire() as connection:
            now = self._resources.clock()
            await store.record_resent(connection, resend.replay_id, resend.position, now, outcome.error)
        log.info(
            "webhook_sent_again",
            replay_id=str(resend.replay_id),
            delivery_id=str(resend.claim.delivery_id),
            result=outcome.result.value,
            error=outcome.error,
        )

    async def _put_off(self, resend: Resend, outcome: SendOutcome) -> None:
        wait = backoff_seconds(resend.tried, first_seconds=2.0, longest_seconds=120.0)
        async with self._resources.pool.acquire() as connection:
            due_at = self._resources.clock() + timedelta(seconds=wait)
            await store.put_off_replay(connection, resend.replay_id, due_at)
        log.info("webhook_replay_waits", replay_id=str(resend.replay_id), error=outcome.error, retry_seconds=wait)

    async def _stop(self, resend: Resend, why: str) -> None:
        async with self._resources.pool.acquire() as connection:
            await store.stop_replay(connection, resend.replay_id, self._resources.clock(), why)
        log.warning("webhook_replay_stopped", replay_id=str(resend.replay_id), error=why)
