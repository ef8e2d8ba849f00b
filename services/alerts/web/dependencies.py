"""What the HTTP handlers work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request
from prometheus_client import CollectorRegistry

from services.alerts.clock import Clock, utc_now
from services.alerts.policies import Policies
from services.alerts.policy_files.kept import KeptPolicies
from services.alerts.web import store
from services.alerts.web.board.clinic_zones import ClinicZones
from services.alerts.web.board.glance import Board, Health
from services.alerts.web.identity.callers import LatelyKnown
from services.alerts.web.links.desk import AnswerDesk
from services.alerts.web.live.open_pages import OpenPages
from services.alerts.web.reads import ReadsNoted
from services.alerts.web.settings import WebSettings
from services.alerts.web.workers import PagedSoFar
from services.people.accounts.pace import Pace
from services.people.accounts.passwords import Passwords
from services.people.caller import Caller
from services.runtime.database import Connection, Pool
from services.runtime.http.kept import Kept


@dataclass(frozen=True, slots=True)
class Web:
    """The running process, as far as a request needs it."""

    pool: Pool
    settings: WebSettings
    workers: PagedSoFar
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    clock: Clock = utc_now
    kept: KeptPolicies = field(default_factory=KeptPolicies)
    """The policies that hold, read again every few seconds."""
    lately_known: LatelyKnown = field(default_factory=LatelyKnown)
    passwords: Passwords = field(default_factory=Passwords)
    pace: Pace = field(default_factory=Pace)
    zones: ClinicZones = field(default_factory=ClinicZones)
    """The clocks of clinics."""
    reads: ReadsNoted = field(default_factory=ReadsNoted)
    boards: Kept[Board] = field(default_factory=Kept)
    """What boards showed a moment ago."""
    health: Kept[Health] = field(default_factory=Kept)
    """What was known of the installation a moment ago."""
    open_pages: OpenPages = field(default_factory=OpenPages)
    """Boards and alerts that somebody has open."""
    desk: AnswerDesk = field(default_factory=AnswerDesk)
    """Where answers by links are taken."""

    async def policies(self, connection: Connection) -> Policies:
        """The clinics' policies."""
        if not self.kept.are_known:  # the first request, before they were read
            await self.kept.load(connection)
        return self.kept.now


def web_of(request: Request) -> Web:
    """What the application was built with."""
    return cast("Web", request.app.state.web)


def caller_of(request: Request) -> Caller:
    """Who asks.

    Raises:
        HTTPException: Nobody is signed in (401).
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise HTTPException(401, "sign in, or bring a key")
    return caller


async def connection_of(request: Request) -> AsyncIterator[Connection]:
    """Borrow a connection for one request, and tell the database who asks: each view shows what that caller may see."""
    caller: Caller | None = getattr(request.state, "caller", None)
    async with store.lent(web_of(request).pool, caller) as connection:
        yield connection


borrowed_for = asynccontextmanager(connection_of)
"""The same, for a handler that only sometimes needs one."""


async def connection_of_nobody(request: Request) -> AsyncIterator[Connection]:
    """Borrow one for who signs in or sets an account up: whoever was signed in at that browser does not do that."""
    async with store.lent(web_of(request).pool, None) as connection:
        yield connection


async def policies_of(connection: Annotated[Connection, Depends(connection_of)], request: Request) -> Policies:
    """The policies that hold."""
    return await web_of(request).policies(connection)


Asking = Annotated[Caller, Depends(caller_of)]
Borrowed = Annotated[Connection, Depends(connection_of)]
BorrowedForNobody = Annotated[Connection, Depends(connection_of_nobody)]
Held = Annotated[Policies, Depends(policies_of)]
Running = Annotated[Web, Depends(web_of)]
