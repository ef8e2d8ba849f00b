"""HEAD wherever GET is (RFC 9110, section 9.3.2): the same status and headers, and no body.

The application sees a GET, so what it notes, refuses and counts is the same. What never ends is left out: who asks for
its headers alone would hold it open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_START: Final = "http.response.start"
_BODY: Final = "http.response.body"


class AnswersHead:
    """ASGI: an application that takes HEAD.

    Args:
        app: What answers GET.
        is_endless: Tells of a path whether its answer goes on for as long as somebody listens.
    """

    def __init__(self, app: ASGIApp, is_endless: Callable[[str], bool] = lambda _: False) -> None:
        self._app = app
        self._is_endless = is_endless

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, a HEAD as a GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or self._is_endless(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == _START:
                await send(message)
            elif message["type"] == _BODY and not message.get("more_body", False):
                await send({"type": _BODY, "body": b""})

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
