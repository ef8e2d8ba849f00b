"""The hint that events are being lost: skipped numbers are noticed, late and repeated ones are not losses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.messages.sequence import LARGEST_GAP, SequenceTracker
from tests.unit.ingest.builders import decoded, reading, sent

LAST = 2**32 - 1


def gaps(*batches: list[int | None]) -> list[int]:
    tracker = SequenceTracker()
    return [tracker.observe([("pump-1", seq) for seq in batch]) for batch in batches]


@pytest.mark.parametrize(
    ("batches", "found"),
    [
        ([[7], [8], [9]], [0, 0, 0]),
        ([[1], [3]], [0, 1]),
        ([[1, 3, 6]], [2]),
        ([[1], [3, 2, 4]], [0, 0]),  # kinds are decoded one after the other, so a batch is not in order
        ([[1], [4], [2, 3], [5]], [0, 1, 0, 0]),  # late: the gap was counted, and stays so
        ([[5], [5, 5], [6]], [0, 0, 0]),
        ([[None], [5], [None, 6]], [0, 0, 0]),
        ([[0], [1], [2]], [0, 0, 0]),
        ([[9_000], [0], [1], [3]], [0, 0, 0, 1]),  # the counter began again
        ([[9_000], [9_001, 0, 9_003, 1]], [0, 1]),  # and within one batch
        ([[9_000], [4, 0]], [0, 1]),
        ([[5_000], [4_100], [5_001]], [0, 0, 0]),  # an old event that comes late is not a new counter
        ([[5_000], [3_000, 3_001], [5_001]], [0, 0, 0]),
        ([[900], [0], [1]], [0, 0, 0]),  # too near to tell: no gap is made up
        ([[1], [LARGEST_GAP + 2]], [0, 1]),
        ([[1], [LARGEST_GAP + 3], [LARGEST_GAP + 4]], [0, 0, 0]),  # a new counter that begins high
        ([[LAST - 1], [LAST], [0], [1]], [0, 0, 0, 0]),  # it goes round
        ([[LAST - 1], [2], [3]], [0, 1, 0]),  # and four are lost there
        ([[LAST - 1, 0, 2, LAST]], [1]),
        ([[LAST - 1, LAST, 0, 1], [2]], [0, 0]),
        ([[LAST], [1], [0], [2]], [0, 1, 0, 0]),  # late
        ([[LAST], [2], [LAST - 5], [3]], [0, 1, 0, 0]),  # late, from before it went round
        ([[LAST], [2], [LAST - 5_000], [3]], [0, 1, 0, 0]),
        ([[LAST], [LAST + 1], [LAST + 3]], [0, 0, 1]),  # a counter of more than 32 bits does not go round there
    ],
)
def test_gaps(batches, found):
    assert gaps(*batches) == found


def test_devices_do_not_mix():
    tracker = SequenceTracker()
    assert tracker.observe([("a", 1), ("b", 100), ("a", 2), ("b", 102), ("a", 3)]) == 1
    assert len(tracker) == 2


def test_memory_is_bounded_and_what_was_heard_last_is_known():
    tracker = SequenceTracker(max_devices=10)
    for number in range(100):
        tracker.observe([(f"pump-{number}", 1)])
        assert len(tracker) <= 10
    assert tracker.observe([("pump-0", 3)]) == 0
    assert tracker.observe([(f"pump-{number}", 3) for number in range(96, 100)]) == 4


def test_a_device_that_keeps_speaking_is_never_forgotten():
    tracker = SequenceTracker(max_devices=4)
    for number in range(50):
        assert tracker.observe([("steady", 2 * number)]) == (number > 0)
        tracker.observe([(f"passing-{number}", 1)])


@given(
    st.integers(0, 2**53),
    st.lists(st.booleans(), max_size=60),
    st.lists(st.integers(1, 9), min_size=1),
    st.randoms(use_true_random=False),
)
def test_injected_loss_is_counted_gap_by_gap(first, kept, sizes, chance):
    """Delivered in batches of any size, each shuffled and with repeats, every run of lost events is one gap."""
    sequence = [first, *(first + 1 + n for n, keep in enumerate(kept) if keep)]
    lost_runs = sum(1 for a, b in pairwise(sequence) if b - a > 1)
    tracker, found, place, turn = SequenceTracker(), 0, 0, 0
    while place < len(sequence):
        size = sizes[turn % len(sizes)]
        batch = sequence[place : place + size] + chance.choices(sequence[max(0, place - 5) : place + size], k=2)
        chance.shuffle(batch)
        found += tracker.observe([("pump-1", seq) for seq in batch])
        place, turn = place + size, turn + 1
    assert found == lost_runs


@example([[("a", 0)], [("a", 2), ("a", 4), ("a", 1005)]])  # each number is of one count, the old or a new one
@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 2**53)))))
def test_whatever_comes_a_gap_needs_two_numbers(batches):
    tracker = SequenceTracker()
    found = sum(tracker.observe(batch) for batch in batches)
    numbers = sum(seq is not None for batch in batches for _, seq in batch)
    assert 0 <= found <= max(0, numbers - 1)


def test_decoded_batches_say_who_spoke_and_in_which_place():
    bolus = {**reading(seq=3, volume_ml=...), "outcome": "delivered", "kind": "bolus"}
    readings = [{**reading(seq=seq), "kind": "reservoir"} for seq in (1, 2, 5)]
    batch = decoded(sent([*readings, bolus], level="batch"), sent(reading(), level="reservoir"))
    assert sorted(batch.sequence(), key=str) == [("pump-1", seq) for seq in (1, 2, 3, 5, None)]
    assert SequenceTracker().observe(batch.sequence()) == 1


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([[1], "2", [3]], 0),  # an alarm between two readings
        ([[1], "5", [2], [3, 4], [6]], 0),  # one that overtook four
        ([[1], "5", [2], [4]], 1),  # a loss before it is still seen
        ([[1], "2", [4]], 1),  # and one behind it
        (["1", [2]], 0),
        ([[1], "2", "2", [3]], 0),
        ([[1], "9"], 0),  # alone it says nothing
    ],
)
def test_what_overtook_fills_its_place_and_reveals_nothing_by_itself(steps, found):
    tracker = SequenceTracker()
    gaps = 0
    for step in steps:
        if isinstance(step, str):
            tracker.overtake([("pump-1", int(step)), ("pump-1", None)])
        else:
            gaps += tracker.observe([("pump-1", seq) for seq in step])
    assert gaps == found


def test_what_overtook_is_not_remembered_for_ever():
    tracker = SequenceTracker(max_devices=20)
    tracker.overtake([("pump-0", 5)])
    for number in range(20):
        tracker.overtake([(f"pump-{number}", 900 + number)])
    assert tracker.observe([("pump-0", 4), ("pump-0", 6)]) == 1
