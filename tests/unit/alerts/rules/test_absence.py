"""A device is silent against its own habit, whatever that is; devices that fall silent together are one alert."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from schemas import events as wire
from schemas.policy import Policy
from services.alerts.facts.from_events import History
from services.alerts.facts.model import Contact
from services.alerts.model import Strength
from services.alerts.rules.device_silent import allowed_silence, device_silent
from tests.unit.alerts.rules.builders import NOW, ago, facts

DAY = 24.0
FULL, HOLDING = Strength.FULL, Strength.HOLDING


def lives(habit_days: float, days: float, seed: str, *, jitter: float = 0.1, fails: float = 0.02) -> list[float]:
    """Days, after five pauses (below 0: before), on which a device with a regular habit was called silent."""
    draw, history = Random(seed), History("pump-1", "north")
    uploads: list[float] = []
    false: list[float] = []
    began = NOW - timedelta(days=days)
    for number in itertools.count():
        day = (number + draw.uniform(-jitter, jitter)) * habit_days
        if day > days:
            break
        if uploads and draw.random() < fails:
            continue
        at = began + timedelta(days=day)
        if any(each.strength is FULL for each in device_silent(history.facts(at, 1), Policy(), at)):
            false.append(day)
        history.add(wire.Status(event_id=uuid_of(draw), observed_at=at), at, "pump-1")
        uploads.append(day)
    learned = uploads[5]
    return [day - learned for day in false]


def uuid_of(draw: Random):
    return UUID(int=draw.getrandbits(128))


@pytest.mark.parametrize("habit_days", [1, 2, 3, 5, 7, 9, 11, 14, 21, 28, 30, 35, 45, 60])
def test_a_regular_habit_is_learned_after_five_pauses(habit_days: float) -> None:
    """At most one false alert a year of one device, and next to none of many."""
    years = 2.0
    days = 365 * years + 6 * habit_days
    counts = [sum(day > 0 for day in lives(habit_days, days, f"{habit_days}/{seed}")) for seed in range(20)]
    assert max(counts) <= years
    assert sum(counts) <= 0.1 * years * len(counts)


def test_a_weekly_device_is_not_called_silent_in_its_first_sixty_days() -> None:
    for seed in range(100):
        days = lives(7, 60, f"weekly/{seed}", jitter=0.05, fails=0)
        assert days == []
    for failing in range(1, 8):  # one upload fails, whichever
        history = History("pump-1", "north")
        for number in range(9):
            at = NOW + timedelta(days=7 * number, hours=number % 3)
            assert [each for each in device_silent(history.facts(at, 1), Policy(), at) if each.strength is FULL] == []
            if number != failing:
                history.add(wire.Status(event_id=UUID(int=number + 1), observed_at=at), at, "pump-1")


def test_a_device_that_dies_is_missed_after_three_of_its_pauses() -> None:
    eleven = Contact(
        "pump-1", (ago(33 * DAY),), tuple((ago(d * DAY + 11 * DAY), ago(d * DAY)) for d in range(88, 32, -11))
    )
    assert allowed_silence(eleven, Policy().device_silent) == timedelta(days=33)
    assert device_silent(facts(contacts=(eleven,)), Policy(), NOW) == ()
    (found,) = device_silent(facts(contacts=(eleven,)), Policy(), NOW + timedelta(seconds=1))
    assert found.strength is FULL


def test_a_habit_that_becomes_denser_is_learned_anew() -> None:
    """Forty pauses are kept: after a year of weeks, some weeks of days count."""
    history = History("pump-1", "north")
    moments = [NOW - timedelta(days=30) - timedelta(weeks=each) for each in range(52, 0, -1)]
    moments += [NOW - timedelta(days=30) + timedelta(hours=8 * each) for each in range(1, 91)]
    for number, at in enumerate(moments):
        history.add(wire.Status(event_id=UUID(int=number + 1), observed_at=at), at, "pump-1")
    (contact,) = history.facts(NOW, 1).contacts
    assert len(contact.pauses) == 40
    assert allowed_silence(contact, Policy().device_silent) == timedelta(hours=48)


def test_what_arrives_out_of_order_makes_the_same_pauses() -> None:
    moments = [ago(hours) for hours in (100.0, 76.0, 75.9, 52.0, 28.0, 1.0)]
    found = set()
    for order in itertools.permutations(range(len(moments))):
        history = History("pump-1", "north")
        for number in order:
            at = moments[number]
            history.add(wire.Status(event_id=UUID(int=number + 1), observed_at=at), at, "pump-1")
        (contact,) = history.facts(NOW, 1).contacts
        found.add(contact.pauses)
    assert len(found) == 1
    assert len(next(iter(found))) == 4


def daily(name: str, last: datetime, *, back: datetime | None = None) -> Contact:
    """Heard every day until `last`, and again at `back`."""
    pauses = [(last - timedelta(days=each + 1), last - timedelta(days=each)) for each in range(20, -1, -1)]
    if back is not None:
        pauses.append((last, back))
    return Contact(name, (back or last,), tuple(pauses))


def told(*contacts: Contact, now: datetime = NOW) -> list[tuple[str, str]]:
    found = device_silent(facts(contacts=contacts), Policy(), now)
    return [(each.key, each.title if each.strength is FULL else "held") for each in found]


BOTH = "The pump and the handheld are silent"


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        pytest.param(
            (daily("hand-1", ago(80)), daily("pump-1", ago(79))), [("hand-1", BOTH), ("pump-1", "held")], id="together"
        ),
        pytest.param(
            (daily("hand-1", ago(74)), daily("pump-1", ago(75))),
            [("pump-1", BOTH), ("hand-1", "held")],
            id="the pump first",
        ),
        pytest.param(
            (daily("hand-1", ago(80)), daily("hand-2", ago(79))),
            [("hand-1", "The handhelds are silent"), ("hand-2", "held")],
            id="two handhelds",
        ),
        pytest.param(
            (daily("hand-1", ago(80)), daily("hand-2", ago(79)), daily("pump-1", ago(78))),
            [("hand-1", "The pump and the handhelds are silent"), ("hand-2", "held"), ("pump-1", "held")],
            id="two handhelds and the pump",
        ),
        pytest.param(
            (daily("hand-1", ago(300)), daily("pump-1", ago(79))),
            [("hand-1", "The handheld is silent"), ("pump-1", "The pump is silent")],
            id="the handheld long before: two things",
        ),
        pytest.param(
            (daily("hand-1", ago(80)), daily("pump-1", ago(60))),
            [("hand-1", "The handheld is silent")],
            id="the pump not yet",
        ),
        pytest.param(
            (daily("hand-1", ago(180)), daily("pump-1", ago(179), back=ago(2))),
            [("hand-1", "held")],
            id="the pump is just back",
        ),
        pytest.param(
            (daily("hand-1", ago(180)), daily("pump-1", ago(179), back=ago(25))),
            [("hand-1", "The handheld is silent")],
            id="the pump is back for a day",
        ),
        pytest.param(
            (daily("hand-1", ago(100)), daily("pump-1", ago(2))),
            [("hand-1", "The handheld is silent")],
            id="the pump never paused",
        ),
        pytest.param(
            (daily("hand-1", ago(100)), Contact("pump-1", (ago(2),))),
            [("hand-1", "The handheld is silent")],
            id="the pump is new",
        ),
        pytest.param(
            (daily("hand-1", ago(100)), daily("pump-1", ago(400), back=ago(60))),
            [("hand-1", "The handheld is silent")],
            id="the pump had gone long before",
        ),
    ],
)
def test_devices_that_fall_silent_together_are_one_alert(
    contacts: tuple[Contact, ...], expected: list[tuple[str, str]]
) -> None:
    assert told(*contacts) == expected
    assert sorted(told(*contacts[::-1])) == sorted(expected)


def test_the_text_names_each_device() -> None:
    found = device_silent(facts(contacts=(daily("hand-1", ago(80)), daily("pump-1", ago(79)))), Policy(), NOW)
    assert found[0].explanation == (
        "The handheld hand-1 was last heard 19 Nov 2026 04:00 UTC; it is usually heard within 3 days. "
        "The pump pump-1 was last heard 19 Nov 2026 05:00 UTC; it is usually heard within 3 days."
    )


def test_one_alert_stands_from_the_first_limit_until_the_last_is_back() -> None:
    """Hour by hour through an outage: the key that is FULL changes never, and none opens when one returns."""
    hand, pump = daily("hand-1", NOW), daily("pump-1", NOW + timedelta(hours=5))
    back = daily("hand-1", NOW, back=NOW + timedelta(hours=300))
    opened: list[tuple[int, str]] = []
    standing: set[str] = set()
    for hour in range(6, 370):
        contacts = (hand if hour < 300 else back, pump)
        found = device_silent(facts(contacts=contacts), Policy(), NOW + timedelta(hours=hour))
        full = {each.key for each in found if each.strength is FULL}
        standing &= {each.key for each in found}
        opened += [(hour, key) for key in sorted(full - standing)]
        standing |= full
    assert opened == [
        (73, "hand-1"),
        (324, "pump-1"),
    ]  # the pump's own once the handheld is back for a day and the pump is not
