"""Who may use the board and the API.

Guarantees: with a token set, nothing but /livez, /readyz and /metrics answers without it, and /readyz tells nobody else
a name, a path or an address; without one, only requests addressed to this machine are answered, so that a web page
elsewhere cannot read alerts through the browser (DNS rebinding); a form that another site submits is refused, with or
without a token; where too many wrong tokens come from, nothing is looked at for a while (runtime/http/attempts.py).
What is open is decided by the path that the router goes by.
"""

from __future__ import annotations

import math
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.alerts.web.inputs import is_person_name
from services.runtime.http.attempts import Attempts, place_of
from services.runtime.http.callers import comes_from_elsewhere, credentials_of, is_trusted

_OPEN_PATHS: Final = frozenset({"/livez", "/readyz", "/metrics"})
_HAS_ITS_OWN: Final = "/fhir/R4/"
"""Programs come here with keys, and are answered in their own way (services/alerts/web/fhir/routes.py)."""
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class AccessControl:
    """ASGI middleware: refuses what may not pass, and says in `request.state` who asks.

    `person` is the name that they gave; `trusted` tells whether they may be told everything.
    """

    def __init__(self, app: ASGIApp, token: str | None, public_url: str, attempts: Attempts) -> None:
        self._app = app
        self._token = token
        self._public_url = public_url
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here; pass on the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        request.state.person = None
        if request.scope["path"].startswith(_HAS_ITS_OWN):
            return None
        wait_seconds = self._judge(request)
        if request.scope["path"] in _OPEN_PATHS:
            return None
        if request.method not in _SAFE_METHODS and comes_from_elsewhere(request.headers, self._public_url):
            return PlainTextResponse("This form was sent from another site, and is refused.\n", 403)
        if self._token is None:
            return None if request.state.trusted else self._refusal_of_strangers(request)
        if wait_seconds:
            text = "Too many wrong passwords came from your network.\n"
            return PlainTextResponse(text, 429, {"Retry-After": str(math.ceil(wait_seconds))})
        if not request.state.trusted:
            return PlainTextResponse(
                "Expected your name and the token of WEB_API_TOKEN as password, or the token as a Bearer token.\n",
                401,
                {"WWW-Authenticate": 'Basic realm="Pumpwatch", charset="UTF-8"'},
            )
        credentials = credentials_of(_authorization(request))
        name = credentials.name if credentials else None
        if name is not None and not is_person_name(name):
            return PlainTextResponse("Expected a name of one line and at most 80 characters.\n", 400)
        request.state.person = name
        return None

    def _judge(self, request: Request) -> float:
        """Say in its state whether it is trusted; returns for how long nothing from its network is looked at."""
        place, moment = place_of(request.client.host if request.client else ""), time.monotonic()
        authorization = _authorization(request)
        guesses = self._token is not None and bool(authorization)
        wait_seconds = self._attempts.wait_seconds(place, moment) if guesses else 0.0
        trusted = not wait_seconds and is_trusted(request.headers, self._token, self._public_url)
        request.state.trusted = trusted
        if guesses and trusted:
            self._attempts.was_right(place, moment)
        elif guesses and not wait_seconds:
            self._attempts.was_wrong(place, moment)
        return wait_seconds

    def _refusal_of_strangers(self, request: Request) -> Response:
        host = request.headers.get("host", "")
        text = f"Without WEB_API_TOKEN only this machine is answered, and the request is for {host[:100]!r}.\n"
        return PlainTextResponse(text, 421)


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")
