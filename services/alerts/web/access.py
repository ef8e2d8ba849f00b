"""Who may use the board and the API.

Guarantees: with a token set, nothing but /livez, /readyz and /metrics answers without it; without one, only
requests addressed to this machine are answered, so that a web page elsewhere cannot read alerts through the
browser (DNS rebinding); a form that another site submits is refused, with or without a token.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.alerts.settings import is_loopback

_OPEN_PATHS: Final = frozenset({"/livez", "/readyz", "/metrics"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SECURITY_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought along."""

    name: str | None
    token: str


def credentials_of(authorization: str) -> Credentials | None:
    """PURE. Read an Authorization header: Basic (the person's name and the token) or Bearer."""
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return Credentials(None, rest.strip())
        case "basic":
            try:
                name, found, token = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            return Credentials(name.strip() or None, token) if found else None
        case _:
            return None


def comes_from_elsewhere(headers: Mapping[str, str], public_url: str) -> bool:
    """PURE. Tell whether a browser says that another site sent this request.

    A client that is no browser sends neither header, and carries no one's password by itself.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc not in (headers.get("host"), urlsplit(public_url).netloc)


def is_addressed_here(host: str, public_url: str) -> bool:
    """PURE. Tell whether a Host header names this machine, or the service's public address."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name == urlsplit(public_url).hostname


class AccessControl:
    """ASGI middleware: refuses what may not pass, and names the person in `request.state.person`."""

    def __init__(self, app: ASGIApp, token: str | None, public_url: str) -> None:
        self._app = app
        self._token = token
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request here; pass on the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        await (refusal or self._with_headers)(scope, receive, send)

    async def _with_headers(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in _SECURITY_HEADERS if pair[0] not in present),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        request.state.person = None
        if request.url.path in _OPEN_PATHS:
            return None
        if request.method not in _SAFE_METHODS and comes_from_elsewhere(request.headers, self._public_url):
            return PlainTextResponse("This form was sent from another site, and is refused.\n", 403)
        if self._token is None:
            return self._refusal_of_strangers(request)
        credentials = credentials_of(request.headers.get("authorization", ""))
        if credentials is None or not secrets.compare_digest(credentials.token.encode(), self._token.encode()):
            return PlainTextResponse(
                "Expected your name and the token of ALERTS_API_TOKEN as password, or the token as a Bearer token.\n",
                401,
                {"WWW-Authenticate": 'Basic realm="Pumpwatch", charset="UTF-8"'},
            )
        request.state.person = credentials.name
        return None

    def _refusal_of_strangers(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if is_addressed_here(host, self._public_url):
            return None
        text = f"Without ALERTS_API_TOKEN only this machine is answered, and the request is for {host[:100]!r}.\n"
        return PlainTextResponse(text, 421)
