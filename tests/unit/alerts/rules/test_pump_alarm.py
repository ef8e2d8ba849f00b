"""Pump alarms: what stands, how causes are one alert, and that order and duplicates do not matter."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import AlarmCode, AlarmState
from schemas.policy import Policy, Priority
from services.alerts.facts.model import AlarmEvent
from services.alerts.lifecycle.reconcile import reconcile
from services.alerts.model import Strength
from services.alerts.rules import evaluate
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.rules.pump_alarm import CODES_BY_KEY, pump_alarm
from services.alerts.rules.reservoir.low_reservoir import _CODES as RESERVOIR_CODES
from services.alerts.wording import ALARM_WORDS
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW, ago, alarm, facts

Events = list[AlarmEvent]


def keys(*events: AlarmEvent) -> dict[str, Priority]:
    found = pump_alarm(facts(alarms=events), Policy(), NOW)
    return {condition.key: condition.priority for condition in found}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([alarm("motor_stall raised", 2)], {"infusion": HIGH}, id="a stall"),
        pytest.param([alarm("motor_stall cleared", 2)], {}, id="a recovery of a stall nobody heard of"),
        pytest.param([alarm("motor_stall raised", 2), alarm("motor_stall cleared", 1)], {}, id="recovered"),
        pytest.param(
            [alarm("motor_stall cleared", 3), alarm("motor_stall raised", 2)], {"infusion": HIGH}, id="stalled again"
        ),
        pytest.param(
            [alarm("motor_stall raised", 3), alarm("pump_stopped raised", 1)],
            {"infusion": HIGH},
            id="a stall that becomes a stop is one alert",
        ),
        pytest.param(
            [alarm("motor_stall raised", 3), alarm("pump_stopped raised", 1), alarm("motor_stall cleared", 1)],
            {"infusion": HIGH},
            id="one of a pair recovers",
        ),
        pytest.param([alarm("elective_replacement raised", 9)], {"replacement": MEDIUM}, id="ERI"),
        pytest.param(
            [alarm("elective_replacement raised", 9), alarm("end_of_service raised", 1)],
            {"replacement": HIGH},
            id="ERI becomes end of service",
        ),
        pytest.param([alarm("memory_error raised", 9)], {"memory": MEDIUM}, id="memory error"),
        pytest.param(
            [alarm("memory_error raised", 9), alarm("critical_memory_error raised", 8)],
            {"memory": HIGH},
            id="memory error becomes critical",
        ),
        pytest.param(
            [alarm("low_battery_reset raised", 1), alarm("catheter_occlusion raised", 1), alarm("other raised", 1)],
            {"battery": HIGH, "catheter": HIGH, "other": MEDIUM},
            id="different causes are different alerts",
        ),
        pytest.param(
            [alarm("low_reservoir raised", 1), alarm("empty_reservoir raised", 1)],
            {},
            id="the reservoir has its own rule",
        ),
        pytest.param(
            [alarm("motor_stall raised", 2, seq=5), alarm("motor_stall cleared", 2, seq=6)],
            {},
            id="same instant: the counter says it was cleared",
        ),
        pytest.param(
            [alarm("motor_stall raised", 2, seq=6), alarm("motor_stall cleared", 2, seq=5)],
            {"infusion": HIGH},
            id="same instant: the counter says it was raised again",
        ),
        pytest.param(
            [alarm("motor_stall raised", 2), alarm("motor_stall cleared", 2)],
            {"infusion": HIGH},
            id="same instant, no counter: it stands",
        ),
        pytest.param(
            [alarm("motor_stall raised", 2, seq=5), alarm("motor_stall cleared", 2, seq=6, device="handheld-1")],
            {"infusion": HIGH},
            id="same instant, two devices: it stands",
        ),
        pytest.param(
            [alarm("motor_stall raised", 2, seq=5), alarm("motor_stall cleared", 2)],
            {"infusion": HIGH},
            id="same instant, one counter missing: it stands",
        ),
    ],
)
def test_what_stands(events: Events, expected: dict[str, Priority]) -> None:
    assert keys(*events) == expected
    assert keys(*reversed(events)) == expected


def test_every_code_belongs_to_exactly_one_alert() -> None:
    grouped = [code for codes in CODES_BY_KEY.values() for code in codes] + list(RESERVOIR_CODES)
    assert sorted(grouped) == sorted(AlarmCode)
    assert set(ALARM_WORDS) == set(AlarmCode)


def test_the_text_names_every_code_its_beginning_and_the_detail_of_the_newest() -> None:
    (found,) = pump_alarm(
        facts(
            alarms=(
                alarm("pump_stopped raised", 1),
                alarm("motor_stall raised", 3, detail="MRI?"),
                alarm("motor_stall raised", 2, number=1, detail="MRI"),
            )
        ),
        Policy(),
        NOW,
    )
    assert found.title == "Motor stall, pump stopped"
    assert (
        found.explanation == "Motor stall since 22 Nov 2026 09:00 UTC (MRI). Pump stopped since 22 Nov 2026 11:00 UTC."
    )
    assert found.since == ago(3)
    assert found.strength is Strength.FULL
    assert found.evidence == {"motor_stall": ago(3).isoformat(), "pump_stopped": ago(1).isoformat()}


def test_a_clock_that_is_ahead_does_not_hide_an_alarm() -> None:
    (found,) = pump_alarm(facts(alarms=(alarm("motor_stall raised", -0.5),)), Policy(), NOW)
    assert found.since == NOW


def test_the_policy_decides_the_priority() -> None:
    policy = Policy(alarm_priorities={AlarmCode.MOTOR_STALL: Priority.LOW})
    (found,) = pump_alarm(facts(alarms=(alarm("motor_stall raised", 1),)), policy, NOW)
    assert found.priority is Priority.LOW


event = st.builds(
    lambda code, state, minutes, received, seq, device, number: alarm(
        f"{code} {state}", minutes / 60, received=received / 60, seq=seq, device=device, number=number
    ),
    code=st.sampled_from(["motor_stall", "pump_stopped", "memory_error"]),
    state=st.sampled_from(["raised", "cleared"]),
    minutes=st.integers(-3, 6),
    received=st.integers(0, 4),
    seq=st.none() | st.integers(0, 4),
    device=st.sampled_from(["pump-1", "handheld-1"]),
    number=st.integers(0, 40),
)


@given(st.lists(event, max_size=14), st.data())
def test_order_and_duplicates_change_nothing(events: Events, data: st.DataObject) -> None:
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)) if events else st.just([]))))

    def opened(history: Events) -> object:
        conditions = evaluate(facts(alarms=tuple(history)), Policy(), NOW)
        return reconcile(conditions, (), NOW)

    assert opened(again) == opened(events)


def ends(cleared: AlarmEvent, raised: AlarmEvent) -> bool:
    """What one `cleared` says of one `raised`, by itself: the rule as docs/decisions/0013 has it."""
    ahead = cleared.observed_at - cleared.received_at
    is_ahead = ahead > timedelta(0)
    moment = min(raised.observed_at, raised.received_at)
    if moment < (cleared.received_at - ahead if is_ahead else cleared.observed_at):
        return True
    if is_ahead and raised.received_at < cleared.received_at:
        return True
    if not is_ahead and moment != cleared.observed_at:
        return False
    if cleared.received_at < raised.received_at:
        return False
    if cleared.device_id == raised.device_id and cleared.seq is not None and raised.seq is not None:
        return cleared.seq > raised.seq
    return cleared.received_at > raised.received_at


@given(st.lists(event, max_size=14))
def test_an_alarm_stands_unless_one_recovery_ends_it(events: Events) -> None:
    standing = [
        each
        for each in events
        if each.state is AlarmState.RAISED
        and not any(
            ends(other, each) for other in events if other.state is AlarmState.CLEARED and other.code is each.code
        )
    ]
    found = active_alarms(events)
    assert set(found) == {each.code for each in standing}
    for code, alarm_found in found.items():
        moments = [each.judged_at for each in standing if each.code is code]
        assert (alarm_found.since, alarm_found.last_raised_at) == (min(moments), max(moments))


@given(st.lists(event, max_size=14))
def test_an_alarm_after_everything_else_always_counts(events: Events) -> None:
    later = NOW + timedelta(seconds=1)
    state, number = AlarmState.RAISED, UUID(int=99)
    raised = AlarmEvent(AlarmCode.MOTOR_STALL, state, later, later, "pump-1", None, number)
    assert AlarmCode.MOTOR_STALL in active_alarms([*events, raised])
