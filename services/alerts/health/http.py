"""What the worker answers by HTTP: whether it lives, whether it can work, what it counts. People ask another process.

Guarantees: nothing here can be acted on; who does not bring the token is told no name, no path and no address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.alerts.health.paged import PagedPast
from services.alerts.health.readiness import readiness
from services.alerts.model import OpenAlert
from services.alerts.resources import Resources
from services.runtime.http.callers import is_trusted
from services.runtime.http.guard import Guarded
from services.runtime.http.limits import Limits

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

    async def elsewhere(_: Request) -> Response:
        return PlainTextResponse("This is the alert worker. The board and the API are `pumpwatch web`.\n", 404)

    return Guarded(
        Starlette(
            routes=[
                Route("/livez", livez),
                Route("/readyz", readyz),
                Route("/metrics", metrics),
                Route("/{path:path}", elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )
    )
