"""What bounds the connections of a server: how many there are, and how long a request may take.

Guarantees: a request that is not whole after `request_within_seconds` ends its connection, and so does an answer that
is not taken after `answer_within_seconds`; there are never more than `most_connections`, and where one more comes, one
that waits for a request gives way: of the place that has most such, the one that has waited longest. So connections
that ask nothing lock nobody out. An answer that the server gives by itself carries the security headers too. An answer
that says of itself that it goes on (`goes_on`) has as long as it is taken: what is not taken within
`answer_within_seconds` ends it, and so does the end of the server, at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.runtime.http.attempts import place_of
from services.runtime.http.guard import SECURITY_HEADERS

_IDLE: Final = "idle"
_RECEIVING: Final = "receiving"
_ANSWERING: Final = "answering"
_GOES_ON: Final = "pumpwatch.goes_on"
"""The extension of ASGI by which an application says it; to it an answer is what is sent for one request."""


def goes_on(scope: MutableMapping[str, Any]) -> None:
    """Say of the answer to this request that it has no end. Behind another server this is of no effect."""
    say: Callable[[], None] | None = scope.get("extensions", {}).get(_GOES_ON)
    if say is not None:
        say()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one server."""

    most_connections: int = 512
    request_within_seconds: float = 10.0
    """From the connection, or from the first byte of a further request, to the last of its body."""
    answer_within_seconds: float = 30.0
    """From there until the answer is handed to the network."""


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to everything. `limits` is set in a subclass (`bounded_by`)."""

    limits: ClassVar[Limits] = Limits()
    waiting: ClassVar[dict[str, OrderedDict[BoundedProtocol, None]]] = {}
    """By place, the connections that wait for a whole request, the longest first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._doing: tuple[str, object] = (_IDLE, None)
        self._place = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._endless: object = None
        """The request whose answer goes on."""
        self._was_behind = False

    # --- what uvicorn calls -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in place of one that asks nothing."""
        super().connection_made(transport)
        self._place = place_of(self.client[0]) if self.client else ""
        self._enter((_RECEIVING, None))
        if len(self.connections) > self.limits.most_connections and self.waiting:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Go on to the next request of this connection."""
        super().on_response_complete()
        self._look()

    def shutdown(self) -> None:
        """End it as the server ends: what is under way may finish, but not what has no end."""
        super().shutdown()
        if self.cycle is not None and self.cycle is self._endless and not self.cycle.response_complete:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        self.wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._answer_for_the_application(400, msg)

    # --- time -------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            doing: tuple[str, object] = (_ANSWERING, cycle)
        elif self.timeout_keep_alive_task is not None and not self.conn.trailing_data[0]:
            doing = (_IDLE, None)  # uvicorn closes it when that time is over
        else:
            doing = (_RECEIVING, None)
        if doing != self._doing:
            self._enter(doing)
            if cycle is not None and doing[0] == _ANSWERING:  # its application runs as soon as this is done
                extensions: dict[str, Any] = cycle.scope.setdefault("extensions", {})
                extensions[_GOES_ON] = lambda: self._let_it_go_on(cycle)

    def _enter(self, doing: tuple[str, object]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._doing = doing
        self.wait_no_more()
        if self.transport.is_closing():
            return
        if doing[0] == _ANSWERING:
            self._deadline = self.loop.call_later(self.limits.answer_within_seconds, self._give_up)
            return
        self.waiting.setdefault(self._place, OrderedDict())[self] = None
        if doing[0] == _RECEIVING:
            self._deadline = self.loop.call_later(self.limits.request_within_seconds, self._give_up)

    def _let_it_go_on(self, cycle: object) -> None:
        if cycle is not self.cycle or self._deadline is None:
            return
        self._endless, self._was_behind = cycle, False
        self._deadline.cancel()
        self._deadline = self.loop.call_later(self.limits.answer_within_seconds / 2, self._look_whether_it_is_taken)

    def _look_whether_it_is_taken(self) -> None:
        is_behind = self.transport.get_write_buffer_size() > 0
        if is_behind and self._was_behind:
            self.transport.abort()
            return
        self._was_behind = is_behind
        self._deadline = self.loop.call_later(self.limits.answer_within_seconds / 2, self._look_whether_it_is_taken)

    def _give_up(self) -> None:
        if self._doing[0] == _RECEIVING and self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._answer_for_the_application(
                408, f"The request was not whole within {self.limits.request_within_seconds:g} seconds."
            )
        else:
            self.transport.abort()

    def wait_no_more(self) -> None:
        """Take it out of those that wait for a request."""
        of_place = self.waiting.get(self._place)
        if of_place is not None:
            of_place.pop(self, None)
            if not of_place:
                del self.waiting[self._place]

    def _make_room(self) -> None:
        # This one waits too: where all others are being answered, it is the one that ends.
        place = max(self.waiting, key=lambda each: len(self.waiting[each]))
        longest = next(iter(self.waiting[place]))
        longest.wait_no_more()
        longest.transport.abort()

    def _answer_for_the_application(self, status_code: int, text: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(text) + 1).encode()),
            (b"connection", b"close"),
            *SECURITY_HEADERS,
        ]
        for event in (
            h11.Response(status_code=status_code, headers=headers),
            h11.Data(data=f"{text}\n".encode()),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def bounded_by(limits: Limits) -> type[BoundedProtocol]:
    """The protocol with the limits of one server."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits, "waiting": {}})
