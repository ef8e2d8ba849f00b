"""Asks message services what became of pages that they took; who a page did not reach is told over the next channel.

Guarantees: each is asked about by one worker at a time; what did not arrive is failed and told to the next in one
transaction; a fault here holds up no page.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import tell_instead
from services.alerts.delivery.receipts import store
from services.alerts.delivery.receipts.model import Answer, ReceiptSaid, ask_next
from services.alerts.delivery.receipts.store import Asked
from services.alerts.policies import address_of
from services.alerts.resources import Resources
from services.people.channels.sending.store import note_outcome
from services.people.rota.people import person_in

log = structlog.get_logger()

_HELD: Final = timedelta(seconds=60)


class ReceiptWatch:
    """Looks for pages whose services have something to say."""

    def __init__(self, resources: Resources, channels: Channels) -> None:
        self._resources = resources
        self._channels = channels

    async def look_once(self) -> None:
        """Ask about each that is due. Nothing is borrowed while a service is waited for."""
        now = self._resources.clock()
        async with self._resources.pool.acquire() as connection:
            due = await store.claim_to_ask(connection, now, now + _HELD)
        await asyncio.gather(*(self._look_at(each) for each in due))

    async def _look_at(self, asked: Asked) -> None:
        policy = self._resources.holding.of(asked.clinic_id)
        url = address_of(policy, asked.contact, asked.channel, self._resources.environment)
        answer = None if url is None else await self._channels.ask(url, asked.receipt)
        now = self._resources.clock()
        if answer is not None and answer.said is ReceiptSaid.NOT_ARRIVED:
            await self._failed(asked, answer.words or "it did not arrive", url, now)
        else:
            await self._said(asked, answer or Answer(), now)

    async def _said(self, asked: Asked, answer: Answer, now: datetime) -> None:
        again = None if answer.is_final else ask_next(asked.sent_at, now)
        async with self._resources.pool.acquire() as connection:
            await store.record_said(connection, asked.delivery_id, answer.said, answer.at or now, again)

    async def _failed(self, asked: Asked, words: str, url: str | None, now: datetime) -> None:
        async with self._resources.pool.acquire() as connection, connection.transaction():
            await store.record_not_arrived(connection, asked.delivery_id, words, now)
            await tell_instead(connection, asked, self._resources.holding, now, final=True)
            if url is not None and person_in(asked.contact) is not None:
                await note_outcome(connection, url, now, words)
        self._resources.pages_written.set()
        log.warning(
            "page_did_not_arrive",
            delivery_id=str(asked.delivery_id),
            contact=asked.contact,
            channel=asked.channel,
            error=words,
        )
