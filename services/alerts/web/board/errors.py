"""What is answered where something cannot be done: to people a page of the board, to programs JSON.

Guarantee: an address below /v1/ is a program's. Elsewhere a browser, which says that it reads HTML, is answered with a
page whatever the status, and with the same words as a program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from services.alerts.errors import Cannot, NotFound, Refused
from services.alerts.web.allowed import Forbidden, RightsChanged
from services.alerts.web.board.views import texts_for, trouble
from services.alerts.web.dependencies import web_of
from services.alerts.web.identity.browser import HEADER
from services.alerts.web.identity.forms import StaleForm
from services.alerts.web.lists.asked import NotUnderstood
from services.alerts.web.live.stream import AWAY
from services.alerts.wording import capitalised
from services.people.model import Role
from services.runtime.database import UNAVAILABLE, plainly
from services.texts.model import msgid

_FOR_PROGRAMS: Final = "/v1/"
_WORDS: Final[Mapping[int, str]] = {
    404: msgid("There is no such page."),
    405: msgid("This address does not take what was sent."),
    500: msgid("Something went wrong here, and is written down. This says nothing about any pump."),
}

log = structlog.get_logger()


def answer_errors(app: FastAPI) -> None:
    """Have every error of the application answered as the module says."""
    for cannot in (NotFound, Refused, Forbidden, RightsChanged):
        app.add_exception_handler(cannot, _cannot)
    app.add_exception_handler(StaleForm, _stale_form)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(NotUnderstood, _no_such_list)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    answer_statuses(app)


def answer_statuses(app: FastAPI) -> None:
    """Have what the framework itself answers (no such path, another method, a fault of ours) answered so."""
    app.add_exception_handler(HTTPException, _status)
    app.add_exception_handler(Exception, _fault)


def answered(request: Request, status_code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal for whoever asks."""
    if not wants_page(request):
        return JSONResponse({"detail": message}, status_code, headers)
    return trouble(request, _as_sentence(_WORDS.get(status_code, message)), status_code, dict(headers or {}))


def answered_early(scope: Scope, status_code: int, message: str) -> Response:
    """A refusal before anything else has looked at the request."""
    return answered(Request(scope), status_code, message)


def wants_page(request: Request) -> bool:
    """Tell whether a person looks at the answer."""
    return not request.scope["path"].startswith(_FOR_PROGRAMS) and "text/html" in request.headers.get("accept", "")


def _as_sentence(message: str) -> str:
    text = capitalised(message.strip())
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def _status(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return answered(request, error.status_code, error.detail, error.headers)


async def _fault(request: Request, _: Exception) -> Response:
    if not wants_page(request):
        return JSONResponse({"detail": HTTPStatus.INTERNAL_SERVER_ERROR.phrase}, 500)
    return answered(request, 500, _WORDS[500])


async def _cannot(request: Request, error: Exception) -> Response:
    """Answer what cannot be done, with the reason; a form of the board shows it beside what was typed."""
    status_code = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Forbidden) else 409
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return JSONResponse({"detail": str(error)}, status_code)
    words = error.in_words(texts_for(request)) if isinstance(error, Cannot) else str(error)
    return trouble(request, capitalised(f"{words}."), status_code)


async def _no_such_list(request: Request, error: Exception) -> Response:
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return JSONResponse({"detail": str(error)}, 422)
    return trouble(request, f"{capitalised(str(error))}. No list is shown.", 422)


async def _stale_form(request: Request, _: Exception) -> Response:
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return JSONResponse({"detail": f"expected the token of the session in the header {HEADER}"}, 403)
    return trouble(request, msgid("This form is of an earlier sign-in or of another site. Open its page again."), 403)


async def _not_understood(request: Request, error: Exception) -> Response:
    """Answer what was wrong, and where. What was sent is not repeated: it may be what no answer can hold."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in faults]
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return Response(json.dumps({"detail": detail}), 422, media_type="application/json")
    return trouble(request, msgid("This address or form is not one of the board's."), 422)


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("request_failed", path=request.scope["path"], error=plainly(error))
    return await away(request, AWAY, 503)


async def away(request: Request, message: str, status_code: int) -> Response:
    """Say that the database is away, and what was paged without it, as far as the caller may see that."""
    headers = {"Retry-After": "5"}
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return JSONResponse({"detail": message}, status_code, headers)
    caller = request.state.caller
    if caller is None:
        texts = texts_for(request)
        words = f"{texts.translated(message)} {texts.say('Nobody can sign in until it is back.')}"
        return trouble(request, words, status_code, headers)
    web = web_of(request)
    paged = await web.workers.paged()
    seen = None if paged is None else [each for each in paged if caller.may(Role.VIEWER, each.clinic_id)]
    zones = web.zones.of_paged(web.kept.now, seen)
    return trouble(request, message, status_code, headers, paged=seen, zones=zones)
