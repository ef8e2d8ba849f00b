"""PURE. Figures about a clinic's alerts, by rule, for its yearly review of alarms.

A review asks (docs/domain.md section 4, alarm fatigue) how many alerts a patient has, how many of them somebody
answered, how soon, and how many pages were sent for them. **No figure says what is good**: no standard sets a
threshold, so a clinic compares itself with its last year, and rules with each other.

Guarantees: the order of the rows changes nothing; one page for many alerts counts once in its rule and once in the
total. Each alert is one of four: acted on, only seen, ended by itself, still open and unanswered. A rate is given only
where at least one pump-week or one night was watched, and a share or a time only where there is one.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from schemas.parts.paging import QuietHours
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.quality.nights import USUAL, is_night
from services.texts.model import ENGLISH, Texts

BUSIEST: Final = 5
"""How many pumps the report names."""
_LEAST_WEEKS: Final = 1.0
_NINETY_PERCENT: Final = 0.9
_NINETY_FIVE_PERCENT: Final = 0.95
_DAY: Final = timedelta(days=1)
_MUST_PAGE: Final = frozenset({"high", "medium"})


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert, and what people did about it."""

    alert_id: UUID
    pump_id: str
    rule: str
    key: str
    state: str
    opened_at: datetime
    taken_at: datetime | None
    """When somebody first acknowledged or resolved it."""
    answered: bool
    """Somebody acknowledged, resolved or confirmed it, or wrote something down about it."""
    flaps: int
    """How often the condition returned at once and was taken to be the same, without a new page."""
    acted: bool = False
    """Of those answered: somebody wrote down what was done, resolved it, or accepted the new level."""
    clinic_id: str = ""
    priority: str = ""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One contact's page about one alert. Pages that went out as one have one `page_id`."""

    alert_id: UUID
    page_id: UUID
    grouped: bool
    kind: str
    """What made the episode begin (services.alerts.model.OccasionKind)."""
    step: int
    state: str
    held_by: str | None
    repeats: bool = False
    """It is no step of the route: nobody had answered the last one, or nobody was reached."""
    clinic_id: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of some alerts."""

    alerts: int
    per_pump_week: float | None
    acknowledged: int
    acknowledged_share: float | None
    median_seconds_to_acknowledge: float | None
    ninety_percent_within_seconds: float | None
    closed_without_action: int
    """Closed, and nobody acknowledged, resolved, confirmed, commented or acted."""
    open_without_action: int
    flapped: int
    acted_on: int
    """Somebody wrote down what was done, resolved it, or accepted the new level."""
    only_seen: int
    """Somebody acknowledged or confirmed it, or wrote a comment, and nobody wrote down what was done."""
    acted_on_share: float | None
    ninety_five_percent_within_seconds: float | None


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages about some alerts."""

    sent: int
    failed: int
    escalated: int
    """Of those sent: pages to the next step of the route, because nobody had acknowledged."""
    repeated: dict[str, int]
    """Of those sent: pages to the first step again, by the reason: `expired`, `priority`, `returned`; and
    `unanswered`: to the last step again."""
    alerts_grouped: int
    """Alerts whose page was sent as one with the pages of other alerts."""
    alerts_held: int
    """Alerts with a page that is held by a silence, maintenance or quiet hours, or was until it was cancelled."""
    alerts_undelivered: int
    """Alerts for which a page failed and none was sent; and those of high or medium priority that never had one."""
    at_night: int
    """Of those sent: in the clinic's night."""
    per_night: float | None
    """Of these, for each night of the time, all pumps together."""


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """The figures of one rule, or of one kind of its alerts, such as `pump_alarm/motor_stall`."""

    rule: str
    answers: Answers
    pages: Pages


@dataclass(frozen=True, slots=True)
class BusyPump:
    """A pump with many alerts, and the rule that most of them are from."""

    pump_id: str
    alerts: int
    per_week: float | None
    mostly: str
    clinic_id: str = ""
    """Of its newest alert."""


@dataclass(frozen=True, slots=True)
class Review:
    """The whole report. `clinic_id` None: every clinic."""

    clinic_id: str | None
    since: datetime
    until: datetime
    pumps: int
    pump_weeks: float
    total: RuleFigures
    rules: tuple[RuleFigures, ...]
    busiest: tuple[BusyPump, ...]


def review(
    clinic_id: str | None,
    since: datetime,
    until: datetime,
    *,
    alerts: Sequence[AlertRow],
    pages: Sequence[PageRow],
    weeks_of: Mapping[str, float],
    nights: Mapping[str, QuietHours] | None = None,
) -> Review:
    """Work out the figures.

    Args:
        clinic_id: Whose they are; only named.
        since: When the first of `alerts` may have opened.
        until: When the last.
        alerts: Those that opened between.
        pages: Every page about them.
        weeks_of: For how many weeks of the time each pump was watched.
        nights: By clinic, when it is night there; one that is not there has its night as is usual, by UTC.
    """
    long, by_night = (until - since) / _DAY, frozenset(_by_night(pages, nights or {}))
    pump_weeks = math.fsum(weeks_of.values())
    by_rule: dict[str, list[AlertRow]] = defaultdict(list)
    for alert in alerts:
        by_rule[name_of(alert)].append(alert)
    pages_of: dict[UUID, list[PageRow]] = defaultdict(list)
    for page in pages:
        pages_of[page.alert_id].append(page)

    def figures(rule: str, some: Sequence[AlertRow]) -> RuleFigures:
        theirs = [page for alert in some for page in pages_of.get(alert.alert_id, ())]
        without = sum(alert.priority in _MUST_PAGE and alert.alert_id not in pages_of for alert in some)
        return RuleFigures(rule, _answers(some, pump_weeks), _pages(theirs, without, by_night, long))

    return Review(
        clinic_id=clinic_id,
        since=since,
        until=until,
        pumps=len(weeks_of),
        pump_weeks=pump_weeks,
        total=figures("all", alerts),
        rules=tuple(figures(rule, by_rule[rule]) for rule in sorted(by_rule)),
        busiest=_busiest(alerts, weeks_of),
    )


def name_of(alert: AlertRow) -> str:
    """The name under which the report counts the alert."""
    return counted_as(alert.rule, alert.key)


def _answers(alerts: Sequence[AlertRow], pump_weeks: float) -> Answers:
    taken = sorted((alert.taken_at - alert.opened_at) / timedelta(seconds=1) for alert in alerts if alert.taken_at)
    unanswered = [alert for alert in alerts if not alert.answered]
    closed = sum(alert.state == "closed" for alert in unanswered)
    acted = sum(alert.answered and alert.acted for alert in alerts)
    return Answers(
        alerts=len(alerts),
        per_pump_week=_rate(len(alerts), pump_weeks),
        acknowledged=len(taken),
        acknowledged_share=len(taken) / len(alerts) if alerts else None,
        median_seconds_to_acknowledge=statistics.median(taken) if taken else None,
        ninety_percent_within_seconds=_within(_NINETY_PERCENT, taken),
        closed_without_action=closed,
        open_without_action=len(unanswered) - closed,
        flapped=sum(alert.flaps for alert in alerts),
        acted_on=acted,
        only_seen=len(alerts) - len(unanswered) - acted,
        acted_on_share=acted / len(alerts) if alerts else None,
        ninety_five_percent_within_seconds=_within(_NINETY_FIVE_PERCENT, taken),
    )


def _within(share: float, ascending: Sequence[float]) -> float | None:
    """The least that so large a share does not exceed."""
    return ascending[math.ceil(share * len(ascending)) - 1] if ascending else None


def _by_night(pages: Iterable[PageRow], nights: Mapping[str, QuietHours]) -> Iterator[UUID]:
    for page in pages:
        if page.sent_at is not None and is_night(nights.get(page.clinic_id, USUAL), page.sent_at):
            yield page.page_id


def _pages(pages: Collection[PageRow], without: int, by_night: frozenset[UUID], nights: float) -> Pages:
    sent = {page.page_id: page for page in pages if page.state == "sent"}
    failed = {page.page_id for page in pages if page.state == "failed"}
    reached = {page.alert_id for page in pages if page.state == "sent"}
    again = Counter(
        "unanswered" if page.repeats else page.kind for page in sent.values() if page.repeats or not page.step
    )
    del again["opened"]
    at_night = len(by_night.intersection(sent))
    return Pages(
        sent=len(sent),
        failed=len(failed),
        escalated=sum(page.step > 0 and not page.repeats for page in sent.values()),
        repeated=dict(sorted(again.items())),
        alerts_grouped=len({page.alert_id for page in pages if page.grouped and page.state == "sent"}),
        alerts_held=len({page.alert_id for page in pages if page.held_by and page.state in {"due", "cancelled"}}),
        alerts_undelivered=without + len({page.alert_id for page in pages if page.state == "failed"} - reached),
        at_night=at_night,
        per_night=at_night / nights if nights >= 1 else None,
    )


def _busiest(alerts: Sequence[AlertRow], weeks_of: Mapping[str, float]) -> tuple[BusyPump, ...]:
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for alert in alerts:
        kinds[alert.pump_id][name_of(alert)] += 1
    clinic_of = {alert.pump_id: alert.clinic_id for alert in sorted(alerts, key=lambda each: each.opened_at)}
    most = sorted(kinds, key=lambda pump_id: (-kinds[pump_id].total(), pump_id))[:BUSIEST]
    return tuple(
        BusyPump(
            pump_id,
            kinds[pump_id].total(),
            _rate(kinds[pump_id].total(), weeks_of.get(pump_id, 0.0)),
            min(kinds[pump_id], key=lambda name: (-kinds[pump_id][name], name)),
            clinic_of[pump_id],
        )
        for pump_id in most
    )


def _rate(count: int, weeks: float) -> float | None:
    return count / weeks if weeks >= _LEAST_WEEKS else None


def span(seconds: float | None, texts: Texts = ENGLISH) -> str:
    """A length of time in the unit that suits it: "40 s", "4.5 min", "3.0 h", "2.1 d"; "-" if there is none."""
    if seconds is None:
        return "-"
    for unit, length, until in (("s", 1, 90), ("min", 60, 5_400), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{texts.decimal(seconds / length, 0 if unit == 's' else 1)} {unit}"
    return texts.say("%(count)s d", count=texts.decimal(seconds / 86_400))
