"""PURE. The figures of a review sheet, from what is stored of the patient.

Guarantees: a request that two devices told is one, by the rules' own counting (services.alerts.facts.twins); a refill
that was entered twice is one (services.alerts.facts.refills); an alarm stands if the rules say that it does
(services.alerts.rules.active_alarms). Days on which nothing was heard are counted, and never taken for days of zero.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from schemas.events import AlarmCode, AlarmState
from services.alerts.facts.model import AlarmEvent
from services.alerts.facts.refills import refills_of
from services.alerts.facts.twins import once
from services.alerts.quality.nights import is_night
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.web.review.model import Programmed, Said, Stored
from services.alerts.web.review.period import Period

MOST_BLOCKS: Final = 13
GAP: Final = timedelta(hours=24)
"""Nothing was heard for so long: less is how devices upload."""
_LARGEST_SIZE_ML: Final = 40.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests for a bolus, by what became of them."""

    delivered: int = 0
    lockout: int = 0
    limit: int = 0
    other: int = 0
    unknown: int = 0

    @property
    def refused(self) -> int:
        """By the lockout, by the limit, or for another reason."""
        return self.lockout + self.limit + self.other

    @property
    def asked(self) -> int:
        """All."""
        return self.delivered + self.refused + self.unknown


@dataclass(frozen=True, slots=True)
class Block:
    """Some days together, and on how many of them something was heard."""

    first: date
    days: int
    heard: int
    day: Asked
    night: Asked


@dataclass(frozen=True, slots=True)
class Reported:
    """The reports of one complaint. `medians` are of the scores of each block; None: there is none."""

    complaint: str
    reports: int
    at_night: int
    scores: tuple[int, ...]
    medians: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Residual:
    """A refill: `difference_ml` is what more was left than expected, and `percent` that of what the pump had given."""

    at: datetime
    expected_ml: float
    measured_ml: float
    filled_ml: float
    difference_ml: float
    percent: float | None


@dataclass(frozen=True, slots=True)
class AlarmCourse:
    """A pump alarm from when it was raised to when it was cleared, and how often it was raised meanwhile.

    `stands`: the rules say that it does. Neither cleared nor standing: a clock that was wrong hides when it ended.
    """

    code: AlarmCode
    raised_at: datetime
    times: int
    cleared_at: datetime | None
    stands: bool
    detail: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of the sheet."""

    days: int
    days_heard: int
    gaps: tuple[tuple[datetime, datetime], ...]
    therapies: tuple[Programmed, ...]
    """In force when the period began, and each change in it."""
    therapy: Programmed | None
    """In force at its end; None: none is known."""
    day: Asked
    night: Asked
    block_days: int
    blocks: tuple[Block, ...]
    reported: tuple[Reported, ...]
    residuals: tuple[Residual, ...]
    """The newest first."""
    alarms: tuple[AlarmCourse, ...]
    """The newest first."""

    @property
    def together(self) -> Asked:
        """By day and by night."""
        return _sum((self.day, self.night))


def figures_of(stored: Stored, period: Period, minimum_delivery_ml: float) -> Figures:
    """Count.

    Args:
        stored: Of one patient.
        period: What is counted.
        minimum_delivery_ml: Less than this given between two refills, and a share of it says nothing (of the policy).
    """
    days = period.days
    heard_on = {period.day_of(each.first) for each in stored.heard if period.since <= each.first <= period.until}
    block_days = 7 * -(-len(days) // (7 * MOST_BLOCKS))
    therapies = tuple(each for each in stored.therapies if each.at <= period.until)
    by_block: list[list[tuple[str, bool]]] = [[] for _ in range(-(-len(days) // block_days))]
    for at, outcome in _presses(stored, period, therapies):
        by_block[(period.day_of(at) - days[0]).days // block_days].append((outcome, is_night(period.night, at)))
    blocks = tuple(
        Block(
            first=mine[0],
            days=len(mine),
            heard=len(heard_on.intersection(mine)),
            day=_asked(each for each, at_night in some if not at_night),
            night=_asked(each for each, at_night in some if at_night),
        )
        for some, mine in (
            (some, days[index * block_days : (index + 1) * block_days]) for index, some in enumerate(by_block)
        )
    )
    return Figures(
        days=len(days),
        days_heard=len(heard_on),
        gaps=tuple(_gaps(stored, period)),
        therapies=_changes(therapies, period),
        therapy=therapies[-1] if therapies else None,
        day=_sum(block.day for block in blocks),
        night=_sum(block.night for block in blocks),
        block_days=block_days,
        blocks=blocks,
        reported=tuple(_reported(stored.reports, period, days, block_days)),
        residuals=tuple(_residuals(stored, period, therapies, minimum_delivery_ml)),
        alarms=tuple(_courses(stored.alarms, period)),
    )


def _presses(stored: Stored, period: Period, therapies: tuple[Programmed, ...]) -> Iterator[tuple[datetime, str]]:
    lockout = therapies[-1].prescription.lockout_minutes if therapies else None
    for seconds, outcome in once(stored.requests, lockout):
        at = datetime.fromtimestamp(seconds, UTC)
        if period.since <= at <= period.until:
            yield at, outcome


def _asked(outcomes: Iterable[str]) -> Asked:
    count = Counter(outcomes)
    return Asked(
        count["delivered"],
        count["denied_lockout"],
        count["denied_limit"],
        count["denied_other"],
        count["comm_failure"],
    )


def _sum(some: Iterable[Asked]) -> Asked:
    every = list(some)
    return Asked(
        sum(each.delivered for each in every),
        sum(each.lockout for each in every),
        sum(each.limit for each in every),
        sum(each.other for each in every),
        sum(each.unknown for each in every),
    )


def _gaps(stored: Stored, period: Period) -> Iterator[tuple[datetime, datetime]]:
    before = period.since
    for each in sorted(stored.heard, key=lambda stretch: stretch.first):
        if each.first - before >= GAP:
            yield before, each.first
        before = max(before, each.last)
    if period.until - before >= GAP:
        yield before, period.until


def _changes(therapies: tuple[Programmed, ...], period: Period) -> tuple[Programmed, ...]:
    found: list[Programmed] = []
    for each in therapies:
        if not found or found[-1].prescription != each.prescription:
            found.append(each)
    begun = [each for each in found if each.at < period.since]
    return (*begun[-1:], *(each for each in found if each.at >= period.since))


def _reported(reports: tuple[Said, ...], period: Period, days: tuple[date, ...], block_days: int) -> Iterator[Reported]:
    by_complaint: dict[str, list[Said]] = defaultdict(list)
    for each in sorted(reports, key=lambda said: said.at):
        if period.since <= each.at <= period.until:
            by_complaint[each.complaint].append(each)
    blocks = -(-len(days) // block_days)
    for complaint, said in sorted(by_complaint.items()):
        scores: list[list[int]] = [[] for _ in range(blocks)]
        for each in said:
            if each.score is not None:
                scores[(period.day_of(each.at) - days[0]).days // block_days].append(each.score)
        yield Reported(
            complaint,
            len(said),
            sum(is_night(period.night, each.at) for each in said),
            tuple(score for block in scores for score in block),
            tuple(statistics.median(block) if block else None for block in scores),
        )


def _residuals(
    stored: Stored, period: Period, therapies: tuple[Programmed, ...], minimum_delivery_ml: float
) -> Iterator[Residual]:
    size_ml = therapies[-1].size_ml if therapies else _LARGEST_SIZE_ML
    refills = refills_of(stored.refills, most=len(stored.refills))
    for index, each in enumerate(refills):
        if not period.since <= each.observed_at <= period.until:
            continue
        earlier = refills[index + 1] if index + 1 < len(refills) else None
        given = None if earlier is None else min(earlier.filled_ml, size_ml) - each.expected_ml
        told = given is not None and given > 0 and given >= minimum_delivery_ml
        yield Residual(
            each.observed_at,
            each.expected_ml,
            each.measured_ml,
            each.filled_ml,
            -each.missing_ml,
            -100 * each.missing_ml / given if given is not None and told else None,
        )


def _courses(events: tuple[AlarmEvent, ...], period: Period) -> list[AlarmCourse]:
    by_code: dict[AlarmCode, list[AlarmEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each.position):
        by_code[event.code].append(event)
    standing = active_alarms(events)
    found = [course for code, history in by_code.items() for course in _of_code(history, stands=code in standing)]
    return sorted(
        (
            each
            for each in found
            if each.raised_at <= period.until
            and (each.cleared_at is None or each.cleared_at >= period.since)
            and (each.stands or each.cleared_at is not None or each.raised_at >= period.since)
        ),
        key=lambda each: (each.raised_at, each.code),
        reverse=True,
    )


def _of_code(history: list[AlarmEvent], *, stands: bool) -> Iterator[AlarmCourse]:
    """The courses of one alarm, in order; only the last can stand. `cleared` of what was not raised tells nothing."""
    raised: list[AlarmEvent] = []
    courses: list[tuple[list[AlarmEvent], datetime | None]] = []
    for event in history:
        if event.state is AlarmState.RAISED:
            raised.append(event)
        elif raised:
            courses.append((raised, event.judged_at))
            raised = []
    if raised:
        courses.append((raised, None))
    for index, (some, cleared_at) in enumerate(courses):
        still = stands and index == len(courses) - 1
        yield AlarmCourse(
            some[0].code, some[0].judged_at, len(some), None if still else cleared_at, still, some[-1].detail
        )
