"""The brief: what is open in a clinic when somebody comes on call, and who took it over.

Whoever has the turn accepts it, from an hour before; nobody does it for them (the database holds that too).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.delivery.mute import Silence
from services.alerts.delivery.store import list_silences
from services.alerts.errors import Refused
from services.alerts.health.hand_over.model import LOOKS_BACK, Accepted, AtRisk, Promise
from services.alerts.health.hand_over.store import accept, accepted_since, at_risk, open_promises
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.on_call.picture import RotaNow, rota_of_id
from services.alerts.web.on_call.views import PATH, OneChange
from services.alerts.web.read_models import AlertView, StateFilter
from services.alerts.web.store import list_alerts
from services.people.model import Actor
from services.people.rota.hand_over import HandOver, hand_over_to_accept
from services.people.trail.model import Access, AccessKind
from services.people.trail.store import append
from services.runtime.database import Connection
from services.texts.model import msgid

router = APIRouter(include_in_schema=False)
_SHOWN: Final = 300
_PROMISES_AHEAD: Final = timedelta(days=370)
_DAY: Final = timedelta(days=1)
_AT_RISK_AHEAD: Final = 14 * _DAY
"""No longer turn is looked through for refills."""


@dataclass(frozen=True, slots=True)
class Brief:
    """Of one rota: its turn, and what is open in its clinic."""

    rota: RotaNow
    turn: HandOver | None
    """The one that is to be accepted; None: nobody comes, or it was long ago."""
    accepted: Accepted | None
    alerts: tuple[AlertView, ...]
    silences: tuple[Silence, ...]
    promises: tuple[Promise, ...]
    at_risk: tuple[AtRisk, ...]

    @property
    def waiting(self) -> int:
        """How many alerts nobody has."""
        return sum(alert.state == "active" for alert in self.alerts)


@router.get(PATH + "/{rota_id}/brief")
async def brief_page(connection: Borrowed, caller: Asking, web: Running, request: Request, rota_id: UUID) -> Response:
    """What is open, and whether it was taken over."""
    now = web.clock()
    found = await rota_of_id(connection, caller.clinics(), rota_id, now)
    brief = await _brief(connection, found, now)
    await web.reads.note(connection, caller, {(each.clinic_id, each.pump_id) for each in brief.alerts}, now)
    return render("on_call/brief.html", request, now=now, brief=brief, refused=None, warnings=())


@router.post(PATH + "/{rota_id}/brief")
async def take_over(changing: OneChange, rota_id: UUID) -> Response:
    """Whoever has the turn has read what is open, and takes it over."""
    found, person = await changing.look(rota_id)
    try:
        await _take_over(changing.connection, found, person, changing.caller.actor, changing.now)
    except Refused as error:
        brief = await _brief(changing.connection, found, changing.now)
        texts = texts_for(changing.request)
        said = texts.say("Not taken over: %(why)s.", why=error.in_words(texts))
        return render(
            "on_call/brief.html", changing.request, 409, now=changing.now, brief=brief, refused=said, warnings=()
        )
    return RedirectResponse(f"{PATH}/{rota_id}/brief", 303)


async def _take_over(connection: Connection, found: RotaNow, person: UUID, actor: Actor, now: datetime) -> None:
    turn = hand_over_to_accept(found.rota, now, LOOKS_BACK)
    if turn is None or turn.coming != person:
        who = found.who(turn.coming if turn is not None else found.now.person_id)
        raise Refused(msgid("%(who)s has it, and nobody takes it over for somebody else"), who=who)
    clinic, more = found.rota.clinic_id, {"rota": found.rota.name, "begins": turn.begins.isoformat()}
    async with connection.transaction():
        await accept(connection, found.kept.rota_id, clinic, turn, person, actor, now)
        await append(connection, Access(AccessKind.HAND_OVER_ACCEPTED, actor, person, clinic, more), now)


async def _brief(connection: Connection, found: RotaNow, now: datetime) -> Brief:
    clinic = found.rota.clinic_id
    turn = hand_over_to_accept(found.rota, now, LOOKS_BACK)
    taken = await accepted_since(connection, now - LOOKS_BACK)
    until = min(turn.ends if turn is not None else found.now.ends, now + _AT_RISK_AHEAD)
    return Brief(
        found,
        turn,
        taken.get((found.kept.rota_id, turn.begins)) if turn is not None else None,
        await list_alerts(connection, StateFilter.OPEN, {clinic}, _SHOWN, now),
        await list_silences(connection, clinic, now),
        await open_promises(connection, clinic, now + _PROMISES_AHEAD),
        await at_risk(connection, clinic, (until + _DAY).date()),
    )
