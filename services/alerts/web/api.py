"""HTTP of `pumpwatch web`: alerts for programs, the board for people, and health for machines.

Errors of the API are JSON with one sentence in `detail`: 404 an unknown alert, 409 one that cannot be
acknowledged any more, 503 the database is away.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict

from services.alerts.errors import NotFound, Refused
from services.alerts.health.readiness import readiness_of_the_board
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.web import actions_api
from services.alerts.web.access import AccessControl
from services.alerts.web.board import action_views, silence_views, views
from services.alerts.web.dependencies import Borrowed, Held, Running, Web, web_of
from services.alerts.web.fhir.routes import PATH, fhir_app
from services.alerts.web.inputs import NameOrNothing, Note, PersonName
from services.alerts.web.metrics import Counted, WebMetrics
from services.alerts.web.read_models import AlertView, HistoryEntry, StateFilter
from services.alerts.web.store import history_of, list_alerts, one_alert
from services.alerts.wording import capitalised
from services.runtime.database import UNAVAILABLE, plainly
from services.runtime.http.attempts import Attempts
from services.runtime.http.guard import Guarded

log = structlog.get_logger()
health = APIRouter(include_in_schema=False)
v1 = APIRouter(prefix="/v1")


class Acknowledgement(BaseModel):
    """Who takes the alert."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: PersonName
    note: Note | None = None


class AlertList(BaseModel):
    """Answer of `GET /v1/alerts`, and when it was true."""

    read_at: datetime
    alerts: tuple[AlertView, ...]


class AlertWithHistory(BaseModel):
    """Answer of `GET /v1/alerts/{alert_id}`."""

    read_at: datetime
    alert: AlertView
    transitions: tuple[HistoryEntry, ...]


def create_app(web: Web) -> Counted:
    """Build the application behind its guard; it starts nothing."""
    app = FastAPI(title="Pumpwatch alerts", docs_url=None, redoc_url=None)
    app.state.web = web
    token = web.settings.api_token.get_secret_value() if web.settings.api_token else None
    attempts = Attempts()
    app.add_middleware(AccessControl, token=token, public_url=web.settings.public_url, attempts=attempts)
    app.include_router(health)
    app.include_router(v1)
    app.include_router(actions_api.router)
    app.include_router(views.router)
    app.include_router(action_views.router)
    app.include_router(silence_views.router)
    app.mount(PATH, fhir_app(web, attempts))
    app.mount("/static", StaticFiles(directory=Path(views.__file__).parent / "static"))
    app.add_exception_handler(NotFound, _cannot)
    app.add_exception_handler(Refused, _cannot)
    app.add_exception_handler(RequestValidationError, _not_understood)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    return Counted(Guarded(app), WebMetrics.on(web.registry))


async def _cannot(request: Request, error: Exception) -> Response:
    """Answer what cannot be done, with the reason; a form of the board shows it beside what was typed."""
    status_code = 404 if isinstance(error, NotFound) else 409
    if request.scope["path"].startswith("/v1/"):
        return JSONResponse({"detail": str(error)}, status_code)
    return views.trouble(request, capitalised(f"{error}."), status_code)


async def _not_understood(request: Request, error: Exception) -> Response:
    """Answer what was wrong, and where. What was sent is not repeated: it may be what no answer can hold."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in faults]
    if request.scope["path"].startswith("/v1/"):
        return Response(json.dumps({"detail": detail}), 422, media_type="application/json")
    return views.trouble(request, "This address or form is not one of the board's.", 422)


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("request_failed", path=request.scope["path"], error=plainly(error))
    headers = {"Retry-After": "5"}
    message = "The database cannot be reached. This says nothing about any pump."
    if request.scope["path"].startswith("/v1/"):
        return JSONResponse({"detail": message}, 503, headers)
    return views.trouble(request, message, 503, headers, paged=await web_of(request).workers.paged())


@health.get("/livez")
async def livez() -> dict[str, bool]:
    """Answer while the process runs, whatever else is broken."""
    return {"alive": True}


@health.get("/readyz")
async def readyz(web: Running, request: Request, response: Response) -> dict[str, object]:
    """Say what is missing, if anything is: to a stranger without a name, a path or an address."""
    found = await readiness_of_the_board(web.pool, web.clock())
    missing, warnings = found.in_words(names=request.state.trusted)
    response.status_code = 503 if missing else 200
    return {"ready": not missing, "missing": missing, "warnings": warnings}


@health.get("/metrics")
async def metrics(request: Request) -> Response:
    """Everything that is counted, for Prometheus."""
    return Response(generate_latest(web_of(request).registry), media_type=CONTENT_TYPE_LATEST)


@v1.get("/alerts")
async def get_alerts(
    connection: Borrowed,
    web: Running,
    state: StateFilter = StateFilter.OPEN,
    clinic_id: NameOrNothing | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertList:
    """Alerts, the most urgent that nobody has first."""
    now = web.clock()
    return AlertList(read_at=now, alerts=await list_alerts(connection, state, clinic_id, limit, now))


@v1.get("/alerts/{alert_id}")
async def get_alert(connection: Borrowed, web: Running, alert_id: UUID) -> AlertWithHistory:
    """One alert, who was told, and everything that happened to it."""
    now = web.clock()
    alert = await _existing(connection, alert_id, now)
    return AlertWithHistory(read_at=now, alert=alert, transitions=await history_of(connection, alert_id))


@v1.post("/alerts/{alert_id}/acknowledge")
async def acknowledge(
    connection: Borrowed, web: Running, policies: Held, alert_id: UUID, body: Acknowledgement
) -> AlertView:
    """Take an alert. Doing it again changes nothing; 409 when somebody else has it or it is closed."""
    now = web.clock()
    await acknowledge_alert(connection, alert_id, body.by, body.note, policies, now)
    return await _existing(connection, alert_id, now)


async def _existing(connection: Borrowed, alert_id: UUID, now: datetime) -> AlertView:
    alert = await one_alert(connection, alert_id, now)
    if alert is None:
        msg = f"there is no alert {alert_id}"
        raise NotFound(msg)
    return alert
