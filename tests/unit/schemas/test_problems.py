"""The catalogue of problems: each has its name, its status and its words, and the description shows each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from schemas.http.openapi import PROBLEM_MEDIA, described, problem_schemas, problems, shared
from schemas.http.problems import ABOUT, Problem, ProblemType, type_of_status
from services.runtime.http.problems import CHALLENGE, MEDIA_TYPE, problem


def test_every_problem_is_explained() -> None:
    assert set(ABOUT) == set(ProblemType)
    assert len({each.heading for each in ProblemType}) == len(ProblemType)
    for each in ProblemType:
        assert re.fullmatch(r"urn:pumpwatch:problem:[a-z]+(-[a-z]+)*", each.uri)
        assert 400 <= each.status < 600
        assert each.means.endswith(".")
        assert each.to_do.endswith(".")


@pytest.mark.parametrize("status", sorted({each.status for each in ProblemType}))
def test_where_only_a_status_is_known_a_problem_of_that_status_is_meant(status: int) -> None:
    assert type_of_status(status).status == status


def test_a_status_that_says_nothing_is_a_fault_of_ours() -> None:
    assert type_of_status(418) is ProblemType.FAULT


@pytest.mark.parametrize("kind", ProblemType)
def test_what_is_answered_has_the_form_that_is_described(kind: ProblemType) -> None:
    answer = problem(kind, "so \ud800", errors=[{"detail": "x", "pointer": "#/note"}], instance="urn:uuid:1")
    said = Problem.model_validate_json(bytes(answer.body).replace(b"\\ud800", b""))
    assert (answer.status_code, said.status, said.type, said.title) == (
        kind.status, kind.status, kind.uri, kind.heading,
    )  # fmt: skip
    assert answer.headers["content-type"] == PROBLEM_MEDIA == MEDIA_TYPE
    assert answer.headers.get("www-authenticate") == (CHALLENGE if kind.status == 401 else None)
    assert (said.instance, said.errors and said.errors[0].pointer) == ("urn:uuid:1", "#/note")


def test_the_description_has_each_status_once_with_an_example_of_each_problem() -> None:
    described = problems(*ProblemType, ProblemType.FAULT)
    assert list(described) == sorted({each.status for each in ProblemType})
    shown = [name for each in described.values() for name in each["content"][PROBLEM_MEDIA]["examples"]]
    assert sorted(shown) == sorted(ProblemType)
    assert {status for status, each in described.items() if "headers" in each} == {401, 429, 503}


def answer_of(name: str, words: str = "It.") -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def test_examples_and_words_come_to_their_operations() -> None:
    made = {"200": {"description": "Successful Response", "content": {"application/json": {}}}}
    own = {"204": {"description": "Words of its own."}}
    sent: dict[str, Any] = {"content": {"application/json": {}}}
    document = {
        "paths": {
            "/a": {"post": {"operationId": "a", "requestBody": sent, "responses": made}},
            "/b": {"post": {"operationId": "b", "responses": own}},
        }
    }
    described(document, {"a": {"note": "x"}}, {"a": {200: {"total": 1}}})
    assert sent == {"content": {"application/json": {"example": {"note": "x"}}}}
    assert made["200"] == {
        "description": "What was asked for.",
        "content": {"application/json": {"example": {"total": 1}}},
    }
    assert own == {"204": {"description": "Words of its own."}}


def test_what_several_operations_answer_stands_once() -> None:
    refused = problems(ProblemType.NOT_THERE, ProblemType.UNKNOWN_CLINIC)[404]
    unchanged = {"description": "What the program has still holds."}
    other = answer_of("Other", "Another one.")
    document = {
        "paths": {
            "/a": {"get": {"responses": {"200": answer_of("A"), "304": unchanged, "404": refused, "409": other}}},
            "/b": {"get": {"responses": {"200": answer_of("B"), "304": unchanged, "404": refused}}},
            "/c": {"post": {"responses": {"200": answer_of("C"), "409": answer_of("Other", "Yet another.")}}},
        },
        "components": {},
    }
    made = shared(document)
    names = {"304": "304-nothing", "404": "404-not-there-or-unknown-clinic"}
    assert made["components"]["responses"] == {names["304"]: unchanged, names["404"]: refused}
    for path in ("/a", "/b"):
        answers = made["paths"][path]["get"]["responses"]
        assert {status: answers[status] for status in names} == {
            status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()
        }
    assert made["paths"]["/a"]["get"]["responses"]["409"] == other  # of one name, and not the same
    assert made["paths"]["/a"]["get"]["responses"]["200"] == answer_of("A")


def test_the_form_of_an_error_is_described_with_every_name() -> None:
    schemas = problem_schemas()
    assert schemas["Problem"]["properties"]["type"]["enum"] == [each.uri for each in ProblemType]
    assert set(schemas) == {"Problem", "FieldFault"}
