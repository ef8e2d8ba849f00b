"""A batch in pieces: every row in one, the live ones together, the late ones by kind and week."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventKind
from services.ingest.messages.pieces import LATE_SECONDS, has_late_rows, in_pieces

NOW = 1_800_000_000.0
DAY = 86_400.0
WEEK = 7 * DAY


def row(days_ago, device="pump-1", number=0):
    return ("pump-1", NOW - days_ago * DAY, UUID(int=number), device, None, number)


ages = st.floats(min_value=-1, max_value=400)
batches = st.dictionaries(
    st.sampled_from(EventKind), st.lists(st.builds(row, ages, st.sampled_from(["pump-1", "hand-1"])), min_size=1)
)


@given(batches)
def test_each_row_is_in_one_piece(rows):
    pieces = in_pieces(rows, now_seconds=NOW, looked_up=["hand-1"])
    found = Counter((kind, r) for piece in (pieces.live, *pieces.late) for kind, each in piece.items() for r in each)
    assert found == Counter((kind, r) for kind, each in rows.items() for r in each)


@given(batches)
def test_what_may_not_wait_is_what_is_live(rows):
    pieces = in_pieces(rows, now_seconds=NOW, looked_up=["hand-1"])
    live = list(chain.from_iterable(pieces.live.values()))
    assert all(r[1] >= NOW - LATE_SECONDS and r[3] == "pump-1" for r in live)
    every = chain.from_iterable(rows.values())
    assert len(live) == sum(r[1] >= NOW - LATE_SECONDS and r[3] == "pump-1" for r in every)


@given(batches)
def test_a_late_piece_is_of_one_kind_and_spans_a_week_at_the_most(rows):
    for piece in in_pieces(rows, now_seconds=NOW).late:
        [(_, each)] = piece.items()
        moments = [r[1] for r in each]
        assert max(moments) - min(moments) <= WEEK


def test_the_newest_come_first():
    rows = {EventKind.RESERVOIR: [row(100), row(2), row(20)], EventKind.STATUS: [row(50)]}
    pieces = in_pieces(rows, now_seconds=NOW)
    assert pieces.live == {}
    assert pieces.late == [
        {EventKind.RESERVOIR: [row(2)]},
        {EventKind.RESERVOIR: [row(20)]},
        {EventKind.STATUS: [row(50)]},
        {EventKind.RESERVOIR: [row(100)]},
    ]


def test_live_events_that_are_looked_up_in_old_parts_may_wait_before_all_others():
    rows = {EventKind.RESERVOIR: [row(0, "hand-1"), row(0), row(2, "hand-1")]}
    pieces = in_pieces(rows, now_seconds=NOW, looked_up={"hand-1": ()})
    assert pieces.live == {EventKind.RESERVOIR: [row(0)]}
    assert pieces.late == [{EventKind.RESERVOIR: [row(0, "hand-1")]}, {EventKind.RESERVOIR: [row(2, "hand-1")]}]


def test_a_day_is_what_makes_an_event_late():
    assert not has_late_rows({EventKind.STATUS: [row(0), row(1)]}, now_seconds=NOW)
    assert has_late_rows({EventKind.STATUS: [row(0)], EventKind.ALARM: [row(1.1)]}, now_seconds=NOW)
    assert not has_late_rows({}, now_seconds=NOW)
