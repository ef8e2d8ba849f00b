"""Is the service able to work, and if not, what is missing?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.paths import SQL_FOLDER
from services.alerts.health.broker_files import read_endings
from services.alerts.health.endings import ending_warnings
from services.alerts.health.policy_state import PolicyTrouble, policy_state_now, warnings_for
from services.alerts.health.store import Status, clinics_with_pumps, load_status, load_upkeep, warnings_of_workers
from services.alerts.health.troubles import LATE_AFTER, is_late
from services.alerts.health.upkeep import Upkeep, upkeep_warnings
from services.alerts.resources import Resources
from services.alerts.wording import age, ago
from services.runtime.database import FAILED, Pool, borrow, ensure_writable, meaning_in_words, plainly
from services.runtime.http.callers import Said
from services.runtime.migrate import pending
from services.texts.model import ENGLISH, Texts, msgid

_DATABASE_SECONDS: Final = 3.0
_UNKNOWN: Final = msgid("Pump states are unknown; alarms may be missing. Use the backup procedure.")
_NO_WORKER_RUNS: Final = msgid("(No alert worker is running.)")
_NO_WORKER: Final = f"{_UNKNOWN} {_NO_WORKER_RUNS}"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What /readyz says, in plain words: each as whoever runs the servers is told it, and as anybody is."""

    missing: tuple[Said, ...]
    """Everything that keeps the service from working; empty: it is ready."""
    warnings: tuple[Said, ...]
    """What works still, and should be mended."""

    def in_words(self, *, names: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is missing, and the warnings; without `names`, nothing that names a person, a file or a server."""
        missing, warnings = ([each.to(trusted=names) for each in part] for part in (self.missing, self.warnings))
        return tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(warnings))


async def readiness(resources: Resources) -> Readiness:
    """Look at every part that the service needs."""
    clinics: tuple[str, ...] = ()
    upkeep: tuple[Upkeep, ...] = ()
    try:
        async with borrow(resources.pool, within_seconds=_DATABASE_SECONDS) as connection:
            names = await pending(connection, SQL_FOLDER)
            await ensure_writable(connection)
            if not names:
                clinics, upkeep = await clinics_with_pumps(connection), await load_upkeep(connection)
        missing = _missing_beside_the_database(resources, names)
    except FAILED as error:
        missing = (_database_fault(error),)
    state = await policy_state_now(resources.holding, resources.environment, clinics)
    late = upkeep_warnings(upkeep, resources.clock())
    certificates = await asyncio.to_thread(read_endings, resources.settings.broker_certificates)
    return Readiness(
        (*missing, *_said_of(state.unpaged, "{} nobody can be told", "in 1 place", "in {} places")),
        (
            *_said_of(state.doubtful, "{} to be mended", "1 fault", "{} faults"),
            *(Said(text, "database: what it does by itself is late, or cannot be seen") for text in late),
            *(
                Said(text, "broker: a certificate, or the list of revoked ones, ends soon, has ended or cannot be read")
                for text in ending_warnings(certificates, resources.clock())
            ),
            *(
                Said(f"drill: {text}", "drill: not as it should be")
                for text in (resources.health.drill,)
                if text is not None
            ),
            *_link_warnings(resources),
        ),
    )


async def readiness_of_the_board(pool: Pool, now: datetime) -> Readiness:
    """Look at what the board and the API need: the database, and a worker that keeps true what they show."""
    try:
        async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
            names = await pending(connection, SQL_FOLDER)
            if names:
                return Readiness(_not_migrated(names), ())
            await ensure_writable(connection)
            status = await load_status(connection)
            told = await warnings_of_workers(connection, now - LATE_AFTER)
    except FAILED as error:
        return Readiness((_database_fault(error),), ())
    late = is_late(status.alerts_alive_at, now)
    missing = (Said(_NO_WORKER, _NO_WORKER),) if late else ()
    others = [words for words in warnings_of(status, now) if words != _NO_WORKER]
    return Readiness(
        missing,
        (
            *(Said(words, words) for words in others),
            *(Said(words, "policy: to be mended") for words in warnings_for(None, told)),
        ),
    )


def _link_warnings(resources: Resources) -> tuple[Said, ...]:
    resources.links.keys()  # as a page would read them now
    fault = resources.links.fault
    if fault is None:
        return ()
    return (Said(f"links: {fault}", "links: pages go out without one, as a key cannot be used"),)


def _said_of(troubles: Sequence[PolicyTrouble], sentence: str, one: str, several: str) -> tuple[Said, ...]:
    how_many = one if len(troubles) == 1 else several.format(len(troubles))
    return tuple(Said(f"policy: {each.text}", f"policy: {sentence.format(how_many)}") for each in troubles)


def _missing_beside_the_database(resources: Resources, names: Sequence[str]) -> tuple[Said, ...]:
    if names:
        return _not_migrated(names)
    missing = []
    if not resources.health.listening:
        text = "listener: not connected to the database's notifications; the queue is polled"
        missing.append(Said(text, text))
    missing += [
        Said(f"{task}: {reason}", f"{task}: cannot work") for task, reason in sorted(resources.health.failing.items())
    ]
    return tuple(missing)


def _database_fault(error: Exception) -> Said:
    return Said(f"database: {plainly(error)}", f"database: {meaning_in_words(error)}")


def _not_migrated(names: Sequence[str]) -> tuple[Said, ...]:
    text = f"migrations: run `pumpwatch migrate`; not applied are {', '.join(names)}"
    return (Said(text, "migrations: not all are applied; run `pumpwatch migrate`"),)


def unreached_warning(alerts: int, texts: Texts = ENGLISH) -> tuple[str, ...]:
    """PURE. Say that pages reach nobody, if so."""
    if not alerts:
        return ()
    return (
        texts.plural(
            "Nobody could be told: %(count)s alert has reached nobody. Call somebody.",
            "Nobody could be told: %(count)s alerts have reached nobody. Call somebody.",
            alerts,
        ),
    )


def warnings_of(
    status: Status, now: datetime, *, upkeep: Iterable[Upkeep] = (), texts: Texts = ENGLISH
) -> tuple[str, ...]:
    """PURE. What a person at the board must know: that what they see may not be all there is."""
    found, unknown = [], texts.say(_UNKNOWN)
    if is_late(status.alerts_alive_at, now):
        found.append(f"{unknown} {texts.say(_NO_WORKER_RUNS)}")
    if status.oldest_queued_at is not None and is_late(status.oldest_queued_at, now):
        waited = age(now - status.oldest_queued_at, texts)
        why = texts.say("(What came has waited for %(span)s to be judged.)", span=waited)
        found.append(f"{unknown} {why}")
    if status.ingest_alive_at is not None and is_late(status.ingest_alive_at, now):
        alive = ago(now - status.ingest_alive_at, texts)
        found.append(f"{unknown} {texts.say('(Nothing is received: ingest was last alive %(ago)s.)', ago=alive)}")
    if status.unjudged:
        found.append(
            texts.plural(
                "%(count)s pump cannot be judged, by a fault of Pumpwatch: use the backup procedure.",
                "%(count)s pumps cannot be judged, by a fault of Pumpwatch: use the backup procedure.",
                status.unjudged,
            )
        )
    if any(upkeep_warnings(upkeep, now)):
        found.append(
            texts.say("The database is behind with its upkeep; sums may lack what came late; see the worker's /readyz.")
        )
    return tuple(found)
