"""The page of who is on call, and the forms that change it.

A form that cannot be carried out comes back with the reason and what was typed; one that was carried out ends in a
redirect. Only persons change a rota: a program's key reads (api.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.errors import Refused
from services.alerts.health.hand_over.model import LOOKS_BACK
from services.alerts.health.hand_over.store import accepted_since
from services.alerts.policies import Policies
from services.alerts.web.allowed import Forbidden, clinics_of
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import NameOrNothing
from services.alerts.web.on_call.forms import change_asked, swap_asked
from services.alerts.web.on_call.picture import COVERAGE_DAYS, ClinicNow, RotaNow, picture_of, rota_of_id
from services.people.caller import Caller
from services.people.model import Role
from services.people.rota import edit
from services.people.rota.hand_over import hand_over_to_accept
from services.people.rota.model import Change
from services.runtime.database import Connection
from services.texts.model import Texts, msgid
from services.texts.phrase import reason_in, told_by

router = APIRouter(include_in_schema=False)
PATH = "/on-call"


class Changing:
    """One request that changes one rota. FastAPI makes it."""

    def __init__(self, connection: Borrowed, caller: Asking, web: Running, policies: Held, request: Request) -> None:
        self.connection, self.caller, self.policies = connection, caller, policies
        self.request, self.now = request, web.clock()

    async def look(self, rota_id: UUID) -> tuple[RotaNow, UUID]:
        """The rota, and the person who changes it.

        Raises:
            NotFound: There is no such rota in the caller's clinics.
            Forbidden: They may look and not change, or are a program.
        """
        found = await rota_of_id(self.connection, self.caller.clinics(), rota_id, self.now)
        clinic = found.rota.clinic_id
        if self.caller.person_id is None or not self.caller.may(Role.RESPONDER, clinic):
            raise Forbidden(
                msgid(
                    "you may see who is on call in %(clinic)s, and not change it: that takes a person "
                    "who is a responder"
                ),
                clinic=clinic,
            )
        return found, self.caller.person_id

    async def make(self, found: RotaNow, *changes: Change) -> None:
        """Put the changes into the rota.

        Raises:
            Refused: They cannot be made.
        """
        rota = found.rota
        try:
            await edit.make_changes(self.connection, rota.clinic_id, rota.name, changes, self.caller.actor, self.now)
        except edit.RotaRefusedError as error:
            raise Refused(told_by(error)) from error

    async def refused(self, rota_id: UUID, form: str, why: str, typed: Mapping[str, str]) -> Response:
        """The page again, with the reason beside what was typed."""
        said = texts_for(self.request).say("Not changed: %(why)s.", why=why)
        return await show(
            self.connection, self.caller, self.policies, self.request, self.now,
            refused=(rota_id, form, said), typed=typed, status_code=409,
        )  # fmt: skip


OneChange = Annotated[Changing, Depends(Changing)]


@router.get(PATH)
async def on_call_page(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    clinic_id: NameOrNothing | None = None,
) -> Response:
    """Who has it, until when, who is next, and when nobody would be told."""
    return await show(connection, caller, policies, request, web.clock(), clinic_id=clinic_id)


@router.post(PATH + "/{rota_id}/override")
async def take(
    changing: OneChange,
    rota_id: UUID,
    begins: Annotated[str, Form()] = "",
    ends: Annotated[str, Form()] = "",
) -> Response:
    """One takes it oneself, from one time to another."""
    found, person = await changing.look(rota_id)
    typed = {"begins": begins, "ends": ends}
    try:
        await changing.make(found, change_asked(found.rota, rota_id, typed, person, None, changing.now))
    except Refused as error:
        return await changing.refused(rota_id, "override", error.in_words(texts_for(changing.request)), typed)
    return RedirectResponse(PATH, 303)


@router.post(PATH + "/{rota_id}/swap")
async def swap(
    changing: OneChange,
    rota_id: UUID,
    mine: Annotated[str, Form()] = "",
    theirs: Annotated[str, Form()] = "",
) -> Response:
    """A shift of one's own for one of somebody else's."""
    found, person = await changing.look(rota_id)
    typed = {"mine": mine, "theirs": theirs}
    try:
        await changing.make(found, *swap_asked(found.rota, rota_id, typed, person, changing.now))
    except Refused as error:
        return await changing.refused(rota_id, "swap", error.in_words(texts_for(changing.request)), typed)
    return RedirectResponse(PATH, 303)


@router.post(PATH + "/{rota_id}/absence")
async def out(
    changing: OneChange,
    rota_id: UUID,
    has_it: Annotated[str, Form()] = "",
    begins: Annotated[str, Form()] = "",
    ends: Annotated[str, Form()] = "",
) -> Response:
    """One is out: somebody else has it, wherever one would have it."""
    found, person = await changing.look(rota_id)
    typed = {"has_it": has_it, "begins": begins, "ends": ends}
    try:
        who = next((each.person_id for each in found.takers if str(each.person_id) == has_it), None)
        if who is None:
            raise Refused(msgid("choose from the list who has it"))
        await changing.make(found, change_asked(found.rota, rota_id, typed, who, person, changing.now))
    except Refused as error:
        return await changing.refused(rota_id, "absence", error.in_words(texts_for(changing.request)), typed)
    return RedirectResponse(PATH, 303)


@router.post(PATH + "/{rota_id}/changes/{change_id}/end")
async def end(
    changing: OneChange,
    rota_id: UUID,
    change_id: UUID,
) -> Response:
    """Let a change hold no longer, from now on; of a swap both halves."""
    found, _ = await changing.look(rota_id)
    try:
        if change_id not in {each.change_id for each in found.changes(changing.now)}:
            raise Refused(msgid("the rota has no such change that is not over"))
        await edit.withdraw_change(
            changing.connection, found.rota.clinic_id, change_id, changing.caller.actor, changing.now
        )
    except (Refused, edit.RotaRefusedError) as error:
        texts = texts_for(changing.request)
        why = error.in_words(texts) if isinstance(error, Refused) else reason_in(error, texts)
        return await changing.refused(rota_id, "end", why, {})
    return RedirectResponse(PATH, 303)


async def show(
    connection: Connection,
    caller: Caller,
    policies: Policies,
    request: Request,
    now: datetime,
    *,
    clinic_id: str | None = None,
    refused: tuple[UUID, str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    """The page, with what was typed into a form that is refused: (rota, form, why)."""
    values: dict[str, Any] = {"refused": refused, "typed": typed or {}, "coverage_days": COVERAGE_DAYS}
    clinics = await picture_of(connection, clinics_of(caller, clinic_id), policies, now)
    values["taken_over"] = await taken_over(connection, clinics, now, texts_for(request))
    return render("on_call/shifts.html", request, status_code, now=now, clinics=clinics, warnings=(), **values)


async def taken_over(
    connection: Connection, clinics: Sequence[ClinicNow], now: datetime, texts: Texts
) -> dict[UUID, str]:
    """By rota, who took the newest turn over, in words; a rota that nobody has to take over is not there."""
    accepted = await accepted_since(connection, now - LOOKS_BACK)
    found = {}
    for rota in (rota for clinic in clinics for rota in clinic.rotas):
        turn = hand_over_to_accept(rota.rota, now, LOOKS_BACK)
        if turn is not None and turn.coming is not None:
            taken = accepted.get((rota.kept.rota_id, turn.begins))
            if taken:
                at = texts.weekday_clock(taken.at, rota.zone)
                words = texts.say("taken over by %(who)s, %(at)s", who=taken.name, at=at)
            else:
                words = texts.say("not taken over yet by %(who)s", who=texts.say(rota.who(turn.coming)))
            found[rota.kept.rota_id] = words
    return found
