"""The audit chain: what is changed or missing is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.audit.chain import AuditHead, AuditRow, ChainCheck


def chain(clinic: str, length: int) -> list[AuditRow]:
    hashes = [b"", *(f"{clinic}{n}".encode() for n in range(1, length + 1))]
    return [
        AuditRow(clinic, n, hashes[n - 1], hashes[n], hashes[n], at(n), at(n) + timedelta(seconds=1))
        for n in range(1, length + 1)
    ]


def at(minutes: float) -> datetime:
    return datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(minutes=minutes)


NORTH, SOUTH = chain("north", 4), chain("south", 2)
HEADS = [AuditHead("north", 4, b"north4"), AuditHead("south", 2, b"south2")]


def faults(rows: list[AuditRow], heads: list[AuditHead]) -> list[tuple[str, int, str]]:
    check = ChainCheck()
    found = [fault for row in rows for fault in check.faults_of(row)]
    found += check.faults_of_heads(heads)
    return [(fault.clinic_id, fault.clinic_seq, fault.fault) for fault in found]


@pytest.mark.parametrize(
    ("rows", "heads", "expected"),
    [
        pytest.param([], [], [], id="nothing yet"),
        pytest.param([], [AuditHead("north", 0, b"")], [], id="a head that was only prepared"),
        pytest.param(NORTH + SOUTH, HEADS, [], id="whole"),
        pytest.param(
            [*NORTH[:2], replace(NORTH[2], computed_hash=b"x"), NORTH[3], *SOUTH],
            HEADS,
            [("north", 3, "was changed after it was written")],
            id="a changed row",
        ),
        pytest.param(
            [NORTH[0], *NORTH[2:], *SOUTH], HEADS, [("north", 3, "row 2 is missing before it")], id="a missing row"
        ),
        pytest.param(
            [NORTH[0], NORTH[3], *SOUTH], HEADS, [("north", 4, "rows 2 to 3 are missing before it")], id="missing rows"
        ),
        pytest.param(
            [NORTH[0], replace(NORTH[1], row_hash=b"x", computed_hash=b"x"), *NORTH[2:], *SOUTH],
            HEADS,
            [("north", 3, "does not follow from the row before it")],
            id="a row rewritten with its own hash",
        ),
        pytest.param(
            [*NORTH[:3], *SOUTH],
            HEADS,
            [("north", 4, "the trail ends at row 3, and its head says 4")],
            id="a missing end",
        ),
        pytest.param(
            SOUTH, HEADS, [("north", 4, "the trail ends at row 0, and its head says 4")], id="a missing clinic"
        ),
        pytest.param(NORTH, HEADS[:0], [("north", 0, "the clinic's head is missing")], id="a missing head"),
    ],
)
def test_faults(rows: list[AuditRow], heads: list[AuditHead], expected: list[tuple[str, int, str]]) -> None:
    assert faults(rows, heads) == expected


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(
            replace(NORTH[2], at=at(-3)), "is dated 2026-03-02T08:57:00+00:00, and was written", id="dated back"
        ),
        pytest.param(
            replace(NORTH[2], at=at(9)), "is dated 2026-03-02T09:09:00+00:00, and was written", id="dated ahead"
        ),
        pytest.param(
            replace(NORTH[2], recorded_at=at(0.9), at=at(0.9)),
            "was written 2026-03-02T09:00:54+00:00, and a row before it 2026-03-02T09:02:01+00:00",
            id="written before the one before it",
        ),
        pytest.param(
            replace(NORTH[2], recorded_at=None),
            "has no time of the database's clock, and a row before it has",
            id="timeless",
        ),
        pytest.param(replace(NORTH[2], at=at(3) - timedelta(minutes=4)), None, id="a transaction that waited"),
        pytest.param(replace(NORTH[2], recorded_at=at(1.1)), None, id="the database's clock was set back a little"),
    ],
)
def test_a_row_is_dated_when_it_was_written(row: AuditRow, fault: str | None) -> None:
    found = faults([*NORTH[:2], row, NORTH[3]], HEADS[:1])
    assert [number for _, number, _ in found] == ([3] if fault else [])
    assert all(text.startswith(fault or "") for _, _, text in found)


def test_rows_from_before_have_no_time_of_the_database() -> None:
    assert faults([replace(row, recorded_at=None, at=at(-99_999)) for row in NORTH], HEADS[:1]) == []


LEFT = replace(NORTH[1], computed_hash=b"what is left")
SAID = {("north", 2): b"what is left".hex()}


@pytest.mark.parametrize(
    ("row", "said", "erased", "found"),
    [
        pytest.param(LEFT, SAID, 1, [], id="erased, as a later row says"),
        pytest.param(NORTH[1], SAID, 0, [], id="said to be erased, and whole"),
        pytest.param(LEFT, {("south", 2): SAID["north", 2]}, 0, [2], id="another clinic's was erased"),
        pytest.param(replace(LEFT, computed_hash=b"changed since"), SAID, 0, [2], id="changed after it was erased"),
        pytest.param(replace(LEFT, row_hash=b"x"), SAID, 1, [3], id="its hash too was changed"),
        pytest.param(replace(LEFT, previous_hash=b"x"), SAID, 1, [2], id="does not follow from the row before"),
    ],
)
def test_a_row_that_was_erased_by_order_is_whole(row, said, erased, found):
    check = ChainCheck(said)
    faults = [fault.clinic_seq for each in (NORTH[0], row, *NORTH[2:]) for fault in check.faults_of(each)]
    assert (faults, check.erased) == (found, erased)
