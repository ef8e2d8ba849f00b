"""What two devices tell of one press counts once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events as wire
from services.alerts.facts.from_events import History
from services.alerts.facts.from_rows import told_by_several
from services.alerts.facts.twins import once
from tests.unit.alerts.rules.builders import NOW

DELIVERED, LOCKOUT, LOST = "delivered", "denied_lockout", "comm_failure"
HOUR = 3600.0


@pytest.mark.parametrize(
    ("lockout", "told", "counted"),
    [
        pytest.param(240, [(0, DELIVERED, "a"), (5, DELIVERED, "b")], [0], id="one delivery"),
        pytest.param(240, [(0, DELIVERED, "a"), (3.9 * HOUR, DELIVERED, "b")], [0], id="closer than the lockout"),
        pytest.param(240, [(0, DELIVERED, "a"), (4 * HOUR, DELIVERED, "b")], [0, 4 * HOUR], id="a lockout apart"),
        pytest.param(240, [(0, DELIVERED, "a"), (5, DELIVERED, "a")], [0, 5], id="one device is taken at its word"),
        pytest.param(
            240,
            [(at + late, DELIVERED, device) for at in (0, 4 * HOUR, 8 * HOUR) for late, device in ((0, "a"), (5, "b"))],
            [0, 4 * HOUR, 8 * HOUR],
            id="delivery after delivery",
        ),
        pytest.param(
            240,
            [(at + late, DELIVERED, device) for at in (0, 4 * HOUR) for late, device in ((0, "a"), (-600, "b"))],
            [-600, 4 * HOUR - 600],
            id="a clock that is behind",
        ),
        pytest.param(240, [(0, DELIVERED, "a"), (1, DELIVERED, "b"), (2, DELIVERED, "c")], [0], id="three devices"),
        pytest.param(None, [(0, DELIVERED, "a"), (59, DELIVERED, "b")], [0], id="no lockout is known"),
        pytest.param(0, [(0, DELIVERED, "a"), (60, DELIVERED, "b")], [0, 60], id="there is no lockout"),
        pytest.param(240, [(0, LOCKOUT, "a"), (59, LOCKOUT, "b")], [0], id="a refused press that both saw"),
        pytest.param(240, [(0, LOCKOUT, "a"), (60, LOCKOUT, "b")], [0, 60], id="two refused presses"),
        pytest.param(240, [(0, LOCKOUT, "a"), (5, DELIVERED, "b")], [0, 5], id="not of one outcome"),
        pytest.param(240, [(0, LOST, "a"), (5, LOST, "b")], [0, 5], id="each handheld loses its own"),
    ],
)
def test_a_press_counts_once(lockout, told, counted):
    assert [at for at, _ in once(told, lockout)] == counted


presses = st.tuples(
    st.floats(0, 90_000).map(round).map(float), st.sampled_from([DELIVERED, LOCKOUT, LOST]), st.sampled_from(["a", "b"])
)


@given(st.lists(presses, max_size=30), st.sampled_from([None, 30, 240]), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_no_device_loses_a_press_of_its_own(told, lockout, chance):
    found = once(told, lockout)
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert once(shuffled, lockout) == found == sorted(found)
    for outcome in (DELIVERED, LOCKOUT, LOST):
        most = max(sum(each[1:] == (outcome, device) for each in told) for device in "ab")
        assert sum(each[1] == outcome for each in found) >= most
    alone = [(at, outcome, "a") for at, outcome, _ in told]
    assert len(once(alone, lockout)) == len(alone)


@pytest.mark.parametrize(
    ("own", "every", "handhelds", "several"),
    [(0, 5, 1, False), (0, 5, None, False), (5, 5, 0, False), (2, 5, 1, True), (0, 5, 2, True), (0, 1, 2, False)],
)
def test_who_may_have_told_of_the_same_press(own, every, handhelds, several):
    row = {"own_requests": own, "requests_at": [0.0] * every, "handhelds_ever": handhelds}
    assert told_by_several(row) is several


def bolus(number: int, seconds_ago: float, outcome: str) -> wire.Bolus:
    at = NOW - timedelta(seconds=seconds_ago)
    return wire.Bolus(event_id=UUID(int=number), observed_at=at, outcome=wire.BolusOutcome(outcome))


def test_a_history_counts_each_press_once():
    history = History("pump-1", "north", ("hand-1", "hand-2"))
    for number, (ago, outcome) in enumerate(((7200, DELIVERED), (3600, LOCKOUT), (90_000, "denied_limit"))):
        history.add(bolus(10 + number, ago, outcome), NOW, "hand-1")
        history.add(bolus(20 + number, ago - 5, outcome), NOW, "hand-2")
    facts = history.facts(NOW, 3)
    assert (facts.demand.delivered, facts.demand.denied_lockout, facts.demand.attempts) == (1, 1, 2)
    assert facts.demand.first_at == NOW - timedelta(hours=2)
    assert [(each.requests, each.delivered, each.refused, each.refused_at_limit) for each in facts.windows] == [
        (2, 1, 1, 0),
        (1, 0, 1, 1),
        (0, 0, 0, 0),
    ]


def test_what_is_told_twice_over_the_edge_of_a_day_was_heard_on_both_days():
    history = History("pump-1", "north", ("hand-1",))
    history.add(bolus(1, 86_402, DELIVERED), NOW, "pump-1")
    history.add(bolus(2, 86_397, DELIVERED), NOW, "hand-1")
    facts = history.facts(NOW, 3)
    assert [(each.requests, each.heard) for each in facts.windows] == [(0, True), (1, True), (0, False)]
