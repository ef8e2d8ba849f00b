"""What the HTTP handlers work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.alerts.clock import Clock
from services.alerts.health.state import Health
from services.alerts.outage.bypass import Bypass
from services.alerts.policies import PolicyFolder
from services.runtime.database import Connection, Pool

_BORROW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The running service, as far as a request needs it."""

    pool: Pool
    policies: PolicyFolder
    health: Health
    registry: CollectorRegistry
    clock: Clock
    bypass: Bypass | None = None


def parts_of(request: Request) -> Parts:
    """The parts that the application was built with."""
    return cast("Parts", request.app.state.parts)


async def connection_of(request: Request) -> AsyncIterator[Connection]:
    """Borrow a connection for one request."""
    async with parts_of(request).pool.acquire(timeout=_BORROW_SECONDS) as connection:
        yield connection


Borrowed = Annotated[Any, Depends(connection_of)]
Running = Annotated[Parts, Depends(parts_of)]
