"""What programs may ask and are answered, as OpenAPI 3.1: at `/openapi.json`, and in schemas/published/http/web.yaml.

Guarantee: it is made from the routes that answer. Every status that occurs, every form of error and every example
stands in it; tests hold the examples against its schemas, and the answers of a running server against all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from schemas.http.openapi import described, problem_schemas, shared
from services.alerts.web.fhir.scopes import OF_THE_API
from services.alerts.web.identity.browser import HEADER
from services.alerts.web.programs.answers import FORM_TOKEN, KEY, SESSION, TAGS
from services.alerts.web.programs.examples import ANSWERS, BODIES
from services.alerts.web.programs.fhir_paths import fhir_paths, fhir_schemas
from services.alerts.web.programs.negotiation import JSON
from services.alerts.web.programs.route import ProgramRoute

VERSION: Final = "1.0.0"
"""Of this description. Members, parameters and paths may be added; what would break a program comes below /v2."""
_TITLE: Final = "Pumpwatch"
_SUMMARY: Final = "Alerts of intrathecal drug pumps: read, answered, and held."
_WORDS: Final = f"""\
Pumpwatch watches implanted intrathecal drug pumps and pages a clinic's staff. This is what programs may ask of
`pumpwatch web`; how devices send is described apart (AsyncAPI, and the gateway's way by HTTP).

- **Who asks.** A program sends `Authorization: Bearer KEY`, with a key of `pumpwatch keys create` and its scopes:
  {", ".join(f"`{each}`" for each in OF_THE_API)}, and those of FHIR. A person's session works too, and is how the
  board asks; where a site signs people in by OpenID Connect, that makes the same session, and the provider's tokens
  open nothing here. What a caller may not see answers as what is not there.
- **Lists** are read in parts: `limit`, then `cursor` with the `next_cursor` of the part before. `total` counts all
  parts. Every answer says when it was true (`read_at`).
- **Nothing is passed over.** A parameter or a field that is unknown, or stands there twice, is refused by name, and so
  is an unknown clinic: an empty list would look like a calm ward.
- **ETag.** Each answer to GET has one; asked again with `If-None-Match`, what has not changed is 304. No cache may
  keep an answer (`Cache-Control: no-store`); a program may remember its own.
- **HEAD** is answered wherever GET is, with the same status and headers.
- **Errors** are `application/problem+json` (RFC 9457). `type` is what a program decides by; each is explained in
  docs/api.md. Whatever is not described here may be answered 404, or 405 with `Allow`.
- Times have an offset; volumes are in mL. Reading of a pump is written into the audit trail.
"""
_SCHEMES: Final[dict[str, dict[str, Any]]] = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "pwk_ID_SECRET",
        "description": "A program's key. The scopes that a route takes stand with it; `alerts.act` holds reading.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-pumpwatch",
        "description": "A person's session, after signing in on the board (`pumpwatch` where the board has no TLS).",
    },
    FORM_TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": "The token of a session's forms, without which it changes nothing.",
    },
}
_UNUSED: Final = ("HTTPValidationError", "ValidationError")

router = APIRouter(route_class=ProgramRoute, include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """This description."""
    app: FastAPI = request.app
    if app.openapi_schema is None:
        app.openapi_schema = description_of(app.routes)
    return Response(json.dumps(app.openapi_schema), media_type=JSON)


def description_of(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Describe these routes, and the FHIR ones."""
    said = get_openapi(
        title=_TITLE,
        version=VERSION,
        summary=_SUMMARY,
        description=_WORDS,
        routes=routes,
        tags=[{"name": tag.value, "description": words} for tag, words in TAGS.items()],
        servers=[{"url": "/"}],
    )
    said["paths"] |= fhir_paths()
    schemas = {name: each for name, each in said["components"]["schemas"].items() if name not in _UNUSED}
    said["components"]["schemas"] = dict(sorted((schemas | problem_schemas() | fhir_schemas()).items()))
    said["components"]["securitySchemes"] = _SCHEMES
    described(said, BODIES, ANSWERS)
    return shared(said)
