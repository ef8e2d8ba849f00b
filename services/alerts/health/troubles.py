"""PURE. Is Pumpwatch itself well, and who is told when nothing comes in any more?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy, Priority
from services.alerts.delivery.mute import quiet_until
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import Notice
from services.alerts.model import Occasion, OccasionKind
from services.alerts.policies import DEFAULT_CLINIC, Policies
from services.alerts.wording import age
from services.texts.model import TextsOf, in_english

LATE_AFTER: Final = timedelta(seconds=60)
"""A service that has not been heard of for so long, or news that have waited for so long, are late."""

_EDIT_TAKES: Final = timedelta(minutes=10)
_LEAST_URGENT_FIRST: Final = (Priority.LOW, Priority.MEDIUM)


def is_late(at: datetime | None, now: datetime) -> bool:
    """Tell whether what should happen all the time has last happened too long ago; None: it never has."""
    return at is None or now - at > LATE_AFTER


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known of the parts. `ingest_at` is None where no ingest has ever been heard of."""

    database: bool
    ingest_at: datetime | None = None
    queued_at: datetime | None = None
    unjudged: int = 0
    """Pumps that cannot be evaluated."""
    failing: Collection[str] = ()
    ended: int = 0
    """What the broker shows or goes by and that has ended: it refuses every device."""
    unpaged: int = 0
    """Policies, or steps of their routes, by which nobody can be told."""


def troubles(vitals: Vitals, now: datetime) -> tuple[str, ...]:
    """Why the ping to the outside must stop, in plain words; empty: all is well."""
    if not vitals.database:
        return ("the database does not answer",)
    found = [f"{task} cannot work" for task in sorted(vitals.failing)]
    if vitals.ingest_at is None:
        found.append("ingest has never been heard of")
    elif is_late(vitals.ingest_at, now):
        found.append(f"ingest was last heard of {age(now - vitals.ingest_at)} ago")
    if vitals.unjudged:
        found.append(f"{vitals.unjudged} pump{'s' if vitals.unjudged > 1 else ''} cannot be judged")
    if vitals.ended:
        found.append("a certificate of the broker, or its list of revoked ones, has ended: see /readyz")
    if vitals.unpaged:
        found.append(
            f"in {vitals.unpaged} place{'s' if vitals.unpaged > 1 else ''} a policy lets nobody be told: see /readyz"
        )
    if vitals.queued_at is not None and is_late(vitals.queued_at, now):
        found.append(f"a pump that changed has waited for {age(now - vitals.queued_at)}")
    return tuple(found)


def ingest_notices(
    ingest_at: datetime | None,
    policies: Iterable[Policy],
    now: datetime,
    public_url: str,
    texts_of: TextsOf = in_english,
) -> Iterator[Notice]:
    """Whom to tell that nothing is being received: the first step of each clinic's high route."""
    if ingest_at is None or not is_late(ingest_at, now):
        return
    board = f"{public_url.rstrip('/')}/"
    for policy in policies:
        texts = texts_of(policy.language)
        text = PageText(
            title=texts.say("Pumpwatch HIGH: nothing is being received"),
            body=texts.say(
                "No pump is being heard, and no new alarm can come. Tell the operator. Board: %(url)s", url=board
            ),
        )
        yield from notices_to_first_step(policy, policy.clinic_id, f"ingest:{ingest_at.isoformat()}", text)


def policy_notices(
    policies: Policies, now: datetime, public_url: str, texts_of: TextsOf = in_english
) -> Iterator[Notice]:
    """Whom to tell that a policy file cannot be used, or differs on another host: once, and again each day.

    What was last good holds, so nobody is woken for it: it is of low priority, is told once the fault has lasted longer
    than an edit takes, and waits for the end of the clinic's quiet hours. It goes to the clinic, by the first step of
    its least urgent route, and to the installation's own contacts, those of the clinic "default".
    """
    board = f"{public_url.rstrip('/')}/"
    for clinic_id, since in policies.stale_since.items():
        lasts = now - since
        if lasts < _EDIT_TAKES:
            continue
        for told in dict.fromkeys((clinic_id, DEFAULT_CLINIC)):
            policy = policies.by_clinic.get(told)
            if policy is None or is_quiet(policy, now):
                continue
            route = next((priority for priority in _LEAST_URGENT_FIRST if _first_step(policy, priority)), Priority.HIGH)
            episode = f"policy:{clinic_id}:{since.isoformat()}:{lasts.days}"
            texts = texts_of(policy.language)
            text = PageText(
                title=texts.say("Pumpwatch LOW: a policy file cannot be used"),
                body=texts.say(
                    "The policy file of %(clinic)s cannot be used since %(since)s. What it said last holds, and "
                    "changes are not seen. Tell the operator: /readyz names the fault. Board: %(url)s",
                    clinic=clinic_id,
                    since=texts.moment(since, policies.zone_of(told)),
                    url=board,
                ),
            )
            for notice in notices_to_first_step(policy, told, episode, text, route):
                yield replace(notice, priority=Priority.LOW)


def is_quiet(policy: Policy, now: datetime) -> bool:
    """Tell whether the clinic has its quiet hours."""
    quiet = policy.paging.quiet_hours
    return quiet is not None and quiet_until(quiet, now) is not None


def notices_to_first_step(
    policy: Policy, clinic_id: str, episode: str, text: PageText, route: Priority = Priority.HIGH
) -> Iterator[Notice]:
    """One notice for each contact of the first step of a clinic's route, of the high one if not told otherwise."""
    names = _first_step(policy, route)
    for contact in policy.contacts:
        if contact.name in names and contact.channels:
            yield Notice(
                clinic_id, Occasion(OccasionKind.NOTICE, episode), contact.name, contact.channels[0].name, text
            )


def _first_step(policy: Policy, priority: Priority) -> tuple[str, ...]:
    route = policy.routes.get(priority)
    return route.steps[0].contacts if route and route.steps else ()
