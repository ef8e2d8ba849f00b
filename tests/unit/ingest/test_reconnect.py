"""How long ingest waits before it connects again."""

from __future__ import annotations

from services.ingest.reconnect import is_suspicious, reconnect_seconds


def test_a_broker_that_restarts_is_not_waited_for_longer():
    assert [reconnect_seconds(times) for times in range(3)] == [0.5, 0.5, 0.5]
    assert not is_suspicious(2)


def test_connections_that_always_end_at_once_are_made_ever_less_often():
    waits = [reconnect_seconds(times) for times in range(3, 12)]
    assert waits[0] == 4
    assert waits == sorted(waits)
    assert waits[-1] == 60
    assert is_suspicious(3)
