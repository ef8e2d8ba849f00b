"""PURE. How things are called on the board and in pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from schemas.events import AlarmCode
from services.texts.model import ENGLISH, Texts, msgid

ALARM_WORDS: Final[dict[AlarmCode, str]] = {
    AlarmCode.EMPTY_RESERVOIR: msgid("empty reservoir"),
    AlarmCode.LOW_RESERVOIR: msgid("low reservoir"),
    AlarmCode.MOTOR_STALL: msgid("motor stall"),
    AlarmCode.PUMP_STOPPED: msgid("pump stopped"),
    AlarmCode.END_OF_SERVICE: msgid("end of service"),
    AlarmCode.ELECTIVE_REPLACEMENT: msgid("elective replacement due"),
    AlarmCode.LOW_BATTERY_RESET: msgid("low-battery reset"),
    AlarmCode.CRITICAL_MEMORY_ERROR: msgid("critical memory error"),
    AlarmCode.MEMORY_ERROR: msgid("memory error"),
    AlarmCode.CATHETER_OCCLUSION: msgid("catheter occlusion"),
    AlarmCode.OTHER: msgid("other alarm"),
}

PRIORITY_WORDS: Final[dict[str, str]] = {
    "high": msgid("high"),
    "medium": msgid("medium"),
    "low": msgid("low"),
    "info": msgid("info"),
}

RULE_WORDS: Final[dict[str, str]] = {
    "pump_alarm": msgid("pump alarm"),
    "low_reservoir": msgid("low reservoir"),
    "bolus_demand": msgid("unusual bolus demand"),
    "bolus_limit": msgid("bolus limit"),
    "infusion": msgid("over- or under-infusion"),
    "device_silent": msgid("device silent"),
    "clock": msgid("wrong clock"),
    "certificate": msgid("certificate ends"),
    "patient_report": msgid("patient's report"),
    "pump_unjudged": msgid("a pump cannot be judged"),
}

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WRITTEN: Final = re.compile(
    rf"((?:[12][0-9]|3[01]|[1-9]) (?:{'|'.join(_MONTHS)}) [0-9]{{4}} (?:[01][0-9]|2[0-3]):[0-5][0-9] UTC)"
)
_MINUTES_PER_HOUR: Final = 60
_HOURS_PER_DAY: Final = 24
_DAYS_PER_YEAR: Final = 365.2425
_YEARS_FROM: Final = 2


ALARM_SIGN: Final = "alarm/"
"""What the key of a `clock` alert begins with where it is about an alarm; in no id of a device."""


def rule_words(rule: str, key: str = "", texts: Texts = ENGLISH) -> str:
    """Name a rule, or what an alert of it is about; one that this release does not know goes by its stored name."""
    if rule == "clock" and key.startswith(ALARM_SIGN):
        return texts.say("pump alarm with a wrong clock")
    return texts.say(RULE_WORDS[rule]) if rule in RULE_WORDS else rule.replace("_", " ")


def priority_words(priority: str, texts: Texts = ENGLISH) -> str:
    """Name a priority."""
    return texts.say(PRIORITY_WORDS[priority]) if priority in PRIORITY_WORDS else priority


def moment(at: datetime) -> str:
    """A moment as people write it, in UTC: "22 Nov 2026 10:04 UTC". It is shown on the clinic's clock."""
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year:04d} {at:%H:%M} UTC"


def day_words(day: date) -> str:
    """A date as people write it: "22 Nov 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year:04d}"


def on_the_clock(text: str, zone: ZoneInfo, texts: Texts = ENGLISH) -> str:
    """A text with every moment in it, as `moment` writes them, on the clock of a clinic."""
    return "".join(part if isinstance(part, str) else texts.moment(part, zone) for part in parts_of(text))


def parts_of(text: str) -> tuple[str | datetime, ...]:
    """Part a text into words and the moments in it, as `moment` writes them; nothing is lost."""
    return tuple(
        _read_moment(part) or part if index % 2 else part for index, part in enumerate(_WRITTEN.split(text)) if part
    )


def _read_moment(text: str) -> datetime | None:
    day, month, year, clock, _ = text.split(" ")
    hour, minute = clock.split(":")
    try:
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), tzinfo=UTC)
    except ValueError:  # a day that the month does not have: somebody's own words
        return None


def millilitres(volume_ml: float, texts: Texts = ENGLISH) -> str:
    """A volume as people write it: "1.8 mL". Nothing is "0.0 mL", also where a sum came out just below it."""
    return f"{texts.decimal(volume_ml)} mL"


def age(span: timedelta, texts: Texts = ENGLISH) -> str:
    """How long something lasts, in the unit that says most: "just now", "4 min", "3 h", "2 days"."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return texts.say("just now")
    if minutes < _MINUTES_PER_HOUR:
        return texts.say("%(count)s min", count=minutes)
    hours = minutes // _MINUTES_PER_HOUR
    if hours < 2 * _HOURS_PER_DAY:
        return texts.say("%(count)s h", count=hours)
    return texts.say("%(count)s days", count=hours // _HOURS_PER_DAY)


def ago(span: timedelta, texts: Texts = ENGLISH) -> str:
    """How long ago something was: "just now", "4 min ago", "2 days ago". Scripts say it the same (static/times.js)."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return texts.say("just now")
    if minutes < _MINUTES_PER_HOUR:
        return texts.say("%(count)s min ago", count=minutes)
    hours = minutes // _MINUTES_PER_HOUR
    if hours < 2 * _HOURS_PER_DAY:
        return texts.say("%(count)s h ago", count=hours)
    return texts.say("%(count)s days ago", count=hours // _HOURS_PER_DAY)


def near_names(name: str, known: Iterable[str]) -> str:
    """Names that are written almost like this one, case apart: "; near it are 'pump-1' and 'pump-2'"; none: ""."""
    by_fold = {each.casefold(): each for each in known}
    near = [repr(str(by_fold[fold])) for fold in get_close_matches(name.casefold(), by_fold, n=3)]
    if not near:
        return ""
    return f"; near it {'is' if len(near) == 1 else 'are'} {listed(near)}"


def years_or_age(span: timedelta, texts: Texts = ENGLISH) -> str:
    """The same for what a clock is off by, which may be "56 years"."""
    years = span.days // _DAYS_PER_YEAR
    return texts.say("%(count)s years", count=f"{years:.0f}") if years >= _YEARS_FROM else age(span, texts)


def listed(words: Sequence[str]) -> str:
    """Join words as in a sentence: "a", "a and b", "a, b and c"."""
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capitalised(words: str) -> str:
    """The same words with the first letter in upper case, the rest as they are."""
    return words[:1].upper() + words[1:]
