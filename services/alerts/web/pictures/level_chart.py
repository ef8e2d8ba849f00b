"""PURE. The level in the reservoir as a curve: where each thing stands in a picture, and the same as a table.

A computed level falls by what the pump was told to give; a measured one is what was found. A refill sets it anew, so
the curve is broken there. The alarm level is the one that the alert was judged by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.alerts.model import RuleName
from services.alerts.web.pictures.frame import (
    Framed,
    Mark,
    days,
    height_of,
    marks_up_to,
    place,
)
from services.alerts.wording import millilitres
from services.texts.model import ENGLISH, Texts, msgid

_LEAST_STEP_ML: Final = 0.5
_MOST_ROWS: Final = 60
_BASES: Final = {
    "computed": msgid("computed by the pump"),
    "measured": msgid("measured"),
    "refill": msgid("filled in"),
}
_PICTURED: Final = frozenset({RuleName.LOW_RESERVOIR, RuleName.INFUSION})


@dataclass(frozen=True, slots=True)
class Known:
    """A level that is known: `basis` is computed, measured, or refill (what was filled in)."""

    at: datetime
    volume_ml: float
    basis: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table behind the picture; `at` is on the clinic's clock."""

    at: str
    volume: str
    basis: str


@dataclass(frozen=True, slots=True)
class LevelChart(Framed):
    """What is drawn, in units of the picture (`WIDTH` by `HEIGHT`)."""

    summary: str
    curves: tuple[str, ...]
    """Each the points of one polyline, from one refill to the next."""
    measured: tuple[tuple[float, float], ...]
    refills: tuple[tuple[float, float], ...]
    alarm_level: Mark | None
    volumes: tuple[Mark, ...]
    days: tuple[Mark, ...]
    rows: tuple[Row, ...]
    """The newest first."""
    rows_left: int
    """How many older ones the table leaves out."""
    zone: str


def shows_levels(rule: str) -> bool:
    """Tell whether the level is what an alert of this rule rests on."""
    return rule in _PICTURED


def level_chart(
    known: Sequence[Known], evidence: Mapping[str, object], zone: ZoneInfo, texts: Texts = ENGLISH
) -> LevelChart | None:
    """Draw what is known; None where that is less than two moments, of which a sentence says as much.

    Args:
        known: The oldest first.
        evidence: Of the alert; `limit_ml` is its alarm level in mL, if it has one.
        zone: The clinic's.
        texts: Of whoever looks.
    """
    if len({each.at for each in known}) <= 1:
        return None
    limit = evidence.get("limit_ml")
    limit_ml = float(limit) if isinstance(limit, int | float) else None
    most_ml = max(*(each.volume_ml for each in known), limit_ml or 0.0, 1.0)
    began, ended = known[0].at, known[-1].at

    def x(at: datetime) -> float:
        return place(at, began, ended)

    def y(volume_ml: float) -> float:
        return height_of(volume_ml, most_ml)

    rows = tuple(
        Row(
            texts.weekday_clock(each.at, zone),
            millilitres(each.volume_ml, texts),
            texts.say(_BASES[each.basis]),
        )
        for each in reversed(known)
    )
    return LevelChart(
        summary=_summary(known, limit_ml, zone, texts),
        curves=tuple(
            " ".join(f"{x(each.at)},{y(each.volume_ml)}" for each in curve)
            for curve in _curves(known)
            if len(curve) > 1
        ),
        measured=tuple((x(each.at), y(each.volume_ml)) for each in known if each.basis == "measured"),
        refills=tuple((x(each.at), y(each.volume_ml)) for each in known if each.basis == "refill"),
        alarm_level=None
        if limit_ml is None
        else Mark(y(limit_ml), texts.say("alarm level %(volume)s", volume=millilitres(limit_ml, texts))),
        volumes=tuple(Mark(y(each), texts.shortest(each)) for each in marks_up_to(most_ml, _LEAST_STEP_ML)),
        days=days(began, ended, zone, texts),
        rows=rows[:_MOST_ROWS],
        rows_left=max(0, len(rows) - _MOST_ROWS),
        zone=zone.key,
    )


def _summary(known: Sequence[Known], limit_ml: float | None, zone: ZoneInfo, texts: Texts) -> str:
    first, last = known[0], known[-1]
    refills = sum(each.basis == "refill" for each in known)
    several = texts.plural("%(count)s refill", "%(count)s refills", refills)
    said = {0: texts.say("no refill"), 1: texts.say("one refill")}.get(refills, several)
    level = ""
    if limit_ml is not None:
        level = texts.say("; the alarm level is %(volume)s", volume=millilitres(limit_ml, texts))
    return texts.say(
        "Reservoir level, %(began)s to %(ended)s: from %(first)s to %(last)s, %(basis)s, with %(refills)s%(level)s.",
        began=texts.day(first.at.astimezone(zone).date()),
        ended=texts.day(last.at.astimezone(zone).date()),
        first=millilitres(first.volume_ml, texts),
        last=millilitres(last.volume_ml, texts),
        basis=texts.say(_BASES[last.basis]),
        refills=said,
        level=level,
    )


def _curves(known: Sequence[Known]) -> Iterator[list[Known]]:
    curve: list[Known] = []
    for each in known:
        if each.basis == "refill":
            yield curve
            curve = []
        curve.append(each)
    yield curve
