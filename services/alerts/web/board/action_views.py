"""The board's forms beside the acknowledgement: a remark, a resolution, an accepted level, a silence, and its end.

Each works like the others: one that cannot be carried out comes back with the reason and what was typed; one that was
carried out ends in a redirect.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.delivery.mute import SilenceKind, SilenceRequest
from services.alerts.delivery.silences import end_silence, make_silence
from services.alerts.errors import NotFound, Refused
from services.alerts.lifecycle.accept import accept_level
from services.alerts.lifecycle.remark import add_remark
from services.alerts.lifecycle.resolve import resolve_alert
from services.alerts.web.board.views import render, show_alert, trouble
from services.alerts.web.dependencies import Borrowed, Running
from services.alerts.web.inputs import LONGEST_TEXT, is_person_name, is_words
from services.alerts.web.store import one_alert

_MOST_HOURS: Final = 24 * 366

router = APIRouter(include_in_schema=False)


@router.post("/alerts/{alert_id}/remark")
async def remark(
    connection: Borrowed,
    resources: Running,
    request: Request,
    alert_id: UUID,
    by: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    acted: Annotated[str, Form()] = "",
) -> Response:
    """Write something down about an alert."""
    name, words, now = by.strip(), text.strip(), resources.clock()
    if not (is_person_name(name) and is_words(words)):
        refused = f"Give your name and what there is to say (at most {LONGEST_TEXT} characters)."
        return await show_alert(
            connection, now, request, alert_id, refused=refused, remark=(name, words), status_code=422
        )
    await add_remark(connection, alert_id, name, words, resources.policies.now, now, acted=bool(acted))
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/alerts/{alert_id}/resolve")
async def resolve(
    connection: Borrowed,
    resources: Running,
    request: Request,
    alert_id: UUID,
    by: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Close an alert about one thing that happened, with what was done."""
    name, words, now = by.strip(), note.strip(), resources.clock()
    typed = (name, words)
    if not (is_person_name(name) and is_words(words)):
        refused = f"Give your name and what was done (at most {LONGEST_TEXT} characters)."
        return await show_alert(connection, now, request, alert_id, refused=refused, resolution=typed, status_code=422)
    try:
        await resolve_alert(connection, alert_id, name, words, resources.policies.now, now)
    except Refused as error:
        refused = f"Not resolved: {error}."
        return await show_alert(connection, now, request, alert_id, refused=refused, resolution=typed, status_code=409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/alerts/{alert_id}/accept")
async def accept(
    connection: Borrowed,
    resources: Running,
    request: Request,
    alert_id: UUID,
    by: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Accept the level of demand that an alert tells of as the new one."""
    name, words, now = by.strip(), note.strip(), resources.clock()
    typed = (name, words)
    if not (is_person_name(name) and is_words(words) and sure):
        refused = f"Give your name and why (at most {LONGEST_TEXT} characters), and tick that this is the new level."
        return await show_alert(connection, now, request, alert_id, refused=refused, acceptance=typed, status_code=422)
    try:
        await accept_level(connection, alert_id, name, words, resources.policies.now, now)
    except Refused as error:
        refused = f"Not accepted: {error}."
        return await show_alert(connection, now, request, alert_id, refused=refused, acceptance=typed, status_code=409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.get("/alerts/{alert_id}/silence")
async def silence_form(connection: Borrowed, resources: Running, request: Request, alert_id: UUID) -> Response:
    """Ask who wants silence, how long and why."""
    return await _silence_form(connection, resources, request, alert_id, {})


@router.post("/alerts/{alert_id}/silence")
async def silence(
    connection: Borrowed,
    resources: Running,
    request: Request,
    alert_id: UUID,
    by: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    hours: Annotated[str, Form()] = "",
    begins_in_hours: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "rule",
    kind: Annotated[str, Form()] = SilenceKind.SILENCE.value,
    includes_high: Annotated[str, Form()] = "",
) -> Response:
    """Make a silence about the alert's pump (or its rule on that pump, or its rule everywhere in the clinic)."""
    alert = await one_alert(connection, alert_id)
    if alert is None:
        msg = "there is no such alert"
        raise NotFound(msg)
    name, words, now = by.strip(), reason.strip(), resources.clock()
    span, wait = _hours(hours), _hours(begins_in_hours or "0")
    typed = {
        "by": by,
        "reason": reason,
        "hours": hours,
        "begins_in_hours": begins_in_hours,
        "scope": scope,
        "kind": kind,
        "includes_high": includes_high,
    }
    if not (is_person_name(name) and is_words(words)) or span is None or wait is None or kind not in list(SilenceKind):
        refused = "Give your name, the reason, and for how many hours."
        return await _silence_form(connection, resources, request, alert_id, typed, refused, 422)
    asked = SilenceRequest(
        alert.clinic_id,
        SilenceKind(kind),
        words,
        now + wait,
        now + wait + span,
        pump_id=None if scope == "clinic" else alert.pump_id,
        rule=None if scope == "pump" else alert.rule,
        includes_high=bool(includes_high),
    )
    try:
        await make_silence(connection, asked, name, resources.policies.now, now)
    except Refused as error:
        return await _silence_form(connection, resources, request, alert_id, typed, f"Not silenced: {error}.", 409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/silences/{silence_id}/end")
async def end(
    connection: Borrowed, resources: Running, request: Request, silence_id: UUID, by: Annotated[str, Form()] = ""
) -> Response:
    """End a silence now."""
    if not is_person_name(by.strip()):
        return trouble(request, "Give your name to end a silence.", 422)
    await end_silence(connection, silence_id, by.strip(), resources.clock())
    return RedirectResponse("/", 303)


async def _silence_form(
    connection: Borrowed,
    resources: Running,
    request: Request,
    alert_id: UUID,
    typed: dict[str, str],
    refused: str | None = None,
    status_code: int = 200,
) -> Response:
    alert = await one_alert(connection, alert_id)
    if alert is None:
        msg = "there is no such alert"
        raise NotFound(msg)
    paging = resources.policies.now.of(alert.clinic_id).paging
    values = {"by": request.state.person or "", "reason": "", "hours": "1", "begins_in_hours": "0"}
    values |= {"scope": "rule", "kind": SilenceKind.SILENCE.value, "includes_high": ""} | typed
    return render(
        "silence.html",
        request,
        status_code,
        now=resources.clock(),
        alert=alert,
        typed=values,
        refused=refused,
        longest_hours=paging.silence_longest_hours,
        longest_high_hours=paging.silence_high_longest_hours,
        warnings=(),
    )


def _hours(text: str) -> timedelta | None:
    try:
        hours = float(text.replace(",", "."))
    except ValueError:
        return None
    return timedelta(hours=hours) if math.isfinite(hours) and 0 <= hours <= _MOST_HOURS else None
