"""Anchors: a trail that was rewritten so that it follows from itself again is not what was seen of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.audit.anchors import Anchor, AnchorCheck, AnchorError, read_anchor
from services.alerts.audit.chain import AuditFault, AuditHead, AuditRow

KEY = b"0123456789abcdef"


def at(minutes: float) -> datetime:
    return datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(minutes=minutes)


def rows(*names: str, clinic: str = "north") -> list[AuditRow]:
    """A chain that is whole; a row is written every ten minutes."""
    before = [b"", *(name.encode() for name in names)]
    return [
        AuditRow(clinic, n, before[n - 1], before[n], before[n], at(10 * n), at(10 * n))
        for n in range(1, len(names) + 1)
    ]


def anchor(minute: float, number: int, name: str, clinic: str = "north") -> Anchor:
    return Anchor(at(minute), "alerts-1", (AuditHead(clinic, number, name.encode()),))


ANCHORS = [anchor(15, 1, "a"), anchor(35, 3, "c")]


def found(trail: Sequence[AuditRow], anchors: Sequence[Anchor], clinic: str | None = None) -> list[AuditFault]:
    check = AnchorCheck(anchors, clinic)
    return [*(fault for row in trail for fault in check.faults_of(row)), *check.faults_of_ends()]


@pytest.mark.parametrize(
    ("trail", "expected"),
    [
        pytest.param(rows("a", "b", "c"), [], id="as it was seen"),
        pytest.param(rows("a", "b", "c", "d"), [], id="and went on"),
        pytest.param(rows("a", "B", "C"), [(3, "is not the row that was seen 2026-03-02T09:35")], id="changed"),
        pytest.param(rows("a", "x", "b", "c"), [(3, "is not the row that was seen")], id="put in"),
        pytest.param(rows("A", "B", "C"), [(1, "is not the row that was seen 2026-03-02T09:15")], id="told once"),
        pytest.param(
            rows("a", "b"), [(3, "the trail ends at row 2, and this row was seen 2026-03-02T09:35")], id="cut off"
        ),
        pytest.param([], [(3, "the trail ends at row 0")], id="gone"),
        pytest.param(rows("a", "c", "d"), [(3, "is not the row that was seen")], id="one taken out, and written anew"),
    ],
)
def test_what_was_seen_is_there(trail: list[AuditRow], expected: list[tuple[int, str]]) -> None:
    faults = [fault for fault in found(trail, ANCHORS) if "says that" not in fault.fault]
    assert [fault.clinic_seq for fault in faults] == [number for number, _ in expected]
    assert all(fault.fault.startswith(text) for fault, (_, text) in zip(faults, expected, strict=True))


def test_a_row_that_was_not_there_yet_cannot_have_been_written_before() -> None:
    trail = rows("a", "b", "c", "d")
    late = replace(trail[3], recorded_at=at(20), at=at(20))
    [fault] = found([*trail[:3], late], ANCHORS)
    assert (fault.clinic_seq, fault.fault) == (
        4,
        f"says that it was written {at(20).isoformat()}, and it was not there yet at {at(35).isoformat()}",
    )


def test_a_row_that_was_there_cannot_have_been_written_later() -> None:
    trail = rows("a", "b", "c")
    [fault] = found([*trail[:2], replace(trail[2], recorded_at=at(50))], ANCHORS)
    assert fault.fault.endswith(f"and it was there already at {at(35).isoformat()}")


def test_rows_from_before_the_databases_time_are_compared_by_their_hashes() -> None:
    assert found([replace(row, recorded_at=None) for row in rows("a", "b", "c")], ANCHORS) == []


def test_each_clinic_is_compared_with_its_own_anchors() -> None:
    other = anchor(35, 2, "y", clinic="south")
    trail = [*rows("a", "b", "c"), *rows("x", "y", clinic="south"), *rows("z", clinic="west")]
    assert found(trail, [*ANCHORS, other]) == []
    assert [fault.clinic_id for fault in found(trail[:4], [*ANCHORS, other])] == ["south"]
    assert found(trail[:3], [*ANCHORS, other], clinic="north") == []


def test_several_processes_may_see_the_same_row() -> None:
    assert found(rows("a", "b", "c"), [*ANCHORS, *ANCHORS, anchor(36, 3, "c")]) == []


heads = st.builds(AuditHead, st.text(max_size=20), st.integers(1, 2**63 - 1), st.binary(max_size=40))
anchors = st.builds(
    Anchor,
    st.datetimes(timezones=st.just(UTC)),
    st.text(max_size=20),
    st.lists(heads, max_size=4, unique_by=lambda head: head.clinic_id).map(tuple),
)


@given(anchors)
def test_an_anchor_is_read_as_it_was_written(written: Anchor) -> None:
    line = written.line(KEY)
    assert line.isascii()
    assert "\n" not in line
    read = read_anchor(f"Mar  2 09:00:00 host pumpwatch: {line}\n", KEY)
    assert read is not None
    assert (read.seen_at, read.seen_by, set(read.heads)) == (written.seen_at, written.seen_by, set(written.heads))


@given(anchors, st.data())
def test_an_anchor_that_was_changed_is_refused(written: Anchor, data: st.DataObject) -> None:
    content = json.loads(written.line(KEY))
    name = data.draw(st.sampled_from(["seen_at", "seen_by", "heads", "hmac"]))
    content[name] = {"heads": {"north": [1, "00" * 3]}, "hmac": "0" * 64, "seen_at": at(1).isoformat()}.get(
        name, "other"
    )
    if json.dumps(content, sort_keys=True) == written.line(KEY):
        return
    with pytest.raises(AnchorError, match="was changed, or signed with another key"):
        read_anchor(json.dumps(content), KEY)


def test_another_key_is_refused() -> None:
    with pytest.raises(AnchorError, match="another key"):
        read_anchor(ANCHORS[0].line(KEY), b"fedcba9876543210")


@pytest.mark.parametrize("line", ["", "Mar  2 09:00:00 host sshd: session opened", '{"log": "alerts_started"}'])
def test_other_lines_are_passed_over(line: str) -> None:
    assert read_anchor(line, KEY) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (ANCHORS[0].line(KEY)[:-20], "cannot be read"),
        ('"pumpwatch_audit_anchor"', "cannot be read"),
        ('{"pumpwatch_audit_anchor": 1}', "cannot be read"),
        ('{"pumpwatch_audit_anchor": 1, "hmac": "x", "heads": 1, "seen_at": "", "seen_by": ""}', "cannot be read"),
        (ANCHORS[0].line(KEY).replace('anchor": 1', 'anchor": 2'), "is of a format that this release does not know"),
        (ANCHORS[0].line(KEY).replace("+00:00", ""), "is of a format that this release does not know"),
    ],
)
def test_what_is_no_anchor_is_said(line: str, why: str) -> None:
    with pytest.raises(AnchorError, match=why):
        read_anchor(line, KEY)
