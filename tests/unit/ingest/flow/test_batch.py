"""batch: nothing waits longer than it must, and a batch is as large as it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.batch import FlushLimits, FlushReason, flush_reason

LIMITS = FlushLimits(messages=100, payload_bytes=10_000, after_seconds=0.025)


@pytest.mark.parametrize(
    ("messages", "payload_bytes", "oldest", "idle", "expected"),
    [
        (0, 0, 99.0, True, None),
        (1, 10, 0.0, False, None),
        (1, 10, 0.0, True, FlushReason.IDLE),
        (1, 10, 0.025, False, FlushReason.AGE),
        (1, 10, 0.025, True, FlushReason.AGE),
        (100, 10, 0.0, False, FlushReason.SIZE),
        (2, 10_000, 0.0, False, FlushReason.SIZE),
        (100, 10_000, 1.0, True, FlushReason.SIZE),
    ],
)
def test_when_to_write(messages, payload_bytes, oldest, idle, expected):
    reason = flush_reason(
        messages=messages, payload_bytes=payload_bytes, oldest_seconds=oldest, wire_idle=idle, limits=LIMITS
    )
    assert reason == expected


@given(st.integers(1, 10_000), st.integers(0, 10**7), st.floats(0, 10), st.booleans())
def test_what_is_due_stays_due_as_more_comes_and_time_passes(messages, payload_bytes, oldest, idle):
    def due(more: int, later: float) -> bool:
        return (
            flush_reason(
                messages=messages + more,
                payload_bytes=payload_bytes + more,
                oldest_seconds=oldest + later,
                wire_idle=idle,
                limits=LIMITS,
            )
            is not None
        )

    assert not due(0, 0.0) or (due(1, 0.0) and due(0, 0.1))
