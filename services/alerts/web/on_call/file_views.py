"""A clinic's rotas as a file on the board: layers in a text area, for administrators, and a calendar that is handed in.

The same careful readers as of the commands: what is refused is shown with its lines beside what was typed, and nothing
is changed. A rota that the text leaves out stays as it is.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from schemas.parts.file import LARGEST_BYTES, PartFileError
from services.alerts.errors import NotFound, Refused
from services.alerts.web.allowed import Forbidden
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.on_call.store import sees_clinic
from services.alerts.web.on_call.views import PATH, OneChange
from services.people.caller import Caller
from services.people.model import Role
from services.people.rota import edit
from services.people.rota.file import names_of_people, parse_rotas, rotas_as_yaml
from services.people.rota.ical import CalendarError, changes_to, names_in_calendars, shifts_of_ical
from services.people.rota.people import Member
from services.people.rota.store import KeptRota, load_members, load_rotas
from services.runtime.database import Connection
from services.texts.model import msgid
from services.texts.phrase import phrase, reason_in

router = APIRouter(include_in_schema=False)
_TEXT: Final = "line"
"""What the text is called in faults: `line:3: ...`."""
_EXAMPLE: Final = """\
clinic_id: {clinic}
rotas:
- name: first
  timezone: Europe/Berlin
  layers:
  - name: week
    members: [{members}]
    begins: {day}
    hand_over: "08:00"
"""


@router.get(PATH + "/clinics/{clinic_id}/rotas")
async def rotas_file(connection: Borrowed, caller: Asking, web: Running, request: Request, clinic_id: str) -> Response:
    """The text of the clinic's rotas, to be changed."""
    now = web.clock()
    await _must_administer(connection, caller, clinic_id)
    kept, members = await _kept(connection, clinic_id, now)
    return _show(request, now, clinic_id, _text(clinic_id, kept, members, now), _versions(kept))


@router.post(PATH + "/clinics/{clinic_id}/rotas")
async def keep_rotas(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    clinic_id: str,
    text: Annotated[str, Form()] = "",
    based_on: Annotated[str, Form()] = "",
) -> Response:
    """Take what was typed, all or nothing; of two who change the same version the second is told."""
    now = web.clock()
    await _must_administer(connection, caller, clinic_id)
    kept, members = await _kept(connection, clinic_id, now)
    names = names_of_people((each.person_id, each.sign_in) for each in members)
    try:
        wanted = parse_rotas(_bytes_of(text), _TEXT, {clinic_id: names})
        if wanted[0].clinic_id != clinic_id:
            msg = phrase(
                "clinic_id: expected %(clinic)s, whose rotas these are; got %(other)s",
                clinic=clinic_id,
                other=wanted[0].clinic_id,
            )
            raise edit.RotaRefusedError(msg)
        versions, there = _read_versions(based_on), {each.rota.name: each.rota for each in kept}
        async with connection.transaction():
            for rota in wanted:
                same = there.get(rota.name)
                if same is None or (same.timezone, same.layers) != (rota.timezone, rota.layers):
                    based = versions.get(rota.name, 0)
                    await edit.keep_rota(connection, rota, caller.actor, now, based_on=based)
    except (PartFileError, edit.RotaRefusedError) as error:
        if isinstance(error, edit.RotaRefusedError):
            faults = [reason_in(error, texts_for(request))]
            return _show(request, now, clinic_id, text, based_on, faults, 409, faults_in_english=False)
        return _show(request, now, clinic_id, text, based_on, str(error).split("\n"), 422)
    return RedirectResponse(PATH, 303)


@router.post(PATH + "/{rota_id}/calendar")
async def take_calendar(
    changing: OneChange,
    rota_id: UUID,
    file: UploadFile | None = None,
) -> Response:
    """Let the rota give the shifts of a calendar, from now on, by overrides where it does not."""
    found, _ = await changing.look(rota_id)
    try:
        content = await file.read(LARGEST_BYTES + 1) if file else b""
        if len(content) > LARGEST_BYTES:
            raise Refused(
                msgid("the file is larger than %(count)s kB; expected a calendar of some kB"),
                count=LARGEST_BYTES // 1000,
            )
        people = names_in_calendars(found.members)
        wanted = shifts_of_ical(content, "line", people, found.rota.timezone)
        changes = changes_to(found.rota, wanted, changing.now)
        if not changes:
            raise Refused(msgid("the rota gives these shifts already, or they are over"))
        await changing.make(found, *changes)
    except (Refused, CalendarError) as error:
        why = error.in_words(texts_for(changing.request)) if isinstance(error, Refused) else str(error)
        return await changing.refused(rota_id, "calendar", why, {})
    return RedirectResponse(PATH, 303)


def _bytes_of(text: str) -> bytes:
    content = text.replace("\r\n", "\n").encode("utf-8", "replace")
    if len(content) > LARGEST_BYTES:
        msg = f"{_TEXT}:1: is larger than {LARGEST_BYTES // 1000} kB; expected some kB"
        raise PartFileError(msg)
    return content


async def _must_administer(connection: Connection, caller: Caller, clinic_id: str) -> None:
    # Names of persons stand in the example: the database is asked too, as it limits no view of persons.
    if not caller.may(Role.VIEWER, clinic_id) or not await sees_clinic(connection, clinic_id):
        raise NotFound(msgid("there is no clinic %(clinic)s"), clinic=repr(clinic_id))
    if caller.person_id is None or not caller.may(Role.ADMINISTRATOR, clinic_id):
        raise Forbidden(
            msgid("you may not change the rotas of %(clinic)s: that takes one of its administrators"), clinic=clinic_id
        )


async def _kept(
    connection: Connection, clinic_id: str, now: datetime
) -> tuple[tuple[KeptRota, ...], tuple[Member, ...]]:
    members = (await load_members(connection, clinic_id)).get(clinic_id, ())
    return await load_rotas(connection, clinic_id, now), members


def _text(clinic_id: str, kept: tuple[KeptRota, ...], members: tuple[Member, ...], now: datetime) -> str:
    if kept:
        names = {each.person_id: each.sign_in for each in members if each.sign_in}
        return rotas_as_yaml(clinic_id, [each.rota for each in kept], names)
    able = [each.sign_in for each in members if each.sign_in and each.role.allows(Role.RESPONDER)]
    return _EXAMPLE.format(clinic=clinic_id, members=", ".join(able), day=f"{now:%Y-%m-%d}")


def _versions(kept: tuple[KeptRota, ...]) -> str:
    return json.dumps({each.rota.name: each.version for each in kept})


def _read_versions(text: str) -> dict[str, int]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(type(each) is int for each in found.values()):
        msg = "the form does not say what it was made from; open the page again, and change it there"
        raise edit.RotaChangedMeanwhileError(msg)
    return found


def _show(
    request: Request,
    now: datetime,
    clinic_id: str,
    text: str,
    based_on: str,
    faults: list[str] | None = None,
    code: int = 200,
    *,
    faults_in_english: bool = True,
) -> Response:
    values: dict[str, Any] = {"clinic_id": clinic_id, "text": text, "based_on": based_on, "faults": faults or []}
    values["faults_in_english"] = faults_in_english
    return render("on_call/rotas.html", request, code, now=now, warnings=(), **values)
