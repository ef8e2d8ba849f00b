"""Tells who leaves and who comes when a turn ends, that one was not taken over, and what was promised for now.

Guarantee: each is told once, however many workers look and however often, also of what was while none looked, if it
still holds; a fault here holds up no page, and one of one rota no other rota's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from schemas.policy import Priority
from services.alerts.delivery.planned import Notice
from services.alerts.delivery.store import insert_notices
from services.alerts.health.hand_over.model import LOOKS_BACK, Accepted, Promise, StillOpen
from services.alerts.health.hand_over.notices import Turn, hand_over_notices, late_notices, promise_notices
from services.alerts.health.hand_over.store import accepted_since, open_promises, still_open
from services.alerts.health.looks import keep_looking
from services.alerts.health.troubles import is_quiet
from services.alerts.resources import Resources
from services.people.rota.effective import NOBODY
from services.people.rota.hand_over import last_hand_over
from services.people.rota.store import KeptRota, load_rotas
from services.texts.catalogue import texts_in

log = structlog.get_logger()

_PROMISES_KEPT_IN_MIND: Final = timedelta(days=7)


class HandOverWatch:
    """Looks at every rota that a policy names, and at every promise."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def run(self) -> None:
        """Look until cancelled."""
        await keep_looking(self._resources.pool, self.look_once, task="hand-overs", failed="hand_overs_not_looked_at")

    async def look_once(self) -> None:
        """Tell of every turn that began lately, and of every promise that is due."""
        now = self._resources.clock()
        async with self._resources.pool.acquire() as connection:
            rotas = await load_rotas(connection, None, now - LOOKS_BACK)
            how_much = await still_open(connection)
            accepted = await accepted_since(connection, now - LOOKS_BACK)
            promises = await open_promises(connection, None, now)
            notices = [*self._of_turns(rotas, how_much, accepted, now), *self._of_promises(promises, now)]
            if notices and await insert_notices(connection, notices, now):
                self._resources.pages_written.set()

    def _of_turns(
        self,
        rotas: Sequence[KeptRota],
        how_much: Mapping[str, StillOpen],
        accepted: Mapping[tuple[UUID, datetime], Accepted],
        now: datetime,
    ) -> Iterator[Notice]:
        policies, url = self._resources.policies.now, self._resources.settings.public_url
        for kept in rotas:
            clinic = kept.rota.clinic_id
            # A rota that no contact names decides nothing, so nobody comes on call by it.
            if not any(contact.rota == kept.rota.name for contact in policies.of(clinic).contacts):
                continue
            try:
                change = last_hand_over(kept.rota, now, LOOKS_BACK)
                if change is None:
                    continue
                turn, people = Turn(kept.rota_id, kept.rota, change), self._resources.on_call.people.get(clinic, NOBODY)
                holding, left = self._resources.holding.of(clinic), how_much.get(clinic, StillOpen())
                found = list(hand_over_notices(turn, people, holding, left, url, texts_in))
                if (kept.rota_id, change.begins) not in accepted:
                    found += late_notices(turn, people, holding, left, now, url, texts_in)
            except Exception:  # of one rota: the others are told
                log.exception("hand_over_not_told", clinic_id=clinic, rota=kept.rota.name)
                continue
            quiet = is_quiet(holding, now)  # what can wait is told at its end
            yield from (each for each in found if not quiet or each.priority.rank > Priority.LOW.rank)

    def _of_promises(self, promises: Sequence[Promise], now: datetime) -> Iterator[Notice]:
        holding, url = self._resources.holding, self._resources.settings.public_url
        for promise in promises:
            if promise.due_at > now - _PROMISES_KEPT_IN_MIND:
                yield from promise_notices(promise, holding.of(promise.clinic_id), url, texts_in)
