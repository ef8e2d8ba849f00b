"""What is taken from the queue: every pump in the end, the oldest first, each once for all entries that name it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.evaluation.claim import LEAST_ENTRIES, MOST_ENTRIES, USUAL_ENTRIES, Entry, plan_taking

T0 = datetime(2026, 5, 4, 8, tzinfo=UTC)
QUEUES = st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=8), max_size=30)


def queue_of(pumps):
    return [Entry(place, ids, T0 + timedelta(seconds=place)) for place, ids in enumerate(pumps)]


def after(queue, taking):
    """The queue afterwards."""
    left = dict([taking.left] if taking.left else [])
    return [
        Entry(entry.queue_id, left.get(entry.queue_id, entry.pump_ids), entry.queued_at)
        for entry in queue
        if entry.queue_id not in taking.finished
    ]


def pumps_in(queue):
    return {pump_id for entry in queue for pump_id in entry.pump_ids}


@given(QUEUES, st.integers(1, 12), st.integers(LEAST_ENTRIES, 40))
def test_every_pump_is_evaluated_after_its_last_entry_came_and_the_queue_ends(pumps, most_pumps, looked_for):
    queue = queue_of(pumps)
    while queue:
        taking = plan_taking(queue[:looked_for], looked_for=looked_for, most_pumps=most_pumps)
        assert len(taking.pump_ids) == len(set(taking.pump_ids)) <= most_pumps
        left = after(queue, taking)
        assert pumps_in(left) | set(taking.pump_ids) == pumps_in(queue)  # what left the queue was evaluated now
        assert len(left) < len(queue) or sum(len(e.pump_ids) for e in left) < sum(len(e.pump_ids) for e in queue)
        queue, looked_for = left, taking.entries_next
        assert LEAST_ENTRIES <= looked_for <= MOST_ENTRIES


@given(QUEUES, st.integers(1, 12))
def test_no_pump_is_overtaken_by_one_that_came_later(pumps, most_pumps):
    queue, order = queue_of(pumps), list[str]()
    first = list(dict.fromkeys(pump_id for ids in pumps for pump_id in ids))
    while queue:
        taking = plan_taking(queue, looked_for=32, most_pumps=most_pumps)
        order += taking.pump_ids
        queue = after(queue, taking)
    assert list(dict.fromkeys(order)) == first


def test_what_is_left_of_many_entries_stays_in_the_oldest_of_them():
    queue = queue_of([["a", "b"], ["c", "a"], ["b", "a"], ["d", "c"]])
    taking = plan_taking(queue, looked_for=32, most_pumps=2)
    assert (taking.pump_ids, taking.finished, taking.left) == (("a", "b"), (0, 2, 3), (1, ("c", "d")))


def test_an_entry_that_is_put_together_stays_of_a_size_to_be_written_anew():
    queue = queue_of([[f"pump-{n}-{m}" for m in range(20)] for n in range(5)] + [["pump-0-0", "pump-1-19"]])
    taking = plan_taking(queue, looked_for=32, most_pumps=5)
    assert taking.left is not None
    assert (taking.left[0], len(taking.left[1])) == (0, 35)
    assert taking.finished == (1, 5)  # the others are looked at another time


def test_a_long_queue_of_few_pumps_is_taken_in_ever_larger_parts():
    sizes, looked_for = [], USUAL_ENTRIES
    for _ in range(6):
        taking = plan_taking(queue_of([["a"]] * looked_for), looked_for=looked_for, most_pumps=100)
        looked_for = taking.entries_next
        sizes.append(looked_for)
    assert sizes == [64, 128, 256, 512, 512, 512]


def test_it_looks_less_far_where_a_part_is_enough_and_as_usual_when_the_queue_is_short():
    many = queue_of([[f"pump-{n}-{m}" for m in range(50)] for n in range(32)])
    assert plan_taking(many, looked_for=32, most_pumps=10).entries_next == 16
    assert plan_taking(many[:8], looked_for=8, most_pumps=10).entries_next == LEAST_ENTRIES
    assert plan_taking(queue_of([["a"]]), looked_for=512, most_pumps=10).entries_next == USUAL_ENTRIES
