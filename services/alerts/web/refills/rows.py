"""PURE. A pump's dates as words on the clinic's own clock: one row of the refill board.

Guarantee: what is not known is said so and never left empty; whether the visit comes first is said in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from schemas.policy import ForecastBy, Policy
from services.alerts.facts.model import PumpFacts, VisitKind
from services.alerts.rules.reservoir.booked import Booked
from services.alerts.rules.reservoir.refill_dates import RefillDates, refill_dates
from services.alerts.web.refills.plan import Entry
from services.alerts.wording import millilitres
from services.people.rota.local_time import wall_date
from services.texts.model import ENGLISH, Texts, msgid, msgids

_FAR: Final = msgid("not within 10 years")
_UNKNOWN: Final = msgid("not known")
_SOURCES: Final = {"computed": msgid("computed"), "measured": msgid("measured"), "refill": msgid("filled")}
_SAID: Final = {
    VisitKind.BOOKED: msgid("booked by %(who)s"),
    VisitKind.MOVED: msgid("moved by %(who)s"),
    VisitKind.DONE: msgid("done by %(who)s"),
    VisitKind.CANCELLED: msgid("cancelled by %(who)s"),
}
_VISIT_FIRST: Final = msgids(
    "The visit comes first, on the same day.",
    "The visit comes first, %(count)s day before.",
    "The visit comes first, %(count)s days before.",
)
_LEVEL_FIRST: Final = msgids(
    "The reservoir may reach its alarm level first, on the same day.",
    "The reservoir may reach its alarm level first, %(count)s day before the visit.",
    "The reservoir may reach its alarm level first, %(count)s days before the visit.",
)
_DRUG_FIRST: Final = msgids(
    "The drug is too old first, on the same day.",
    "The drug is too old first, %(count)s day before the visit.",
    "The drug is too old first, %(count)s days before the visit.",
)
"""On the same day, and the two forms of a plural."""
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


def row_of(
    facts: PumpFacts, entry: Entry | None, policy: Policy, zone: str, now: datetime, texts: Texts = ENGLISH
) -> Row:
    """One row."""
    dates, clock = refill_dates(facts, policy, now), _Clock(zone, texts)
    of_board = entry if entry is not None and dates.visit is not None and dates.visit.by_board else None
    verdict = _verdict(facts, dates, clock, now)
    start = of_board.on if of_board else wall_date(max(now, (dates.come_by or now) - 7 * _DAY), zone)
    return Row(
        pump_id=facts.pump_id,
        clinic_id=facts.clinic_id,
        level=millilitres(dates.level.volume_ml, texts) if dates.level else texts.say(_UNKNOWN),
        level_at=f"{texts.say(_SOURCES[dates.level.basis])} {clock.moment(dates.level.told_at)}" if dates.level else "",
        percent=_percent(dates, policy, texts),
        sure=clock.date(dates.sure, dates),
        own_use=clock.date(dates.by_own_use, dates),
        programme=clock.date(dates.by_programme, dates),
        worst_case=clock.date(dates.by_worst_case, dates),
        has_boluses=dates.use is not None and dates.use.worst_daily_ml > dates.use.daily_ml,
        use=_use(dates, texts),
        good_until=_good_until(facts, dates, clock),
        good_why=_good_why(dates, texts),
        visit=_visit(dates.visit, of_board, clock),
        visit_by=_visit_by(dates.visit, of_board, facts, texts),
        verdict=verdict,
        acts=_acts(dates.visit),
        follows=str(entry.entry_id) if entry else "",
        field_on=start.isoformat(),
        field_at=f"{of_board.begins.astimezone(clock.zone):%H:%M}" if of_board and of_board.has_hour else "",
    )


class _Clock:
    """The clinic's own clock."""

    def __init__(self, zone: str, texts: Texts) -> None:
        self.zone, self.texts = ZoneInfo(zone), texts

    def day(self, at: datetime) -> str:
        """The day of a moment: "Fri 4 Dec 2026"."""
        return self.texts.weekday_words(at.astimezone(self.zone).date())

    def moment(self, at: datetime) -> str:
        """A moment: "4 Dec 2026, 10:30"."""
        local = at.astimezone(self.zone)
        return f"{self.texts.day(local.date())}, {local:%H:%M}"

    def days_apart(self, first: datetime, second: datetime) -> int:
        """How many days of a calendar one comes before the other."""
        return (second.astimezone(self.zone).date() - first.astimezone(self.zone).date()).days

    def date(self, at: datetime | None, dates: RefillDates) -> str:
        """A date, or why there is none."""
        if at is not None:
            return self.day(at)
        return self.texts.say(_UNKNOWN if dates.level is None or dates.use is None else _FAR)


def _percent(dates: RefillDates, policy: Policy, texts: Texts) -> str:
    if dates.use is None or dates.use.is_learning or policy.low_reservoir.forecast_by is ForecastBy.WORST_CASE:
        return ""
    return f"{texts.shortest(100 * policy.low_reservoir.forecast_probability)} %"


def _use(dates: RefillDates, texts: Texts) -> str:
    use = dates.use
    if use is None:
        return texts.say("no programme is known")
    if use.worst_daily_ml <= use.daily_ml:
        return texts.say("no boluses are prescribed")
    if use.is_learning:
        return texts.plural(
            "still learning (%(count)s day known): every bolus counts",
            "still learning (%(count)s days known): every bolus counts",
            use.known_days,
        )
    return texts.say("last %(count)s known days of boluses", count=use.known_days)


def _good_until(facts: PumpFacts, dates: RefillDates, clock: _Clock) -> str:
    if dates.stability is None:
        has_drug = facts.therapy is not None and facts.therapy.drugs
        return clock.texts.say("no limit is set for this drug") if has_drug else clock.texts.say("no drug is known")
    return clock.day(dates.stability.until) if dates.stability.until else clock.texts.say("no refill is known")


def _good_why(dates: RefillDates, texts: Texts) -> str:
    """Which drug it is and how, and how long it is good."""
    if dates.stability is None:
        return ""
    days = texts.say("%(count)s days", count=dates.stability.days)
    return f"{dates.stability.in_words(texts)}: {days}"


def _visit(visit: Booked | None, entry: Entry | None, clock: _Clock) -> str:
    if visit is None:
        return clock.texts.say("Nothing is booked")
    words = clock.texts.weekday_words(visit.on)
    return f"{words}, {visit.begins.astimezone(clock.zone):%H:%M}" if entry and entry.has_hour else words


def _visit_by(visit: Booked | None, entry: Entry | None, facts: PumpFacts, texts: Texts) -> str:
    if visit is None:
        return ""
    due = facts.therapy.refill_due if facts.therapy else None
    if entry is None:
        return texts.say("by the date in the device")
    other = texts.say("; the device has %(day)s", day=texts.day(due)) if due is not None and due != visit.on else ""
    return texts.say(_SAID[entry.kind], who=entry.said_name) + other


def _acts(visit: Booked | None) -> tuple[str, ...]:
    if visit is None:
        return ("book",)
    return ("move", "done", "cancel") if visit.by_board else ("book", "done")


def _nobody_knows(dates: RefillDates, texts: Texts) -> str:
    if dates.level is None:
        return texts.say("Nobody can tell by when to come: the level is not known.")
    if dates.use is None:
        return texts.say("Nobody can tell by when to come: the programme is not known.")
    return texts.say("The reservoir lasts: not within 10 years does it reach its alarm level.")


def _verdict(facts: PumpFacts, dates: RefillDates, clock: _Clock, now: datetime) -> Verdict:
    visit, come_by, texts = dates.visit, dates.come_by, clock.texts
    if visit is None and come_by is not None:
        return Verdict(texts.say("Come by %(day)s.", day=clock.day(come_by)), "bad")
    if visit is None:
        return Verdict(_nobody_knows(dates, texts), "bad")
    if now - visit.begins >= _DAY and not (facts.refill and facts.refill.observed_at >= visit.begins):
        return Verdict(texts.say("The day has passed, and no refill is known."), "bad")
    if come_by is None:
        is_far = dates.level is not None and dates.use is not None
        words = texts.say("The visit comes first.") if is_far else _nobody_knows(dates, texts)
        return Verdict(words, "good" if is_far else "waiting")
    if visit.begins <= come_by:
        return Verdict(_first(_VISIT_FIRST, clock.days_apart(visit.begins, come_by), texts), "good")
    what = _LEVEL_FIRST if dates.sure is not None and dates.sure == come_by else _DRUG_FIRST
    return Verdict(_first(what, clock.days_apart(come_by, visit.begins), texts), "bad")


def _first(what: tuple[str, str, str], days: int, texts: Texts) -> str:
    same_day, one, many = what
    return texts.say(same_day) if days < 1 else texts.plural(one, many, days)
