"""A device's last-seen is written at most once in an interval, and never later than its next message after it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.storage.last_seen import LastSeenLimiter

EVERY_SECONDS = 10.0
STEPS = st.lists(st.tuples(st.floats(0.0, 12.0), st.sets(st.sampled_from("abcd"))), max_size=60)


@given(STEPS)
def test_each_device_is_due_exactly_when_its_interval_is_over(steps):
    limiter, now = LastSeenLimiter(EVERY_SECONDS), 1_000.0
    written: dict[str, float] = {}
    for pause_seconds, devices in steps:
        now += pause_seconds
        heard = dict.fromkeys(devices, now)
        due = limiter.due(heard, monotonic_seconds=now)
        assert due == {d: now for d in devices if written.get(d, 0.0) <= now - EVERY_SECONDS}
        limiter.written(due, monotonic_seconds=now)
        written.update(dict.fromkeys(due, now))


def test_a_write_that_failed_is_due_again():
    limiter = LastSeenLimiter(EVERY_SECONDS)
    assert limiter.due({"pump-1": 5.0}, monotonic_seconds=100.0) == {"pump-1": 5.0}
    assert limiter.due({"pump-1": 5.0}, monotonic_seconds=100.1) == {"pump-1": 5.0}


def test_it_holds_only_the_devices_heard_lately():
    limiter = LastSeenLimiter(EVERY_SECONDS)
    for minute in range(100):
        now = 1_000.0 + 60 * minute
        limiter.written([f"pump-{minute}-{n}" for n in range(10)], monotonic_seconds=now)
    assert len(limiter) <= 20
