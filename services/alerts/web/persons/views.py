"""Persons of the clinics that one administers: who they are, how they are reached, and what they may do.

The database shows no others and changes no others (schemas/sql/0058_persons_pages.sql). A set-up link is on the answer
to the form and nowhere else. A form that cannot be carried out comes back with the reason.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.errors import NotFound
from services.alerts.web.allowed import Forbidden
from services.alerts.web.board.environment import manages_persons
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Running, Web
from services.people.accounts.changes import AccountRefusedError, Invited
from services.people.caller import Caller
from services.people.managed import changes
from services.people.managed.changes import NoSuchPersonError
from services.people.managed.store import managed_persons
from services.people.model import Role
from services.runtime.database import Connection
from services.texts.model import msgid
from services.texts.phrase import phrase, said_in, told_by

PATH: Final = "/people"
_NONE: Final = "none"

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def persons(connection: Borrowed, caller: Asking, web: Running, request: Request) -> Response:
    """Everybody of the caller's clinics."""
    _must_manage(caller)
    return await _show(connection, caller, web, request)


@router.post(PATH)
async def invite(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    sign_in: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    clinic_id: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
) -> Response:
    """Make a person, and show the link by which they choose a password."""
    _must_manage(caller)
    try:
        given = _role(role)
        if given is None:
            return await _show(connection, caller, web, request, msgid("Who is invited needs a role."))
        invited = await changes.invite(connection, caller, sign_in, name, clinic_id, given, web.clock())
    except AccountRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error))
    return await _show(connection, caller, web, request, invited=invited)


@router.post(f"{PATH}/{{person_id}}/role")
async def change_role(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    person_id: UUID,
    clinic_id: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
) -> Response:
    """Give a role in one clinic, or take it away."""
    _must_manage(caller)
    try:
        await changes.set_role(connection, caller, person_id, clinic_id, _role(role), web.clock())
    except NoSuchPersonError as error:
        raise NotFound(told_by(error)) from None
    except AccountRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error))
    return _done("role")


@router.post(f"{PATH}/{{person_id}}/{{what}}")
async def change(
    connection: Borrowed, caller: Asking, web: Running, request: Request, person_id: UUID, what: str
) -> Response:
    """Do one thing with one account: disable, enable, reset."""
    _must_manage(caller)
    invited = None
    try:
        match what:
            case "disable":
                await changes.disable(connection, caller, person_id, web.clock())
            case "enable":
                await changes.enable(connection, caller, person_id, web.clock())
            case "reset":
                invited = await changes.reset(connection, caller, person_id, web.clock())
            case _:
                raise NotFound(msgid("this form is not one of this page"))
    except NoSuchPersonError as error:
        raise NotFound(told_by(error)) from None
    except AccountRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error))
    return await _show(connection, caller, web, request, invited=invited) if invited else _done(what)


_SAID: Final = {
    "role": msgid("The role is changed. It holds from their next click on."),
    "disable": msgid("Disabled, and signed out everywhere."),
    "enable": msgid("They can sign in again."),
}


def _done(what: str) -> Response:
    return RedirectResponse(f"{PATH}?done={what}", 303)


def _must_manage(caller: Caller) -> None:
    if not manages_persons(caller):
        raise Forbidden(msgid("persons are managed by an administrator of their clinic"))


def _role(text: str) -> Role | None:
    if text == _NONE:
        return None
    try:
        return Role(text)
    except ValueError:
        msg = phrase(
            "%(given)s is no role: expected %(roles)s, or %(none)s",
            given=repr(text[:80]),
            roles=", ".join(Role),
            none=_NONE,
        )
        raise AccountRefusedError(msg) from None


async def _show(
    connection: Connection,
    caller: Caller,
    web: Web,
    request: Request,
    refused: str | None = None,
    *,
    invited: Invited | None = None,
) -> Response:
    texts = texts_for(request)
    link = f"{web.settings.public_url}/set-up?code={invited.code}" if invited else None
    return render(
        "people/people.html",
        request,
        409 if refused else 200,
        now=web.clock(),
        warnings=(),
        persons=await managed_persons(connection),
        clinics=sorted(caller.clinics(Role.ADMINISTRATOR)),
        roles=list(Role),
        none=_NONE,
        refused=said_in(refused, texts) if refused else None,
        link=link,
        until=invited.until if invited else None,
        said=texts.say(_SAID[done]) if (done := request.query_params.get("done", "")) in _SAID else None,
    )
