"""What is wrong with a request, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from services.alerts.web.programs.faults import faults_of_fields, in_a_sentence
from services.alerts.web.programs.negotiation import MOST_FAULTS


def said(*loc: object, kind: str = "missing", msg: str = "Field required", **more: object) -> dict[str, Any]:
    return {"type": kind, "loc": loc, "msg": msg, **more}


@pytest.mark.parametrize(
    ("fault", "expected", "sentence"),
    [
        (said("query", "limit"), {"parameter": "limit", "detail": "is missing"}, "limit: is missing"),
        (said("path", "alert_id"), {"parameter": "alert_id", "detail": "is missing"}, "alert_id: is missing"),
        (said("query"), {"parameter": "query", "detail": "is missing"}, "query: is missing"),
        (said("body", "note"), {"pointer": "#/note", "detail": "is missing"}, "note: is missing"),
        (said("body", "a/b~c", 0), {"pointer": "#/a~1b~0c/0", "detail": "is missing"}, "a~1b~0c.0: is missing"),
        (said("body"), {"pointer": "#", "detail": "is missing"}, "is missing"),
        (
            said("body", msg="Value error, leave `by` out", kind="value_error"),
            {"pointer": "#", "detail": "leave `by` out"},
            "leave `by` out",
        ),
        (
            said("body", 3, kind="json_invalid", ctx={"error": "Expecting value"}),
            {"pointer": "#", "detail": "expected JSON: Expecting value, at character 3"},
            "expected JSON: Expecting value, at character 3",
        ),
        (
            said("body", kind="json_invalid"),
            {"pointer": "#", "detail": "expected JSON: , at character 0"},
            "expected JSON: , at character 0",
        ),
    ],
)
def test_a_fault_names_where_it_is(fault: dict[str, Any], expected: dict[str, str], sentence: str) -> None:
    found = faults_of_fields([fault])
    assert found == [expected]
    assert in_a_sentence(found, 1) == sentence


def test_of_many_faults_the_first_are_named_and_all_are_counted() -> None:
    many = [said("body", f"field{number}") for number in range(1000)]
    found = faults_of_fields(many)
    assert len(found) == MOST_FAULTS
    assert in_a_sentence(found, len(many)) == "field0: is missing (and 999 more)"


def test_where_nothing_is_said_nothing_is_made_up() -> None:
    assert in_a_sentence([], 0) == "the request is not understood"
