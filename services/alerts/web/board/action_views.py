"""The board's forms beside the acknowledgement: a remark, a resolution, an accepted level (a silence: silence_views).

Each works like the others: one that cannot be carried out comes back with the reason and what was typed; one that was
carried out ends in a redirect.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.errors import Refused
from services.alerts.lifecycle.accept import accept_level
from services.alerts.lifecycle.resolve import resolve_alert
from services.alerts.web.allowed import must_act_on_alert
from services.alerts.web.board.promise_views import promised_moment, remark_and_promise
from services.alerts.web.board.views import show_alert, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import LONGEST_TEXT, is_words

router = APIRouter(include_in_schema=False)


@router.post("/alerts/{alert_id}/remark")
async def remark(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    alert_id: UUID,
    text: Annotated[str, Form()] = "",
    acted: Annotated[str, Form()] = "",
    again_at: Annotated[str, Form()] = "",
) -> Response:
    """Write something down about an alert, and what is promised."""
    words, now = text.strip(), web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    if not is_words(words):
        refused = texts_for(request).say(
            "Give what there is to say (at most %(count)s characters).", count=LONGEST_TEXT
        )
        return await show_alert(connection, now, request, alert_id, refused=refused, remark=words, status_code=422)
    try:
        due_at = await promised_moment(connection, policies, alert_id, again_at, now)
    except Refused as error:
        texts = texts_for(request)
        refused = texts.say("Not written down: %(why)s.", why=error.in_words(texts))
        return await show_alert(connection, now, request, alert_id, refused=refused, remark=words, status_code=409)
    await remark_and_promise(connection, alert_id, caller.actor, words, policies, now, acted=bool(acted), due_at=due_at)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/alerts/{alert_id}/resolve")
async def resolve(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    alert_id: UUID,
    note: Annotated[str, Form()] = "",
) -> Response:
    """Close an alert about one thing that happened, with what was done."""
    words, now = note.strip(), web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    if not is_words(words):
        refused = texts_for(request).say("Give what was done (at most %(count)s characters).", count=LONGEST_TEXT)
        return await show_alert(connection, now, request, alert_id, refused=refused, resolution=words, status_code=422)
    try:
        await resolve_alert(connection, alert_id, caller.actor, words, policies, now)
    except Refused as error:
        texts = texts_for(request)
        refused = texts.say("Not resolved: %(why)s.", why=error.in_words(texts))
        return await show_alert(connection, now, request, alert_id, refused=refused, resolution=words, status_code=409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/alerts/{alert_id}/accept")
async def accept(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    alert_id: UUID,
    note: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Accept the level of demand that an alert tells of as the new one."""
    words, now = note.strip(), web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    if not (is_words(words) and sure):
        refused = texts_for(request).say(
            "Say why (at most %(count)s characters), and tick that this is the new level.", count=LONGEST_TEXT
        )
        return await show_alert(connection, now, request, alert_id, refused=refused, acceptance=words, status_code=422)
    try:
        await accept_level(connection, alert_id, caller.actor, words, policies, now)
    except Refused as error:
        texts = texts_for(request)
        refused = texts.say("Not accepted: %(why)s.", why=error.in_words(texts))
        return await show_alert(connection, now, request, alert_id, refused=refused, acceptance=words, status_code=409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)
