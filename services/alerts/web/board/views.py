"""The pages of the alert board, and the form that takes an alert.

Every page says when its data was read. A form that cannot be carried out comes back with the reason and
with what was typed; one that was carried out ends in a redirect, so that reloading repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.alerts.errors import NotFound, Refused
from services.alerts.health.hand_over.store import promises_of_alert, zone_of
from services.alerts.health.paged import PagedPast
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.lifecycle.new_level import is_about_a_level
from services.alerts.lifecycle.one_off import is_one_off
from services.alerts.web.allowed import clinics_of, must_act_on_alert, must_see_alert
from services.alerts.web.board import wording
from services.alerts.web.board.glance import FORM_OF_WHOEVER_READS, Board, Glance, look
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, borrowed_for
from services.alerts.web.identity.forms import csrf_field
from services.alerts.web.inputs import LONGEST_TEXT, NameOrNothing, is_note
from services.alerts.web.pictures.level_chart import LevelChart, level_chart, shows_levels
from services.alerts.web.pictures.store import levels_of_alert
from services.alerts.web.read_models import AlertView
from services.alerts.web.store import history_of, one_alert
from services.alerts.wording import parts_of, rule_words
from services.people.caller import Caller
from services.people.model import Role
from services.runtime.database import Connection

NAVIGATION: Final = (("/", "Alerts"), ("/on-call", "On call"), ("/refills", "Refills"), ("/account", "My account"))
STATIC: Final = Path(__file__).parent / "static"
_SHOWN: Final = 300
_RELOADING: Final = frozenset({"board.html", "alert.html", "trouble.html"})

router = APIRouter(include_in_schema=False)


def make_environment() -> Environment:
    """The templates; every value is escaped, and a name that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "clock": wording.clock,
        "since_words": wording.since_words,
        "notified": wording.notified,
        "silence_words": wording.silence_words,
        "rule_words": rule_words,
        "parts_of": parts_of,
        "is_one_off": is_one_off,
        "is_about_a_level": is_about_a_level,
        "csrf_field": csrf_field,
        "navigation": NAVIGATION,
        "manages_persons": manages_persons,
        "acts_in": lambda asking, clinic: asking is not None and asking.may(Role.RESPONDER, clinic),
    }
    return environment


def manages_persons(asking: Caller | None) -> bool:
    """Tell whether the page of persons is for who asks."""
    return asking is not None and asking.person_id is not None and bool(asking.clinics(Role.ADMINISTRATOR))


_ENVIRONMENT: Final = make_environment()


@router.get("/")
async def board(caller: Asking, web: Running, request: Request, clinic_id: NameOrNothing | None = None) -> Response:
    """Every alert that is not closed: what was read within the last second for somebody who may see and do the same."""
    clinics = clinics_of(caller, clinic_id)

    async def read() -> Board:
        async with borrowed_for(request) as connection:
            return _drawn(await look(connection, clinics, web.clock()), request, clinic_id or "")

    shown = await web.boards.of((frozenset(caller.roles.items()), clinic_id or ""), read)
    now, pumps = web.clock(), {(each.clinic_id, each.pump_id) for each in shown.glance.alerts}
    if web.reads.lacks(caller, pumps, now):
        async with borrowed_for(request) as connection:
            await web.reads.note(connection, caller, pumps, now)
    return render(
        "board.html",
        request,
        now=shown.glance.now,
        title=shown.title,
        content=shown.with_forms_of(request),
        warnings=(),
    )


def _drawn(glance: Glance, request: Request, clinic_id: str) -> Board:
    waiting = [alert for alert in glance.alerts if alert.state == "active"]
    content = _ENVIRONMENT.get_template("open.html").render(
        glance=glance,
        now=glance.now,
        asking=request.state.caller,
        request=request,
        csrf_field=lambda _: FORM_OF_WHOEVER_READS,
        clinic_id=clinic_id,
        several_clinics=len({alert.clinic_id for alert in glance.alerts}) > 1,
        waiting=waiting,
        unseen=[alert for alert in glance.alerts if alert.state == "cleared"],
        taken=[alert for alert in glance.alerts if alert.state == "acknowledged"],
    )
    return Board(glance, f"({len(waiting)}) Alerts" if waiting else "Alerts", content)


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
    clinic_id: Annotated[NameOrNothing, Form()] = "",
    back: Annotated[str, Form()] = "board",
) -> Response:
    """Take an alert, from the board or from its own page."""
    words, now = note.strip(), web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    if not is_note(words):
        refused = f"A note has at most {LONGEST_TEXT} characters."
        return await show_alert(connection, now, request, alert_id, refused=refused, typed=words, status_code=422)
    try:
        await acknowledge_alert(connection, alert_id, caller.actor, words or None, policies, now)
    except Refused as error:
        return await show_alert(
            connection,
            now,
            request,
            alert_id,
            refused=f"Not acknowledged: {error}.",
            typed=words,
            status_code=409,
        )
    query = f"?{urlencode({'clinic_id': clinic_id})}" if clinic_id else ""
    return RedirectResponse(f"/alerts/{alert_id}" if back == "alert" else f"/{query}", 303)


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
    await request.app.state.web.reads.note(connection, request.state.caller, [(alert.clinic_id, alert.pump_id)], now)
    zone = ZoneInfo(await zone_of(connection, alert.clinic_id))
    return render(
        "alert.html",
        request,
        status_code,
        now=now,
        alert=alert,
        timeline=wording.timeline(await history_of(connection, alert_id), alert.deliveries),
        refused=refused,
        typed=typed,
        remark=remark,
        resolution=resolution,
        acceptance=acceptance,
        promises=await promises_of_alert(connection, alert_id),
        clinic_clock=zone,
        levels=await _levels(connection, alert, zone, now),
        warnings=(),
    )


async def _levels(connection: Connection, alert: AlertView, zone: ZoneInfo, now: datetime) -> LevelChart | None:
    if not shows_levels(alert.rule):
        return None
    return level_chart(await levels_of_alert(connection, alert.alert_id, now), alert.evidence, zone)


async def existing_alert(connection: Connection, alert_id: UUID, now: datetime) -> AlertView:
    """One alert.

    Raises:
        NotFound: There is none.
    """
    alert = await one_alert(connection, alert_id, now)
    if alert is None:
        msg = f"there is no alert {alert_id}"
        raise NotFound(msg)
    return alert


def trouble(
    request: Request,
    message: str,
    status_code: int,
    headers: dict[str, str] | None = None,
    *,
    paged: Sequence[PagedPast] | None = (),
) -> Response:
    """Build a page that shows no alert, says why, and names what was paged without the database; None: nobody knows."""
    now = datetime.now(UTC)
    return render("trouble.html", request, status_code, headers, now=now, message=message, paged=paged, warnings=())


def render(
    name: str,
    request: Request,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    """Fill a template; every page knows who is logged in.

    Without scripts a page reloads itself, but not one that holds a long form or answers one: that would empty it.
    """
    caller = getattr(request.state, "caller", None)
    reloads = request.method == "GET" and name in _RELOADING
    html = _ENVIRONMENT.get_template(name).render(request=request, asking=caller, reloads=reloads, **values)
    # A form that is refused shows what was typed, which may be no Unicode.
    return HTMLResponse(html.encode("utf-8", "replace"), status_code, headers)
