"""The streams by which open pages of the board are kept true (server-sent events).

A stream holds no connection of the database while it waits; it is for people who are signed in, ends with their
session, and shows what the page itself would show them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from schemas.http.problems import ProblemType
from services.alerts.web.allowed import must_see_alert, must_see_clinic
from services.alerts.web.board.environment import filled
from services.alerts.web.board.glance import FORM_OF_WHOEVER_READS
from services.alerts.web.board.list_views import key_of, read_board
from services.alerts.web.board.views import texts_for
from services.alerts.web.dependencies import Asking, Running, Web, borrowed_for
from services.alerts.web.identity.forms import csrf_field
from services.alerts.web.lists.asked import asked_for
from services.alerts.web.live.open_pages import Shown
from services.alerts.web.live.picture import Picture
from services.alerts.web.live.seats import Seat
from services.alerts.web.live.stream import AWAY, Page
from services.alerts.web.store import history_of, lent, one_alert
from services.people.caller import Caller
from services.runtime.http.limits import goes_on
from services.runtime.http.problems import problem
from services.texts.model import Texts

if TYPE_CHECKING:
    from services.alerts.health.paged import PagedPast

_HAVE: Final = "have"
_HEADERS: Final = {"X-Accel-Buffering": "no"}
_TRY_AGAIN_SECONDS: Final = 30
_FORM: Final = FORM_OF_WHOEVER_READS.encode()

Read = Callable[[float], Awaitable[Shown]]

router = APIRouter(include_in_schema=False)


def is_stream(path: str) -> bool:
    """Tell whether a path is that of a stream, which has no end."""
    return path == "/live" or (path.startswith("/alerts/") and path.endswith("/live"))


@router.get("/live")
async def board_live(caller: Asking, web: Running, request: Request) -> Response:
    """What changes of a board; `have` is the version that the page shows."""
    pairs = request.query_params.multi_items()
    asked, texts = asked_for([(name, value) for name, value in pairs if name != _HAVE]), texts_for(request)
    clinics = must_see_clinic(caller, asked.clinic_id)

    async def read(begun_after: float) -> Shown:
        made = await read_board(web, caller, asked, texts, begun_after=begun_after)
        return Shown(made.picture, made.pumps)

    opened = _Opened(web, caller, request, clinics, texts, is_patched=True)
    return await opened.answer(key_of(caller, asked, texts.language), read, request.query_params.get(_HAVE, ""))


@router.get("/alerts/{alert_id}/live")
async def alert_live(caller: Asking, web: Running, request: Request, alert_id: UUID) -> Response:
    """Whether the page of an alert has changed: it is read again then."""
    async with borrowed_for(request) as connection:
        clinic = await must_see_alert(connection, caller, alert_id)
    texts = texts_for(request)
    key = (frozenset(caller.roles.items()), alert_id, texts.language)

    async def read(begun_after: float) -> Shown:
        async def look() -> Picture:
            async with lent(web.pool, caller) as connection:
                now = web.clock()
                said = (await one_alert(connection, alert_id, now), await history_of(connection, alert_id))
                zone = web.zones.known(web.kept.now, clinic)
                version = hashlib.blake2b(repr((said, now.astimezone(zone).date())).encode(errors="surrogatepass"))
                return Picture(now, version.hexdigest(), read=texts.clock_with_seconds(now, zone))

        return Shown(await web.open_pages.alerts.of(key, look, begun_after=begun_after), frozenset())

    opened = _Opened(web, caller, request, frozenset({clinic}), texts, is_patched=False)
    return await opened.answer(key, read, "")


class _Stream(StreamingResponse):
    """One whose page gives its place back, however it ends."""

    def __init__(self, events: AsyncGenerator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._events, self._leave = events, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either end has enough."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            await self._events.aclose()


@dataclass(frozen=True, slots=True)
class _Opened:
    """A page that asks to be kept true."""

    web: Web
    caller: Caller
    request: Request
    clinics: frozenset[str]
    texts: Texts
    is_patched: bool

    async def answer(self, key: object, read: Read, have: str) -> Response:
        """The stream, or why there is none."""
        state = self.request.state
        if self.caller.person_id is None or state.session is None:
            return problem(ProblemType.NOT_ALLOWED, "expected a person who is signed in: programs ask /v1/alerts")
        pages = self.web.open_pages
        seat = Seat(self.caller.person_id, state.session, self.clinics)
        leaving = pages.seats.take(seat)
        if leaving is None:
            text = "As many boards are kept true as can be: this one reads itself again now and then."
            return problem(ProblemType.TOO_MANY_OPEN, text, headers={"Retry-After": str(_TRY_AGAIN_SECONDS)})
        pages.pulse.give_way(leaving)
        goes_on(self.request.scope)
        return _Stream(self._events(key, read, have, seat), lambda: pages.seats.leave(seat))

    async def _events(self, key: object, read: Read, have: str, seat: Seat) -> AsyncGenerator[bytes]:
        form = json.dumps(str(csrf_field(self.request)), ensure_ascii=False)[1:-1].encode()
        async with self.web.open_pages.pulse.listening(self.web, seat, self.caller) as listener:
            page = Page(self.web, listener, key, read, self._past, self.texts, is_patched=self.is_patched)
            async for said in page.events(have):
                yield said.replace(_FORM, form)

    def _past(self, paged: Sequence[PagedPast] | None) -> str:
        now: datetime = self.web.clock()
        message, zones = self.texts.say(AWAY), self.web.zones.of_paged(self.web.kept.now, paged)
        values = {"message": message, "paged": paged, "now": now, "zones": zones, "waits": True}
        return filled(self.texts.language, "live/past.html", values)
