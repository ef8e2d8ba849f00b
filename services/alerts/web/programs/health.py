"""Health for machines: whether the process lives, whether it can work, what it counts.

Guarantee: a parameter is passed over here, and no form of answer is refused. A probe that were refused would look like
a server that is broken, and have it restarted.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from services.alerts.health.readiness import readiness_of_the_board
from services.alerts.web.dependencies import Running, web_of
from services.alerts.web.programs.answers import Tag, open_to_all

router = APIRouter(tags=[Tag.HEALTH])
_FOR_ALL: Final[dict[str, Any]] = {"security": [{}]}


class Alive(BaseModel):
    """The process runs."""

    alive: bool


class Ready(BaseModel):
    """Whether it can work, and what is missing if it cannot."""

    ready: bool
    missing: tuple[str, ...] = Field(description="What keeps it from working; empty: nothing.")
    warnings: tuple[str, ...] = Field(description="What works still, and should be mended.")


@router.get(
    "/livez", summary="Whether it lives", operation_id="isAlive", responses=open_to_all(), openapi_extra=_FOR_ALL
)
async def livez() -> Alive:
    """Answer while the process runs, whatever else is broken."""
    return Alive(alive=True)


@router.get(
    "/readyz",
    summary="Whether it can work",
    operation_id="isReady",
    responses=open_to_all() | {503: {"model": Ready, "description": "It cannot work: `missing` says why."}},
    openapi_extra=_FOR_ALL,
)
async def readyz(web: Running, request: Request, response: Response) -> Ready:
    """Say what is missing, if anything is: to a stranger without a name, a path or an address."""
    found = await readiness_of_the_board(web.pool, web.clock())
    missing, warnings = found.in_words(names=request.state.trusted)
    response.status_code = 503 if missing else 200
    return Ready(ready=not missing, missing=missing, warnings=warnings)


@router.get(
    "/metrics",
    summary="What is counted",
    operation_id="getMetrics",
    response_class=Response,
    responses=open_to_all()
    | {
        200: {
            "description": "In the text format of Prometheus.",
            "content": {CONTENT_TYPE_LATEST.partition(";")[0]: {"schema": {"type": "string"}}},
        }
    },
    openapi_extra=_FOR_ALL,
)
async def metrics(request: Request) -> Response:
    """Everything that is counted, for Prometheus. No label names a person, a device or a patient."""
    return Response(generate_latest(web_of(request).registry), media_type=CONTENT_TYPE_LATEST)
