"""PURE. Times ahead in which a high alarm would reach nobody: told to the administrators days before, and on the board.

Guarantee: of one such time one notice goes out when it comes into sight and one the day before, of low priority, and
not in the clinic's quiet hours; while it lasts, one a day. Only clinics whose contacts are persons, rotas or everybody:
what is ahead of the others is as it is now, and /readyz tells that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final
from zoneinfo import ZoneInfo

from schemas.policy import Contact, Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import Notice, first_told, notices_to
from services.alerts.health.troubles import is_quiet
from services.alerts.model import Occasion, OccasionKind
from services.alerts.policies import Policies
from services.people.rota.coverage import Gap, uncovered
from services.people.rota.effective import needs_people
from services.people.rota.people import ClinicPeople
from services.texts.model import ENGLISH, Texts, TextsOf, in_english

_SOON: Final = timedelta(days=1)
_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is ahead of one clinic."""

    clinic_id: str
    reached: Mapping[str, bool]
    """By rota, whether somebody has it now who can be reached."""
    gaps: tuple[Gap, ...]
    """In order; the first may have begun."""
    seconds: float
    """Until the first gap: 0 in it, infinite without one."""
    words: str
    """The first gap in a sentence; empty without one."""
    administrators: frozenset[str]
    """The contacts of the administrators who can be told."""


def clinics_with_persons(policies: Policies, people: Mapping[str, ClinicPeople]) -> dict[str, Policy]:
    """The policies of those clinics whose contacts stand for persons, as their files say; by clinic."""
    return {clinic: policies.of(clinic) for clinic in sorted(people) if needs_people(policies.of(clinic))}


def gaps_ahead(
    policy: Policy, people: ClinicPeople, now: datetime, can_be_told: Callable[[Contact], bool]
) -> tuple[Gap, ...]:
    """The gaps of the days that the policy says. One that has begun begins with the day, so that it keeps its begin."""
    days = policy.paging.coverage_days
    if not days:
        return ()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    within = policy.paging.coverage_within_minutes
    found = uncovered(policy, people, today, now + timedelta(days=days), within, can_be_told=can_be_told)
    return tuple(gap for gap in found if gap.ends > now)


def look_ahead(
    clinic_id: str, policy: Policy, people: ClinicPeople, now: datetime, can_be_told: Callable[[Contact], bool]
) -> Ahead:
    """Who is on call in a clinic, and when nobody would be told; `policy` as its file says."""
    found = {name: people.on_call(name, now) for name in people.rotas}
    reached = {name: member is not None and member.can_be_reached for name, member in found.items()}
    gaps = gaps_ahead(policy, people, now, can_be_told)
    seconds = max(0.0, (gaps[0].begins - now).total_seconds()) if gaps else inf
    bosses = frozenset(member.contact_name for member in people.administrators if member.usable)
    return Ahead(clinic_id, reached, gaps, seconds, _words(clinic_id, policy, gaps) if gaps else "", bosses)


def _words(clinic_id: str, policy: Policy, gaps: tuple[Gap, ...], zone: ZoneInfo = _UTC, texts: Texts = ENGLISH) -> str:
    first, more = gaps[0], len(gaps) - 1
    values = {
        "clinic": clinic_id,
        "begins": texts.moment(first.begins, zone),
        "ends": texts.moment(first.ends, zone),
        "minutes": texts.shortest(policy.paging.coverage_within_minutes),
    }
    if not more:
        return texts.say(
            "%(clinic)s: from %(begins)s until %(ends)s, a high alarm would reach nobody within %(minutes)s minutes.",
            **values,
        )
    return texts.plural(
        "%(clinic)s: from %(begins)s until %(ends)s, and %(count)s more time within %(days)s days, a high alarm "
        "would reach nobody within %(minutes)s minutes.",
        "%(clinic)s: from %(begins)s until %(ends)s, and %(count)s more times within %(days)s days, a high alarm "
        "would reach nobody within %(minutes)s minutes.",
        more,
        days=policy.paging.coverage_days,
        **values,
    )


def gap_notices(
    ahead: Ahead,
    holding: Policy,
    now: datetime,
    public_url: str,
    *,
    zone: ZoneInfo = _UTC,
    texts_of: TextsOf = in_english,
) -> Iterator[Notice]:
    """Whom to tell: the administrators who can be told, or else the first step of the clinic's high route.

    Args:
        ahead: What is ahead of the clinic.
        holding: Its policy as it holds now.
        now: The moment.
        public_url: Where the page points to.
        zone: The clinic's.
        texts_of: The texts of a clinic's language.
    """
    if not ahead.gaps or is_quiet(holding, now):
        return
    first = ahead.gaps[0].begins
    when = "soon" if first - now < _SOON else "ahead"
    occasion = Occasion(OccasionKind.NOTICE, f"coverage:{ahead.clinic_id}:{first.isoformat()}:{when}")
    texts = texts_of(holding.language)
    words = _words(ahead.clinic_id, holding, ahead.gaps, zone, texts)
    rest = texts.say("Put somebody on call. Board: %(url)s", url=f"{public_url.rstrip('/')}/")
    text = PageText(
        title=texts.say("Pumpwatch LOW: a time is coming in which nobody would be told"), body=f"{words} {rest}"
    )
    names = ahead.administrators or first_told(holding)
    yield from notices_to(names, holding, ahead.clinic_id, occasion, text, Priority.LOW)
