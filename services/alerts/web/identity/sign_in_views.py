"""The pages by which people sign in and out, and choose a password by the code that they were given.

Guarantees: a wrong name and a wrong password are answered alike; what was typed into a password field is shown nowhere;
after a sign-in a browser goes on to a page of this board and to no other; its session's token is new each time.
"""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.web.board.views import render, texts_for, trouble
from services.alerts.web.dependencies import Borrowed, BorrowedForNobody, Running, web_of
from services.alerts.web.identity.browser import form_cookie, is_secure, own_path, session_cookie
from services.alerts.web.identity.forms import new_form_secret
from services.people.accounts.rules import digest_of, fault_of_password, sign_in_of
from services.people.accounts.sign_in import From, choose_by_code, sign_in, sign_out
from services.people.accounts.store import account_by_code
from services.people.oidc.store import is_by_provider
from services.runtime.http.attempts import Attempts, place_of
from services.texts.model import msgid

_WRONG = msgid("That is not how somebody signs in here: check the name and the password.")
_NO_CODE = msgid("This link is good no more: it was used, or it has ended. Ask an administrator for another.")
_TWO = msgid("The two are not the same: type it again, twice.")


def sign_in_router(attempts: Attempts) -> APIRouter:
    """The pages; wrong passwords are counted in `attempts` with wrong keys, by where they come from."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def ask(web: Running, request: Request, back: str = "/", left: str = "") -> Response:
        """Ask for name and password; who is signed in goes on. `left`: who has just left by the provider may go on."""
        if request.state.caller is not None:
            return RedirectResponse(own_path(back), 303)
        return sign_in_page(request, now=web.clock(), back=own_path(back), left=left == "provider")

    @router.post("/sign-in")
    async def take(
        connection: BorrowedForNobody,
        web: Running,
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        """Begin a session."""
        place, moment, account = _place(request), time.monotonic(), sign_in_of(name) or ""
        wait = max(attempts.wait_seconds(place, moment), web.pace.wait_seconds(account, place, moment))
        shown: dict[str, Any] = {"now": web.clock(), "back": own_path(back), "typed": name}
        if wait:
            text = msgid("Too many wrong passwords. Try again in %(seconds)s seconds; nothing is locked.")
            refused = texts_for(request).say(text, seconds=math.ceil(wait))
            headers = {"Retry-After": str(math.ceil(wait))}
            return sign_in_page(request, 429, headers, refused=refused, **shown)
        token = await sign_in(connection, web.passwords, name, password, origin_of(request), web.clock())
        if token is None:
            attempts.was_wrong(place, moment)
            web.pace.was_wrong(account, place, moment)
            return sign_in_page(request, 401, refused=_WRONG, **shown)
        attempts.was_right(place, moment)
        web.pace.was_right(account, place, moment)
        return signed_in(request, token, own_path(back))

    @router.get("/set-up")
    async def ask_for_a_password(
        connection: BorrowedForNobody, web: Running, request: Request, code: str = ""
    ) -> Response:
        """Ask who brings a code for a new password. Looking at it uses nothing up."""
        now = web.clock()
        found = await account_by_code(connection, digest_of(code), now)
        refused = None if found else _NO_CODE
        return _page(request, "set_up.html", 200 if found else 404, now=now, found=found, code=code, refused=refused)

    @router.post("/set-up")
    async def choose(
        connection: BorrowedForNobody,
        web: Running,
        request: Request,
        code: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        """Keep the password, and begin a session."""
        place, moment, now = _place(request), time.monotonic(), web.clock()
        if wait := attempts.wait_seconds(place, moment):
            text = msgid("Too many wrong ones. Try again in %(seconds)s seconds.")
            return trouble(request, texts_for(request).say(text, seconds=math.ceil(wait)), 429)
        found = await account_by_code(connection, digest_of(code), now)
        if found is None:
            attempts.was_wrong(place, moment)
            return _page(request, "set_up.html", 404, now=now, found=None, code="", refused=_NO_CODE)
        fault = fault_of_password(password, found.sign_in, texts_for(request)) if password == again else _TWO
        if fault is None:
            token = await choose_by_code(connection, web.passwords, code, password, origin_of(request), now)
            if token is not None:
                return signed_in(request, token, "/")
            fault, found = _NO_CODE, None
        return _page(request, "set_up.html", 422, now=now, found=found, code=code, refused=fault)

    @router.post("/sign-out")
    async def leave(connection: Borrowed, web: Running, request: Request) -> Response:
        """End the session."""
        caller, path = request.state.caller, "/sign-in"
        if request.state.session is not None and caller.person_id is not None:
            if web.settings.oidc_issuer and await is_by_provider(connection, digest_of(request.state.session)):
                path = "/sign-in?left=provider"
            await sign_out(connection, caller.actor, caller.person_id, request.state.session, web.clock())
            web.lately_known.remember(request.state.session, None, web.clock())
        answer = RedirectResponse(path, 303)
        url = web.settings.public_url
        answer.delete_cookie(session_cookie(url), path="/", secure=is_secure(url), httponly=True, samesite="lax")
        return answer

    return router


def origin_of(request: Request) -> From:
    """Where a request comes from, and how long a session may last that begins with it."""
    return From(_place(request), timedelta(hours=web_of(request).settings.session_hours))


def signed_in(request: Request, token: str, path: str) -> Response:
    """Go on to a page with the cookie of a session that has just begun."""
    answer = RedirectResponse(path, 303)
    url = web_of(request).settings.public_url
    how = {"path": "/", "secure": is_secure(url), "httponly": True, "samesite": "lax"}
    answer.set_cookie(session_cookie(url), token, **how)  # type: ignore[arg-type]
    answer.delete_cookie(form_cookie(url), **how)  # type: ignore[arg-type]
    return answer


def sign_in_page(
    request: Request, status_code: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """The page that asks who somebody is, with the way by the identity provider where there is one."""
    settings = web_of(request).settings
    usual = {"typed": "", "refused": None, "left": False, "provider": settings.oidc_issuer and settings.oidc_name}
    return _page(request, "sign_in.html", status_code, headers, **usual | values)


def _place(request: Request) -> str:
    return place_of(request.client.host if request.client else "")


def _page(
    request: Request, name: str, status_code: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """A page with a form of who is not signed in, which is bound to a cookie of its own."""
    url = web_of(request).settings.public_url
    new = request.state.form_secret is None
    if new:
        request.state.form_secret = new_form_secret()
    if refused := values.get("refused"):
        values["refused"] = texts_for(request).translated(refused)
    answer = render(name, request, status_code, headers, warnings=(), **values)
    if new:
        answer.set_cookie(
            form_cookie(url), request.state.form_secret, max_age=3600, path="/", secure=is_secure(url),
            httponly=True, samesite="lax",
        )  # fmt: skip
    return answer
