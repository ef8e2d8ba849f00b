"""The page of a drill's link: GET shows, POST says "heard it". Nobody signs in here: who holds the link got the drill.

Guarantees: looking changes nothing, so a scanner that follows links proves nothing; a link that is none, or too old, is
told in the same words and shows nothing. It has no token of a session: who does not know the link cannot send it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import FastAPI, Request, Response

from services.alerts.web.board.errors import answer_statuses
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.store import lent
from services.people.channels.changes import drill_of, heard
from services.runtime.database import FAILED, plainly

if TYPE_CHECKING:
    from services.alerts.web.dependencies import Web

PATH: Final = "/heard"

log = structlog.get_logger()


def heard_app(web: Web) -> FastAPI:
    """Build the application that is mounted at `PATH`; it starts nothing."""
    app = FastAPI(title="Pumpwatch drills", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.web = web
    answer_statuses(app)

    @app.api_route("/{link}", methods=["GET", "HEAD"])
    async def show(request: Request, link: str) -> Response:
        return await _answered(web, request, link, acts=False)

    @app.post("/{link}")
    async def act(request: Request, link: str) -> Response:
        return await _answered(web, request, link, acts=True)

    return app


async def _answered(web: Web, request: Request, link: str, *, acts: bool) -> Response:
    now, texts = web.clock(), texts_for(request)
    try:
        async with lent(web.pool, None) as connection:
            name = await (heard if acts else drill_of)(connection, link, now)
    except FAILED as error:
        log.warning("drill_not_answered", error=plainly(error))
        return _page(request, now, None, 503, texts.say("The database cannot be reached. Try again in a minute."))
    if name is None:
        words = texts.say("This link is of no drill, or its drill is over. Wait for the next one.")
        return _page(request, now, None, 404, words)
    return _page(request, now, name, 200, texts.say("Thank you: it is written down.") if acts else None)


def _page(request: Request, now: datetime, name: str | None, code: int, message: str | None) -> Response:
    return render("heard.html", request, code, now=now, channel=name, message=message, warnings=())
