"""PURE. How the descriptions of what is asked by HTTP (OpenAPI 3.1) tell of errors: by status, each with an example.

Both services that are asked by programs describe themselves with it, so that an error reads the same everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from schemas.http.problems import FieldFault, Problem, ProblemType

PROBLEM_MEDIA: Final = "application/problem+json"
REFERENCE: Final = "#/components/schemas/{model}"
RETRY_AFTER: Final[dict[str, Any]] = {
    "Retry-After": {
        "description": "So many seconds to wait before it is asked again.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
_JSON: Final = "application/json"
_NO_WORDS: Final = "Successful Response"
_DONE: Final = {"200": "What was asked for.", "201": "It is made.", "204": "It is done."}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "How to say who asks.", "schema": {"type": "string"}}},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}


def problems(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """Errors, by status."""
    by_status: dict[int, list[ProblemType]] = defaultdict(list)
    for each in kinds:
        if each not in by_status[each.status]:
            by_status[each.status].append(each)
    return {status: _problem(status, by_status[status]) for status in sorted(by_status)}


def described(document: dict[str, Any], bodies: Mapping[str, Any], answers: Mapping[str, Mapping[int, Any]]) -> None:
    """Put examples into a description, and words where the framework has none, each by the name of its operation."""
    for operation in (each for path in document["paths"].values() for each in path.values()):
        name = operation["operationId"]
        if name in bodies:
            operation["requestBody"]["content"][_JSON]["example"] = bodies[name]
        for status, example in answers.get(name, {}).items():
            operation["responses"][str(status)]["content"][_JSON]["example"] = example
        for done, words in _DONE.items():
            if operation["responses"].get(done, {}).get("description") == _NO_WORDS:
                operation["responses"][done]["description"] = words


def shared(document: dict[str, Any]) -> dict[str, Any]:
    """The same description, in which an answer that several operations give stands once."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for operation in (each for path in document["paths"].values() for each in path.values()):
        for status, said in operation["responses"].items():
            found[_name(status, said)].append(said)
    several = {name: said[0] for name, said in found.items() if len(said) > 1 and all(each == said[0] for each in said)}
    for operation in (each for path in document["paths"].values() for each in path.values()):
        for status, said in operation["responses"].items():
            if (name := _name(status, said)) in several:
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    document["components"]["responses"] = dict(sorted(several.items()))
    return document


def _name(status: str, said: dict[str, Any]) -> str:
    """What an answer is called: its status, and the problems or the form that it has."""
    forms = said.get("content", {}).values()
    shown = [name for form in forms for name in form.get("examples", ())]
    named = [form["schema"]["$ref"].rpartition("/")[2] for form in forms if "$ref" in form.get("schema", {})]
    return f"{status}-{'-or-'.join(shown or named or ['nothing'])}"


def problem_schemas() -> dict[str, Any]:
    """The form of every error."""
    made = Problem.model_json_schema(ref_template=REFERENCE)
    of_a_field = FieldFault.model_json_schema(ref_template=REFERENCE)
    return {"Problem": {name: each for name, each in made.items() if name != "$defs"}, "FieldFault": of_a_field}


def _problem(status: int, kinds: list[ProblemType]) -> dict[str, Any]:
    said = {
        "description": " ".join(f"`{each.value}`: {each.means}" for each in kinds),
        "content": {
            PROBLEM_MEDIA: {
                "schema": {"$ref": REFERENCE.format(model=Problem.__name__)},
                "examples": {each.value: {"value": _example(each)} for each in kinds},
            }
        },
    }
    return said | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _example(kind: ProblemType) -> dict[str, Any]:
    said: dict[str, Any] = {"type": kind.uri, "title": kind.heading, "status": kind.status, "detail": _DETAILS[kind]}
    if kind is ProblemType.NOT_UNDERSTOOD:
        said["errors"] = [{"parameter": "prioritty", "detail": _DETAILS[kind]}]
    if kind is ProblemType.FAULT:
        said["instance"] = "urn:uuid:3f0c8a52-6f5d-4c3a-9a55-2f0d8f1a7c08"
    return said


_DETAILS: Final = {
    ProblemType.BROKEN_REQUEST: "There was an error parsing the body",
    ProblemType.NOT_SIGNED_IN: "expected a session, or the header 'Authorization: Bearer KEY' with a key that is good "
    "now",
    ProblemType.NOT_ALLOWED: "you may read alerts of north, and not act on them: that takes a key with the scope "
    "alerts.act",
    ProblemType.NO_FORM_TOKEN: "expected the token of the session in the header x-pumpwatch-csrf",
    ProblemType.FROM_ANOTHER_SITE: "This form was sent from another site, and is refused.",
    ProblemType.GATEWAYS_CLOSED: "this way in is closed: set INGEST_GATEWAY_TOKEN to open it",
    ProblemType.NO_SUCH_PATH: "there is nothing at this address",
    ProblemType.NOT_THERE: "there is no alert 0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c08",
    ProblemType.UNKNOWN_CLINIC: "there is no clinic 'nroth' that you may see: expected one of north, south",
    ProblemType.WRONG_METHOD: "this address takes GET, HEAD, and not PUT",
    ProblemType.NOT_ACCEPTABLE: "expected an Accept header that takes application/json",
    ProblemType.TOO_SLOW: "the body did not come within 10 s: send it again",
    ProblemType.CANNOT_BE_DONE: "Ann Keller has already acknowledged this alert",
    ProblemType.RIGHTS_CHANGED: "your rights have changed meanwhile: open the board again",
    ProblemType.TOO_LARGE: "the body has more than 1,000,000 bytes",
    ProblemType.NOT_JSON: "expected the Content-Type application/json, and it is 'text/plain'",
    ProblemType.NOT_UNDERSTOOD: "there is no parameter 'prioritty'; near it is 'priority': expected one of state, "
    "clinic_id, priority, rule, person, text, sort, limit, cursor",
    ProblemType.TOO_MANY_WRONG_KEYS: "Too many wrong keys came from your network.",
    ProblemType.FAULT: "Something went wrong here, and is written down. This says nothing about any pump.",
    ProblemType.DATABASE_AWAY: "The database cannot be reached. This says nothing about any pump.",
    ProblemType.NOT_STORED: "the database is away: send it again later",
    ProblemType.TOO_MANY_OPEN: "As many boards are kept true as can be: this one reads itself again now and then.",
}
