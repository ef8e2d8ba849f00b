"""What a person sees and changes of their own account."""

from __future__ import annotations

import time
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.web.board.views import render, texts_for, trouble
from services.alerts.web.dependencies import Asking, Borrowed, Running
from services.alerts.web.identity.browser import is_secure
from services.alerts.web.identity.language import chosen, language_cookie
from services.alerts.web.identity.sign_in_views import origin_of, signed_in
from services.people.accounts.rules import fault_of_password
from services.people.accounts.sign_in import change
from services.people.accounts.store import person
from services.people.caller import Caller
from services.runtime.database import Connection
from services.texts.model import msgid

_YEAR_SECONDS: Final = 365 * 24 * 3600

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(connection: Borrowed, caller: Asking, web: Running, request: Request) -> Response:
    """Who somebody is here, and what they may do."""
    return await _show(connection, caller, web, request)


@router.post("/account/language")
async def choose_language(_: Asking, web: Running, request: Request, language: Annotated[str, Form()] = "") -> Response:
    """Show this browser the board in a language; kept in a cookie of it."""
    found = chosen(language)
    if found is None:
        return trouble(request, msgid("Choose a language from the list."), 422)
    answer, url = RedirectResponse("/account", 303), web.settings.public_url
    answer.set_cookie(
        language_cookie(url), found.value, max_age=_YEAR_SECONDS, path="/", secure=is_secure(url), httponly=True,
        samesite="lax",
    )  # fmt: skip
    return answer


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
        return trouble(request, msgid("Only a person with an account here has a password."), 403)
    origin, moment = origin_of(request), time.monotonic()
    sign_in_name = found[0].sign_in
    if wait := web.pace.wait_seconds(f"change {sign_in_name}", origin.place, moment):
        refused = texts_for(request).say("Too many wrong ones. Wait %(seconds)s seconds.", seconds=f"{wait:.0f}")
        return await _show(connection, caller, web, request, refused, 429)
    if password != again:
        return await _show(
            connection, caller, web, request, msgid("The two are not the same: type it again, twice."), 422
        )
    if fault := fault_of_password(password, sign_in_name, texts_for(request)):
        return await _show(connection, caller, web, request, fault, 422)
    token = await change(connection, web.passwords, found[0], old, password, origin, web.clock())
    if token is None:
        web.pace.was_wrong(f"change {sign_in_name}", origin.place, moment)
        return await _show(connection, caller, web, request, msgid("The password until now is another one."), 422)
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
        return trouble(request, msgid("A program has no account: `pumpwatch keys list` shows its key."), 403)
    found = await person(connection, caller.person_id)
    has_password = found is not None and found[1] is not None
    now = web.clock()
    words = texts_for(request).translated(refused) if refused else None
    return render("account.html", request, code, now=now, warnings=(), has_password=has_password, refused=words)
