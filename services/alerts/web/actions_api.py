"""HTTP for programs: remarks, resolutions, levels that are accepted, and silences.

Errors are JSON with one sentence in `detail`, as in services.alerts.web.api.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.alerts.delivery.mute import Silence, SilenceKind, SilenceRequest
from services.alerts.delivery.silences import end_silence, make_silence
from services.alerts.delivery.store import list_silences
from services.alerts.lifecycle.accept import accept_level
from services.alerts.lifecycle.resolve import resolve_alert
from services.alerts.web.allowed import clinics_of, must_act_in, must_act_on_alert, must_act_on_silence
from services.alerts.web.board.promise_views import checked_moment, remark_and_promise
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import Body, Moment, Name, NameOrNothing, Words

router = APIRouter(prefix="/v1")


class Remark(Body):
    """What somebody says of an alert.

    `acted`: it is what was done about it. `call_again_at`: it is a promise, of which whoever is on call then is told.
    """

    text: Words
    acted: bool = False
    call_again_at: Moment | None = None


class Resolution(Body):
    """What was done about what the alert tells of."""

    note: Words


class Acceptance(Body):
    """Why the level of demand is the new one."""

    note: Words


class NewSilence(Body):
    """About what, why and how long. `begins_at` left out: now."""

    reason: Words
    clinic_id: Name
    pump_id: Name | None = None
    rule: Name | None = None
    kind: SilenceKind = SilenceKind.SILENCE
    includes_high: bool = False
    begins_at: Moment | None = None
    ends_at: Moment


class SilenceMade(BaseModel):
    """Answer of `POST /v1/silences`."""

    silence_id: UUID


class SilenceList(BaseModel):
    """Answer of `GET /v1/silences`: those that hold or are to come."""

    read_at: datetime
    silences: tuple[Silence, ...]


@router.post("/alerts/{alert_id}/remarks", status_code=204)
async def remark(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Remark
) -> None:
    """Write something down in the alert's audit trail; 404: there is no such alert; 409: no time for a promise."""
    await must_act_on_alert(connection, caller, alert_id)
    now = web.clock()
    due_at = checked_moment(body.call_again_at, now) if body.call_again_at is not None else None
    await remark_and_promise(
        connection, alert_id, caller.actor, body.text, policies, now, acted=body.acted, due_at=due_at
    )


@router.post("/alerts/{alert_id}/resolve", status_code=204)
async def resolve(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Resolution
) -> None:
    """Close an alert about one thing that happened, for good. Doing it again changes nothing.

    404: there is no such alert; 409: it ends by itself, or it is closed.
    """
    await must_act_on_alert(connection, caller, alert_id)
    await resolve_alert(connection, alert_id, caller.actor, body.note, policies, web.clock())


@router.post("/alerts/{alert_id}/accept", status_code=204)
async def accept(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Acceptance
) -> None:
    """Accept the level of demand that an alert tells of as the new one, and close it. Doing it again changes nothing.

    404: there is no such alert; 409: it is about something else, or it is over.
    """
    await must_act_on_alert(connection, caller, alert_id)
    await accept_level(connection, alert_id, caller.actor, body.note, policies, web.clock())


@router.get("/silences")
async def get_silences(
    connection: Borrowed, caller: Asking, web: Running, clinic_id: NameOrNothing | None = None
) -> SilenceList:
    """Silences that hold now or are to come."""
    now = web.clock()
    clinics = clinics_of(caller, clinic_id)
    found = await list_silences(connection, clinic_id or None, now)
    return SilenceList(read_at=now, silences=tuple(each for each in found if each.clinic_id in clinics))


@router.post("/silences", status_code=201)
async def post_silence(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, body: NewSilence
) -> SilenceMade:
    """Make a silence; 409: the clinic's policy does not allow it, or there is no such clinic, pump or rule, and why."""
    now = web.clock()
    must_act_in(caller, body.clinic_id)
    asked = SilenceRequest(
        body.clinic_id,
        body.kind,
        body.reason,
        body.begins_at or now,
        body.ends_at,
        pump_id=body.pump_id,
        rule=body.rule,
        includes_high=body.includes_high,
    )
    return SilenceMade(silence_id=await make_silence(connection, asked, caller.actor, policies, now))


@router.post("/silences/{silence_id}/end", status_code=204)
async def post_end(connection: Borrowed, caller: Asking, web: Running, silence_id: UUID) -> None:
    """End a silence before its time; what it held goes out. 404: there is none, or it is over."""
    await must_act_on_silence(connection, caller, silence_id)
    await end_silence(connection, silence_id, caller.actor, web.clock())
