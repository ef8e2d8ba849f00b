"""Put pages of one kind that wait together into one page, or let them go one by one (services.alerts.delivery.grouping).

Guarantee: one process does this at a time, in one transaction; a page is in one group at most, and its own row says
what became of it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import structlog

from schemas.policy import Policy, Priority
from services.alerts.delivery.grouping import GroupDecision, WaitingPages, decide_group, group_text
from services.alerts.delivery.mute import mute_of
from services.alerts.delivery.silences import silences_now
from services.alerts.policies import Policies
from services.alerts.store import QUERIES, Row
from services.runtime.database import Connection
from services.runtime.isolation import apart

log = structlog.get_logger()


async def gather_once(connection: Connection, policies: Policies, now: datetime, *, public_url: str) -> int:
    """Decide about every kind that waits; returns how many pages became due, a group counted once."""
    async with connection.transaction():
        if not await connection.fetchval(QUERIES["lock_grouping"]):
            return 0
        ready = 0
        for kind in await connection.fetch(QUERIES["kinds_waiting"], now):
            done, failed = await apart(
                connection, [kind], functools.partial(_decide, connection, policies, now, public_url)
            )
            for failure in failed:  # a fault of ours in one group: its pages go out one by one (decision 11)
                log.error("group_failed_here", clinic_id=kind["clinic_id"], exc_info=failure.error)
                free = [row["delivery_id"] for row in await _pages_of(connection, kind, now)]
                await connection.execute(QUERIES["release_pages"], free)
            ready += sum(done)
        return ready


async def _decide(
    connection: Connection, policies: Policies, now: datetime, public_url: str, kinds: Sequence[Row]
) -> int:
    ready = 0
    for kind in kinds:
        policy = policies.of(kind["clinic_id"])
        waiting = WaitingPages(kind["count"], kind["first_at"], kind["last_at"], kind["last_group_at"])
        if decide_group(waiting, policy.paging, now) is not GroupDecision.WAIT:
            ready += await _release(connection, kind, waiting, policy, now, public_url)
    return ready


async def _release(
    connection: Connection, kind: Row, waiting: WaitingPages, policy: Policy, now: datetime, public_url: str
) -> int:
    """What no silence holds goes out; whether as one is decided by how many these are."""
    free = await _not_held(connection, kind, policy, now)
    if not free:
        return 0
    left = WaitingPages(len(free), waiting.first_at, waiting.last_at, waiting.last_group_at)
    if decide_group(left, policy.paging, now) is not GroupDecision.TOGETHER:
        await connection.execute(QUERIES["release_pages"], free)
        return len(free)
    priority, step = Priority(kind["priority"]), kind["step"]
    text = group_text(kind["rule"], priority, len(free), step, public_url, urlencode({"clinic_id": kind["clinic_id"]}))
    group_id = await connection.fetchval(
        QUERIES["insert_group"],
        kind["clinic_id"],
        f"group:{kind['rule']}/{priority}/{step}:{now.isoformat()}",
        kind["contact"],
        kind["channel"],
        priority.value,
        text.title,
        text.body,
        now,
    )
    await connection.execute(QUERIES["join_group"], free, group_id)
    return 1


async def _not_held(connection: Connection, kind: Row, policy: Policy, now: datetime) -> list[UUID]:
    rows = await _pages_of(connection, kind, now)
    silences = await silences_now(connection, kind["clinic_id"], now)
    free = []
    for row in rows:
        mute = mute_of(
            silences,
            policy,
            pump_id=row["pump_id"],
            rule=kind["rule"],
            priority=Priority(kind["priority"]),
            now=now,
        )
        if mute is None:
            free.append(row["delivery_id"])
        else:
            await connection.execute(
                QUERIES["record_held"], row["delivery_id"], mute.until, mute.reason.value, mute.silence_id
            )
    return free


async def _pages_of(connection: Connection, kind: Row, now: datetime) -> Sequence[Row]:
    names = ("clinic_id", "contact", "channel", "rule", "priority", "step")
    return await connection.fetch(QUERIES["pages_of_kind"], *(kind[name] for name in names), now)
