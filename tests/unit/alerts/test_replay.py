"""However the same events come (order, duplicates, batches), the same alerts stand at the end, each opened once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import events as wire
from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.backtest.replay import Arrival, replay
from services.alerts.facts.from_events import History
from services.alerts.facts.model import RefusedAlarm
from services.alerts.model import Strength
from services.alerts.rules import evaluate
from tests.unit.alerts.rules.builders import NOW

ALARMS = (wire.AlarmCode.MOTOR_STALL, wire.AlarmCode.LOW_RESERVOIR, wire.AlarmCode.MEMORY_ERROR)
BEHIND = timedelta(days=20_000)
HOURS = st.integers(-24, 30 * 24) | st.integers(-3, 3)
"""How long ago by the device's clock, which may be a day ahead."""


def _event(number: int, hours: int, which: int) -> wire.Event:
    common: dict[str, Any] = {
        "event_id": UUID(int=number + 1),
        "observed_at": NOW - timedelta(hours=hours),
        "seq": number if which % 3 else None,
    }
    match which % 7:
        case 0 | 1:
            state = wire.AlarmState.RAISED if which % 2 else wire.AlarmState.CLEARED
            return wire.Alarm.model_construct(**common, code=ALARMS[which % 3], state=state, detail=None)
        case 2:
            return wire.Reservoir.model_construct(
                **common, volume_ml=float(which % 19), basis=wire.ReadingBasis.COMPUTED
            )
        case 3:
            replaces = UUID(int=which % 25) if which % 2 else None
            return wire.Refill.model_construct(
                **common, expected_ml=4.0, measured_ml=float(which % 9), filled_ml=18.0, replaces=replaces
            )
        case 4:
            return wire.Report.model_construct(**common, complaint=wire.Complaint.PAIN, score=which % 11)
        case 5:
            return wire.Status.model_construct(**common)
        case _:
            return wire.Bolus.model_construct(**common, outcome=wire.BolusOutcome.DELIVERED, dose_mcg=None)


events = st.lists(st.tuples(HOURS, st.integers(0, 200)), min_size=1, max_size=25).map(
    lambda drawn: [_event(number, hours, which) for number, (hours, which) in enumerate(drawn)]
)


def _standing(history: History) -> set[tuple[str, str, str, str]]:
    found = evaluate(history.facts(NOW, 40), Policy(), NOW)
    return {(each.rule, each.key, each.priority, each.explanation) for each in found if each.strength is Strength.FULL}


@given(events, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_events_give_the_same_alerts_in_any_order(happened: list[wire.Event], chance) -> None:
    received = {event.event_id: NOW - timedelta(hours=chance.choice([0.02, 0.02, 1, 5, 60])) for event in happened}
    first, second = History("pump-1", "north"), History("pump-1", "north")
    for event in happened:
        first.add(event, received[event.event_id], "pump-1")
    shuffled = [*happened, *chance.sample(happened, len(happened) // 2)]
    chance.shuffle(shuffled)
    for event in shuffled:
        second.add(event, received[event.event_id], "pump-1")
    assert _standing(first) == _standing(second)


@given(events, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_batches_and_duplicates_change_neither_the_end_nor_the_transitions(happened: list[wire.Event], chance) -> None:
    """One arrival at a time and all that arrives at one moment; a re-send changes nothing at all."""
    arrivals = [Arrival(NOW + timedelta(minutes=chance.randrange(6)), "pump-1", event) for event in happened]
    again = [
        Arrival(each.received_at + timedelta(minutes=chance.randrange(30)), "pump-1", each.event)
        for each in chance.sample(arrivals, len(arrivals) // 2)
    ]
    trails = []
    for sent in (arrivals, [*again, *arrivals], list(reversed(arrivals))):
        trail = list(
            replay(
                History("pump-1", "north"),
                sent,
                Policy(),
                NOW - timedelta(minutes=1),
                NOW + timedelta(hours=1),
                windows=40,
                sweep=timedelta(minutes=7),
            )
        )
        trails.append([(each.at, each.rule, each.key, each.kind, each.priority) for each in trail])
    assert trails[0] == trails[1] == trails[2]


@given(events, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_at_most_one_alert_of_a_kind_is_open_at_any_time(happened: list[wire.Event], chance) -> None:
    arrivals = [Arrival(NOW + timedelta(minutes=chance.randrange(60)), "pump-1", event) for event in happened]
    open_now: Counter[tuple[str, str]] = Counter()
    for each in replay(
        History("pump-1", "north"),
        arrivals,
        Policy(),
        NOW - timedelta(minutes=1),
        NOW + timedelta(days=3),
        windows=40,
        sweep=timedelta(hours=6),
    ):
        match each.kind.value:
            case "opened":
                open_now[each.rule, each.key] += 1
            case "closed":
                open_now[each.rule, each.key] -= 1
        assert 0 <= open_now[each.rule, each.key] <= 1


def test_a_replay_knows_alarms_that_were_refused_for_their_date() -> None:
    states = (wire.AlarmState.RAISED, wire.AlarmState.CLEARED)
    refused = [
        RefusedAlarm(
            wire.AlarmCode.MOTOR_STALL, state, NOW - timedelta(hours=9 - 3 * number), BEHIND, "pump-1", None, each
        )
        for number, (state, each) in enumerate(zip(states, (UUID(int=1), UUID(int=2)), strict=True))
    ]
    arrivals = [Arrival(each.received_at, "pump-1", each) for each in (*refused, refused[0])]
    changes = list(
        replay(
            History("pump-1", "north"),
            arrivals,
            Policy(),
            NOW - timedelta(hours=10),
            NOW,
            windows=28,
            sweep=timedelta(hours=1),
        )
    )
    assert [(each.key, each.kind, each.at) for each in changes] == [
        ("alarm/motor_stall", "opened", NOW - timedelta(hours=9)),
        ("alarm/motor_stall", "cleared", NOW - timedelta(hours=6)),
    ]


def _paged(policy: Policy, told_by=None) -> list[tuple[tuple[str, ...], int]]:
    stall = wire.Alarm.model_construct(
        event_id=UUID(int=1), observed_at=NOW, seq=1, code=wire.AlarmCode.MOTOR_STALL, state=wire.AlarmState.RAISED,
        detail=None,
    )  # fmt: skip
    found = replay(
        History("pump-1", "north"), [Arrival(NOW, "pump-1", stall)], policy, NOW - timedelta(hours=1), NOW,
        windows=28, sweep=timedelta(hours=1), told_by=told_by,
    )  # fmt: skip
    return [(each.notified, each.pages) for each in found]


def test_a_page_is_for_somebody() -> None:
    channels = [Channel(name=name, url="json://127.0.0.1:9/") for name in ("sms", "mail")]
    step = EscalationStep(after_minutes=0, contacts=("nurse", "doctor", "on call"))
    policy = Policy(
        contacts=(
            Contact(name="nurse", channels=channels),
            Contact(name="doctor", channels=channels, all_channels_at_once=True),
            Contact(name="on call", rota="first"),
        ),
        routes={Priority.HIGH: Route(steps=(step,))},
    )
    assert _paged(policy) == [(("doctor", "nurse"), 3)]
    assert _paged(Policy()) == [((), 0)]
    ann = policy.model_copy(update={"contacts": (Contact(name="on call", channels=channels),)})
    assert _paged(policy, lambda now: ann if now == NOW else Policy()) == [(("on call",), 1)]
