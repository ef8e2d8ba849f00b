"""What the worker answers by HTTP: whether it lives, whether it can work, what it counts. People ask another process.

Guarantees: who does not bring the token is told no name, no path and no address. One thing can be done here: the web
process hands on what a person answered by a link, and the link's own signature is looked at once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from schemas.http.problems import ProblemType, type_of_status
from services.alerts.health.paged import PagedPast
from services.alerts.health.readiness import readiness
from services.alerts.model import OpenAlert
from services.alerts.resources import Resources
from services.people.links.answers import Answer, LinkUsed
from services.people.links.tokens import LinkExpiredError, LinkForgedError, read
from services.runtime.http.callers import comes_from_elsewhere, is_trusted
from services.runtime.http.guard import Guarded
from services.runtime.http.limits import Limits
from services.runtime.http.problems import problem

LIMITS: Final = Limits(most_connections=64)
"""Whoever watches the worker, and the web process."""


def create_health_app(
    resources: Resources, registry: CollectorRegistry, paged: Callable[[], Sequence[OpenAlert]] = tuple
) -> Guarded:
    """Build the application behind its guard; it starts nothing.

    Args:
        resources: What the parts of the worker share.
        registry: What is counted.
        paged: What went out past the database and stands in no record yet.
    """
    settings = resources.settings
    token = settings.api_token.get_secret_value() if settings.api_token else None

    async def livez(_: Request) -> Response:
        """Answer while the process runs, whatever else is broken."""
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        """Say what is missing, if anything is, and to who may know it, what was paged past the database."""
        trusted = is_trusted(request.headers, token, settings.public_url)
        found = await readiness(resources)
        missing, warnings = found.in_words(names=trusted)
        said: dict[str, object] = {"ready": not missing, "missing": missing, "warnings": warnings}
        if trusted:
            said["paged"] = [PagedPast.of(alert).model_dump(mode="json") for alert in paged()]
        return JSONResponse(said, 503 if missing else 200)

    async def metrics(_: Request) -> Response:
        """Everything that is counted, for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def answers(request: Request) -> Response:
        """Take note of what a person answered by a link: no page past the database is sent any more about it."""
        if not is_trusted(request.headers, token, settings.public_url) or comes_from_elsewhere(
            request.headers, settings.public_url
        ):
            return problem(ProblemType.NOT_SIGNED_IN, "expected the token of ALERTS_API_TOKEN as a Bearer token")
        try:
            said = LinkUsed.model_validate_json(await request.body())
            now = resources.clock()
            link = read(said.token, resources.links.keys(), now)
        except (ValidationError, LinkForgedError, LinkExpiredError) as error:
            reason = str(error) if isinstance(error, LinkForgedError | LinkExpiredError) else "expected a link's token"
            return problem(ProblemType.NOT_UNDERSTOOD, reason)
        resources.answered.take(Answer(link, min(said.given_at, now)))
        return Response(status_code=204)

    async def elsewhere(_: Request) -> Response:
        text = "this is the alert worker; the board and the API are `pumpwatch web`"
        return problem(ProblemType.NO_SUCH_PATH, text)

    return Guarded(
        Starlette(
            routes=[
                Route("/livez", livez),
                Route("/readyz", readyz),
                Route("/metrics", metrics),
                Route("/answers", answers, methods=["POST"]),
                Route("/{path:path}", elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ],
            exception_handlers={HTTPException: _not_done},
        ),
        answer=_refused,
    )


async def _not_done(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem(type_of_status(error.status_code), error.detail, headers=error.headers)


def _refused(_: Scope, status_code: int, detail: str) -> Response:
    return problem(type_of_status(status_code), detail)
