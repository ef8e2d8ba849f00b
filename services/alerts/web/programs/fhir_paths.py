"""The FHIR routes as the description of programs has them: by FHIR's own conventions, not by those of /v1.

The CapabilityStatement at `/fhir/R4/metadata` is what a FHIR client reads; this is for whoever looks at one place for
all that can be asked.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.http.openapi import problems
from schemas.http.problems import ProblemType
from services.alerts.web.fhir.scopes import RESOURCES
from services.alerts.web.fhir.search import MOST, NEEDED, PARAMETERS, USUAL
from services.alerts.web.programs.answers import KEY, Tag

PATH: Final = "/fhir/R4"
MEDIA: Final = "application/fhir+json"
_OUTCOME: Final = "OperationOutcome"
_REFUSED: Final = {
    400: "The search is not understood; `diagnostics` names the parameter, and what was expected.",
    401: "There is no key, or none that is good now.",
    403: "The key has not the scope.",
    404: "There is no such resource, or it is another clinic's.",
    405: "Here is only read.",
    406: "`Accept` leaves out FHIR's JSON.",
    429: "Too many wrong keys came from this network.",
    503: "The database cannot be reached. This says nothing about any pump.",
}
_HEADERS: Final[dict[int, tuple[str, dict[str, Any]]]] = {
    401: ("WWW-Authenticate", {"type": "string"}),
    429: ("Retry-After", {"type": "integer", "minimum": 0}),
    503: ("Retry-After", {"type": "integer", "minimum": 0}),
}
_ID: Final = {"type": "string", "pattern": r"^[A-Za-z0-9.-]{1,64}$"}
_REFERENCE: Final = ("device", "source", "implicated", "author")
_DATES: Final = ("date", "identified", "sent", "_lastUpdated")
_EXAMPLES: Final = {
    "device": "Device/pump-0012",
    "source": "Device/pump-0012",
    "implicated": "Device/pump-0012",
    "author": "Device/pump-0012",
    "identifier": "urn:pumpwatch:device-id|pump-0012",
    "type": "pump",
    "code": "urn:pumpwatch:observation|reservoir-volume",
}


def fhir_paths() -> dict[str, Any]:
    """By path, what can be asked there."""
    found = {f"{PATH}/metadata": {"get": _metadata()}}
    for name in RESOURCES:
        found[f"{PATH}/{name}"] = {"get": _search(name)}
        found[f"{PATH}/{name}/{{resource_id}}"] = {"get": _read(name)}
    return found


def fhir_schemas() -> dict[str, Any]:
    """The forms of what is answered, as far as a program that knows no FHIR needs them."""

    def resource(name: str, description: str, required: tuple[str, ...], **members: Any) -> dict[str, Any]:
        kind = {"type": "string", "const": name}
        return {
            "type": "object",
            "description": f"{description} Its members are those of FHIR R4 (4.0.1).",
            "required": ["resourceType", *required],
            "properties": {"resourceType": kind, **members},
        }

    texts = {"type": "array", "items": {"type": "object"}}
    named = {"id": _ID}
    entries = {"type": "array", "items": {"type": "object", "required": ["fullUrl", "resource"]}}
    return {
        **{f"Fhir{name}": resource(name, f"A {name}.", ("id",), **named) for name in RESOURCES},
        "FhirBundle": resource(
            "Bundle",
            "A page of a search; the link `next` asks for the page after it. Without `entry`: nothing matches.",
            ("type", "link"),
            type={"type": "string", "const": "searchset"},
            link=texts,
            entry=entries,
        ),
        "FhirCapabilityStatement": resource("CapabilityStatement", "What can be read here.", ("rest",), rest=texts),
        "FhirOperationOutcome": resource(_OUTCOME, "What went wrong.", ("issue",), issue=texts),
    }


def _metadata() -> dict[str, Any]:
    return {
        "tags": [Tag.FHIR.value],
        "summary": "The CapabilityStatement",
        "description": "What can be read here, and by which parameters. It is open to everybody.",
        "operationId": "fhirMetadata",
        "security": [{}],
        "responses": {"200": _answer("CapabilityStatement", "The statement."), **_before_fhir()},
    }


def _search(name: str) -> dict[str, Any]:
    needed = f" It needs `{NEEDED[name]}` or `_id`." if name in NEEDED else ""
    return {
        "tags": [Tag.FHIR.value],
        "summary": f"Search {name}",
        "description": f"{name} resources that match, page by page.{needed}",
        "operationId": f"fhirSearch{name}",
        "security": [{KEY: [f"system/{name}.s"]}],
        "parameters": [_parameter(each) for each in (*PARAMETERS[name], "_id", "_count", "_cursor", "_format")],
        "responses": {"200": _answer("Bundle", "A page of them."), **_refusals(), **_before_fhir()},
    }


def _read(name: str) -> dict[str, Any]:
    return {
        "tags": [Tag.FHIR.value],
        "summary": f"One {name}",
        "description": f"The {name} of that id.",
        "operationId": f"fhirRead{name}",
        "security": [{KEY: [f"system/{name}.r"]}],
        "parameters": [
            {
                "name": "resource_id",
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
                "description": "Its id.",
            }
        ],
        "responses": {"200": _answer(name, "It."), **_refusals(), **_before_fhir()},
    }


def _parameter(name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "in": "query", "required": False}
    if name == "_count":
        words = f"So many at most on a page; {USUAL} unless said."
        return said | {"description": words, "schema": {"type": "integer", "minimum": 1, "maximum": MOST}}
    if name == "_format":
        return said | {"description": "The form of the answer.", "schema": {"type": "string", "enum": ["json"]}}
    if name == "_cursor":
        words = "As the link `next` of the page before has it."
        return said | {"description": words, "schema": {"type": "string"}}
    if name in _DATES:
        words = (
            "From, until or in a time: `ge2026-11-01`, `lt2026-11-01T08:00:00+01:00`. May stand there several times."
        )
        schema: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
        return said | {"description": words, "schema": schema, "example": ["ge2026-11-01"]}
    words = (
        "A reference to a device." if name in _REFERENCE else "A token, as FHIR has it; several with commas between."
    )
    if name == "_id":
        return said | {"description": "Ids, with commas between.", "schema": {"type": "string"}}
    return said | {"description": words, "schema": {"type": "string"}, "example": _EXAMPLES[name]}


def _answer(name: str, words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA: {"schema": {"$ref": f"#/components/schemas/Fhir{name}"}}}}


def _refusals() -> dict[str, Any]:
    found = {}
    for status, words in _REFUSED.items():
        said = _answer(_OUTCOME, words)
        if status in _HEADERS:
            header, schema = _HEADERS[status]
            said["headers"] = {header: {"schema": schema}}
        found[str(status)] = said
    return found


def _before_fhir() -> dict[str, Any]:
    """What is refused before FHIR sees it has the form of all other errors."""
    said = problems(ProblemType.TOO_LARGE, ProblemType.NOT_UNDERSTOOD, ProblemType.FAULT)
    return {str(status): each for status, each in said.items()}
