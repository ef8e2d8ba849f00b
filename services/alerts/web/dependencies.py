"""What the HTTP handlers work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.alerts.outage.bypass import Bypass
from services.alerts.resources import Resources
from services.runtime.database import Connection

_BORROW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Web:
    """The running service, as far as a request needs it."""

    resources: Resources
    registry: CollectorRegistry
    bypass: Bypass | None = None


def web_of(request: Request) -> Web:
    """What the application was built with."""
    return cast("Web", request.app.state.web)


def resources_of(request: Request) -> Resources:
    """What the parts of the service share."""
    return web_of(request).resources


async def connection_of(request: Request) -> AsyncIterator[Connection]:
    """Borrow a connection for one request."""
    async with resources_of(request).pool.acquire(timeout=_BORROW_SECONDS) as connection:
        yield connection


Borrowed = Annotated[Connection, Depends(connection_of)]
Running = Annotated[Resources, Depends(resources_of)]
