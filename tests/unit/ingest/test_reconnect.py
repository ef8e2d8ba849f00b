"""How long ingest waits before it connects again: never longer for what a device did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.reconnect import Ends


def ends(times: int, *, lasted_seconds: float = 0.1, taken_over: bool = False, receipts: bool = False) -> list[Ends]:
    made = [Ends()]
    for _ in range(times):
        made.append(
            made[-1].then(lasted_seconds=lasted_seconds, taken_over=taken_over, receipts_on_the_way=receipts),
        )
    return made


def test_a_broker_that_restarts_is_not_waited_for_longer():
    assert [some.wait_seconds for some in ends(2)] == [0.5, 0.5, 0.5]
    assert not ends(2)[-1].are_suspicious


def test_connections_that_always_end_at_once_are_made_ever_less_often():
    waits = [some.wait_seconds for some in ends(11)[3:]]
    assert waits[0] == 4
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert ends(3)[-1].are_suspicious


def test_a_session_that_is_taken_over_is_suspicious_however_long_it_lasted_and_whatever_was_sent():
    assert ends(3, lasted_seconds=100, taken_over=True, receipts=True)[-1] == Ends(3, 3)


def test_a_connection_that_lasted_clears_those_before_it():
    assert ends(5)[-1].then(lasted_seconds=2, taken_over=False, receipts_on_the_way=False) == Ends()


@given(st.lists(st.booleans(), max_size=30))
def test_an_end_with_receipts_on_the_way_never_lengthens_the_wait(before):
    some = Ends()
    for receipts in before:
        some = some.then(lasted_seconds=0.1, taken_over=False, receipts_on_the_way=receipts)
    after = some.then(lasted_seconds=0.1, taken_over=False, receipts_on_the_way=True)
    assert after.wait_seconds == 0.5
    assert after.in_a_row == len(before) + 1, "it is still said"
