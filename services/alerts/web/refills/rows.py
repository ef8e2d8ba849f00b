"""PURE. A pump's dates as words on the clinic's own clock: one row of the refill board.

Guarantee: what is not known is said so and never left empty; whether the visit comes first is said in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from schemas.policy import ForecastBy, Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.rules.reservoir.booked import Booked
from services.alerts.rules.reservoir.refill_dates import RefillDates, refill_dates
from services.alerts.web.refills.plan import Entry
from services.alerts.wording import day_words, millilitres
from services.people.rota.local_time import wall_date

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FAR: Final = "not within 10 years"
_UNKNOWN: Final = "not known"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the visit comes first, in words; `tone` is good, waiting or bad, and says nothing by itself."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Row:
    """One pump of the board."""

    pump_id: str
    clinic_id: str
    level: str
    level_at: str
    percent: str
    """As surely as this it lasts until `sure`, such as "95 %"; empty: by every bolus."""
    sure: str
    own_use: str
    programme: str
    worst_case: str
    has_boluses: bool
    use: str
    """What the dates by own use rest on."""
    good_until: str
    good_why: str
    visit: str
    visit_by: str
    verdict: Verdict
    acts: tuple[str, ...]
    """What can be said of the visit: book, move, done, cancel."""
    follows: str
    field_on: str
    """The day that a form begins with."""
    field_at: str


def row_of(facts: PumpFacts, entry: Entry | None, policy: Policy, zone: str, now: datetime) -> Row:
    """One row."""
    dates, clock = refill_dates(facts, policy, now), _Clock(zone)
    of_board = entry if entry is not None and dates.visit is not None and dates.visit.by_board else None
    verdict = _verdict(facts, dates, clock, now)
    start = of_board.on if of_board else wall_date(max(now, (dates.come_by or now) - 7 * _DAY), zone)
    return Row(
        pump_id=facts.pump_id,
        clinic_id=facts.clinic_id,
        level=millilitres(dates.level.volume_ml) if dates.level else _UNKNOWN,
        level_at=f"{_source(dates.level.basis)} {clock.moment(dates.level.told_at)}" if dates.level else "",
        percent=_percent(dates, policy),
        sure=clock.date(dates.sure, dates),
        own_use=clock.date(dates.by_own_use, dates),
        programme=clock.date(dates.by_programme, dates),
        worst_case=clock.date(dates.by_worst_case, dates),
        has_boluses=dates.use is not None and dates.use.worst_daily_ml > dates.use.daily_ml,
        use=_use(dates),
        good_until=_good_until(facts, dates, clock),
        good_why=f"{dates.stability.words}: {dates.stability.days} days" if dates.stability else "",
        visit=_visit(dates.visit, of_board, clock),
        visit_by=_visit_by(dates.visit, of_board, facts),
        verdict=verdict,
        acts=_acts(dates.visit),
        follows=str(entry.entry_id) if entry else "",
        field_on=start.isoformat(),
        field_at=f"{of_board.begins.astimezone(clock.zone):%H:%M}" if of_board and of_board.has_hour else "",
    )


class _Clock:
    """The clinic's own clock."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def day(self, at: datetime) -> str:
        """The day of a moment: "Fri 4 Dec 2026"."""
        on = at.astimezone(self.zone).date()
        return f"{_WEEKDAYS[on.weekday()]} {day_words(on)}"

    def moment(self, at: datetime) -> str:
        """A moment: "4 Dec 2026, 10:30"."""
        local = at.astimezone(self.zone)
        return f"{day_words(local.date())}, {local:%H:%M}"

    def apart(self, first: datetime, second: datetime, then: str) -> str:
        """How many days of a calendar one comes before the other: "4 days before"."""
        days = (second.astimezone(self.zone).date() - first.astimezone(self.zone).date()).days
        return "on the same day" if days < 1 else f"1 day {then}" if days == 1 else f"{days} days {then}"

    def date(self, at: datetime | None, dates: RefillDates) -> str:
        """A date, or why there is none."""
        if at is not None:
            return self.day(at)
        return _UNKNOWN if dates.level is None or dates.use is None else _FAR


def _source(basis: str) -> str:
    return {"computed": "computed", "measured": "measured", "refill": "filled"}[basis]


def _percent(dates: RefillDates, policy: Policy) -> str:
    if dates.use is None or dates.use.is_learning or policy.low_reservoir.forecast_by is ForecastBy.WORST_CASE:
        return ""
    return f"{100 * policy.low_reservoir.forecast_probability:g} %"


def _use(dates: RefillDates) -> str:
    use = dates.use
    if use is None:
        return "no programme is known"
    if use.worst_daily_ml <= use.daily_ml:
        return "no boluses are prescribed"
    if use.is_learning:
        known = "1 day" if use.known_days == 1 else f"{use.known_days} days"
        return f"still learning ({known} known): every bolus counts"
    return f"last {use.known_days} known days of boluses"


def _good_until(facts: PumpFacts, dates: RefillDates, clock: _Clock) -> str:
    if dates.stability is None:
        return "no limit is set for this drug" if facts.therapy and facts.therapy.drugs else "no drug is known"
    return clock.day(dates.stability.until) if dates.stability.until else "no refill is known"


def _visit(visit: Booked | None, entry: Entry | None, clock: _Clock) -> str:
    if visit is None:
        return "Nothing is booked"
    words = f"{_WEEKDAYS[visit.on.weekday()]} {day_words(visit.on)}"
    return f"{words}, {visit.begins.astimezone(clock.zone):%H:%M}" if entry and entry.has_hour else words


def _visit_by(visit: Booked | None, entry: Entry | None, facts: PumpFacts) -> str:
    if visit is None:
        return ""
    due = facts.therapy.refill_due if facts.therapy else None
    if entry is None:
        return "by the date in the device"
    other = f"; the device has {day_words(due)}" if due not in (None, visit.on) and due is not None else ""
    return f"{entry.kind.value} by {entry.said_name}{other}"


def _acts(visit: Booked | None) -> tuple[str, ...]:
    if visit is None:
        return ("book",)
    return ("move", "done", "cancel") if visit.by_board else ("book", "done")


def _nobody_knows(dates: RefillDates) -> str:
    if dates.level is None:
        return "Nobody can tell by when to come: the level is not known."
    if dates.use is None:
        return "Nobody can tell by when to come: the programme is not known."
    return f"The reservoir lasts: {_FAR} does it reach its alarm level."


def _verdict(facts: PumpFacts, dates: RefillDates, clock: _Clock, now: datetime) -> Verdict:
    visit, come_by = dates.visit, dates.come_by
    if visit is None:
        return Verdict(f"Come by {clock.day(come_by)}." if come_by else _nobody_knows(dates), "bad")
    if now - visit.begins >= _DAY and not (facts.refill and facts.refill.observed_at >= visit.begins):
        return Verdict("The day has passed, and no refill is known.", "bad")
    if come_by is None:
        is_far = dates.level is not None and dates.use is not None
        return Verdict("The visit comes first.", "good") if is_far else Verdict(_nobody_knows(dates), "waiting")
    if visit.begins <= come_by:
        return Verdict(f"The visit comes first, {clock.apart(visit.begins, come_by, 'before')}.", "good")
    if dates.sure is not None and dates.sure == come_by:
        what = "The reservoir may reach its alarm level"
    else:
        what = "The drug is too old"
    return Verdict(f"{what} first, {clock.apart(come_by, visit.begins, 'before the visit')}.", "bad")
