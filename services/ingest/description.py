"""What gateways and monitors may ask of ingest by HTTP, as OpenAPI 3.1: published, and at `/openapi.json`.

What devices send is the same by MQTT and by HTTP: its forms are those of the published JSON Schemas.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, EventKind, Receipt
from schemas.examples import BATCH, RECEIPT, RECEIPT_OF_A_BATCH
from schemas.examples import EVENTS as EVENT_EXAMPLES
from schemas.http.openapi import REFERENCE, described, problem_schemas, problems, shared
from schemas.http.problems import ProblemType
from schemas.publish import wire_definitions

VERSION: Final = "1.0.0"
_GATEWAY: Final = "gateway"
_HEALTH: Final = "health"
_JSON: Final = "application/json"
_ALWAYS: Final = (ProblemType.TOO_LARGE, ProblemType.NOT_UNDERSTOOD, ProblemType.FAULT)
_FOR_ALL: Final[dict[str, Any]] = {"security": [{}]}
_WORDS: Final = f"""\
For gateways that cannot speak MQTT, and for whoever watches ingest. A gateway sends what a device would publish, in the
same form, and the answer is the receipt: it comes after the commit. Keep each event, and send it again, until a
receipt counts it; what comes twice with the same `event_id` and `observed_at` is stored once. A message holds at most
{MAX_PAYLOAD_BYTES} bytes and {MAX_BATCH_EVENTS} events.

A parameter that means nothing here is passed over, and so are unknown fields of an event: an alarm that were refused
for one would be heard by nobody. HEAD is answered wherever GET is. Errors are `application/problem+json` (RFC 9457),
each explained in docs/api.md; whatever is not described here is 404, or 405 with `Allow`.
"""

_READY_SCHEMA: Final = {
    "type": "object",
    "required": ["ready", "missing"],
    "properties": {
        "ready": {"type": "boolean", "description": "Whether events are taken in and stored."},
        "missing": {
            "type": "object",
            "description": "What keeps it from that, part by part, and why. To strangers without names.",
            "additionalProperties": {"type": "string"},
        },
    },
}


_ANSWERS: Final[dict[str, dict[int, Any]]] = {
    "isAlive": {200: {"status": "alive"}},
    "isReady": {
        200: {"ready": True, "missing": {}},
        503: {"ready": False, "missing": {"database": "it cannot be reached"}},
    },
    "sendEvents": {200: RECEIPT, 422: RECEIPT_OF_A_BATCH | {"stored": 0, "duplicates": 0}},
}
"""By the name of the operation and the status, an example."""


def _of_json(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {_JSON: {"schema": schema}}}


_RECEIPT: Final = {"$ref": REFERENCE.format(model=Receipt.__name__)}

LIVE: Final[dict[str, Any]] = {
    "summary": "Whether it lives",
    "operation_id": "isAlive",
    "tags": [_HEALTH],
    "openapi_extra": _FOR_ALL,
    "responses": problems(*_ALWAYS),
}
READY: Final[dict[str, Any]] = {
    "summary": "Whether events are taken in",
    "operation_id": "isReady",
    "tags": [_HEALTH],
    "openapi_extra": _FOR_ALL,
    "responses": problems(*_ALWAYS)
    | {
        200: _of_json("Events are taken in and stored.", _READY_SCHEMA),
        503: _of_json("They are not; `missing` says why.", _READY_SCHEMA),
    },
}
METRICS: Final[dict[str, Any]] = {
    "summary": "What is counted",
    "operation_id": "getMetrics",
    "response_class": Response,
    "tags": [_HEALTH],
    "openapi_extra": _FOR_ALL,
    "responses": problems(*_ALWAYS)
    | {
        200: {
            "description": "In the text format of Prometheus.",
            "content": {CONTENT_TYPE_LATEST.partition(";")[0]: {"schema": {"type": "string"}}},
        }
    },
}
EVENTS: Final[dict[str, Any]] = {
    "summary": "Send events",
    "operation_id": "sendEvents",
    "tags": ["events"],
    "responses": problems(
        ProblemType.BROKEN_REQUEST,
        ProblemType.NOT_SIGNED_IN,
        ProblemType.GATEWAYS_CLOSED,
        ProblemType.TOO_SLOW,
        ProblemType.TOO_LARGE,
        ProblemType.FAULT,
        ProblemType.NOT_STORED,
    )
    | {
        200: _of_json("Something was stored, or was stored before: the receipt.", _RECEIPT),
        422: {
            "description": "Nothing was stored: the receipt says why, event by event. Or the address is none.",
            "content": {
                _JSON: {"schema": _RECEIPT},
                **problems(ProblemType.NOT_UNDERSTOOD)[422]["content"],
            },
        },
    },
    "openapi_extra": {
        "security": [{_GATEWAY: []}],
        "requestBody": {
            "description": "One event, which says its kind, or an array of them.",
            "required": True,
            "content": {
                _JSON: {
                    "schema": {
                        "anyOf": [{"$ref": REFERENCE.format(model="Event")}, {"$ref": REFERENCE.format(model="Batch")}]
                    },
                    "examples": {
                        "one": {"value": {"kind": EventKind.RESERVOIR.value, **EVENT_EXAMPLES[EventKind.RESERVOIR]}},
                        "several": {"value": BATCH},
                    },
                }
            },
        },
    },
}


def describe(api: FastAPI) -> dict[str, Any]:
    """The description of the routes of ingest's application."""
    said = get_openapi(
        title="Pumpwatch ingest",
        version=VERSION,
        summary="Events of pumps and handhelds, from gateways by HTTP.",
        description=_WORDS,
        routes=api.routes,
        tags=[
            {"name": "events", "description": "What devices send, by way of a gateway."},
            {"name": _HEALTH, "description": "For whoever watches ingest itself."},
        ],
        servers=[{"url": "/"}],
    )
    schemas = said.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    said["components"]["schemas"] = dict(sorted((schemas | wire_definitions(REFERENCE) | problem_schemas()).items()))
    said["components"]["securitySchemes"] = {
        _GATEWAY: {"type": "http", "scheme": "bearer", "description": "INGEST_GATEWAY_TOKEN, which all gateways share."}
    }
    described(said, {}, _ANSWERS)
    return shared(said)
