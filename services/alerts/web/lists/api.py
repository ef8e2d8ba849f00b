"""Lists of alerts for programs: filtered as on the board, read in parts by a cursor, each with how many there are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from schemas.http.problems import ProblemType
from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.web.allowed import must_see_clinic
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.lists.asked import LONGEST, Asked, Sort
from services.alerts.web.lists.cursor import place_of
from services.alerts.web.lists.store import count_found, find_alerts
from services.alerts.web.programs.answers import Tag, asked_with, reading
from services.alerts.web.programs.parameters import ClinicAsked, Cursor, Limit
from services.alerts.web.programs.route import ProgramRoute
from services.alerts.web.read_models import STATES, AlertView, StateFilter

router = APIRouter(prefix="/v1", route_class=ProgramRoute)


class AlertList(BaseModel):
    """A part of the alerts that match, and when that was true."""

    read_at: datetime
    total: int = Field(description="How many alerts match, in all parts together.", ge=0)
    next_cursor: str | None = Field(description="Asks for the next part; null: this is the last.")
    alerts: tuple[AlertView, ...]


@router.get(
    "/alerts",
    summary="List alerts",
    operation_id="listAlerts",
    tags=[Tag.ALERTS],
    responses=reading(ProblemType.UNKNOWN_CLINIC),
    openapi_extra=asked_with("alerts.read", "alerts.act"),
)
async def get_alerts(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    state: Annotated[StateFilter, Query(description="`open` is all that is not closed.")] = StateFilter.OPEN,
    clinic_id: ClinicAsked = "",
    priority: Annotated[Priority | None, Query(description="Of this priority; left out: of any.")] = None,
    rule: Annotated[RuleName | None, Query(description="Raised by this rule; left out: by any.")] = None,
    person: Annotated[
        str, Query(max_length=LONGEST, description="A part of the name of who has acknowledged it, or had.")
    ] = "",
    text: Annotated[
        str,
        Query(
            max_length=LONGEST,
            description="Words that all stand in the pump's name, the title or the explanation, in any order.",
        ),
    ] = "",
    sort: Annotated[
        Sort, Query(description="Which comes first; `urgent`: the most urgent that nobody has.")
    ] = Sort.URGENT,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> AlertList:
    """Alerts that match all filters that are given, the most urgent that nobody has first, or as `sort` says.

    They are read to the end by `cursor`, with the same filters and order: none that is there all the time is left out.
    """
    now, clinics = web.clock(), must_see_clinic(caller, clinic_id)
    asked = Asked(
        clinic_id=clinic_id,
        state=state,
        priority=priority or "",
        rule=rule or "",
        person=person.strip(),
        text=text,
        sort=sort,
    )
    after = place_of(cursor) if cursor else None
    counts = await count_found(connection, clinics, asked)
    found = await find_alerts(connection, clinics, asked, now, limit=limit, after=after)
    await web.reads.note(connection, caller, {(each.clinic_id, each.pump_id) for each in found.alerts}, now)
    return AlertList(
        read_at=now,
        total=sum(count for (each, _), count in counts.items() if each in STATES[state]),
        next_cursor=found.end.text if found.end else None,
        alerts=found.alerts,
    )
