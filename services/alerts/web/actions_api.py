"""HTTP for programs: remarks, resolutions, levels that are accepted, and silences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from schemas.http.problems import ProblemType
from services.alerts.delivery.mute import Silence, SilenceKind, SilenceRequest
from services.alerts.delivery.silences import end_silence, make_silence
from services.alerts.delivery.store import list_silences
from services.alerts.lifecycle.accept import accept_level
from services.alerts.lifecycle.resolve import resolve_alert
from services.alerts.model import RuleName
from services.alerts.web.allowed import must_act_in, must_act_on_alert, must_act_on_silence, must_see_clinic
from services.alerts.web.board.promise_views import checked_moment, remark_and_promise
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import Body, Moment, Name, NameOrNothing, Words
from services.alerts.web.lists.cursor import part_of
from services.alerts.web.programs.answers import Tag, acting, asked_with, reading
from services.alerts.web.programs.parameters import ClinicAsked, Cursor, Limit
from services.alerts.web.programs.route import ProgramRoute

_LIST: Final = "silences"
_ACTS: Final = asked_with("alerts.act", changes=True)

router = APIRouter(prefix="/v1", route_class=ProgramRoute)


class Remark(Body):
    """What somebody says of an alert."""

    text: Words = Field(description="Not blank.")
    acted: bool = Field(False, description="It is what was done about the alert.")
    call_again_at: Moment | None = Field(
        None, description="It is a promise to call again then, of which whoever is on call is told. Within 31 days."
    )


class Resolution(Body):
    """What was done about what the alert tells of."""

    note: Words = Field(description="Not blank.")


class Acceptance(Body):
    """Why the level of demand is the new one."""

    note: Words = Field(description="Not blank.")


class NewSilence(Body):
    """About what, why and how long."""

    reason: Words = Field(description="Not blank.")
    clinic_id: Name
    pump_id: Name | None = Field(None, description="About this pump alone; null: about all of the clinic.")
    rule: Name | None = Field(None, description="About what this rule raises alone; null: about all rules.")
    kind: SilenceKind = SilenceKind.SILENCE
    includes_high: bool = Field(False, description="High alerts too: for one pump only, and not for long.")
    begins_at: Moment | None = Field(None, description="Null: now. Within a year.")
    ends_at: Moment = Field(description="With its offset; after the beginning, and as far as the policy allows.")


class SilenceMade(BaseModel):
    """What the silence is called."""

    silence_id: UUID


class SilenceList(BaseModel):
    """A part of the silences that hold or are to come, and when that was true."""

    read_at: datetime
    total: int = Field(description="How many silences match, in all parts together.", ge=0)
    next_cursor: str | None = Field(description="Asks for the next part; null: this is the last.")
    silences: tuple[Silence, ...]


@router.post(
    "/alerts/{alert_id}/remarks",
    status_code=204,
    summary="Write a remark on an alert",
    operation_id="remarkOnAlert",
    tags=[Tag.ALERTS],
    responses=acting(ProblemType.CANNOT_BE_DONE),
    openapi_extra=_ACTS,
)
async def remark(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Remark
) -> None:
    """Write something down in the alert's audit trail, and say when somebody will call again. 409: not at that time."""
    await must_act_on_alert(connection, caller, alert_id)
    now = web.clock()
    due_at = checked_moment(body.call_again_at, now) if body.call_again_at is not None else None
    await remark_and_promise(
        connection, alert_id, caller.actor, body.text, policies, now, acted=body.acted, due_at=due_at
    )


@router.post(
    "/alerts/{alert_id}/resolve",
    status_code=204,
    summary="Resolve an alert about one thing that happened",
    operation_id="resolveAlert",
    tags=[Tag.ALERTS],
    responses=acting(ProblemType.CANNOT_BE_DONE),
    openapi_extra=_ACTS,
)
async def resolve(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Resolution
) -> None:
    """Close an alert about one thing that happened, for good. Doing it again changes nothing.

    409: it ends by itself, or it is closed.
    """
    await must_act_on_alert(connection, caller, alert_id)
    await resolve_alert(connection, alert_id, caller.actor, body.note, policies, web.clock())


@router.post(
    "/alerts/{alert_id}/accept",
    status_code=204,
    summary="Accept a level of demand as the new one",
    operation_id="acceptLevel",
    tags=[Tag.ALERTS],
    responses=acting(ProblemType.CANNOT_BE_DONE),
    openapi_extra=_ACTS,
)
async def accept(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, body: Acceptance
) -> None:
    """Accept the level of demand that an alert tells of as the new one, and close it. Doing it again changes nothing.

    409: it is about something else, or it is over.
    """
    await must_act_on_alert(connection, caller, alert_id)
    await accept_level(connection, alert_id, caller.actor, body.note, policies, web.clock())


@router.get(
    "/silences",
    summary="List silences",
    operation_id="listSilences",
    tags=[Tag.SILENCES],
    responses=reading(ProblemType.UNKNOWN_CLINIC),
    openapi_extra=asked_with("alerts.read", "alerts.act"),
)
async def get_silences(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    clinic_id: ClinicAsked = "",
    pump_id: Annotated[NameOrNothing, Query(description="Made for this pump; empty: any.")] = "",
    rule: Annotated[RuleName | None, Query(description="Made for this rule; left out: any.")] = None,
    kind: Annotated[SilenceKind | None, Query(description="Of this kind; left out: of any.")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> SilenceList:
    """Silences that hold now or are to come, the one that begins first before the others."""
    now, clinics = web.clock(), must_see_clinic(caller, clinic_id)
    found = [
        each
        for each in await list_silences(connection, clinic_id or None, now)
        if each.clinic_id in clinics
        and (not pump_id or each.pump_id == pump_id)
        and rule in (None, each.rule)
        and kind in (None, each.kind)
    ]
    part = part_of(_LIST, found, _place, cursor=cursor, limit=limit)
    return SilenceList(read_at=now, total=part.total, next_cursor=part.next_cursor, silences=part.things)


@router.post(
    "/silences",
    status_code=201,
    summary="Make a silence",
    operation_id="makeSilence",
    tags=[Tag.SILENCES],
    responses=acting(ProblemType.CANNOT_BE_DONE),
    openapi_extra=_ACTS,
)
async def post_silence(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, body: NewSilence
) -> SilenceMade:
    """Hold pages for a while. 409: the policy does not allow it, or there is no such clinic, pump or rule, and why."""
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


@router.post(
    "/silences/{silence_id}/end",
    status_code=204,
    summary="End a silence",
    operation_id="endSilence",
    tags=[Tag.SILENCES],
    responses=acting(body=False),
    openapi_extra=_ACTS,
)
async def post_end(connection: Borrowed, caller: Asking, web: Running, silence_id: UUID) -> None:
    """End a silence before its time; what it held goes out. 404: there is none, or it is over."""
    await must_act_on_silence(connection, caller, silence_id)
    await end_silence(connection, silence_id, caller.actor, web.clock())


def _place(silence: Silence) -> str:
    """Where it stands in the list: by when it begins, and by its own name."""
    return f"{silence.begins_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}/{silence.silence_id}"
