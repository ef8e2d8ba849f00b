"""No device takes more than its share of a batch, and what is little in bytes may be much work."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.batch import SHARES, Fairness, FlushLimits, is_fair_as_it_comes, work_of

LIMITS = FlushLimits(messages=40, payload_bytes=4_000, after_seconds=1)
devices = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 900)), max_size=200)


def taken(offers):
    fairness = Fairness(LIMITS)
    batch = []
    for device, work in offers:
        if fairness.is_full:
            break
        if fairness.takes(device, work):
            batch.append((device, work))
    return batch


@given(devices)
def test_no_device_has_more_than_its_share_or_one_message(offers):
    batch = taken(offers)
    assert len(batch) <= LIMITS.messages
    for device in "abcde":
        own = [work for each, work in batch if each == device]
        assert len(own) <= LIMITS.messages // SHARES
        assert sum(own) <= LIMITS.payload_bytes // SHARES or len(own) == 1


@given(devices)
def test_of_each_device_the_first_are_taken_in_their_order_and_of_somebody_at_least_one(offers):
    batch = taken(offers)
    assert bool(batch) == bool(offers)
    for device in "abcde":
        own = [work for each, work in batch if each == device]
        assert own == [work for each, work in offers if each == device][: len(own)]


def test_behind_a_flood_the_others_are_in_the_first_batch():
    flood = [("a", 100)] * 1_000
    assert ("b", 10) in taken([*flood, ("b", 10)])


def test_a_message_that_is_more_than_a_share_is_taken_alone():
    assert taken([("a", 5_000), ("a", 1)]) == [("a", 5_000)]


def test_the_work_of_an_array_is_not_its_size():
    assert work_of(b'{"a": 1, "b": 2}') == 16
    assert work_of(b"") == 0
    many_faults = json.dumps([{}] * 500, separators=(",", ":")).encode()
    assert work_of(many_faults) > 8 * len(many_faults)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 300)), min_size=1, max_size=40))
def test_what_is_fair_as_it_comes_is_what_would_be_taken_one_by_one(offers):
    sizes = [size for _, size in offers]
    of_each = [sum(each == device for each, _ in offers) for device in "abcde"]
    if is_fair_as_it_comes(sizes, of_each, LIMITS):
        assert taken(offers) == offers


def test_small_ones_of_many_are_fair_as_they_come_and_large_ones_are_looked_at():
    assert is_fair_as_it_comes([100] * 30, [1] * 30, LIMITS)
    assert is_fair_as_it_comes([100] * 30, [6] * 5, LIMITS)
    assert not is_fair_as_it_comes([100] * 30, [11, 19], LIMITS)
    assert not is_fair_as_it_comes([200] * 12, [6, 6], LIMITS)
    assert not is_fair_as_it_comes([200] * 20, [1] * 20, LIMITS)
    assert not is_fair_as_it_comes([1_001], [1], LIMITS)
