"""Rotas made at random, near the nights on which clocks change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from services.people.rota.model import Change, ChangeKind, Hours, Layer, Rota, Turns, Weekday
from tests.unit.people.rota.brute_force import utc

ANN, BOB, CEM, DOT = PEOPLE = tuple(UUID(int=number) for number in range(1, 5))
WARM_UP_DAYS = 9

NIGHTS: tuple[tuple[str, date], ...] = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour back
    ("Australia/Lord_Howe", date(2026, 10, 4)),  # half an hour on
    ("America/Santiago", date(2026, 4, 5)),  # back at midnight
    ("America/Santiago", date(2026, 9, 6)),  # there is no midnight
    ("Pacific/Apia", date(2011, 12, 30)),  # there is no such day
    ("Asia/Kathmandu", date(2026, 11, 26)),
    ("Europe/Berlin", date(2028, 2, 29)),
    ("America/New_York", date(2027, 12, 31)),
)
"""A zone, and a day on which something may go wrong there."""

times = st.sampled_from(
    (
        "00:00",
        "00:30",
        "01:30",
        "01:45",
        "02:00",
        "02:15",
        "02:30",
        "03:00",
        "03:30",
        "08:00",
        "18:00",
        "23:30",
        "23:59",
    )
) | st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))

hours = st.builds(
    Hours,
    weekdays=st.sets(st.sampled_from(tuple(Weekday)), min_size=1).map(lambda days: tuple(sorted(days))),
    begins=times,
    ends=times,
)


@st.composite
def rotas(draw: st.DrawFn, most_layers: int = 3, most_changes: int = 4) -> tuple[Rota, datetime]:
    """A rota, and the begin of three days in which it is worth looking."""
    timezone, night = draw(st.sampled_from(NIGHTS))
    begins = utc(night) - timedelta(days=1) + timedelta(hours=draw(st.integers(-12, 12)))
    names = [f"layer {number}" for number in range(draw(st.integers(0, most_layers)))]
    changes = sorted(
        (draw(_changes(begins, number)) for number in range(draw(st.integers(0, most_changes)))),
        key=lambda change: (change.made_at, change.change_id),
    )
    rota = Rota(
        clinic_id="north",
        name="first",
        timezone=timezone,
        layers=tuple(draw(_layers(name, night)) for name in names),
        changes=tuple(changes),
    )
    return rota, begins


@st.composite
def _layers(draw: st.DrawFn, name: str, night: date) -> Layer:
    begins = night + timedelta(days=draw(st.integers(-7, 1)))
    return Layer(
        name=name,
        members=tuple(draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5))),
        begins=begins,
        hand_over=draw(times),
        every=draw(st.integers(1, 3)),
        turns=draw(st.sampled_from(tuple(Turns))),
        ends=draw(st.none() | st.integers(1, 9).map(lambda days: begins + timedelta(days=days))),
        hours=tuple(draw(st.lists(hours, max_size=2))),
    )


@st.composite
def _changes(draw: st.DrawFn, begins: datetime, number: int) -> Change:
    kind = draw(st.sampled_from(tuple(ChangeKind)))
    person, other = draw(st.permutations(PEOPLE))[:2]
    first = begins + timedelta(minutes=draw(st.integers(-600, 4300)))
    return Change(
        change_id=UUID(int=1000 + number),
        kind=kind,
        person_id=person,
        instead_of=None if kind is ChangeKind.OVERRIDE else other,
        begins=first,
        ends=first + timedelta(minutes=draw(st.integers(1, 2000))),
        made_at=begins + timedelta(minutes=draw(st.integers(-9, 9))),
    )
