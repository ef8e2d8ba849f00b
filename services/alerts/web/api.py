"""HTTP of `pumpwatch web`: alerts for programs, the board for people, and health for machines.

Errors of the API are JSON with one sentence in `detail`: 404 an unknown alert, 409 one that cannot be
acknowledged any more, 503 the database is away.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from services.alerts.errors import NotFound
from services.alerts.health.readiness import readiness_of_the_board
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.web import actions_api
from services.alerts.web.access import AccessControl
from services.alerts.web.allowed import must_act_on_alert, must_see_alert
from services.alerts.web.board import action_views, list_views, promise_views, silence_views, views
from services.alerts.web.board.errors import answer_errors, answered, answered_early, away
from services.alerts.web.channels import views as channel_views
from services.alerts.web.channels.heard import PATH as HEARD
from services.alerts.web.channels.heard import heard_app
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, Web, web_of
from services.alerts.web.fhir.routes import PATH, fhir_app
from services.alerts.web.identity import account_views
from services.alerts.web.identity.forms import check_form
from services.alerts.web.identity.sign_in_views import sign_in_router
from services.alerts.web.inputs import Body, Note
from services.alerts.web.links import views as link_views
from services.alerts.web.links.views import link_app
from services.alerts.web.lists import api as list_api
from services.alerts.web.live import views as live_views
from services.alerts.web.metrics import Counted, WebMetrics
from services.alerts.web.on_call import api as on_call_api
from services.alerts.web.on_call import brief_views
from services.alerts.web.on_call import file_views as rota_file_views
from services.alerts.web.on_call import views as on_call_views
from services.alerts.web.persons import views as person_views
from services.alerts.web.pump import views as pump_views
from services.alerts.web.quality import views as quality_views
from services.alerts.web.read_models import AlertView, HistoryEntry
from services.alerts.web.refills import views as refill_views
from services.alerts.web.review import views as review_views
from services.alerts.web.store import history_of, one_alert
from services.runtime.http.attempts import Attempts
from services.runtime.http.guard import Guarded

health = APIRouter(include_in_schema=False)
v1 = APIRouter(prefix="/v1")


class Acknowledgement(Body):
    """Whoever asks takes the alert; nothing has to be said."""

    note: Note | None = None


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
    app.add_middleware(AccessControl, web=web, attempts=attempts, away=away, refuse=answered)
    app.include_router(health)
    app.include_router(list_api.router)
    app.include_router(v1)
    app.include_router(actions_api.router)
    app.include_router(list_views.router)
    app.include_router(views.router)
    app.include_router(live_views.router)
    app.include_router(action_views.router)
    app.include_router(silence_views.router)
    app.include_router(pump_views.router)
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
    app.include_router(review_views.router)
    app.include_router(quality_views.router)
    if web.settings.oidc_issuer is not None:  # its libraries are loaded where they are used
        from services.alerts.web.identity.oidc_views import oidc_router

        app.include_router(oidc_router(web.settings, attempts))
    app.mount(HEARD, heard_app(web))
    app.mount(PATH, fhir_app(web, attempts))
    app.mount(link_views.PATH, link_app(web))
    app.mount("/static", StaticFiles(directory=views.STATIC))
    answer_errors(app)
    return Counted(Guarded(app, answer=answered_early), WebMetrics.on(web.registry))


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
