"""What stands before an application, whatever it does.

Guarantees: every answer that the application gives carries the security headers, an error of any kind too; a body of
more than `most_bytes` is 413, and no more than that of it is ever in memory; an address with a control character in it
is 422 and reaches no handler; who has guessed too often is told so and loses the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.http.callers import is_plain_address

MOST_BODY_BYTES: Final = 1_000_000

SECURITY_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Guarded:
    """ASGI: an application with its guard.

    Args:
        app: What answers.
        answer: Makes the refusal of a request: with this status, and these words.
        most_bytes: The largest body that it is given.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer: Callable[[Scope, int, str], ASGIApp],
        most_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._app = app
        self._answer = answer
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass; hand on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                more = [pair for pair in SECURITY_HEADERS if pair[0] not in present]
                if message["status"] == HTTPStatus.TOO_MANY_REQUESTS:
                    more.append((b"connection", b"close"))
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, self._counted(receive), send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if not is_plain_address(scope["path"], scope["query_string"]):
            return self._answer(scope, 422, "an address holds no control characters")
        for name, value in scope["headers"]:
            if name == b"content-length" and not (value.isdigit() and len(value) <= 12 and self._fits(int(value))):
                return self._answer(scope, 413, self._too_large)
        return None

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if not self._fits(size):  # the application's own handler answers it, as it does any other refusal
                raise HTTPException(413, self._too_large)
            return message

        return receive_counted

    def _fits(self, size: int) -> bool:
        return size <= self._most_bytes

    @property
    def _too_large(self) -> str:
        return f"the body has more than {self._most_bytes:,} bytes"
