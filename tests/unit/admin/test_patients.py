"""Whose data is meant, and which bytes of a device are about whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.admin.patients.model import (
    Implantation,
    PatientError,
    Span,
    choose,
    refuse_if_it_holds,
    refuse_reference_in_reason,
)
from services.admin.patients.payloads import split
from services.admin.registry.model import EVER, FOREVER

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def implantation(
    number: int = 1, pump: str = "p-1", reference: str | None = None, until: datetime = NOW - DAY, retired: bool = False
) -> Implantation:
    return Implantation(100 * number, pump, number, number == 1, reference, EVER, until, retired, None)


A, B, NAMELESS = implantation(1, reference="A-17"), implantation(2, reference="B-2"), implantation(3)


@pytest.mark.parametrize(
    ("name", "number", "found", "chosen"),
    [
        ("A-17", None, [A], A),
        ("p-1", None, [A], A),
        ("p-1", 2, [A, B, NAMELESS], B),
        ("p-1", 3, [A, B, NAMELESS], NAMELESS),
    ],
)
def test_whose_is_meant(name, number, found, chosen):
    assert choose(name, found, number) is chosen


@pytest.mark.parametrize(
    ("name", "number", "found", "says"),
    [
        ("x", None, [], "x: expected a patient's reference or a pump, and there is none"),
        ("p-1", None, [A, B], r"implantation 1: patient A-17, from ever until .*; pump p-1, implantation 2"),
        ("p-1", 4, [A, B], "there is no implantation 4: expected 1 to 2"),
        ("A-17", 1, [A], "expected a pump's id: --implantation goes with one"),
        ("p-1", None, [NAMELESS, implantation(1, "p-2", "p-1")], "a patient without a reference"),
    ],
)
def test_what_is_not_clear_is_refused(name, number, found, says):
    with pytest.raises(PatientError, match=says):
        choose(name, found, number)


def test_what_is_typed_to_confirm_is_the_reference_or_the_pump():
    assert (A.name, NAMELESS.name) == ("A-17", "p-1")


def test_a_patient_who_is_watched_is_not_erased():
    refuse_if_it_holds(implantation(until=NOW), NOW)
    refuse_if_it_holds(implantation(until=FOREVER, retired=True), NOW)
    for until in (FOREVER, NOW + DAY):
        with pytest.raises(PatientError, match="is in this patient and watched: expected an implantation that is over"):
            refuse_if_it_holds(implantation(until=until), NOW)


def test_what_stays_does_not_name_the_patient():
    refuse_reference_in_reason(A, "asked", "Ann")
    refuse_reference_in_reason(NAMELESS, "A-17", "Ann")
    for reason, by in (("for a-17 of ward 3", "Ann"), ("asked", "A-17")):
        with pytest.raises(PatientError, match="without the patient's reference"):
            refuse_reference_in_reason(A, reason, by)


SPANS = [Span("p-1", NOW - 30 * DAY, NOW - 10 * DAY), Span("h-1", NOW - 20 * DAY, NOW - 10 * DAY)]


def event(at: object) -> dict[str, object]:
    return {"observed_at": at.isoformat() if isinstance(at, datetime) else at, "n": str(at)}


def encoded(*events: object) -> bytes:
    return json.dumps(list(events)).encode()


MINE, LATER, NOT_YET = event(NOW - 15 * DAY), event(NOW - 5 * DAY), event(NOW - 25 * DAY)


@pytest.mark.parametrize(
    ("payload", "device", "received", "theirs", "others"),
    [
        pytest.param(encoded(MINE), "h-1", NOW, True, None, id="handed in when the device had gone on"),
        pytest.param(encoded(LATER), "h-1", NOW, None, True, id="of the next patient"),
        pytest.param(encoded(NOT_YET), "h-1", NOW, None, True, id="before the handheld was paired"),
        pytest.param(encoded(NOT_YET), "p-1", NOW, True, None, id="and of the pump"),
        pytest.param(encoded(MINE), "h-9", NOW, None, True, id="another device"),
        pytest.param(json.dumps(MINE).encode(), "h-1", NOW, True, None, id="one event"),
        pytest.param(json.dumps(LATER).encode(), "h-1", NOW, None, True, id="one event of the next"),
        pytest.param(encoded(MINE, LATER), "h-1", NOW, encoded(MINE), encoded(LATER), id="of both"),
        pytest.param(b"\xff", "h-1", NOW - 15 * DAY, True, None, id="unreadable, by its receipt"),
        pytest.param(b"\xff", "h-1", NOW, None, True, id="unreadable, of the next"),
        pytest.param(b"[]", "h-1", NOW - 15 * DAY, True, None, id="no events"),
        pytest.param(b"[]", "h-1", NOW, None, True, id="no events, of the next"),
        pytest.param(b"[" * 100_000, "h-1", NOW, None, True, id="too deep"),
        pytest.param(encoded(event("1970-01-01T00:00:00Z")), "h-1", NOW - 15 * DAY, True, None, id="a clock of 1970"),
        pytest.param(encoded(event(NOW)), "h-1", NOW - 15 * DAY, True, None, id="dated ahead"),
        pytest.param(encoded(event("soon")), "h-1", NOW - 15 * DAY, True, None, id="no date"),
        pytest.param(encoded(event(7)), "h-1", NOW - 15 * DAY, True, None, id="a date that is no text"),
        pytest.param(encoded(event("2026-11-07T12:00:00")), "h-1", NOW, True, None, id="a date without an offset"),
        pytest.param(encoded(event("0001-01-01T00:00:00+14:00")), "h-1", NOW, None, True, id="the first year"),
    ],
)
def test_bytes_are_whose_they_are_judged_to_be(payload, device, received, theirs, others):
    expected = tuple(payload if each is True else each for each in (theirs, others))
    assert split(payload, device, received, SPANS) == expected


@given(st.binary(max_size=40), st.sampled_from(["h-1", "p-1", "x"]))
def test_every_message_has_an_answer_and_nothing_is_lost(payload, device):
    theirs, others = split(payload, device, NOW, SPANS)
    assert payload in (theirs, others)


@given(st.lists(st.integers(-40, 0)))
def test_each_event_of_an_array_is_in_one_part_in_order(days):
    events = [event(NOW + day * DAY) for day in days]
    theirs, others = split(encoded(*events), "h-1", NOW, SPANS)
    split_up = [json.loads(part) for part in (theirs, others) if part]
    assert sorted(chain.from_iterable(split_up), key=str) == sorted(events, key=str)
