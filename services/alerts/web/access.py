"""Who may use the board and the API.

Guarantees: nothing but health, style sheets, links and the pages by which people sign in answers without a session or
a key;
/readyz tells nobody else a name, a path or an address; a form that another site submits is refused; where too many
wrong keys come from, no key is looked at for a while (runtime/http/attempts.py), and an open session goes on.
What is open is decided by the path that the router goes by.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.http.problems import ProblemType
from services.alerts.web import store
from services.alerts.web.fhir.scopes import OF_THE_API
from services.alerts.web.identity.browser import form_cookie, session_cookie, sign_in_path
from services.alerts.web.identity.callers import caller_of_key, caller_of_session
from services.alerts.web.identity.forms import SAFE_METHODS
from services.alerts.web.live.stream import AWAY
from services.people.caller import Caller
from services.runtime.database import UNAVAILABLE, Connection, plainly
from services.runtime.http.attempts import Attempts, place_of
from services.runtime.http.callers import comes_from_elsewhere, credentials_of, is_trusted
from services.runtime.http.keys import id_in
from services.runtime.http.problems import problem
from services.texts.model import msgid

if TYPE_CHECKING:
    from services.alerts.web.dependencies import Web

_HEALTH: Final = frozenset({"/livez", "/readyz", "/metrics"})
_OPEN: Final = ("/static/", "/sign-in", "/set-up")
"""What these paths answer is for everybody; who is signed in is known there too."""
_HAS_ITS_OWN: Final = "/fhir/R4/"
"""Programs come here with keys, and are answered in their own way (services/alerts/web/fhir/routes.py)."""
_LINKS: Final = "/l/"
"""Each is signed for one person and acts once (services/alerts/web/links/views.py). No limit on guesses stands here: a
nurse behind a network from which somebody guesses must be able to answer, and 256 bits are not guessed."""
_FOR_PROGRAMS: Final = ("/v1/", "/openapi.json")
"""A stranger is told there what was expected; a person is shown the sign-in."""
_DRILLS: Final = "/heard/"
"""Links of drills: each is of chance, and can say that a phone rang (services/alerts/web/channels/heard.py)."""

log = structlog.get_logger()

Trouble = Callable[[Request, str, int], Awaitable[Response]]
Refuse = Callable[[Request, ProblemType, str], Response]


def _in_plain_text(_: Request, kind: ProblemType, message: str) -> Response:
    return PlainTextResponse(f"{message}\n", kind.status)


class AccessControl:
    """ASGI middleware: refuses what may not pass, and says in `request.state` who asks.

    `caller` is who that is; `session` the token of their session; `form_secret` what their forms are bound to;
    `trusted` tells whether they may be told everything of the installation's health.
    """

    def __init__(
        self, app: ASGIApp, web: Web, attempts: Attempts, away: Trouble, refuse: Refuse = _in_plain_text
    ) -> None:
        self._app = app
        self._web = web
        self._public_url = web.settings.public_url
        self._attempts = attempts
        self._away = away
        self._refuse = refuse
        token = web.settings.worker_token
        self._machine_token = token.get_secret_value() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here; pass on the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(Request(scope))
        if scope["method"] not in SAFE_METHODS:
            send = self._once_it_is_done(send)
        await (refusal or self._app)(scope, receive, send)

    def _once_it_is_done(self, send: Send) -> Send:
        """Before anybody is told that something is done, no board is kept that may not show it."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._web.boards.forget()
                self._web.open_pages.pulse.stir()
            await send(message)

        return tell

    async def _refusal(self, request: Request) -> Response | None:
        state, path = request.state, request.scope["path"]
        state.caller = state.session = None
        state.form_secret = request.cookies.get(form_cookie(self._public_url)) or None
        state.trusted = False
        if path.startswith((_HAS_ITS_OWN, _LINKS, _DRILLS, "/static/")) or path in ("/livez", "/metrics"):
            return None
        if path == "/readyz":
            await self._look_at_who_asks_for_health(request)
            return None
        if request.method not in SAFE_METHODS and comes_from_elsewhere(request.headers, self._public_url):
            text = msgid("This form was sent from another site, and is refused.")
            return self._refuse(request, ProblemType.FROM_ANOTHER_SITE, text)
        try:
            refusal = await self._identify(request)
        except UNAVAILABLE as error:
            log.warning("request_failed", path=path, error=plainly(error))
            return await self._away(request, AWAY, 503)
        if path.startswith(_OPEN):
            return None
        return refusal or (self._refusal_of_strangers(request) if state.caller is None else None)

    async def _identify(self, request: Request) -> Response | None:
        """Say in its state who asks; returns what refuses a key that is none."""
        state = request.state
        authorization = request.headers.get("authorization", "")
        if authorization:
            return await self._identify_program(request, authorization)
        token = request.cookies.get(session_cookie(self._public_url))
        if token:
            state.caller = await self._person_of(token)
            if state.caller is not None:
                state.session = state.form_secret = token
                state.trusted = state.caller.is_operator
        return None

    async def _identify_program(self, request: Request, authorization: str) -> Response | None:
        place, moment = place_of(request.client.host if request.client else ""), time.monotonic()
        if wait_seconds := self._attempts.wait_seconds(place, moment):
            text = "Too many wrong keys came from your network."
            headers = {"Retry-After": str(math.ceil(wait_seconds))}
            return problem(ProblemType.TOO_MANY_WRONG_KEYS, text, headers=headers)
        credentials = credentials_of(authorization)
        if credentials is not None and id_in(credentials.token):
            request.state.caller = await self._with_connection(
                lambda connection: caller_of_key(connection, credentials.token, self._web.clock())
            )
        caller = request.state.caller
        if caller is None:
            self._attempts.was_wrong(place, moment)
            return None
        self._attempts.was_right(place, moment)
        if not any(scope in caller.scopes for scope in OF_THE_API):
            text = (
                f"expected a key with one of the scopes {', '.join(OF_THE_API)}; this one has {' '.join(caller.scopes)}"
            )
            return problem(ProblemType.NOT_ALLOWED, text)
        return None

    async def _person_of(self, token: str) -> Caller | None:
        now, idle = self._web.clock(), timedelta(minutes=self._web.settings.session_idle_minutes)
        try:
            caller = await self._with_connection(
                lambda connection: caller_of_session(connection, token, now, idle=idle)
            )
        except UNAVAILABLE:
            self._web.boards.forget()  # what was paged without the database comes before what was kept of it
            caller = self._web.lately_known.of(token, now)
            if caller is None:
                raise
            return caller
        self._web.lately_known.remember(token, caller, now)
        return caller

    async def _with_connection(self, look: Callable[[Connection], Awaitable[Caller | None]]) -> Caller | None:
        async with store.lent(self._web.pool, None) as connection:
            return await look(connection)

    async def _look_at_who_asks_for_health(self, request: Request) -> None:
        """An operator, or a machine that holds the token of health, is told everything; a database that is away too."""
        place, moment = place_of(request.client.host if request.client else ""), time.monotonic()
        authorization = request.headers.get("authorization", "")
        if authorization and self._attempts.wait_seconds(place, moment):
            return
        request.state.trusted = is_trusted(request.headers, self._machine_token, self._public_url)
        if authorization and self._machine_token is not None:
            (self._attempts.was_right if request.state.trusted else self._attempts.was_wrong)(place, moment)
        token = request.cookies.get(session_cookie(self._public_url))
        if token and not request.state.trusted:
            try:
                caller = await self._person_of(token)
            except UNAVAILABLE:
                return
            request.state.trusted = caller is not None and caller.is_operator

    def _refusal_of_strangers(self, request: Request) -> Response:
        path = request.scope["path"]
        if path.startswith(_FOR_PROGRAMS):
            text = "expected a session, or the header 'Authorization: Bearer KEY' with a key that is good now"
            return problem(ProblemType.NOT_SIGNED_IN, text)
        if request.method in SAFE_METHODS:
            return RedirectResponse(sign_in_path(path, request.scope["query_string"].decode("latin-1")), 303)
        text = msgid("You are not signed in any more, so nothing was done. Go back, keep what you typed, and sign in.")
        return self._refuse(request, ProblemType.NOT_SIGNED_IN, text)
