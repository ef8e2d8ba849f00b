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
from services.alerts.wording import ALARM_WORDS, age, capitalised, clock_words, day_words, millilitres, years_or_age

_Clock = Callable[[datetime], str]
_GAPS_OF_DAYS: Final = 42
_DAY: Final = timedelta(days=1)
_SHOWN_ML: Final = 0.05


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
) -> PumpPage:
    """Say what is known of a pump.

    Args:
        facts: Of the pump, as of `now`.
        programmed: What was programmed last.
        policy: Of the clinic.
        zone: The clinic's; every time is on its clock.
        now: The moment of the page.
        watched_since: When it was enrolled; before, it is no gap that nothing was heard.
    """
    clock, dates = partial(clock_words, zone=zone), refill_dates(facts, policy, now)
    standing = active_alarms(stored_alarms(facts, policy, now)).values()
    return PumpPage(
        therapy=() if programmed is None else tuple(_therapy(programmed, facts, policy, clock(programmed.at))),
        profile=_profile(programmed),
        level=_level(dates.level),
        lasts=tuple(_lasts(dates, zone)),
        refills=tuple(
            RefillLine(
                clock(each.observed_at),
                millilitres(each.expected_ml),
                millilitres(each.measured_ml),
                _signed(-each.missing_ml),
                millilitres(each.filled_ml),
            )
            for each in facts.refills
        ),
        alarms=tuple(
            Line(capitalised(ALARM_WORDS[each.code]), f"since {clock(each.since)}", bad=True) for each in standing
        ),
        devices=tuple(_device(facts, contact, policy, clock, now) for contact in facts.contacts),
        reports=tuple(
            Line(
                clock(each.observed_at),
                COMPLAINT_WORDS[each.complaint] + ("" if each.score is None else f", {each.score} of 10"),
            )
            for each in facts.reports
        ),
        gaps=tuple(_gaps(facts, watched_since, zone, now)),
    )


def _therapy(programmed: Programmed, facts: PumpFacts, policy: Policy, at: str) -> Iterator[Line]:
    yield Line("Programmed", at)
    daily_ml = facts.therapy.daily_ml if facts.therapy else 0.0
    for drug in programmed.drugs:
        strength = float(drug["concentration_mcg_per_ml"])
        yield Line(str(drug["name"]), f"{_amount(strength * daily_ml)} a day, at {_amount(strength)} in 1 mL")
    yield Line("Flow", f"{daily_ml:.3g} mL a day")
    if programmed.bolus_dose_mcg and programmed.bolus_limit_per_24h:
        wait = age(timedelta(minutes=programmed.bolus_lockout_minutes or 0))
        dose = f"{_amount(programmed.bolus_dose_mcg)} each, at most {programmed.bolus_limit_per_24h} in 24 h"
        yield Line("Bolus", dose + ("" if not programmed.bolus_lockout_minutes else f", {wait} apart"))
    else:
        yield Line("Bolus", "none")
    yield Line("Reservoir", f"holds {programmed.reservoir_size_ml:g} mL")
    level = programmed.low_reservoir_ml
    yield Line(
        "Alarm level",
        f"{millilitres(policy.low_reservoir.level_ml)}, of the clinic's policy"
        if level is None
        else millilitres(level),
    )
    due = programmed.refill_due
    yield Line("Next refill", "no date was told" if due is None else f"{day_words(due)}, as the device tells")


def _amount(mcg: float) -> str:
    """Micrograms, or milligrams where that is shorter."""
    return f"{mcg / 1000:.4g} mg" if mcg >= _MILLIGRAM_MCG else f"{mcg:.4g} mcg"


_MILLIGRAM_MCG: Final = 1000.0


def _profile(programmed: Programmed | None) -> tuple[tuple[str, str], ...]:
    steps: Sequence[Mapping[str, Any]] = () if programmed is None else programmed.profile
    if len(steps) <= 1:
        return ()
    return tuple((str(step["from"]), f"{float(step['rate_ml_per_day']):.3g} mL a day") for step in steps)


def _level(level: Level | None) -> str:
    return "No level is known." if level is None else f"{capitalised(level.words)}.{level.other_words}"


def _lasts(dates: RefillDates, zone: ZoneInfo) -> Iterator[Line]:
    moments = (
        ("By this patient's own use", dates.by_own_use),
        ("As surely as the clinic wants", dates.sure),
        ("By the programme alone", dates.by_programme),
        ("If every bolus is used", dates.by_worst_case),
    )
    for name, at in moments:
        if at is not None:
            yield Line(name, f"alarm level on {day_words(at.astimezone(zone).date())}")
    if dates.stability is not None and dates.good_until is not None:
        until = day_words(dates.good_until.astimezone(zone).date())
        yield Line("The drug is good until", f"{until} ({dates.stability.words})")
    if dates.visit is not None:
        late = dates.come_by is not None and dates.visit.begins > dates.come_by
        words = f"{day_words(dates.visit.on)}, {'by the clinic' if dates.visit.by_board else 'as the device tells'}"
        yield Line("Refill booked", f"{words}{': too late by the dates above' if late else ''}", bad=late)


def _signed(volume_ml: float) -> str:
    if abs(volume_ml) < _SHOWN_ML:
        return "as expected"
    return f"{millilitres(abs(volume_ml))} {'more' if volume_ml > 0 else 'less'}"


def _device(facts: PumpFacts, contact: Contact, policy: Policy, clock: _Clock, now: datetime) -> Line:
    name = f"{'Pump' if contact.device_id == facts.pump_id else 'Handheld'} {contact.device_id}"
    if contact.last_at is None:
        return Line(name, "was never heard, or not for a long time", bad=True)
    allowed = allowed_silence(contact, policy.device_silent)
    overdue = now - contact.last_at > allowed
    words = (
        f"last heard {clock(contact.last_at)}; may be silent for {age(allowed)}{', and is overdue' if overdue else ''}"
    )
    off = contact.clock
    if off is not None and is_off(off.behind, policy.clock):
        direction = "behind" if off.behind > timedelta(0) else "ahead"
        words += f"; its clock is {years_or_age(abs(off.behind))} {direction}"
    if off is not None and off.refused:
        words += "; what it sends is refused for that"
    ends = next((each.ends_at for each in facts.certificates if each.device_id == contact.device_id), None)
    if ends is not None:
        words += f"; its certificate {'ended' if ends <= now else 'ends'} {clock(ends)}"
    return Line(name, words, bad=overdue or (off is not None and off.refused) or (ends is not None and ends <= now))


def _gaps(facts: PumpFacts, watched_since: datetime | None, zone: ZoneInfo, now: datetime) -> Iterator[str]:
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
            oldest, newest = now - index * _DAY, now - begun * _DAY
            days = index - begun
            yield (
                f"{oldest.astimezone(zone):%a %d %b, %H:%M} to {newest.astimezone(zone):%a %d %b, %H:%M} "
                f"({days} day{'' if days == 1 else 's'})"
            )
            begun = None
