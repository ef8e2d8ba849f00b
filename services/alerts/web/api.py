"""HTTP of `pumpwatch web`: alerts for programs, the board for people, and health for machines.

What programs may ask and are answered stands in schemas/published/http/web.yaml, made from here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from schemas.http.problems import ProblemType
from services.alerts.errors import NotFound
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.web import actions_api
from services.alerts.web.access import AccessControl
from services.alerts.web.allowed import must_act_on_alert, must_see_alert
from services.alerts.web.board import action_views, list_views, promise_views, silence_views, views
from services.alerts.web.board.errors import answer_errors, answered, answered_early, away
from services.alerts.web.channels import views as channel_views
from services.alerts.web.channels.heard import PATH as HEARD
from services.alerts.web.channels.heard import heard_app
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, Web
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
from services.alerts.web.programs import description, health
from services.alerts.web.programs.answers import Tag, acting, asked_with, reading
from services.alerts.web.programs.route import ProgramRoute
from services.alerts.web.pump import api as pump_api
from services.alerts.web.pump import views as pump_views
from services.alerts.web.quality import views as quality_views
from services.alerts.web.read_models import AlertView, HistoryEntry
from services.alerts.web.refills import views as refill_views
from services.alerts.web.review import views as review_views
from services.alerts.web.store import history_of, one_alert
from services.runtime.http.attempts import Attempts
from services.runtime.http.guard import Guarded
from services.runtime.http.head import AnswersHead

v1 = APIRouter(prefix="/v1", route_class=ProgramRoute)


class Acknowledgement(Body):
    """Whoever asks takes the alert; nothing has to be said."""

    note: Note | None = Field(None, description="For whoever reads the trail.")


class AlertWithHistory(BaseModel):
    """An alert with all that happened to it, and when that was true."""

    read_at: datetime
    alert: AlertView
    transitions: tuple[HistoryEntry, ...] = Field(description="What happened, the first thing first.")


def create_app(web: Web) -> Counted:
    """Build the application behind its guard; it starts nothing."""
    return Counted(Guarded(application(web), answer=answered_early), WebMetrics.on(web.registry))


def application(web: Web) -> FastAPI:
    """Build it without its guard."""
    app = FastAPI(
        title="Pumpwatch", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(check_form)]
    )
    app.state.web = web
    attempts = Attempts()
    app.add_middleware(AccessControl, web=web, attempts=attempts, away=away, refuse=answered)
    app.add_middleware(AnswersHead, is_endless=live_views.is_stream)
    app.include_router(health.router)
    app.include_router(description.router)
    app.include_router(list_api.router)
    app.include_router(v1)
    app.include_router(actions_api.router)
    app.include_router(list_views.router)
    app.include_router(views.router)
    app.include_router(live_views.router)
    app.include_router(action_views.router)
    app.include_router(silence_views.router)
    app.include_router(pump_views.router)
    app.include_router(pump_api.router)
    app.include_router(on_call_api.v1)
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
    return app


@v1.get(
    "/alerts/{alert_id}",
    summary="One alert",
    operation_id="getAlert",
    tags=[Tag.ALERTS],
    responses=reading(ProblemType.NOT_THERE),
    openapi_extra=asked_with("alerts.read", "alerts.act"),
)
async def get_alert(connection: Borrowed, caller: Asking, web: Running, alert_id: UUID) -> AlertWithHistory:
    """One alert, who was told, and everything that happened to it."""
    now = web.clock()
    await must_see_alert(connection, caller, alert_id)
    alert = await _existing(connection, alert_id, now)
    await web.reads.note(connection, caller, [(alert.clinic_id, alert.pump_id)], now)
    return AlertWithHistory(read_at=now, alert=alert, transitions=await history_of(connection, alert_id))


@v1.post(
    "/alerts/{alert_id}/acknowledge",
    summary="Acknowledge an alert",
    operation_id="acknowledgeAlert",
    tags=[Tag.ALERTS],
    responses=acting(ProblemType.CANNOT_BE_DONE),
    openapi_extra=asked_with("alerts.act", changes=True),
)
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
