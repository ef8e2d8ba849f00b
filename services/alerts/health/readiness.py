"""Is the service able to work, and if not, what is missing?"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.paths import SQL_FOLDER
from services.alerts.health.store import Status
from services.alerts.health.troubles import is_late
from services.alerts.resources import Resources
from services.alerts.wording import age
from services.runtime.database import FAILED, borrow, ensure_writable, plainly
from services.runtime.migrate import pending

_DATABASE_SECONDS: Final = 3.0


async def missing_parts(resources: Resources) -> tuple[str, ...]:
    """Everything that keeps the service from working, in plain words; empty: it is ready."""
    missing = [f"policy: {fault}" for fault in resources.policies.now.unusable]
    try:
        async with borrow(resources.pool, within_seconds=_DATABASE_SECONDS) as connection:
            names = await pending(connection, SQL_FOLDER)
            await ensure_writable(connection)
    except FAILED as error:
        return (f"database: {plainly(error)}", *missing)
    if names:
        return (f"migrations: run `pumpwatch migrate`; not applied are {', '.join(names)}", *missing)
    if not resources.health.listening:
        missing.append("listener: not connected to the database's notifications; the queue is polled")
    missing += [f"{task}: {reason}" for task, reason in sorted(resources.health.failing.items())]
    return tuple(missing)


def unreached_warning(alerts: int) -> tuple[str, ...]:
    """PURE. Say that pages reach nobody, if so."""
    if not alerts:
        return ()
    which = "1 alert has" if alerts == 1 else f"{alerts} alerts have"
    return (f"Nobody could be told: {which} reached nobody. Call somebody.",)


def warnings_of(status: Status, faults: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """PURE. What a person at the board must know: that what they see may not be all there is."""
    found = []
    if is_late(status.alerts_alive_at, now):
        found.append("No alert worker is running: pumps are not being evaluated.")
    if status.oldest_queued_at is not None and is_late(status.oldest_queued_at, now):
        found.append(f"Evaluation is behind: news has waited for {age(now - status.oldest_queued_at)}.")
    if status.ingest_alive_at is not None and is_late(status.ingest_alive_at, now):
        found.append(f"Nothing is being received: ingest was last alive {age(now - status.ingest_alive_at)} ago.")
    if status.unjudged:
        which = "1 pump" if status.unjudged == 1 else f"{status.unjudged} pumps"
        found.append(f"{which} cannot be judged, by a fault of Pumpwatch: use the backup procedure.")
    if faults:
        found.append("A policy file cannot be used; see /readyz and the log.")
    return tuple(found)
