"""What a person sees and changes of their own account."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from services.alerts.web.board.views import render, trouble
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.identity.sign_in_views import origin_of, signed_in
from services.people.accounts.rules import fault_of_password
from services.people.accounts.sign_in import change
from services.people.accounts.store import person
from services.people.caller import Caller
from services.runtime.database import Connection

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(connection: Borrowed, caller: Asking, web: Running, request: Request) -> Response:
    """Who somebody is here, and what they may do."""
    return await _show(connection, caller, web, request)


@router.post("/account/password")
async def new_password(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    old: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change the password; every other session of this person ends."""
    found = await person(connection, caller.person_id) if caller.person_id else None
    if found is None or found[0].sign_in is None:
        return trouble(request, "Only a person with an account here has a password.", 403)
    origin, moment = origin_of(request), time.monotonic()
    sign_in_name = found[0].sign_in
    if wait := web.pace.wait_seconds(f"change {sign_in_name}", origin.place, moment):
        return await _show(connection, caller, web, request, f"Too many wrong ones. Wait {wait:.0f} seconds.", 429)
    if password != again:
        return await _show(connection, caller, web, request, "The two are not the same: type it again, twice.", 422)
    if fault := fault_of_password(password, sign_in_name):
        return await _show(connection, caller, web, request, fault, 422)
    token = await change(connection, web.passwords, found[0], old, password, origin, web.clock())
    if token is None:
        web.pace.was_wrong(f"change {sign_in_name}", origin.place, moment)
        return await _show(connection, caller, web, request, "The password until now is another one.", 422)
    return signed_in(request, token, "/account")


async def _show(
    connection: Connection,
    caller: Caller,
    web: Running,
    request: Request,
    refused: str | None = None,
    code: int = 200,
) -> Response:
    if caller.person_id is None:
        return trouble(request, "A program has no account: `pumpwatch keys list` shows its key.", 403)
    found = await person(connection, caller.person_id)
    has_password = found is not None and found[1] is not None
    now = web.clock()
    return render("account.html", request, code, now=now, warnings=(), has_password=has_password, refused=refused)
