"""What is dated ahead hides nothing that is received later; of one moment, the last received counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas import events as wire
from schemas.policy import Policy
from services.alerts.facts.from_events import History
from services.alerts.model import Strength
from services.alerts.rules import evaluate
from services.alerts.rules.active_alarms import active_alarms
from tests.unit.alerts.rules.builders import NOW, alarm

Told = tuple[str, float, float]
"""What, when by the device's clock and when it was received: hours after NOW."""


def history_of(*told: Told, backwards: bool = False) -> History:
    """The later in the table, the smaller its id: no id decides by chance."""
    history = History("pump-1", "north")
    entries = list(enumerate(told))
    for number, (text, observed, received) in reversed(entries) if backwards else entries:
        history.add(event(text, 1000 - number, hours(observed)), hours(received), "pump-1")
    return history


def hours(after: float) -> datetime:
    return NOW + timedelta(hours=after)


def event(text: str, number: int, observed_at: datetime) -> wire.Event:
    common: dict[str, Any] = {"event_id": UUID(int=number), "observed_at": observed_at, "seq": None}
    match text.split():
        case ["alarm", code, state]:
            return wire.Alarm(**common, code=wire.AlarmCode(code), state=wire.AlarmState(state))
        case ["level", volume, *basis]:
            kind = wire.ReadingBasis(basis[0] if basis else "computed")
            return wire.Reservoir(**common, volume_ml=float(volume), basis=kind)
        case ["refill", filled]:
            return wire.Refill(**common, expected_ml=2.0, measured_ml=2.0, filled_ml=float(filled))
        case ["therapy", low]:
            return wire.Therapy(
                **common,
                drugs=(wire.Drug(name="morphine", concentration_mcg_per_ml=1000.0),),
                profile=(wire.ProfileStep(from_time="00:00", rate_ml_per_day=0.1),),
                reservoir_size_ml=20.0,
                low_reservoir_ml=float(low),
            )
        case ["bolus"]:
            return wire.Bolus(**common, outcome=wire.BolusOutcome.DELIVERED)
        case ["status"]:
            return wire.Status(**common)
        case _:
            return wire.Report(**common, complaint=wire.Complaint.PAIN, score=int(text.split()[1]))


def raised(history: History, after: float) -> set[str]:
    now = hours(after)
    found = evaluate(history.facts(now, 28), Policy(), now)
    return {f"{each.rule}/{each.key}" for each in found if each.strength is Strength.FULL}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("ahead", [10 / 60, 20])
@pytest.mark.parametrize(
    ("wrong", "right", "alert"),
    [
        (["alarm motor_stall cleared"], ["alarm motor_stall raised"], "pump_alarm/infusion"),
        (["level 15"], ["level 0.5"], "low_reservoir/reservoir"),
        (["refill 18"], ["alarm empty_reservoir raised"], "low_reservoir/reservoir"),
        (["refill 18"], ["level 0.5"], "low_reservoir/reservoir"),
        (["therapy 1"], ["therapy 4", "level 3.5"], "low_reservoir/reservoir"),
    ],
)
def test_what_is_dated_ahead_hides_nothing_that_comes_later(
    wrong: list[str], right: list[str], alert: str, ahead: float, backwards: bool
) -> None:
    told = [*((text, ahead, 0.0) for text in wrong), *((text, 0.01, 0.01) for text in right)]
    assert alert in raised(history_of(*told, backwards=backwards), 0.02)


@pytest.mark.parametrize(("first", "second"), [(18.0, 10.0), (10.0, 18.0)])
def test_of_two_entries_of_one_moment_the_last_received_counts(first: float, second: float) -> None:
    history = history_of(
        (f"refill {first}", -5, -4),
        (f"refill {second}", -5, -3),
        (f"level {first}", -2, -1),
        (f"level {second}", -2, 0),
    )
    facts = history.facts(NOW, 28)
    assert facts.refill is not None
    assert facts.reading is not None
    assert (facts.refill.filled_ml, facts.reading.volume_ml) == (second, second)


def test_facts_tell_the_moment_of_receipt_for_what_is_dated_ahead() -> None:
    history = history_of(
        ("refill 18", 5, -6), ("therapy 2", 6, -5), ("level 9", 7, -4), ("report 8", 8, -3), ("bolus", 9, -2)
    )
    facts = history.facts(NOW, 28)
    assert facts.refill is not None
    assert facts.therapy is not None
    assert facts.reading is not None
    assert facts.refill.observed_at == hours(-6)
    assert facts.therapy.observed_at == hours(-5)
    assert facts.reading.observed_at == hours(-4)
    assert facts.reports[0].observed_at == hours(-3)
    assert facts.demand.first_at == hours(-2)


def test_what_was_dated_ahead_two_days_ago_belongs_to_the_day_of_its_receipt() -> None:
    facts = history_of(("bolus", -23, -25), ("level 9", 5, -49)).facts(NOW, 4)
    assert [window.requests for window in facts.windows] == [0, 1, 0, 0]
    assert [window.heard for window in facts.windows] == [False, True, True, False]
    assert facts.demand.attempts == 0


def test_heartbeats_are_those_that_were_received_last() -> None:
    history = History("pump-1", "north")
    history.add(event("status", 1, hours(20)), hours(-40), "pump-1")
    history.add(event("status", 2, hours(-1)), hours(-1), "pump-1")
    assert history.facts(NOW, 28).contacts[0].heard_at == (hours(-40), hours(-1))


@pytest.mark.parametrize(
    ("told", "volume_ml"),
    [
        ([("level 9", -30, -30), ("level 8", -20, -20)], 9.0),
        ([("level 9", -10, -30), ("level 8", -20, -20)], 8.0),  # dated ahead, so it is no better known than the other
        ([("level 9", -19, -30), ("level 8", -18, -18), ("level 7", -20, -19)], 7.0),
        ([("level 9", -20, -19), ("level 8", -20, -18)], 8.0),  # a correction
        ([("level 9", -20, -30), ("level 8", -20, -18)], 8.0),
        ([("level 9", -60, -60), ("level 8", -20, -20)], 8.0),  # before the refill
    ],
)
def test_the_first_reading_after_a_refill_is_the_first_by_the_devices_clock(told: list[Told], volume_ml: float) -> None:
    newest = ("level 6", -1.0, -1.0)
    for backwards in (False, True):
        facts = history_of(("refill 18", -50, -50), *told, newest, backwards=backwards).facts(NOW, 28)
        assert facts.earlier_reading is not None
        assert facts.earlier_reading.volume_ml == volume_ml
        measured = [(f"{text} measured", observed, received) for text, observed, received in told]
        facts = history_of(("refill 18", -50, -50), *measured, newest, backwards=backwards).facts(NOW, 28)
        assert facts.filled_reading is not None
        assert facts.filled_reading.volume_ml == volume_ml


def test_a_reading_is_not_the_first_after_a_refill_that_it_was_received_before() -> None:
    facts = history_of(("refill 18", -50, -50), ("level 9 measured", -40, -51)).facts(NOW, 28)
    assert facts.filled_reading is None


@pytest.mark.parametrize(
    ("cleared", "stands"),
    [
        ({"received": 1.0}, True),  # received before the other
        ({"received": 0.5}, True),  # at the same time: order cannot be told
        ({"received": 0.5, "seq": 8}, False),
        ({"received": 0.5, "seq": 6}, True),
        ({"received": 0.5, "seq": 8, "device": "handheld-1"}, True),
        ({"received": 0.2}, False),  # received later
        ({"received": 0.2, "seq": 6}, True),  # the device's own counter says otherwise
        ({"received": 1.0, "seq": 8}, True),
    ],
)
def test_of_one_moment_an_alarm_stands_unless_it_was_cleared_after_it(cleared: dict[str, Any], stands: bool) -> None:
    events = [
        alarm("motor_stall raised", 2, received=0.5, seq=7, number=1),
        alarm("motor_stall cleared", 2, number=2, **cleared),
    ]
    assert bool(active_alarms(events)) is stands
    assert bool(active_alarms(reversed(events))) is stands


@pytest.mark.parametrize(
    ("raised_seq", "cleared_seq", "stands"),
    [
        (2**32 - 1, 0, False),  # the counter went round between the two
        (0, 2**32 - 1, True),
        (2**32 - 3, 5, False),
        (5, 2**32 - 3, True),
        (2**32 - 1, 2**32, False),  # a counter that has more digits
        (2**32, 2**32 - 1, True),
    ],
)
def test_a_counter_that_went_round_says_what_came_after_what(raised_seq: int, cleared_seq: int, stands: bool) -> None:
    events = [
        alarm("motor_stall raised", 2, received=0.5, seq=raised_seq, number=1),
        alarm("motor_stall cleared", 2, received=0.5, seq=cleared_seq, number=2),
    ]
    assert bool(active_alarms(events)) is stands


def test_an_alarm_stands_since_it_was_received_if_it_is_dated_later() -> None:
    (standing,) = active_alarms([alarm("motor_stall raised", -20, received=3)]).values()
    assert (standing.since, standing.last_raised_at) == (hours(-3), hours(-3))


@pytest.mark.parametrize(
    ("cleared", "raised", "stands"),
    [
        ((-20.0, 5.0), (6.0, 4.0), True),  # 25 h ahead: it says nothing of what came after it
        ((-20.0, 5.0), (29.0, 4.0), True),
        ((-20.0, 5.0), (31.0, 4.0), False),  # dated earlier by more than the clock was off
        ((-20.0, 5.0), (6.0, 5.5), False),  # received before it
        ((5 - 2 / 3600, 5.0), (6.0, 4.0), False),  # two seconds ahead: as if it were right
        ((-20.0, 5.0), (6.0, 5.0), True),  # received with it
    ],
)
def test_a_recovery_dated_ahead_ends_only_what_it_can_be_known_to_follow(
    cleared: tuple[float, float], raised: tuple[float, float], stands: bool
) -> None:
    """Hours before NOW by the device's clock, and of receipt."""
    events = [
        alarm("motor_stall raised", raised[0], received=raised[1], number=1),
        alarm("motor_stall cleared", cleared[0], received=cleared[1], number=2),
    ]
    assert bool(active_alarms(events)) is stands
    assert bool(active_alarms(reversed(events))) is stands


@pytest.mark.parametrize(("seq", "stands"), [(8, False), (6, True)])
def test_a_recovery_dated_ahead_ends_what_came_with_it_by_the_counter_alone(seq: int, stands: bool) -> None:
    events = [
        alarm("motor_stall raised", 6, received=5, number=1, seq=7),
        alarm("motor_stall cleared", -20, received=5, number=2, seq=seq),
    ]
    assert bool(active_alarms(events)) is stands
