"""PURE. What a pump's page says: what is known of the pump, by what it is known, and since when nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.policy import Policy
from services.alerts.facts.model import Contact, PumpFacts
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.rules.clock import is_off
from services.alerts.rules.device_silent import allowed_silence
from services.alerts.rules.patient_report import COMPLAINT_WORDS
from services.alerts.rules.refused_alarm import stored_alarms
from services.alerts.rules.reservoir.level import Level
from services.alerts.rules.reservoir.refill_dates import RefillDates, refill_dates
from services.alerts.web.pump.model import Programmed
from services.alerts.wording import ALARM_WORDS, age, capitalised, millilitres, years_or_age
from services.texts.model import ENGLISH, Texts, msgid

_Clock = Callable[[datetime], str]
_GAPS_OF_DAYS: Final = 42
_DAY: Final = timedelta(days=1)
_SHOWN_ML: Final = 0.05
_MILLIGRAM_MCG: Final = 1000.0
_BY_OWN_USE: Final = msgid("By this patient's own use")
_SURE: Final = msgid("As surely as the clinic wants")
_BY_PROGRAMME: Final = msgid("By the programme alone")
_WORST_CASE: Final = msgid("If every bolus is used")


@dataclass(frozen=True, slots=True)
class Line:
    """A name and what is so; `bad` where somebody should look."""

    name: str
    value: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class RefillLine:
    """One refill: volumes in mL as they are written, and what was left more (+) or less (-) than expected."""

    at: str
    expected: str
    measured: str
    difference: str
    filled: str


@dataclass(frozen=True, slots=True)
class PumpPage:
    """What is said of one pump, from what its rules judge by."""

    therapy: tuple[Line, ...]
    profile: tuple[tuple[str, str], ...]
    """From when each rate holds, and how much flows, where it changes over the day."""
    level: str
    """In a sentence."""
    lasts: tuple[Line, ...]
    """When the alarm level is reached, by whose use; until when the drug is good; and which visit is booked."""
    refills: tuple[RefillLine, ...]
    alarms: tuple[Line, ...]
    """Those that stand."""
    devices: tuple[Line, ...]
    reports: tuple[Line, ...]
    gaps: tuple[str, ...]
    """Days of which nothing is known."""


def pump_page(
    facts: PumpFacts,
    programmed: Programmed | None,
    policy: Policy,
    zone: ZoneInfo,
    now: datetime,
    *,
    watched_since: datetime | None = None,
    texts: Texts = ENGLISH,
) -> PumpPage:
    """Say what is known of a pump.

    Args:
        facts: Of the pump, as of `now`.
        programmed: What was programmed last.
        policy: Of the clinic.
        zone: The clinic's; every time is on its clock.
        now: The moment of the page.
        watched_since: When it was enrolled; before, it is no gap that nothing was heard.
        texts: Of whoever reads.
    """
    clock, dates = partial(texts.weekday_clock, zone=zone), refill_dates(facts, policy, now)
    standing = active_alarms(stored_alarms(facts, policy, now)).values()
    return PumpPage(
        therapy=() if programmed is None else tuple(_therapy(programmed, facts, policy, clock(programmed.at), texts)),
        profile=_profile(programmed, texts),
        level=_level(dates.level, texts),
        lasts=tuple(_lasts(dates, zone, texts)),
        refills=tuple(
            RefillLine(
                clock(each.observed_at),
                millilitres(each.expected_ml, texts),
                millilitres(each.measured_ml, texts),
                _signed(-each.missing_ml, texts),
                millilitres(each.filled_ml, texts),
            )
            for each in facts.refills
        ),
        alarms=tuple(
            Line(
                capitalised(texts.say(ALARM_WORDS[each.code])),
                texts.say("since %(at)s", at=clock(each.since)),
                bad=True,
            )
            for each in standing
        ),
        devices=tuple(_device(facts, contact, policy, clock, now, texts) for contact in facts.contacts),
        reports=tuple(
            Line(
                clock(each.observed_at),
                texts.say(COMPLAINT_WORDS[each.complaint])
                + ("" if each.score is None else texts.say(", %(score)s of 10", score=each.score)),
            )
            for each in facts.reports
        ),
        gaps=tuple(_gaps(facts, watched_since, zone, now, texts)),
    )


def _therapy(programmed: Programmed, facts: PumpFacts, policy: Policy, at: str, texts: Texts) -> Iterator[Line]:
    say = texts.say
    yield Line(say("Programmed"), at)
    daily_ml = facts.therapy.daily_ml if facts.therapy else 0.0
    for drug in programmed.drugs:
        strength = float(drug["concentration_mcg_per_ml"])
        dose = _amount(strength * daily_ml, texts)
        words = say("%(dose)s a day, at %(strength)s in 1 mL", dose=dose, strength=_amount(strength, texts))
        yield Line(str(drug["name"]), words)
    yield Line(say("Flow"), _flow(daily_ml, texts))
    yield Line(say("Bolus"), _bolus(programmed, texts))
    yield Line(say("Reservoir"), say("holds %(size)s mL", size=texts.shortest(programmed.reservoir_size_ml)))
    level = programmed.low_reservoir_ml
    yield Line(
        say("Alarm level"),
        say("%(volume)s, of the clinic's policy", volume=millilitres(policy.low_reservoir.level_ml, texts))
        if level is None
        else millilitres(level, texts),
    )
    due = programmed.refill_due
    told = say("no date was told") if due is None else say("%(day)s, as the device tells", day=texts.day(due))
    yield Line(say("Next refill"), told)


def _bolus(programmed: Programmed, texts: Texts) -> str:
    if not (programmed.bolus_dose_mcg and programmed.bolus_limit_per_24h):
        return texts.say("none")
    dose = texts.say(
        "%(dose)s each, at most %(count)s in 24 h",
        dose=_amount(programmed.bolus_dose_mcg, texts),
        count=programmed.bolus_limit_per_24h,
    )
    if not programmed.bolus_lockout_minutes:
        return dose
    wait = age(timedelta(minutes=programmed.bolus_lockout_minutes), texts)
    return dose + texts.say(", %(span)s apart", span=wait)


def _flow(daily_ml: float, texts: Texts) -> str:
    return texts.say("%(volume)s mL a day", volume=texts.shortest(daily_ml, 3))


def _amount(mcg: float, texts: Texts) -> str:
    """Micrograms, or milligrams where that is shorter."""
    is_large = mcg >= _MILLIGRAM_MCG
    return f"{texts.shortest(mcg / 1000 if is_large else mcg, 4)} {'mg' if is_large else 'mcg'}"


def _profile(programmed: Programmed | None, texts: Texts) -> tuple[tuple[str, str], ...]:
    steps: Sequence[Mapping[str, Any]] = () if programmed is None else programmed.profile
    if len(steps) <= 1:
        return ()
    return tuple((str(step["from"]), _flow(float(step["rate_ml_per_day"]), texts)) for step in steps)


def _level(level: Level | None, texts: Texts) -> str:
    if level is None:
        return texts.say("No level is known.")
    return f"{capitalised(level.in_words(texts))}.{level.other_in_words(texts)}"


def _lasts(dates: RefillDates, zone: ZoneInfo, texts: Texts) -> Iterator[Line]:
    say = texts.say
    moments = (
        (_BY_OWN_USE, dates.by_own_use),
        (_SURE, dates.sure),
        (_BY_PROGRAMME, dates.by_programme),
        (_WORST_CASE, dates.by_worst_case),
    )
    for name, at in moments:
        if at is not None:
            yield Line(say(name), say("alarm level on %(day)s", day=texts.day(at.astimezone(zone).date())))
    if dates.stability is not None and dates.good_until is not None:
        until = texts.day(dates.good_until.astimezone(zone).date())
        yield Line(say("The drug is good until"), f"{until} ({dates.stability.in_words(texts)})")
    if dates.visit is not None:
        late, day = dates.come_by is not None and dates.visit.begins > dates.come_by, texts.day(dates.visit.on)
        words = say("%(day)s, by the clinic", day=day)
        if not dates.visit.by_board:
            words = say("%(day)s, as the device tells", day=day)
        too_late = say(": too late by the dates above") if late else ""
        yield Line(say("Refill booked"), f"{words}{too_late}", bad=late)


def _signed(volume_ml: float, texts: Texts) -> str:
    if abs(volume_ml) < _SHOWN_ML:
        return texts.say("as expected")
    volume = millilitres(abs(volume_ml), texts)
    return texts.say("%(volume)s more", volume=volume) if volume_ml > 0 else texts.say("%(volume)s less", volume=volume)


def _device(facts: PumpFacts, contact: Contact, policy: Policy, clock: _Clock, now: datetime, texts: Texts) -> Line:
    say = texts.say
    of_pump = contact.device_id == facts.pump_id
    name = say("Pump %(id)s", id=contact.device_id) if of_pump else say("Handheld %(id)s", id=contact.device_id)
    if contact.last_at is None:
        return Line(name, say("was never heard, or not for a long time"), bad=True)
    allowed = allowed_silence(contact, policy.device_silent)
    overdue = now - contact.last_at > allowed
    words = say("last heard %(at)s; may be silent for %(span)s", at=clock(contact.last_at), span=age(allowed, texts))
    words += say(", and is overdue") if overdue else ""
    off = contact.clock
    if off is not None and is_off(off.behind, policy.clock):
        span = years_or_age(abs(off.behind), texts)
        late = off.behind > timedelta(0)
        off_by = msgid("; its clock is %(span)s behind") if late else msgid("; its clock is %(span)s ahead")
        words += say(off_by, span=span)
    if off is not None and off.refused:
        words += say("; what it sends is refused for that")
    ends = next((each.ends_at for each in facts.certificates if each.device_id == contact.device_id), None)
    if ends is not None and ends <= now:
        words += say("; its certificate ended %(at)s", at=clock(ends))
    elif ends is not None:
        words += say("; its certificate ends %(at)s", at=clock(ends))
    return Line(name, words, bad=overdue or (off is not None and off.refused) or (ends is not None and ends <= now))


def _gaps(
    facts: PumpFacts, watched_since: datetime | None, zone: ZoneInfo, now: datetime, texts: Texts
) -> Iterator[str]:
    """Runs of days of which nothing was heard, the newest first; a day is 24 hours back from `now`."""
    windows = facts.windows[:_GAPS_OF_DAYS]
    bounds = [at for at in (facts.since, watched_since) if at is not None]
    if bounds:
        windows = windows[: max(1, -((max(bounds) - now) // _DAY))]
    begun: int | None = None
    for index, heard in enumerate([*(window.heard for window in windows), True]):
        if not heard and begun is None:
            begun = index
        elif heard and begun is not None:
            oldest, newest = (texts.weekday_clock(now - each * _DAY, zone, year=False) for each in (index, begun))
            yield texts.plural(
                "%(begins)s to %(ends)s (%(count)s day)",
                "%(begins)s to %(ends)s (%(count)s days)",
                index - begun,
                begins=oldest,
                ends=newest,
            )
            begun = None
