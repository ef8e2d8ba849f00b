"""Put pages of one kind that wait into one page, or let them go one by one, as `grouping` decides.

Guarantee: one process does this at a time, in one transaction; a page is in one group at most, and its own row says
what became of it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import structlog

from schemas.policy import Policy
from services.alerts.delivery import store
from services.alerts.delivery.grouping import GroupDecision, WaitingPages, decide_group, group_text
from services.alerts.delivery.mute import mute_of, still_holds
from services.alerts.delivery.store import KindOfPage, KindWaiting
from services.alerts.delivery.webhooks.programs import is_program
from services.alerts.policies import Policies, address_of
from services.runtime.database import Connection
from services.runtime.isolation import apart
from services.texts.catalogue import texts_in

log = structlog.get_logger()


async def group_pages_once(
    connection: Connection, policies: Policies, now: datetime, *, public_url: str, environment: Mapping[str, str]
) -> int:
    """Decide about every kind that waits; returns how many pages became due, a group counted once.

    A program is told of each alert by itself, at once: it keeps alerts apart.
    """
    if not await store.kinds_waiting(connection, now):  # nearly always: a high page waits for no turn and no commit
        return 0
    async with connection.transaction():
        if not await store.lock_grouping(connection):
            return 0
        ready = 0
        for waiting in await store.kinds_waiting(connection, now):
            decide = functools.partial(_decide, connection, policies, now, public_url, environment)
            done, failed = await apart(connection, [waiting], decide)
            for failure in failed:  # a fault of ours in one group: its pages go out one by one (decision 11)
                log.error("group_failed_here", clinic_id=waiting.kind.clinic_id, exc_info=failure.error)
                pages = await store.pages_of_kind(connection, waiting.kind, now)
                await store.release_pages(connection, [page.delivery_id for page in pages])
            ready += sum(done)
        return ready


async def _decide(
    connection: Connection,
    policies: Policies,
    now: datetime,
    public_url: str,
    environment: Mapping[str, str],
    kinds: Sequence[KindWaiting],
) -> int:
    """What no silence holds goes out; whether as one is decided by how many these are."""
    [waiting] = kinds
    policy = policies.of(waiting.kind.clinic_id)
    url = address_of(policy, waiting.kind.contact, waiting.kind.channel, environment)
    alone = is_program(url)
    if not alone and decide_group(_counted(waiting, waiting.count), policy.paging, now) is GroupDecision.WAIT:
        return 0
    free = await _not_held(connection, waiting.kind, policy, now)
    if not free:
        return 0
    if alone or decide_group(_counted(waiting, len(free)), policy.paging, now) is not GroupDecision.TOGETHER:
        await store.release_pages(connection, free)
        return len(free)
    kind = waiting.kind
    query = urlencode({"clinic_id": kind.clinic_id})
    text = group_text(kind.rule, kind.priority, len(free), kind.step, public_url, query, texts_in(policy.language))
    await store.insert_group(connection, kind, text, free, now)
    return 1


def _counted(waiting: KindWaiting, count: int) -> WaitingPages:
    return WaitingPages(count, waiting.first_at, waiting.last_at, waiting.last_group_at)


async def _not_held(connection: Connection, kind: KindOfPage, policy: Policy, now: datetime) -> list[UUID]:
    silences = await store.silences_now(connection, kind.clinic_id, now)
    free = []
    for page in await store.pages_of_kind(connection, kind, now):
        mute = mute_of(silences, policy, pump_id=page.pump_id, rule=kind.rule, priority=kind.priority, now=now)
        if mute is None or not still_holds(mute, now):
            free.append(page.delivery_id)
        else:
            await store.record_held(connection, page.delivery_id, mute)
    return free
