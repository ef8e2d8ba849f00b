"""HTTP of `pumpwatch web`: alerts for programs, the board for people, and health for machines.

Errors of the API are JSON with one sentence in `detail`: 404 an unknown alert, 409 one that cannot be
acknowledged any more, 503 the database is away.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from services.alerts.errors import NotFound, Refused
from services.alerts.health.readiness import readiness_of_the_board
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.web import actions_api
from services.alerts.web.access import AccessControl
from services.alerts.web.allowed import Forbidden, clinics_of, must_act_on_alert, must_see_alert
from services.alerts.web.board import action_views, promise_views, silence_views, views
from services.alerts.web.channels import views as channel_views
from services.alerts.web.channels.heard import PATH as HEARD
from services.alerts.web.channels.heard import heard_app
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, Web, web_of
from services.alerts.web.fhir.routes import PATH, fhir_app
from services.alerts.web.identity import account_views
from services.alerts.web.identity.browser import HEADER
from services.alerts.web.identity.forms import StaleForm, check_form
from services.alerts.web.identity.sign_in_views import sign_in_router
from services.alerts.web.inputs import Body, NameOrNothing, Note
from services.alerts.web.links import views as link_views
from services.alerts.web.links.views import link_app
from services.alerts.web.metrics import Counted, WebMetrics
from services.alerts.web.on_call import api as on_call_api
from services.alerts.web.on_call import brief_views
from services.alerts.web.on_call import file_views as rota_file_views
from services.alerts.web.on_call import views as on_call_views
from services.alerts.web.persons import views as person_views
from services.alerts.web.read_models import AlertView, HistoryEntry, StateFilter
from services.alerts.web.refills import views as refill_views
from services.alerts.web.store import history_of, list_alerts, one_alert
from services.alerts.wording import capitalised
from services.people.model import Role
from services.runtime.database import UNAVAILABLE, plainly
from services.runtime.http.attempts import Attempts
from services.runtime.http.guard import Guarded

log = structlog.get_logger()
health = APIRouter(include_in_schema=False)
v1 = APIRouter(prefix="/v1")


class Acknowledgement(Body):
    """Whoever asks takes the alert; nothing has to be said."""

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
    app = FastAPI(title="Pumpwatch alerts", docs_url=None, redoc_url=None, dependencies=[Depends(check_form)])
    app.state.web = web
    attempts = Attempts()
    app.add_middleware(AccessControl, web=web, attempts=attempts, away=_away)
    app.include_router(health)
    app.include_router(v1)
    app.include_router(actions_api.router)
    app.include_router(views.router)
    app.include_router(action_views.router)
    app.include_router(silence_views.router)
    app.include_router(on_call_api.router)
    app.include_router(on_call_views.router)
    app.include_router(brief_views.router)
    app.include_router(promise_views.router)
    app.include_router(rota_file_views.router)
    app.include_router(refill_views.router)
    app.include_router(sign_in_router(attempts))
    app.include_router(account_views.router)
    app.include_router(channel_views.router)
    app.include_router(person_views.router)
    if web.settings.oidc_issuer is not None:  # its libraries are loaded where they are used
        from services.alerts.web.identity.oidc_views import oidc_router

        app.include_router(oidc_router(web.settings, attempts))
    app.mount(HEARD, heard_app(web))
    app.mount(PATH, fhir_app(web, attempts))
    app.mount(link_views.PATH, link_app(web))
    app.mount("/static", StaticFiles(directory=views.STATIC))
    app.add_exception_handler(NotFound, _cannot)
    app.add_exception_handler(Refused, _cannot)
    app.add_exception_handler(Forbidden, _cannot)
    app.add_exception_handler(StaleForm, _stale_form)
    app.add_exception_handler(RequestValidationError, _not_understood)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    return Counted(Guarded(app), WebMetrics.on(web.registry))


async def _cannot(request: Request, error: Exception) -> Response:
    """Answer what cannot be done, with the reason; a form of the board shows it beside what was typed."""
    status_code = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Forbidden) else 409
    if request.scope["path"].startswith("/v1/"):
        return JSONResponse({"detail": str(error)}, status_code)
    return views.trouble(request, capitalised(f"{error}."), status_code)


async def _stale_form(request: Request, _: Exception) -> Response:
    if request.scope["path"].startswith("/v1/"):
        return JSONResponse({"detail": f"expected the token of the session in the header {HEADER}"}, 403)
    return views.trouble(request, "This form is of an earlier sign-in or of another site. Open its page again.", 403)


async def _not_understood(request: Request, error: Exception) -> Response:
    """Answer what was wrong, and where. What was sent is not repeated: it may be what no answer can hold."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in faults]
    if request.scope["path"].startswith("/v1/"):
        return Response(json.dumps({"detail": detail}), 422, media_type="application/json")
    return views.trouble(request, "This address or form is not one of the board's.", 422)


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("request_failed", path=request.scope["path"], error=plainly(error))
    return await _away(request, "The database cannot be reached. This says nothing about any pump.", 503)


async def _away(request: Request, message: str, status_code: int) -> Response:
    """Say that the database is away, and what was paged without it, as far as the caller may see that."""
    headers = {"Retry-After": "5"}
    if request.scope["path"].startswith("/v1/"):
        return JSONResponse({"detail": message}, status_code, headers)
    caller = request.state.caller
    if caller is None:
        return views.trouble(request, f"{message} Nobody can sign in until it is back.", status_code, headers)
    paged = await web_of(request).workers.paged()
    seen = None if paged is None else [each for each in paged if caller.may(Role.VIEWER, each.clinic_id)]
    return views.trouble(request, message, status_code, headers, paged=seen)


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
    caller: Asking,
    web: Running,
    state: StateFilter = StateFilter.OPEN,
    clinic_id: NameOrNothing | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertList:
    """Alerts, the most urgent that nobody has first."""
    now = web.clock()
    alerts = await list_alerts(connection, state, clinics_of(caller, clinic_id), limit, now)
    await web.reads.note(connection, caller, {(each.clinic_id, each.pump_id) for each in alerts}, now)
    return AlertList(read_at=now, alerts=alerts)


@v1.get("/alerts/{alert_id}")
async def get_alert(connection: Borrowed, caller: Asking, web: Running, alert_id: UUID) -> AlertWithHistory:
    """One alert, who was told, and everything that happened to it."""
    now = web.clock()
    await must_see_alert(connection, caller, alert_id)
    alert = await _existing(connection, alert_id, now)
    await web.reads.note(connection, caller, [(alert.clinic_id, alert.pump_id)], now)
    return AlertWithHistory(read_at=now, alert=alert, transitions=await history_of(connection, alert_id))


@v1.post("/alerts/{alert_id}/acknowledge")
async def acknowledge(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    alert_id: UUID,
    body: Acknowledgement | None = None,
) -> AlertView:
    """Take an alert. Doing it again changes nothing; 409 when somebody else has it or it is closed."""
    now = web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    await acknowledge_alert(connection, alert_id, caller.actor, body.note if body else None, policies, now)
    return await _existing(connection, alert_id, now)


async def _existing(connection: Borrowed, alert_id: UUID, now: datetime) -> AlertView:
    alert = await one_alert(connection, alert_id, now)
    if alert is None:
        msg = f"there is no alert {alert_id}"
        raise NotFound(msg)
    return alert
