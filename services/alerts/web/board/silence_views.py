"""The board's form that silences pages: it is filled in, shows what it would hold, and is carried out from there.

What was shown is what is made: the moment of the preview goes along with the form, so that the end does not move.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from schemas.policy import Priority
from services.alerts.delivery.mute import SilenceRequest, covers
from services.alerts.delivery.silences import check_asked, end_silence, make_silence
from services.alerts.errors import Refused
from services.alerts.policies import Policies
from services.alerts.web.allowed import must_act_on_alert, must_act_on_silence
from services.alerts.web.board.silence_form import Opened, asked_for, faults_of, first_values, when_shown
from services.alerts.web.board.views import existing_alert, render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.read_models import AlertView
from services.alerts.web.store import alerts_in_scope
from services.runtime.database import Connection

router = APIRouter(include_in_schema=False)


class _Form:
    """One request about the form of one alert."""

    def __init__(
        self,
        connection: Connection,
        policies: Policies,
        request: Request,
        alert: AlertView,
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        self._connection, self._request, self._now, self._zone = connection, request, now, zone
        self._alert = alert
        self._paging = policies.of(alert.clinic_id).paging
        self.opened = Opened(alert.clinic_id, alert.pump_id, alert.rule, Priority(alert.priority))
        self.first = first_values(self.opened, self._paging)

    def ask(self, typed: dict[str, str], refused: str | None = None, status_code: int = 200) -> Response:
        """Show the fields."""
        return render(
            "silence.html",
            self._request,
            status_code,
            now=self._now,
            here=self._zone,
            alert=self._alert,
            typed=typed,
            refused=refused,
            asked=None,
            longest_hours=self._paging.silence_longest_hours,
            longest_high_hours=self._paging.silence_high_longest_hours,
            warnings=(),
        )

    async def preview(self, typed: dict[str, str], asked: SilenceRequest) -> Response:
        """Show what it would hold now, and what not."""
        found = await alerts_in_scope(self._connection, asked)
        held = [
            each
            for each in found
            if covers(asked, pump_id=each.pump_id, rule=each.rule, priority=Priority(each.priority))
        ]
        return render(
            "silence.html",
            self._request,
            now=self._now,
            here=self._zone,
            alert=self._alert,
            typed=typed,
            refused=None,
            asked=asked,
            held=held,
            loud=[each for each in found if each not in held],
            warnings=(),
        )


@router.get("/alerts/{alert_id}/silence")
async def silence_form(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, request: Request, alert_id: UUID
) -> Response:
    """Ask what is to be silent, how long and why."""
    now = web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    alert = await existing_alert(connection, alert_id, now)
    form = _Form(connection, policies, request, alert, now, await web.zones.one(connection, policies, alert.clinic_id))
    return form.ask(form.first)


@router.post("/alerts/{alert_id}/silence")
async def silence(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    alert_id: UUID,
    reason: Annotated[str, Form()] = "",
    hours: Annotated[str, Form()] = "",
    begins_in_hours: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    includes_high: Annotated[str, Form()] = "",
    shown_at: Annotated[str, Form()] = "",
    step: Annotated[str, Form()] = "",
) -> Response:
    """Silence the alert's pump (or its rule on that pump, or its rule everywhere in the clinic).

    `step`: "preview" shows what it would hold, "change" the fields again, anything else carries it out.
    """
    now = web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    alert, texts = await existing_alert(connection, alert_id, now), texts_for(request)
    form = _Form(connection, policies, request, alert, now, await web.zones.one(connection, policies, alert.clinic_id))
    typed = form.first | {"reason": reason, "hours": hours}
    chosen = {"begins_in_hours": begins_in_hours, "scope": scope, "kind": kind, "includes_high": includes_high}
    typed |= {name: value for name, value in chosen.items() if value}
    if step == "change":
        return form.ask(typed)
    if faults := faults_of(typed, texts):
        return form.ask(typed, " ".join(faults), 422)
    shown = when_shown(shown_at, now) if shown_at else now
    try:
        asked = asked_for(typed, form.opened, shown or now)
        await check_asked(connection, asked, policies, now)
        if step == "preview" or shown is None:
            return await form.preview(typed, asked)
        await make_silence(connection, asked, caller.actor, policies, now)
    except Refused as error:
        return form.ask(typed, texts.say("Not silenced: %(why)s.", why=error.in_words(texts)), 409)
    return RedirectResponse(f"/alerts/{alert_id}", 303)


@router.post("/silences/{silence_id}/end")
async def end(connection: Borrowed, caller: Asking, web: Running, silence_id: UUID) -> Response:
    """End a silence now."""
    await must_act_on_silence(connection, caller, silence_id)
    await end_silence(connection, silence_id, caller.actor, web.clock())
    return RedirectResponse("/", 303)
