"""Asks for drills when they are due, and tells who has to hear that one was not answered.

Guarantee: each is asked for or told once, however many workers look and however often; a fault here holds up no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.alerts.delivery.planned import Notice
from services.alerts.delivery.store import insert_notices
from services.alerts.health.looks import keep_looking
from services.alerts.health.proof.notices import proof_notices
from services.alerts.health.troubles import is_quiet
from services.alerts.resources import Resources
from services.people.channels.model import Purpose
from services.people.channels.proof import Warn, must_drill, warnings
from services.people.channels.sending.store import ToProve, asked_to_prove, forget_messages, verified_channels
from services.people.channels.store import ask
from services.people.rota.effective import NOBODY
from services.runtime.database import Connection
from services.runtime.isolation import apart
from services.texts.catalogue import texts_in

log = structlog.get_logger()

_KEEP: Final = timedelta(days=60)


class ProofWatch:
    """Looks at every channel that is to prove that it rings."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def run(self) -> None:
        """Look until cancelled."""
        await keep_looking(self._resources.pool, self.look_once, task="proof of ringing", failed="proofs_not_looked_at")

    async def look_once(self) -> None:
        """Ask for the drills that are due, and tell of what was not answered."""
        now = self._resources.clock()

        async with self._resources.pool.acquire() as connection:

            async def look(each: Sequence[ToProve]) -> None:
                for channel in each:
                    await self._look_at(connection, channel, now)

            async with connection.transaction():
                _, failed = await apart(connection, await asked_to_prove(connection), look)
                await forget_messages(connection, now - _KEEP)
            for failure in failed:
                log.error(
                    "proof_not_looked_at", channel_id=str(failure.item.channel.channel_id), exc_info=failure.error
                )

    async def _look_at(self, connection: Connection, each: ToProve, now: datetime) -> None:
        due = must_drill(each.channel, each.hours, each.last_due, now)
        if due is not None:
            await ask(connection, each.channel.channel_id, Purpose.DRILL, due.isoformat(), due)
        for warn in warnings(each.channel, now):
            for channel_id in await verified_channels(connection, each.person_id):
                episode = f"{warn.episode} {each.channel.channel_id}"
                await ask(connection, channel_id, Purpose.WARNING, episode, now, each.channel.name)
            notices = list(self._for_clinics(each, warn, now)) if warn.clinic_too else []
            if notices and await insert_notices(connection, notices, now):
                self._resources.pages_written.set()

    def _for_clinics(self, each: ToProve, warn: Warn, now: datetime) -> Iterator[Notice]:
        holding, people = self._resources.holding, self._resources.on_call.people
        url, episode = self._resources.settings.public_url, f"{each.channel.channel_id} {warn.episode}"
        for clinic in each.clinics:
            policy = holding.of(clinic)
            if not is_quiet(policy, now):
                name, of = each.channel.name, people.get(clinic, NOBODY)
                yield from proof_notices(clinic, policy, of, each.person, name, episode, url, texts_in)
