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
        (said("query", "limit"), {"parameter": "limit", "detail": "Field required"}, "limit: Field required"),
        (said("path", "alert_id"), {"parameter": "alert_id", "detail": "Field required"}, "alert_id: Field required"),
        (said("query"), {"parameter": "query", "detail": "Field required"}, "query: Field required"),
        (said("body", "note"), {"pointer": "#/note", "detail": "Field required"}, "note: Field required"),
        (said("body", "a/b~c", 0), {"pointer": "#/a~1b~0c/0", "detail": "Field required"}, "a~1b~0c.0: Field required"),
        (said("body"), {"pointer": "#", "detail": "Field required"}, "Field required"),
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
    assert in_a_sentence(found, len(many)) == "field0: Field required (and 999 more)"


def test_where_nothing_is_said_nothing_is_made_up() -> None:
    assert in_a_sentence([], 0) == "the request is not understood"
