"""Who is on call, for programs: `GET /v1/on-call`, and a rota's calendar for people's own.

A session of a viewer reads it, and a key with the scope on-call.read; nothing here changes anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from schemas.http.problems import ProblemType
from services.alerts.errors import NotFound
from services.alerts.web.allowed import Forbidden, must_be_among
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.lists.cursor import part_of
from services.alerts.web.on_call.picture import ClinicNow, RotaNow, picture_of
from services.alerts.web.programs.answers import Tag, asked_with, reading
from services.alerts.web.programs.parameters import ClinicAsked, Cursor, Limit
from services.alerts.web.programs.route import ProgramRoute
from services.people.caller import Caller
from services.people.rota.ical import shifts_as_ical
from services.people.rota.turns import Shift

SCOPE: Final = "on-call.read"
_CALENDAR: Final = timedelta(days=90)
_LIST: Final = "on-call"

router = APIRouter()
v1 = APIRouter(prefix="/v1", route_class=ProgramRoute)


class Person(BaseModel):
    """Somebody of the clinic."""

    person_id: str
    name: str


class ShiftView(BaseModel):
    """Somebody has it, or nobody (null), from `begins` until just before `ends`."""

    begins: datetime
    ends: datetime
    person: Person | None


class RotaView(BaseModel):
    """A rota: who has it now, who is next (null: it stays so for over a year), and its shifts ahead."""

    rota_id: str
    name: str
    timezone: str
    version: int
    now: ShiftView
    next: ShiftView | None
    shifts: tuple[ShiftView, ...]


class GapView(BaseModel):
    """A span in which a high alarm would reach nobody in time, and of each contact why."""

    begins: datetime
    ends: datetime
    why: tuple[str, ...]


class ClinicOnCall(BaseModel):
    """A clinic's rotas, and the gaps within 90 days."""

    clinic_id: str
    rotas: tuple[RotaView, ...]
    gaps: tuple[GapView, ...]


class OnCallAnswer(BaseModel):
    """Who is on call in a part of the clinics, and when that was true."""

    read_at: datetime
    total: int = Field(description="How many clinics there are, in all parts together.", ge=0)
    next_cursor: str | None = Field(description="Asks for the next part; null: this is the last.")
    clinics: tuple[ClinicOnCall, ...]


@v1.get(
    "/on-call",
    summary="Who is on call",
    operation_id="whoIsOnCall",
    tags=[Tag.ON_CALL],
    responses=reading(ProblemType.UNKNOWN_CLINIC),
    openapi_extra=asked_with(SCOPE),
)
async def get_on_call(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    clinic_id: ClinicAsked = "",
    days: Annotated[int, Query(ge=1, le=92, description="So many days of shifts are told.")] = 14,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> OnCallAnswer:
    """Who is on call now and in the next days, clinic by clinic, and when nobody would be reached.

    403: the key is for other things.
    """
    now, clinics = web.clock(), must_be_among(_clinics(caller), clinic_id)
    part = part_of(_LIST, clinics, str, cursor=cursor, limit=limit)
    found = await picture_of(connection, part.things, policies, now, timedelta(days=days))
    shown = tuple(_clinic(each) for each in found)
    return OnCallAnswer(read_at=now, total=part.total, next_cursor=part.next_cursor, clinics=shown)


@router.get("/on-call/{clinic_id}/{rota:path}.ics", include_in_schema=False)
async def calendar(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, clinic_id: str, rota: str
) -> Response:
    """The shifts of the next 90 days as a file that calendars read."""
    now = web.clock()
    found = await picture_of(connection, _clinics(caller) & {clinic_id}, policies, now, _CALENDAR)
    kept = next((each for clinic in found for each in clinic.rotas if each.rota.name == rota), None)
    if kept is None:
        msg = f"there is no rota {rota!r} of {clinic_id!r}"
        raise NotFound(msg)
    content = shifts_as_ical(kept.rota, kept.ahead, kept.members, now)
    return Response(content, media_type="text/calendar", headers={"Content-Disposition": "attachment"})


def _clinics(caller: Caller) -> frozenset[str]:
    if caller.key_id is not None and SCOPE not in caller.scopes:
        msg = f"expected a key with the scope {SCOPE}; this one has {' '.join(caller.scopes)}"
        raise Forbidden(msg)
    return caller.clinics_for(SCOPE)


def _clinic(clinic: ClinicNow) -> ClinicOnCall:
    gaps = tuple(GapView(begins=each.begins, ends=each.ends, why=each.why) for each in clinic.gaps)
    return ClinicOnCall(clinic_id=clinic.clinic_id, rotas=tuple(_rota(each) for each in clinic.rotas), gaps=gaps)


def _rota(rota: RotaNow) -> RotaView:
    return RotaView(
        rota_id=str(rota.kept.rota_id),
        name=rota.rota.name,
        timezone=rota.rota.timezone,
        version=rota.kept.version,
        now=_shift(rota, rota.now),
        next=_shift(rota, rota.next) if rota.next else None,
        shifts=tuple(_shift(rota, each) for each in rota.ahead),
    )


def _shift(rota: RotaNow, shift: Shift) -> ShiftView:
    person = Person(person_id=str(shift.person_id), name=rota.who(shift.person_id)) if shift.person_id else None
    return ShiftView(begins=shift.begins, ends=shift.ends, person=person)
