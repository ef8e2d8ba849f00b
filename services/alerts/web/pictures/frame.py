"""PURE. What all pictures of the board share: their measures, marks at their axes, midnights on the clinic's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from services.texts.model import ENGLISH, Texts

WIDTH: Final = 360
HEIGHT: Final = 190
LEFT: Final = 30
RIGHT: Final = 348
TOP: Final = 10
BOTTOM: Final = 166
MOST_MARKS: Final = 5


class Framed:
    """A chart of the usual size: where its sides are, for templates."""

    __slots__ = ()
    width: ClassVar = WIDTH
    height: ClassVar = HEIGHT
    left: ClassVar = LEFT
    right: ClassVar = RIGHT
    bottom: ClassVar = BOTTOM


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, in units of the picture, and what is written there."""

    at: float
    text: str


def place(at: datetime, began: datetime, ended: datetime) -> float:
    """Where a moment stands between two others, which are the picture's sides."""
    return round(LEFT + (at - began) / (ended - began) * (RIGHT - LEFT), 1)


def height_of(value: float, most: float) -> float:
    """Where a value stands that is 0 or more; `most` is a little below the top."""
    return round(BOTTOM - value / (most * 1.05) * (BOTTOM - TOP), 1)


def marks_up_to(most: float, least_step: float) -> tuple[float, ...]:
    """Where an axis from 0 to `most` is marked: few places, `least_step` apart, or 1, 2 or 5 times a power of ten."""
    steps = chain((least_step,), (part * 10.0**power for power in count() for part in (1, 2, 5)))
    step = next(step for step in steps if step >= least_step and most / step < MOST_MARKS)
    return tuple(number * step for number in range(int(most / step) + 1))


def days(began: datetime, ended: datetime, zone: ZoneInfo, texts: Texts = ENGLISH) -> tuple[Mark, ...]:
    """Midnights of the clinic, a few of them; of a shorter time its beginning and its end."""
    return tuple(
        Mark(place(at, began, ended), texts.day(at.astimezone(zone).date(), year=False))
        for at in _midnights(began, ended, zone)
    )


def _midnights(began: datetime, ended: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    first = began.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    midnights = [day for day in _every_day(first, ended) if day >= began]
    every = -(-len(midnights) // MOST_MARKS)
    yield from midnights[::every] if len(midnights) > 1 else (began, ended)


def _every_day(first: datetime, ended: datetime) -> Iterator[datetime]:
    day = first
    while day <= ended:  # on the clinic's clock: a day has 23 hours when summer time begins
        yield day
        day += timedelta(days=1)
