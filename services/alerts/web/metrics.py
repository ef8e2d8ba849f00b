"""What the board and the API count, as `pumpwatch_web_...`; no label names a person, a device or a patient."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STREAM: Final = b"text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WebMetrics:
    """Made once for a process."""

    requests: Counter
    seconds: Histogram
    streams: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register everything."""
        return cls(
            Counter("pumpwatch_web_requests", "Requests, by the status of the answer.", ["status"], registry=registry),
            Histogram("pumpwatch_web_request_seconds", "From a request to the end of its answer.", registry=registry),
            Gauge("pumpwatch_web_streams", "Pages that are open and kept true by a stream.", registry=registry),
        )


class Counted:
    """ASGI: an application whose answers are counted."""

    def __init__(self, app: ASGIApp, metrics: WebMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and count."""
        began, status, is_stream = time.perf_counter(), "none", False

        async def send_noted(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = str(message["status"])
                if (b"content-type", _STREAM) in message["headers"]:
                    is_stream = True
                    self._metrics.streams.inc()
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._metrics.requests.labels(status).inc()
            if is_stream:  # which lasts as long as somebody looks
                self._metrics.streams.dec()
            else:
                self._metrics.seconds.observe(time.perf_counter() - began)
