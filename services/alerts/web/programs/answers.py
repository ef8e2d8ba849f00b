"""What each route of programs says of itself in the description: its other answers, who may ask, what it is about."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from schemas.http.openapi import problems
from schemas.http.problems import ProblemType

KEY: Final = "key"
SESSION: Final = "session"
FORM_TOKEN: Final = "formToken"  # noqa: S105 - the name of a scheme
ETAG: Final[dict[str, Any]] = {
    "ETag": {
        "description": "What this answer is called, as long as it says the same (`read_at` apart).",
        "schema": {"type": "string"},
    }
}
IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the answer one has: where it still holds, the answer is 304 and has no body.",
    "schema": {"type": "string"},
    "example": 'W/"5f2b1c0e9d8a7b6c5d4e3f2a1b0c9d8e"',
}


class Tag(StrEnum):
    """What routes are about."""

    ALERTS = "alerts"
    SILENCES = "silences"
    PUMPS = "pumps"
    ON_CALL = "on call"
    HEALTH = "health"
    FHIR = "FHIR"


TAGS: Final = {
    Tag.ALERTS: "Alerts with their pages and their trail, and what a person or a program does about them.",
    Tag.SILENCES: "What holds pages for a while, by whom and why. A high alert is held for one pump only.",
    Tag.PUMPS: "The pumps that are watched: when each was last heard, how much is in it, how many alerts it has.",
    Tag.ON_CALL: "Whose turn it is now and next, and when a high alarm would reach nobody in time.",
    Tag.HEALTH: "For whoever watches Pumpwatch itself. Parameters are passed over here: a probe that is refused "
    "would look like a server that is broken.",
    Tag.FHIR: "The same as FHIR R4 resources, by FHIR's own conventions: its media type, its search parameters, its "
    "Bundles with links, its OperationOutcome for errors. `GET /fhir/R4/metadata` is the CapabilityStatement.",
}

_ALWAYS: Final = (ProblemType.TOO_LARGE, ProblemType.NOT_UNDERSTOOD, ProblemType.FAULT)
_WHOEVER_ASKS: Final = (
    *_ALWAYS,
    ProblemType.NOT_SIGNED_IN,
    ProblemType.NOT_ALLOWED,
    ProblemType.TOO_MANY_WRONG_KEYS,
    ProblemType.DATABASE_AWAY,
)


def reading(*more: ProblemType) -> dict[int | str, dict[str, Any]]:
    """What a route that reads answers beside what was asked for."""
    unchanged: dict[int | str, dict[str, Any]] = {
        304: {"description": "What the program has still holds.", "headers": ETAG}
    }
    return {200: {"headers": ETAG}, **unchanged, **problems(*_WHOEVER_ASKS, ProblemType.NOT_ACCEPTABLE, *more)}


def acting(*more: ProblemType, body: bool = True) -> dict[int | str, dict[str, Any]]:
    """What a route that changes something answers beside what was done."""
    of_a_body = (ProblemType.BROKEN_REQUEST, ProblemType.NOT_JSON) if body else ()
    of_a_session = (ProblemType.NO_FORM_TOKEN, ProblemType.FROM_ANOTHER_SITE)
    return problems(*_WHOEVER_ASKS, *of_a_session, *of_a_body, ProblemType.NOT_THERE, *more)


def open_to_all() -> dict[int | str, dict[str, Any]]:
    """What a route of health answers beside what it says."""
    return problems(*_ALWAYS)


def asked_with(*scopes: str, changes: bool = False) -> dict[str, Any]:
    """Who may ask: a key with one of the scopes, or a session, with its form token where it changes something."""
    by_session: dict[str, list[str]] = {SESSION: [], FORM_TOKEN: []} if changes else {SESSION: []}
    said: dict[str, Any] = {"security": [*({KEY: [scope]} for scope in scopes), by_session]}
    return said if changes else said | {"parameters": [IF_NONE_MATCH]}
