"""The refill board, the forms by which a clinic plans its refills, and its calendar.

A form that cannot be carried out comes back with the reason and what was typed; one that was carried out ends in a
redirect, and has the pump looked at again, as whether it warns goes by the visit. Only persons book: a key reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.errors import NotFound, Refused
from services.alerts.facts.model import PumpFacts, VisitKind
from services.alerts.facts.store import load_facts
from services.alerts.health.hand_over.store import zone_of, zones_of
from services.alerts.policies import Policies
from services.alerts.rules.reservoir.booked import booked
from services.alerts.web.allowed import Forbidden, clinics_of
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, Web
from services.alerts.web.inputs import NameOrNothing
from services.alerts.web.on_call.store import sees_clinic
from services.alerts.web.refills.ical import refills_as_ical
from services.alerts.web.refills.plan import ACTIONS, what_is_said
from services.alerts.web.refills.rows import Row, row_of
from services.alerts.web.refills.store import listed_pumps, newest_entries, planned_of, say
from services.people.caller import Caller
from services.people.model import Role
from services.people.rota.local_time import wall_date
from services.runtime.database import Connection
from services.texts.model import Texts, msgid

PATH: Final = "/refills"
SCOPE: Final = "refills.read"
PUMPS_A_PAGE: Final = 50
HORIZONS: Final = (14, 30, 60, 90)
"""Days that the board may be limited to."""
_CALENDAR: Final = timedelta(days=90)
"""By when to come is shown in calendars for so long ahead; what is later changes until then."""

router = APIRouter(include_in_schema=False)

Within = Annotated[int, Query(ge=0, le=3650)]
Page = Annotated[int, Query(ge=1, le=100_000)]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which part of the board: of one clinic or all (""), within so many days or all (0), and which page of it."""

    clinic_id: str = ""
    within: int = 0
    page: int = 1

    def address(self, page: int | None = None) -> str:
        """Where it is."""
        values = {"clinic_id": self.clinic_id, "within": self.within, "page": page or self.page}
        query = urlencode({name: value for name, value in values.items() if value and (name, value) != ("page", 1)})
        return f"{PATH}?{query}" if query else PATH


@dataclass(frozen=True, slots=True)
class NotDone:
    """A form that was refused: of which pump, which one, why, and what was typed."""

    pump_id: str
    what: str
    why: str
    typed: Mapping[str, str]


@router.get(PATH)
async def refills_page(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    clinic_id: NameOrNothing = "",
    within: Within = 0,
    page: Page = 1,
) -> Response:
    """By when each patient should come, the soonest first."""
    return await _show(connection, caller, web, policies, request, Shown(clinic_id, within, page))


@router.get(PATH + "/{clinic_id}.ics")
async def calendar(connection: Borrowed, caller: Asking, web: Running, clinic_id: str) -> Response:
    """The clinic's visits and dates as a file that calendars read."""
    if caller.key_id is not None and SCOPE not in caller.scopes:
        msg = f"expected a key with the scope {SCOPE}; this one has {' '.join(caller.scopes)}"
        raise Forbidden(msg)
    if clinic_id not in caller.clinics_for(SCOPE) or not await sees_clinic(connection, clinic_id):
        msg = f"there is no clinic {clinic_id!r}"
        raise NotFound(msg)
    now = web.clock()
    planned = await planned_of(connection, clinic_id, now + _CALENDAR)
    await web.reads.note(connection, caller, {(clinic_id, each.pump_id) for each in planned}, now)
    content = refills_as_ical(
        clinic_id, planned, (await zone_of(connection, await web.policies(connection), clinic_id)).key, now
    )
    return Response(content, media_type="text/calendar", headers={"Content-Disposition": "attachment"})


@router.post(PATH + "/{pump_id}/{what}")
async def plan(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    pump_id: str,
    what: str,
    on: Annotated[str, Form()] = "",
    at: Annotated[str, Form()] = "",
    follows: Annotated[str, Form()] = "",
    clinic_id: Annotated[NameOrNothing, Form()] = "",
    within: Annotated[int, Form(ge=0, le=3650)] = 0,
    page: Annotated[int, Form(ge=1, le=100_000)] = 1,
) -> Response:
    """Book a visit, move it, say that it is done, or cancel it."""
    now, shown = web.clock(), Shown(clinic_id, within, page)
    facts = await _must_plan(connection, caller, policies, pump_id, now)
    kind = ACTIONS.get(what)
    if kind is None:
        raise NotFound(msgid("this form is not one of this page"))
    typed = {"on": on, "at": at, "follows": follows}
    try:
        await _plan(connection, caller, policies, facts, kind, typed, now)
    except Refused as error:
        texts = texts_for(request)
        why = texts.say("Not done: %(why)s.", why=error.in_words(texts))
        refused = NotDone(pump_id, what, why, typed)
        return await _show(connection, caller, web, policies, request, shown, refused)
    return RedirectResponse(shown.address(), 303)


async def _plan(
    connection: Connection,
    caller: Caller,
    policies: Policies,
    facts: PumpFacts,
    kind: VisitKind,
    typed: Mapping[str, str],
    now: datetime,
) -> None:
    clinic_id, pump_id = facts.clinic_id, facts.pump_id
    newest = (await newest_entries(connection, [pump_id])).get(pump_id)
    zone = await zone_of(connection, policies, clinic_id)
    said = what_is_said(kind, typed, newest, booked(facts), zone.key, now)
    async with connection.transaction():
        await say(connection, clinic_id, pump_id, said, caller.actor, now)


async def _must_plan(
    connection: Connection, caller: Caller, policies: Policies, pump_id: str, now: datetime
) -> PumpFacts:
    """The facts of a pump whose refills the caller may plan.

    Raises:
        NotFound: There is no such pump, or it is in nobody.
        Forbidden: They may look and not plan, or are a program.
    """
    found = await load_facts(connection, [pump_id], now, windows=policies.longest_baseline_days)
    facts = found[0] if found else None
    if facts is None or not caller.may(Role.VIEWER, facts.clinic_id) or not facts.enrolled or not facts.implanted:
        raise NotFound(msgid("there is no pump %(pump)s in a patient of your clinics"), pump=repr(pump_id))
    if caller.person_id is None or not caller.may(Role.RESPONDER, facts.clinic_id):
        raise Forbidden(
            msgid("you may see the refills of %(clinic)s, and not plan them: that takes a person who is a responder"),
            clinic=facts.clinic_id,
        )
    return facts


async def _show(
    connection: Connection,
    caller: Caller,
    web: Web,
    policies: Policies,
    request: Request,
    shown: Shown,
    refused: NotDone | None = None,
) -> Response:
    now, texts = web.clock(), texts_for(request)
    clinics = clinics_of(caller, shown.clinic_id)
    until = now + timedelta(days=shown.within) if shown.within else None
    listed = await listed_pumps(connection, clinics, until, PUMPS_A_PAGE, (shown.page - 1) * PUMPS_A_PAGE)
    rows, zones = await _rows(connection, [pump_id for _, pump_id in listed.pumps], policies, now, texts)
    await web.reads.note(connection, caller, set(listed.pumps), now)
    pages = max(1, -(-listed.of_them // PUMPS_A_PAGE))
    return render(
        "refills/board.html",
        request,
        409 if refused else 200,
        now=now,
        rows=rows,
        shown=shown,
        listed=listed,
        pages=pages,
        clinics=sorted(caller.clinics()),
        zones=zones,
        read_on=texts.day(wall_date(now, next(iter(zones.values()), "UTC"))),
        horizons=HORIZONS,
        refused=refused,
        warnings=(),
    )


async def _rows(
    connection: Connection, pump_ids: list[str], policies: Policies, now: datetime, texts: Texts
) -> tuple[list[Row], dict[str, str]]:
    """In the order of the pumps, and each clinic's zone."""
    if not pump_ids:
        return [], {}
    facts = await load_facts(connection, pump_ids, now, windows=policies.longest_baseline_days)
    entries = await newest_entries(connection, pump_ids)
    clocks = await zones_of(connection, policies, sorted({each.clinic_id for each in facts}))
    zones = {clinic: zone.key for clinic, zone in clocks.items()}
    by_pump = {
        each.pump_id: row_of(
            each, entries.get(each.pump_id), policies.of(each.clinic_id), zones[each.clinic_id], now, texts
        )
        for each in facts
    }
    return [by_pump[pump_id] for pump_id in pump_ids if pump_id in by_pump], zones
