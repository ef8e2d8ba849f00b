"""What the board and the API count, as `pumpwatch_web_...`; no label names a person, a device or a patient."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class WebMetrics:
    """Made once for a process."""

    requests: Counter
    seconds: Histogram

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register everything."""
        return cls(
            Counter("pumpwatch_web_requests", "Requests, by the status of the answer.", ["status"], registry=registry),
            Histogram("pumpwatch_web_request_seconds", "From a request to the end of its answer.", registry=registry),
        )


class Counted:
    """ASGI: an application whose answers are counted."""

    def __init__(self, app: ASGIApp, metrics: WebMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and count."""
        began, status = time.perf_counter(), "none"

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._metrics.requests.labels(status).inc()
            self._metrics.seconds.observe(time.perf_counter() - began)
