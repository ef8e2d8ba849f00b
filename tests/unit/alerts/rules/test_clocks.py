"""A wrong clock is told, and so is an alarm that was refused for it; what rests on days is held meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.events import AlarmCode, AlarmState
from schemas.policy import Policy, Priority
from services.alerts.facts.clocks import beat, clock_of
from services.alerts.facts.model import Contact, DeviceClock, PumpFacts, RefusedAlarm, Therapy
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.model import Condition, Strength
from services.alerts.rules import evaluate
from services.alerts.rules.clock import clock
from services.alerts.rules.demand.demand_silent import demand_silent
from services.alerts.rules.refused_alarm import refused_alarm
from services.alerts.wording import rule_words
from tests.unit.alerts.rules.builders import HIGH, LOW, MEDIUM, NOW, ago, alarm, facts, reading, refill, windows

FULL, HOLDING = Strength.FULL, Strength.HOLDING
DAY = 24.0
YEARS_56 = timedelta(days=56 * 365.25 + 1)


def refused(text: str, hours: float, *, behind: timedelta = YEARS_56, **values: Any) -> RefusedAlarm:
    """`refused("motor_stall raised", 2)`: received two hours ago."""
    code, state = text.split()
    given = {"device_id": "pump-1", "seq": None, "event_id": UUID(int=int(hours * 1000) + 1)} | values
    return RefusedAlarm(AlarmCode(code), AlarmState(state), ago(hours), behind, **given)


def told(known: PumpFacts) -> list[str]:
    return [f"{each.rule}/{each.key}" for each in evaluate(known, Policy(), NOW) if each.strength is FULL]


RAISED, CLEARED = "motor_stall raised", "motor_stall cleared"
TOLD, STORED = ["clock/alarm/motor_stall"], ["pump_alarm/infusion"]


@pytest.mark.parametrize(
    ("events", "known", "expected"),
    [
        pytest.param([refused(RAISED, 1)], {}, TOLD, id="refused"),
        pytest.param([refused(RAISED, 71.9)], {}, TOLD, id="three days ago, nearly"),
        pytest.param([refused(RAISED, 72)], {}, [], id="three days ago"),
        pytest.param([refused(RAISED, 80), refused(RAISED, 5)], {}, TOLD, id="again"),
        pytest.param([refused(CLEARED, 1)], {}, [], id="a recovery of a stall that nobody heard of"),
        pytest.param([refused(RAISED, 2), refused(CLEARED, 1)], {}, [], id="recovered by the same clock"),
        pytest.param(
            [refused(RAISED, 2), refused(CLEARED, 1, behind=YEARS_56 + timedelta(hours=2))], {}, TOLD, id="dated before"
        ),
        pytest.param([refused(RAISED, 2), refused(CLEARED, 1, device_id="hand-1")], {}, TOLD, id="another device's"),
        pytest.param([refused(RAISED, 2), refused("pump_stopped cleared", 1)], {}, TOLD, id="another code's"),
        pytest.param([refused(CLEARED, 2), refused(RAISED, 1)], {}, TOLD, id="a recovery before it"),
        pytest.param(
            [refused(RAISED, 2), refused(CLEARED, 2, event_id=UUID(int=9))], {}, TOLD, id="with it, and no counter"
        ),
        pytest.param(
            [refused(RAISED, 2, seq=7), refused(CLEARED, 2, event_id=UUID(int=9), seq=8)], {}, [], id="by the counter"
        ),
        pytest.param([refused(RAISED, 2, seq=7), refused(CLEARED, 1, seq=6)], {}, TOLD, id="not by the counter"),
        pytest.param([refused(RAISED, 2)], {"alarms": (alarm(CLEARED, 1),)}, [], id="a proper recovery"),
        pytest.param([refused(RAISED, 2)], {"alarms": (alarm(CLEARED, 2.5),)}, TOLD, id="a proper one before"),
        pytest.param([refused(RAISED, 2)], {"alarms": (alarm(RAISED, 1),)}, STORED, id="a proper alarm takes over"),
        pytest.param([refused(RAISED, 2)], {"alarms": (alarm(RAISED, 9),)}, STORED, id="it is known already"),
        pytest.param(
            [refused(RAISED, 2, event_id=UUID(int=5))],
            {"alarms": (alarm(RAISED, 9000, received=1, number=5),)},
            TOLD,
            id="replayed meanwhile: told once",
        ),
        pytest.param(
            [refused(RAISED, 80, event_id=UUID(int=5))],
            {"alarms": (alarm(RAISED, 9000, received=1, number=5),)},
            STORED,
            id="replayed later: it counts like any other",
        ),
        pytest.param([refused("empty_reservoir raised", 2)], {}, ["clock/alarm/empty_reservoir"], id="empty"),
        pytest.param([refused("empty_reservoir raised", 2)], {"refills": (refill(18, 1),)}, [], id="and refilled"),
        pytest.param(
            [refused("empty_reservoir raised", 2)],
            {"refills": (refill(18, 3),), "alarms": (alarm("empty_reservoir raised", 9),)},
            ["clock/alarm/empty_reservoir"],
            id="a stored one that ended with the refill tells nothing",
        ),
    ],
)
def test_a_refused_alarm(events: list[RefusedAlarm], known: dict[str, Any], expected: list[str]) -> None:
    in_order = sorted(events, key=lambda each: (each.received_at, each.event_id))
    assert told(facts(refused_alarms=tuple(in_order), **known)) == expected


def test_the_text_of_a_refused_alarm() -> None:
    (found,) = refused_alarm(facts(refused_alarms=(refused(RAISED, 2),)), Policy(), NOW)
    assert (found.priority, found.title) == (HIGH, "Motor stall, told with a wrong clock")
    assert found.explanation == (
        "Pump pump-1 reports motor stall with a clock that is 56 years behind, received 22 Nov 2026 10:00 UTC. "
        "Ask the pump what is so now, and set the clock."
    )
    ahead = refused(RAISED, 2, behind=timedelta(hours=-25), device_id="hand-1")
    (found,) = refused_alarm(facts(refused_alarms=(ahead,)), Policy(), NOW)
    assert found.explanation.startswith("Pump pump-1 reports motor stall by hand-1 with a clock that is 25 h ahead, ")


def test_a_refused_alarm_has_the_priority_of_its_code_and_one_more_for_baclofen() -> None:
    events = (refused("memory_error raised", 2),)
    (found,) = evaluate_full(facts(refused_alarms=events))
    assert found.priority is MEDIUM
    (found,) = evaluate_full(facts(refused_alarms=events, therapy=Therapy(NOW, 0.1, drugs=("Baclofen",))))
    assert found.priority is HIGH


def evaluate_full(known: PumpFacts) -> list[Condition]:
    return [each for each in evaluate(known, Policy(), NOW) if each.strength is FULL]


def beats(*told: tuple[float, float]) -> Any:
    """(Hours ago that it was received, hours that it was dated before that)."""
    return [beat(ago(received + behind), ago(received)) for received, behind in told]


@pytest.mark.parametrize(
    ("told", "hours"),
    [
        pytest.param([], None, id="nothing is known"),
        pytest.param([(1, 0.01)], 0.01, id="right"),
        pytest.param([(1, -0.3)], -0.3, id="ahead: one is proof"),
        pytest.param([(30, -0.3), (1, 0.01)], 0.01, id="was ahead, and was set"),
        pytest.param([(1, -0.3), (1, 40)], -0.3, id="ahead, with a log of older ones"),
        pytest.param([(1, 72)], None, id="one upload may have waited"),
        pytest.param([(25, 72), (1, 72)], 72, id="three days behind in two uploads"),
        pytest.param([(1.2, 73), (1.1, 72), (0.4, 72)], 72, id="the smallest of an upload"),
        pytest.param([(25, 0.01), (1, 72)], None, id="right yesterday"),
        pytest.param([(25, 0.01), (3, 72), (1, 72)], 72, id="right yesterday, and behind since"),
        pytest.param([(25, 72), (1, 0.01)], 0.01, id="was behind, and was set"),
        pytest.param([(2, 240), (1.2, 200), (0.4, 160)], None, id="a long log that is drained"),
        pytest.param([(2, 240), (1.2, 200), (0.4, 160), (0.3, 0.02)], 0.02, id="and comes to its end"),
    ],
)
def test_how_far_a_clock_is_off(told: list[tuple[float, float]], hours: float | None) -> None:
    expected = None if hours is None else DeviceClock(timedelta(hours=hours))
    for each in (told, told[::-1]):
        found = clock_of(beats(*each))
        if found is None or expected is None:
            assert found is expected
        else:
            assert abs(found.behind - expected.behind) < timedelta(milliseconds=1)


def device(hours: float | None, *, refused: bool = False, name: str = "hand-1") -> Contact:
    off = None if hours is None else DeviceClock(timedelta(hours=hours), refused)
    return Contact(name, (ago(1),), clock=off)


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        (device(0.01), None),
        (device(-0.1), None),
        (device(-0.15), (HOLDING, LOW)),
        (device(-0.17), (FULL, LOW)),
        (device(20), None),
        (device(45), (HOLDING, LOW)),
        (device(72), (FULL, LOW)),
        (device(None), (HOLDING, LOW)),
        (device(56 * 365 * DAY, refused=True), (FULL, MEDIUM)),
    ],
)
def test_a_clock_that_is_off(contact: Contact, expected: tuple[Strength, Priority] | None) -> None:
    found = clock(facts(contacts=(contact,)), Policy(), NOW)
    assert [(each.strength, each.priority, each.key) for each in found] == ([(*expected, "hand-1")] if expected else [])


def test_the_texts_of_clocks() -> None:
    def text(contact: Contact) -> str:
        (found,) = clock(facts(contacts=(contact,)), Policy(), NOW)
        return f"{found.title}: {found.explanation}"

    assert (
        text(device(-0.5))
        == "The clock of the handheld is wrong: The clock of the handheld hand-1 is 30 min ahead. Set it."
    )
    assert "pump-1 is 3 days behind, or all that it sends waits for as long" in text(device(73, name="pump-1"))
    assert "is 56 years behind, and what it sends is refused" in text(device(57 * 365 * DAY, refused=True))


def test_an_alarm_that_was_refused_tells_of_the_clock_too() -> None:
    known = facts(refused_alarms=(refused(RAISED, 2),), contacts=(device(57 * 365 * DAY, refused=True, name="pump-1"),))
    assert told(known) == TOLD


QUIET = windows(0, 0, 0, 0, *[4] * 60)


def test_a_handheld_that_is_three_days_behind_is_a_clock_and_no_silence() -> None:
    known = facts(windows=QUIET, contacts=(device(72), device(0.01, name="pump-1")))
    assert told(known) == ["clock/hand-1"]
    assert told(facts(windows=QUIET, contacts=(device(0.01), device(0.01, name="pump-1")))) == ["bolus_demand/silent"]


@pytest.mark.parametrize("contact", [device(72), device(72, refused=True)])
def test_what_is_judged_by_days_is_held_and_what_the_pump_says_is_not(contact: Contact) -> None:
    surge = facts(windows=windows(20, *[2] * 60), contacts=(contact,), reading=reading(1.0), alarms=(alarm(RAISED, 1),))
    assert told(surge) == ["pump_alarm/infusion", "low_reservoir/reservoir", "clock/hand-1"]
    held = {f"{each.rule}/{each.key}" for each in evaluate(surge, Policy(), NOW) if each.strength is HOLDING}
    assert held >= {"bolus_demand/attempts_24h", "bolus_demand/silent", "infusion/volume", "bolus_limit/limit_days"}


@pytest.mark.parametrize(
    ("heard_at", "clocks", "expected"),
    [
        (ago(1), None, HOLDING),
        (ago(1), 0.01, FULL),
        (ago(75), None, FULL),
        (None, None, FULL),
    ],
)
def test_requests_that_just_came_with_old_dates_are_no_silence(
    heard_at: datetime | None, clocks: float | None, expected: Strength
) -> None:
    known = facts(windows=QUIET, requests_heard_at=heard_at, contacts=(device(clocks), device(None, name="pump-1")))
    (found,) = demand_silent(known, Policy(), NOW)
    assert found.strength is expected


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ("clock", "alarm/motor_stall", "pump alarm with a wrong clock"),
        ("clock", "pump-1", "wrong clock"),
        ("pump_alarm", "alarm/other", "pump alarm"),
    ],
)
def test_what_a_clock_alert_is_called(rule: str, key: str, words: str) -> None:
    assert rule_words(rule, key) == words


def test_clock_alerts_are_counted_by_kind() -> None:
    assert counted_as("clock", "pump-1") == "clock/device"
    assert counted_as("clock", "alarm/motor_stall") == "clock/alarm/motor_stall"
