"""Is the service able to work, and if not, what is missing?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.paths import SQL_FOLDER
from services.alerts import store
from services.alerts.health.state import Health
from services.alerts.policies import PolicyFolder
from services.alerts.wording import age
from services.runtime.database import UNAVAILABLE, Pool
from services.runtime.migrate import pending

_QUEUE_LATE: Final = timedelta(seconds=30)
_SERVICE_LATE: Final = timedelta(seconds=60)
_DATABASE_SECONDS: Final = 3.0


async def missing_parts(pool: Pool, policies: PolicyFolder, health: Health) -> tuple[str, ...]:
    """Everything that keeps the service from working, in plain words; empty: it is ready."""
    missing = [f"policy: {fault}" for fault in policies.policies.unusable]
    try:
        async with pool.acquire(timeout=_DATABASE_SECONDS) as connection:
            names = await pending(connection, SQL_FOLDER)
    except UNAVAILABLE as error:
        return (f"database: {str(error) or type(error).__name__}", *missing)
    if names:
        return (f"migrations: run `pumpwatch migrate`; not applied are {', '.join(names)}", *missing)
    if not health.listening:
        missing.append("listener: not connected to the database's notifications; the queue is polled")
    missing += [f"{task}: {reason}" for task, reason in sorted(health.failing.items())]
    return tuple(missing)


def unreached_warning(alerts: int) -> tuple[str, ...]:
    """PURE. Say that pages reach nobody, if so."""
    if not alerts:
        return ()
    which = "1 alert has" if alerts == 1 else f"{alerts} alerts have"
    return (f"Nobody could be told: {which} reached nobody. Call somebody.",)


def warnings_of(status: store.Row, faults: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """PURE. What a person at the board must know: that what they see may not be all there is."""
    found = []
    alive = status["alerts_alive_at"]
    if alive is None or now - alive > _SERVICE_LATE:
        found.append("No alert worker is running: pumps are not being evaluated.")
    if status["oldest_queued_at"] is not None and now - status["oldest_queued_at"] > _QUEUE_LATE:
        found.append(f"Evaluation is behind: news has waited for {age(now - status['oldest_queued_at'])}.")
    ingest = status["ingest_alive_at"]
    if ingest is not None and now - ingest > _SERVICE_LATE:
        found.append(f"Nothing is being received: ingest was last alive {age(now - ingest)} ago.")
    if status["unjudged"]:
        which = "1 pump" if status["unjudged"] == 1 else f"{status['unjudged']} pumps"
        found.append(f"{which} cannot be judged, by a fault of Pumpwatch: use the backup procedure.")
    if faults:
        found.append("A policy file cannot be used; see /readyz and the log.")
    return tuple(found)
