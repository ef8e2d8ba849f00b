"""What is open to everybody is decided by the path that the router goes by, however it was written in the request."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.alerts.web.access import AccessControl
from services.alerts.web.settings import WebSettings
from services.runtime.http.attempts import Attempts

OPEN = ("/livez", "/readyz", "/metrics")
CLOSED = ("/", "/api/alerts", "/alerts/{alert_id}", "/silence")


def route(path: str) -> Route:
    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse(path)

    return Route(path, endpoint)


ROUTES = [route(path) for path in (*OPEN, *CLOSED)]


async def away(request: Request, message: str, status_code: int) -> Response:
    raise AssertionError(message)


SETTINGS = WebSettings(database_url="postgresql://localhost/x", public_url="http://board.example", worker_token="token")
WEB: Any = SimpleNamespace(settings=SETTINGS)  # who shows nothing is told so without a look into the database
APP = AccessControl(Starlette(routes=ROUTES), WEB, Attempts(), away)


async def asked(raw_path: str, root_path: str) -> tuple[int, str]:
    """What somebody without a token is told; the path is taken apart as uvicorn does."""
    said: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said["status"] = message.get("status", said.get("status"))
        said["body"] += message.get("body", b"")

    path = unquote(raw_path)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": root_path + path,
        "raw_path": (root_path + raw_path).encode("ascii", "ignore"),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"board.example")],
        "client": ("127.0.0.1", 1),
        "server": ("board.example", 80),
        "state": {},
    }
    await APP(scope, receive, send)
    return said["status"], said["body"].decode()


PARTS = [
    "/",
    "//",
    "livez",
    "readyz",
    "metrics",
    "api",
    "alerts",
    "silence",
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "%6civez",
    "livez%00",
    "%0a",
    ";",
    "?",
    "#",
    "LIVEZ",
]
parts = st.sampled_from([*PARTS, "%2e%2e%2flivez"])


@given(st.lists(parts, max_size=7).map("".join), st.sampled_from(["", "/", "/livez", "/pw", "/metrics/..", "//"]))
@example("/livez/../api/alerts", "")
@example("/livez%2f..%2fapi/alerts", "")
@example("//api/alerts", "")
@example("/api/alerts", "/livez")
@example("", "/livez")
async def test_nothing_else_answers_without_a_token(raw_path: str, root_path: str) -> None:
    status, body = await asked(f"/{raw_path}" if root_path == "" else raw_path, root_path)
    assert body not in CLOSED, (status, body)
    if status == 200:
        assert body in OPEN


async def test_what_is_open_is_open_however_it_is_written() -> None:
    assert await asked("/livez", "") == (200, "/livez")
    assert await asked("/%6civez", "") == (200, "/livez")
    assert (await asked("/api/alerts", ""))[0] == 303
