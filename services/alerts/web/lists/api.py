"""Lists of alerts for programs: filtered as on the board, read in parts by a cursor, each with how many there are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.web.allowed import must_see_clinic
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.inputs import NameOrNothing
from services.alerts.web.lists.asked import LONGEST, Asked, Sort, must_be_known
from services.alerts.web.lists.cursor import place_of
from services.alerts.web.lists.store import count_found, find_alerts
from services.alerts.web.read_models import STATES, AlertView, StateFilter

_PARAMETERS: Final = ("state", "clinic_id", "priority", "rule", "person", "text", "sort", "limit", "cursor")

router = APIRouter(prefix="/v1")


class AlertList(BaseModel):
    """Answer of `GET /v1/alerts`, and when it was true."""

    read_at: datetime
    total: int
    """How many alerts match, in all parts together."""
    next_cursor: str | None
    """Asks for the next part; null: this is the last."""
    alerts: tuple[AlertView, ...]


@router.get("/alerts")
async def get_alerts(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    state: StateFilter = StateFilter.OPEN,
    clinic_id: NameOrNothing | None = None,
    priority: Priority | None = None,
    rule: RuleName | None = None,
    person: Annotated[str, Query(max_length=LONGEST)] = "",
    text: Annotated[str, Query(max_length=LONGEST)] = "",
    sort: Sort = Sort.URGENT,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: str | None = None,
) -> AlertList:
    """Alerts, the most urgent that nobody has first, or as `sort` says.

    `person` is a part of the name of who has it or had it; `text` are words that all stand in the pump's name, the
    title or the explanation. `cursor` is the `next_cursor` of the part before, with the same filter and order.
    """
    for name in request.query_params:
        must_be_known(name, _PARAMETERS)
    now, clinics = web.clock(), must_see_clinic(caller, clinic_id or "")
    asked = Asked(
        clinic_id=clinic_id or "",
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
