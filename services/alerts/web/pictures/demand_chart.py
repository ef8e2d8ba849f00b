"""PURE. A patient's requests for a bolus day by day: the same days, counted the same way, as the rules judge by.

A day is 24 hours back from the moment of the picture, so that it is a rule's day. A bar is what the rules count
(presses within minutes are one request: services.alerts.rules.demand.days), and its lower part what was delivered of
it. A day on which nothing was heard is marked as unknown: it is not a day without requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.alerts.facts.model import DayWindow, PumpFacts
from services.alerts.model import RuleName
from services.alerts.rules.demand.baseline import DRIFT_DAYS
from services.alerts.rules.demand.days import asked
from services.alerts.rules.reservoir.suspected_delivery import OVER_KEY, UNDER_KEY
from services.alerts.web.pictures.frame import (
    LEFT,
    RIGHT,
    Framed,
    Mark,
    days,
    height_of,
    marks_up_to,
    place,
)
from services.texts.model import ENGLISH, Texts

_SHOWN_DAYS: Final = 42
_LONGER_DAYS: Final = 3 * DRIFT_DAYS
"""Of a rise over weeks: those weeks, and twice as many before."""
_DAY: Final = timedelta(days=1)
_GAP: Final = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar begins and how wide it is; its top, and the top of what was delivered."""

    left: float
    width: float
    top: float
    delivered_top: float


@dataclass(frozen=True, slots=True)
class Day:
    """A line of the table; `until` is on the clinic's clock, and `counted` None where nobody knows."""

    until: str
    counted: int | None
    requests: int
    delivered: int
    refused: int
    at_limit: int
    unknown: int


@dataclass(frozen=True, slots=True)
class DemandChart(Framed):
    """What is drawn, in units of the picture (`WIDTH` by `HEIGHT`)."""

    summary: str
    bars: tuple[Bar, ...]
    unheard: tuple[tuple[float, float], ...]
    """Left side and width of each day on which nothing was heard."""
    usual: Mark | None
    about_from: float | None
    """From here on the days are what the alert is about; None: all are."""
    reprogrammed: float | None
    counts: tuple[Mark, ...]
    days: tuple[Mark, ...]
    rows: tuple[Day, ...]
    """The newest first."""
    zone: str


def shows_demand(rule: str, key: str) -> bool:
    """Tell whether requests are what an alert rests on."""
    return rule in (RuleName.BOLUS_DEMAND, RuleName.BOLUS_LIMIT) or (
        rule == RuleName.INFUSION and key in (UNDER_KEY, OVER_KEY)
    )


def demand_chart(
    facts: PumpFacts,
    evidence: Mapping[str, object],
    since: datetime | None,
    until: datetime,
    zone: ZoneInfo,
    texts: Texts = ENGLISH,
) -> DemandChart | None:
    """Draw the days that are known; None where no day is.

    Args:
        facts: As of `until`.
        evidence: Of the alert; `usual_per_day` is what it was compared with, and `span_days` how many days were.
        since: From when on the alert is about; None: there is no alert.
        until: The end of the newest day.
        zone: The clinic's.
        texts: Of whoever looks.
    """
    span = evidence.get("span_days")
    shown = facts.windows[: _LONGER_DAYS if span == DRIFT_DAYS else _SHOWN_DAYS]
    windows = _known_part(shown, facts.since, until)
    if not windows:
        return None
    began = until - len(windows) * _DAY
    usual = evidence.get("usual_per_day")
    usual_per_day = float(usual) if isinstance(usual, int | float) else None
    most = max(*(float(asked(window)) for window in windows), usual_per_day or 0.0, 1.0)
    width = (RIGHT - LEFT) / len(windows)

    def left(index: int) -> float:
        return RIGHT - (index + 1) * width

    return DemandChart(
        summary=_summary(windows, usual_per_day, until, zone, texts),
        bars=tuple(
            Bar(
                round(left(index) + _GAP / 2, 2),
                round(width - _GAP, 2),
                height_of(asked(window), most),
                height_of(window.delivered, most),
            )
            for index, window in enumerate(windows)
            if window.heard and asked(window)
        ),
        unheard=tuple(
            (round(left(index), 2), round(width, 2)) for index, window in enumerate(windows) if not window.heard
        ),
        usual=None
        if usual_per_day is None
        else Mark(
            height_of(usual_per_day, most), texts.say("usually %(number)s a day", number=texts.decimal(usual_per_day))
        ),
        about_from=None if since is None or since <= began else place(min(since, until), began, until),
        reprogrammed=_inside(facts.reprogrammed_at, began, until),
        counts=tuple(Mark(height_of(each, most), f"{each:.0f}") for each in marks_up_to(most, 1)),
        days=days(began, until, zone, texts),
        rows=tuple(_row(window, until - index * _DAY, zone, texts) for index, window in enumerate(windows)),
        zone=zone.key,
    )


def _known_part(windows: Sequence[DayWindow], since: datetime | None, until: datetime) -> Sequence[DayWindow]:
    """The days of this patient, from the first of which anything is known: none from before the pump was implanted."""
    known = [window for index, window in enumerate(windows) if since is None or until - index * _DAY > since]
    while known and not known[-1].heard:
        known.pop()
    return known


def _inside(at: datetime | None, began: datetime, until: datetime) -> float | None:
    return None if at is None or not began < at <= until else place(at, began, until)


def _row(window: DayWindow, until: datetime, zone: ZoneInfo, texts: Texts) -> Day:
    return Day(
        until=texts.weekday_clock(until, zone),
        counted=asked(window) if window.heard else None,
        requests=window.requests,
        delivered=window.delivered,
        refused=window.refused,
        at_limit=window.refused_at_limit,
        unknown=max(0, window.requests - window.delivered - window.refused),
    )


def _summary(
    windows: Sequence[DayWindow], usual_per_day: float | None, until: datetime, zone: ZoneInfo, texts: Texts
) -> str:
    heard = [window for window in windows if window.heard]
    counted, delivered = sum(map(asked, heard)), sum(window.delivered for window in heard)
    gaps = usual = ""
    if len(windows) > len(heard):
        gaps = texts.say("; nothing was heard on %(days)s of them", days=len(windows) - len(heard))
    if usual_per_day is not None:
        usual = texts.say(" Usually %(number)s a day.", number=texts.decimal(usual_per_day))
    at = until.astimezone(zone)
    return texts.plural(
        "Requests for a bolus in the %(days)s days up to %(until)s%(gaps)s: %(count)s request, %(delivered)s of them "
        "delivered.%(usual)s",
        "Requests for a bolus in the %(days)s days up to %(until)s%(gaps)s: %(count)s requests, %(delivered)s of them "
        "delivered.%(usual)s",
        counted,
        days=len(windows),
        until=f"{texts.day(at.date())}, {at:%H:%M}",
        gaps=gaps,
        delivered=texts.number(delivered),
        usual=usual,
    )
