"""What an open page is told, one event after the other, until it is closed.

Guarantees: a change that the pulse sees is sent as soon as it is read, and otherwise the page is read again every
`_REGULAR_SECONDS`; however much changes, reading takes at most a fifth of the time of those who show the same; what is
sent comes before what is written down of it, so that nothing that cannot be written holds up an alarm; while the
database is away, the page is told so, with what was paged past it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from services.alerts.title_words import title_words
from services.alerts.web.allowed import RightsChanged
from services.alerts.web.live.event import Kind, Why, event
from services.alerts.web.live.open_pages import Shown
from services.alerts.web.live.picture import Picture
from services.alerts.web.live.pulse import Listener, news_within
from services.people.model import Role
from services.runtime.database import UNAVAILABLE, plainly
from services.texts.model import Texts, msgid

if TYPE_CHECKING:
    from services.alerts.health.paged import PagedPast
    from services.alerts.web.dependencies import Web

AWAY: Final = msgid("The database cannot be reached. This says nothing about any pump.")
_REGULAR_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 1.0
_REST: Final = 4.0
"""So many times as long as reading took, nothing is read..."""
_LEAST_REST_SECONDS: Final = 0.6
"""...and at least for so long: what changes all the time is told in turns, within a second. Many open boards that are
told of each alarm of a storm by itself would compute beside the next page."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """One open page."""

    web: Web
    listener: Listener
    key: Hashable
    """Who has the same key is shown the same."""
    read: Callable[[float], Awaitable[Shown]]
    """Reads it, begun after that moment of `time.monotonic`."""
    past: Callable[[tuple[PagedPast, ...] | None], str]
    """Draws what was paged past the database."""
    texts: Texts
    """In the reader's language."""
    is_patched: bool
    """Whether what has changed can be told; else the page reads itself again."""

    async def events(self, have: str) -> AsyncIterator[bytes]:
        """What to send to a page that shows the version `have`."""
        shown = self.web.open_pages.known(self.key, have)
        paged: tuple[PagedPast, ...] | None = ()
        while self.listener.seat.ended is None:
            began = time.monotonic()
            try:
                since = self.listener.stirred_at
                now = await self.web.open_pages.shared(self.key, since, partial(self.read, since))
            except RightsChanged as changed:  # read in the name of one of those who show the same
                if changed.caller.actor.id == self.listener.caller.actor.id:
                    self.listener.end(Why.RIGHTS)
                continue
            except UNAVAILABLE as error:
                log.warning("open_board_not_read", error=plainly(error))
                said, paged = await self._away(paged)
                yield said
                await news_within(self.listener, _AWAY_SECONDS)
                continue
            paged = ()
            yield self._told(shown, now.picture)
            shown = now.picture
            self.web.open_pages.noting.shown(self.web, self.listener.caller, now.pumps)
            rest = min(_REGULAR_SECONDS, max(_LEAST_REST_SECONDS, _REST * (time.monotonic() - began)))
            await asyncio.sleep(rest)
            await news_within(self.listener, _REGULAR_SECONDS - rest)
        yield event(Kind.END, {"why": self.listener.seat.ended or Why.SIGNED_OUT})

    def _told(self, shown: Picture | None, now: Picture) -> bytes:
        if shown is None or (not self.is_patched and shown.version != now.version):
            return event(Kind.AGAIN, now.reading, now.version)
        return self.web.open_pages.told(self.key, shown, now)

    async def _away(self, before: tuple[PagedPast, ...] | None) -> tuple[bytes, tuple[PagedPast, ...] | None]:
        everything = await self.web.workers.paged()
        may = self.listener.caller.may
        seen = None if everything is None else tuple(each for each in everything if may(Role.VIEWER, each.clinic_id))
        known = {each.alert_id for each in before or ()}
        news = [
            {"id": f"alert-{each.alert_id}", "words": f"{title_words(each.title, self.texts)}, {each.pump_id}"}
            for each in seen or ()
            if each.alert_id not in known and each.priority == "high"
        ]
        said = {"message": self.texts.say(AWAY), "html": self.past(seen), "news": news}
        return event(Kind.AWAY, said), seen if seen is not None else before
