"""Of what a device has refused on one day so much is kept, and the rest is counted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.ingest.messages.quota import NOBODY, Quota, Used, judge, speaker


@dataclass
class Letter:
    topic: str = "pumpwatch/v1/pump-1/events/alarm"
    payload: bytes = b"x" * 60
    detail: str = "wrong"


SIZE = 60 + len(Letter().topic) + len("wrong")
OTHER = Letter(topic="pumpwatch/v1/pump-2/events/alarm")
PLENTY = 1_000_000


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("pumpwatch/v1/pump-1/events/alarm", "pump-1"),
        ("pumpwatch/v1/pump-1/events/no/such/kind", "pump-1"),
        ("pumpwatch/v1/pump-1", "pump-1"),
        ("pumpwatch/v1/-/events/alarm", NOBODY),
        ("pumpwatch/v1", NOBODY),
        ("", NOBODY),
    ],
)
def test_who_speaks_is_said_by_the_topic_even_where_the_rest_is_wrong(topic, device):
    assert speaker(topic) == device


def test_the_first_are_kept_up_to_the_number_and_each_device_has_its_own():
    verdict = judge([Letter(), Letter(), OTHER, Letter()], {}, Quota(2, PLENTY))
    assert verdict.is_kept == (True, True, True, False)
    assert verdict.kept == {"pump-1": Used(2, 2 * SIZE), "pump-2": Used(1, SIZE)}
    assert verdict.not_kept == {"pump-1": Used(1, SIZE)}


def test_what_was_used_before_counts():
    verdict = judge([Letter(), OTHER], {"pump-1": Used(2, 7)}, Quota(2, PLENTY))
    assert verdict.is_kept == (False, True)


def test_bytes_count_too_and_a_smaller_one_still_fits():
    letters = [Letter(), Letter(payload=b"x" * 10_000), Letter()]
    verdict = judge(letters, {}, Quota(100, 2 * SIZE))
    assert verdict.is_kept == (True, False, True)
    assert verdict.not_kept == {"pump-1": Used(1, SIZE + 9_940)}


def test_nothing_is_decided_of_nothing():
    assert judge([], {}, Quota(0, 0)).is_kept == ()
