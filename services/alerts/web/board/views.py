"""An alert's page, the form that takes an alert, and how every page of the board is drawn.

Every page says when its data was read. A form that cannot be carried out comes back with the reason and
with what was typed; one that was carried out ends in a redirect, so that reloading repeats nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.alerts.errors import NotFound, Refused
from services.alerts.guidance.what_to_do import what_to_do
from services.alerts.health.hand_over.store import promises_of_alert
from services.alerts.health.paged import PagedPast
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.web.allowed import must_act_on_alert, must_see_alert
from services.alerts.web.board import wording
from services.alerts.web.board.clinic_zones import UTC_CLOCK
from services.alerts.web.board.environment import filled
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, Web
from services.alerts.web.identity.language import language_cookie, language_for
from services.alerts.web.inputs import LONGEST_TEXT, QueryOrNothing, is_note
from services.alerts.web.lists.asked import address_of
from services.alerts.web.pictures.of_alert import pictures_of
from services.alerts.web.read_models import AlertView
from services.alerts.web.store import history_of, one_alert
from services.runtime.database import Connection
from services.texts.catalogue import texts_in
from services.texts.model import Texts, msgid

STATIC: Final = Path(__file__).parent / "static"
_AWAY: Final = 503
_RELOADING: Final = frozenset({"board.html", "alert.html", "trouble.html"})

router = APIRouter(include_in_schema=False)


@router.get("/alerts/{alert_id}")
async def alert_page(connection: Borrowed, caller: Asking, web: Running, request: Request, alert_id: UUID) -> Response:
    """One alert with its history."""
    await must_see_alert(connection, caller, alert_id)
    return await show_alert(connection, web.clock(), request, alert_id)


@router.post("/alerts/{alert_id}/acknowledge")
async def acknowledge(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    alert_id: UUID,
    note: Annotated[str, Form()] = "",
    shown: Annotated[QueryOrNothing, Form(alias="list")] = "",
    back: Annotated[str, Form()] = "board",
) -> Response:
    """Take an alert, from the board or from its own page."""
    words, now = note.strip(), web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    if not is_note(words):
        refused = texts_for(request).say("A note has at most %(count)s characters.", count=LONGEST_TEXT)
        return await show_alert(connection, now, request, alert_id, refused=refused, typed=words, status_code=422)
    try:
        await acknowledge_alert(connection, alert_id, caller.actor, words or None, policies, now)
    except Refused as error:
        return await show_alert(
            connection,
            now,
            request,
            alert_id,
            refused=texts_for(request).say("Not acknowledged: %(why)s.", why=error.in_words(texts_for(request))),
            typed=words,
            status_code=409,
        )
    return RedirectResponse(f"/alerts/{alert_id}" if back == "alert" else address_of(shown), 303)


async def show_alert(
    connection: Connection,
    now: datetime,
    request: Request,
    alert_id: UUID,
    *,
    refused: str | None = None,
    typed: str = "",
    remark: str = "",
    resolution: str = "",
    acceptance: str = "",
    status_code: int = 200,
) -> Response:
    """The page of one alert, with what was typed into a form that is refused."""
    alert = await existing_alert(connection, alert_id, now)
    web: Web = request.app.state.web
    await web.reads.note(connection, request.state.caller, [(alert.clinic_id, alert.pump_id)], now)
    policies = await web.policies(connection)
    zone, texts = await web.zones.one(connection, policies, alert.clinic_id), texts_for(request)
    return render(
        "alert.html",
        request,
        status_code,
        now=now,
        alert=alert,
        timeline=wording.timeline(await history_of(connection, alert_id), alert.deliveries, texts),
        refused=refused,
        typed=typed,
        remark=remark,
        resolution=resolution,
        acceptance=acceptance,
        promises=await promises_of_alert(connection, alert_id),
        zone=zone,
        here=zone,
        pictures=await pictures_of(connection, alert, policies, zone, now, texts),
        guide=what_to_do(
            alert.rule,
            alert.key,
            alert.evidence,
            policies.of(alert.clinic_id),
            judged_by=alert.policy_version,
            version=policies.version_of(alert.clinic_id),
            texts=texts,
        ),
        live=f"/alerts/{alert_id}/live",
        version="",
        warnings=(),
    )


async def existing_alert(connection: Connection, alert_id: UUID, now: datetime) -> AlertView:
    """One alert.

    Raises:
        NotFound: There is none.
    """
    alert = await one_alert(connection, alert_id, now)
    if alert is None:
        raise NotFound(msgid("there is no alert %(id)s"), id=alert_id)
    return alert


def trouble(
    request: Request,
    message: str,
    status_code: int,
    headers: dict[str, str] | None = None,
    *,
    paged: Sequence[PagedPast] | None = (),
    zones: Mapping[str, ZoneInfo] | None = None,
) -> Response:
    """Build a page that shows no alert, says why, and names what was paged without the database; None: nobody knows."""
    now = datetime.now(UTC)
    values = {
        "now": now,
        "message": texts_for(request).translated(message),
        "paged": paged,
        "waits": status_code == _AWAY,
        "warnings": (),
    }
    return render("trouble.html", request, status_code, headers, zones=zones or {}, **values)


def texts_for(request: Request) -> Texts:
    """The texts in the language of whoever reads the answer."""
    web: Web | None = _web_of(request)
    name = language_cookie(web.settings.public_url if web else "")
    return texts_in(language_for(request.cookies.get(name), request.headers.get("accept-language", "")))


def zone_for_reader(request: Request) -> ZoneInfo:
    """The clock of what is about no clinic."""
    web, caller = _web_of(request), getattr(request.state, "caller", None)
    if web is None or caller is None:
        return UTC_CLOCK
    return web.zones.of_reader(web.kept.now, caller.clinics())


def _web_of(request: Request) -> Web | None:
    """The process; None: whatever answers here is no part of the board, or nothing has looked at the request yet."""
    app = request.scope.get("app")
    return getattr(app.state, "web", None) if app is not None else None


def render(
    name: str,
    request: Request,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """Fill a template in the reader's language; every page knows who is logged in, and `here`, the clock it goes by.

    Without scripts a page reloads itself, but not one that holds a long form or answers one: that would empty it.
    """
    caller = getattr(request.state, "caller", None)
    reloads = request.method == "GET" and name in _RELOADING and status_code in (200, _AWAY)
    usual = {"request": request, "asking": caller, "reloads": reloads, "here": zone_for_reader(request)}
    html = filled(texts_for(request).language, name, usual | values)
    # A form that is refused shows what was typed, which may be no Unicode.
    return HTMLResponse(html.encode("utf-8", "replace"), status_code, headers)
