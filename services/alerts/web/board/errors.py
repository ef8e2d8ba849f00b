"""What is answered where something cannot be done: to people a page of the board, to programs a problem (RFC 9457).

Guarantee: an address below /v1/ is a program's. Elsewhere a browser, which says that it reads HTML, is answered with a
page whatever the status. A program is told by one form of error everywhere (schemas/http/problems.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import Scope

from schemas.http.problems import ProblemType, type_of_status
from services.alerts.errors import Cannot, NotFound, Refused
from services.alerts.web.allowed import Forbidden, RightsChanged, UnknownClinic
from services.alerts.web.board.views import texts_for, trouble
from services.alerts.web.dependencies import web_of
from services.alerts.web.identity.browser import HEADER
from services.alerts.web.identity.forms import StaleForm
from services.alerts.web.lists.asked import NotUnderstood
from services.alerts.web.live.stream import AWAY
from services.alerts.web.programs.faults import faults_of_fields, in_a_sentence
from services.alerts.web.programs.route import ProblemFound
from services.alerts.wording import capitalised
from services.people.model import Role
from services.runtime.database import UNAVAILABLE, plainly
from services.runtime.http.problems import problem
from services.texts.model import msgid

_FOR_PROGRAMS: Final = ("/v1/", "/openapi.json")
_WORDS: Final[Mapping[int, str]] = {
    404: msgid("There is no such page."),
    405: msgid("This address does not take what was sent."),
    500: msgid("Something went wrong here, and is written down. This says nothing about any pump."),
}
_KINDS: Final[Sequence[tuple[type[Exception], ProblemType]]] = (
    (UnknownClinic, ProblemType.UNKNOWN_CLINIC),
    (NotFound, ProblemType.NOT_THERE),
    (Forbidden, ProblemType.NOT_ALLOWED),
    (RightsChanged, ProblemType.RIGHTS_CHANGED),
    (Refused, ProblemType.CANNOT_BE_DONE),
)

log = structlog.get_logger()


def answer_errors(app: FastAPI) -> None:
    """Have every error of the application answered as the module says."""
    for cannot, _ in _KINDS:
        app.add_exception_handler(cannot, _cannot)
    app.add_exception_handler(StaleForm, _stale_form)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(NotUnderstood, _no_such_list)
    app.add_exception_handler(ProblemFound, _problem_found)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    answer_statuses(app)


def answer_statuses(app: FastAPI) -> None:
    """Have what the framework itself answers (no such path, another method, a fault of ours) answered so."""
    app.add_exception_handler(HTTPException, _status)
    app.add_exception_handler(Exception, _fault)


def answered(request: Request, kind: ProblemType, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal for whoever asks."""
    if not wants_page(request):
        return problem(kind, message, headers=headers)
    return trouble(request, _as_sentence(_WORDS.get(kind.status, message)), kind.status, dict(headers or {}))


def answered_early(scope: Scope, status_code: int, message: str) -> Response:
    """A refusal before anything else has looked at the request."""
    return answered(Request(scope), type_of_status(status_code), message)


def is_for_programs(path: str) -> bool:
    """Tell whether an address is a program's, whoever asks."""
    return path.startswith(_FOR_PROGRAMS)


def wants_page(request: Request) -> bool:
    """Tell whether a person looks at the answer."""
    return not is_for_programs(request.scope["path"]) and "text/html" in request.headers.get("accept", "")


def _as_sentence(message: str) -> str:
    text = capitalised(message.strip())
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def _status(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind, message, headers = type_of_status(error.status_code), error.detail, error.headers
    if kind is ProblemType.NO_SUCH_PATH:
        message = "there is nothing at this address"
    elif kind is ProblemType.WRONG_METHOD:
        methods = _methods_at(request)
        message, headers = f"this address takes {methods}, and not {request.method[:20]}", {"Allow": methods}
    return answered(request, kind, message, headers)


def _methods_at(request: Request) -> str:
    """What an address takes, of all routes that it fits: the framework names those of the first alone."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        regex = getattr(route, "path_regex", None)
        if route.methods and regex is not None and regex.match(path):
            found |= route.methods
    if not found or "GET" in found:  # a file is in no route, and is only read
        found |= {"GET", "HEAD"}
    return ", ".join(sorted(found))


async def _fault(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, and say nothing of it but where the log has it."""
    instance = f"urn:uuid:{uuid4()}"
    log.error("request_fault", path=request.scope["path"], instance=instance, error=type(error).__name__)
    if not wants_page(request):
        return problem(ProblemType.FAULT, _WORDS[500], instance=instance)
    return answered(request, ProblemType.FAULT, _WORDS[500])


async def _cannot(request: Request, error: Exception) -> Response:
    """Answer what cannot be done, with the reason; a form of the board shows it beside what was typed."""
    kind = next(kind for cannot, kind in _KINDS if isinstance(error, cannot))
    if is_for_programs(request.scope["path"]):
        return problem(kind, str(error))
    words = error.in_words(texts_for(request)) if isinstance(error, Cannot) else str(error)
    return trouble(request, capitalised(f"{words}."), kind.status)


async def _no_such_list(request: Request, error: Exception) -> Response:
    if is_for_programs(request.scope["path"]):
        parameter = error.parameter if isinstance(error, NotUnderstood) else ""
        errors = [{"parameter": parameter, "detail": str(error)}] if parameter else []
        return problem(ProblemType.NOT_UNDERSTOOD, str(error), errors=errors)
    return trouble(request, f"{capitalised(str(error))}. No list is shown.", 422)


async def _problem_found(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemFound):
        raise error
    return problem(error.kind, error.detail, errors=error.errors)


async def _stale_form(request: Request, _: Exception) -> Response:
    if is_for_programs(request.scope["path"]):
        return problem(ProblemType.NO_FORM_TOKEN, f"expected the token of the session in the header {HEADER}")
    return trouble(request, msgid("This form is of an earlier sign-in or of another site. Open its page again."), 403)


async def _not_understood(request: Request, error: Exception) -> Response:
    """Answer what was wrong, and where. What was sent is not repeated: it may be what no answer can hold."""
    if not is_for_programs(request.scope["path"]):
        return trouble(request, msgid("This address or form is not one of the board's."), 422)
    said = error.errors() if isinstance(error, RequestValidationError) else ()
    faults = faults_of_fields(said)
    return problem(ProblemType.NOT_UNDERSTOOD, in_a_sentence(faults, len(said)), errors=faults)


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("request_failed", path=request.scope["path"], error=plainly(error))
    return await away(request, AWAY, 503)


async def away(request: Request, message: str, status_code: int) -> Response:
    """Say that the database is away, and what was paged without it, as far as the caller may see that."""
    headers = {"Retry-After": "5"}
    if is_for_programs(request.scope["path"]):
        return problem(ProblemType.DATABASE_AWAY, message, headers=headers)
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
