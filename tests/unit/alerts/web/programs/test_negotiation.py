"""What a request asks for by its headers and its address: understood, or refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.programs.negotiation import (
    MOST_FAULTS,
    etag_of,
    faults_of_parameters,
    has_body,
    is_json,
    is_known,
    takes_json,
)

KNOWN = ("state", "priority", "limit")


def test_a_parameter_that_is_unknown_is_named_with_those_near_it() -> None:
    (fault,) = faults_of_parameters([("state", "open"), ("prioritty", "high")], KNOWN)
    said = "there is no parameter 'prioritty'; near it is 'priority': expected one of state, priority, limit"
    assert fault == {"parameter": "prioritty", "detail": said}


def test_where_nothing_is_asked_for_nothing_is_expected() -> None:
    (fault,) = faults_of_parameters([("x", "")], ())
    assert fault["detail"] == "there is no parameter 'x': expected none"


def test_a_parameter_that_stands_there_twice_is_named_once() -> None:
    (fault,) = faults_of_parameters([("state", "a"), ("state", "a"), ("state", "b")], KNOWN)
    assert fault == {"parameter": "state", "detail": "state stands in the address twice: expected it once"}


def test_only_so_many_faults_are_named_and_no_name_is_told_at_length() -> None:
    found = faults_of_parameters([(f"{number}{'x' * 10_000}", "") for number in range(10_000)], KNOWN)
    assert len(found) == MOST_FAULTS
    assert all(len(each["detail"]) < 300 for each in found)


@given(st.lists(st.sampled_from(KNOWN), unique=True))
def test_what_is_known_is_refused_in_no_order(names: list[str]) -> None:
    assert faults_of_parameters([(each, "") for each in names], KNOWN) == []


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/*", True),
        ("text/html, application/xhtml+xml, */*;q=0.8", True),
        ("text/html", False),
        ("application/problem+json", False),
        ("application/json;q=0", False),
        ("application/json; q=0.000, */*", False),
        ("*/*;q=0", False),
        ("*/*;q=0, application/json;q=0.1", True),
        ("nonsense", False),
        (",", False),
        ("application/json;q=nonsense", True),
    ],
)
def test_what_may_be_answered(accept: str, taken: bool) -> None:
    assert takes_json(accept) is taken


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/Json; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/json", False),
        ("text/plain", False),
        ("", False),
        ("image/x+json", False),
    ],
)
def test_what_is_json(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected


@pytest.mark.parametrize(
    ("length", "encoding", "expected"),
    [(None, None, False), ("0", None, False), ("7", None, True), (None, "chunked", True), ("0", "chunked", True)],
)
def test_whether_there_is_a_body(length: str | None, encoding: str | None, expected: bool) -> None:
    assert has_body(length, encoding) is expected


def answer(read_at: str, total: int) -> bytes:
    return json.dumps({"read_at": read_at, "total": total}, separators=(",", ":")).encode()


def test_an_answer_has_another_name_when_something_has_changed_but_the_time() -> None:
    assert etag_of(answer("2026-03-02T09:00:00Z", 1)) == etag_of(answer("2026-03-02T09:00:01Z", 1))
    assert etag_of(answer("2026-03-02T09:00:00Z", 1)) != etag_of(answer("2026-03-02T09:00:00Z", 2))
    assert etag_of(b"{}") != etag_of(b"[]")


def test_an_answer_that_a_program_has_is_known() -> None:
    etag = etag_of(b"{}")
    strong = etag.removeprefix("W/")
    assert etag.startswith('W/"')
    for said in (etag, strong, "*", f'"other", {etag}', f'{strong},W/"other"'):
        assert is_known(said, etag), said
    for said in ("", '"other"', "other", strong.strip('"')):
        assert not is_known(said, etag), said
