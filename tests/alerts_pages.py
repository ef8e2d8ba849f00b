"""What the tests share that send pages, or look at the board and the API: a dispatcher, an outbox, an HTTP client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest
from prometheus_client import CollectorRegistry

from schemas.policy import Policy
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.health.http import create_health_app
from services.alerts.health.paged import PagedPast
from services.alerts.policies import policies_of
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.policy_files.kept import KeptPolicies
from services.alerts.resources import Health, Resources
from services.alerts.web.api import create_app
from services.alerts.web.dependencies import Web
from services.alerts.web.settings import WebSettings
from tests.alerts_world import Story
from tests.logins import web_pool
from tests.signed_in import SignedIn
from tests.stack import Database

STALL = "alarm motor_stall raised"


def dispatcher_for(resources: Resources) -> Dispatcher:
    return Dispatcher(resources, Channels(resources.settings.send_timeout_seconds))


@dataclass
class Outbox:
    """A pump whose alarm is to be paged, and a dispatcher whose clock the test moves."""

    story: Story
    database: Database
    policy: Policy
    environment: dict[str, str]

    def resources(self, **settings: object) -> Resources:
        usual = {"send_timeout_seconds": 2, "send_lease_seconds": 30, "send_attempts": 3}
        return self.story.resources(environment=self.environment, **usual | settings)

    def dispatcher(self, **settings: object) -> Dispatcher:
        return dispatcher_for(self.resources(**settings))

    async def row(self):
        return await self.database.pool.fetchrow("SELECT * FROM deliveries")

    async def is_sending(self) -> bool:
        return bool((await self.row())["state"] == "sending")

    async def states(self) -> list[tuple[str, int]]:
        rows = await self.database.pool.fetch("SELECT state, attempts FROM deliveries ORDER BY delivery_id")
        return [(row["state"], row["attempts"]) for row in rows]

    def later(self, seconds: float) -> None:
        self.story.now += timedelta(seconds=seconds)


class KeptAsGiven(KeptPolicies):
    """The policy of a story, as if the database kept it."""

    def __init__(self, *policies: Policy) -> None:
        super().__init__()
        self.now, self.are_known = policies_of(*policies), True


class NobodyPaged:
    """A worker that pages nothing past the database."""

    async def paged(self) -> tuple[PagedPast, ...]:
        return ()


def web_of_story(story: Story, **settings: object) -> Web:
    """What the board of a story's clinic works with, at the story's time."""
    usual = {"database_url": "postgresql://localhost/x", "public_url": "https://pw.example.org"}
    return Web(
        web_pool(story.pool),
        WebSettings.model_validate(usual | settings),
        NobodyPaged(),
        clock=lambda: story.now,
        kept=KeptAsGiven(story.policy),
    )


def client_for(
    story: Story,
    *,
    host: str = "127.0.0.1",
    raise_app_exceptions: bool = True,
    auth: httpx.Auth | Literal["Ann"] | None = "Ann",
    **settings: object,
) -> httpx.AsyncClient:
    """The board and the API of a story's clinic, in this process. A fault of ours is raised, or answered as in use.

    Who asks is Ann, administrator of every clinic, or who `auth` says; None: nobody.
    """
    if auth == "Ann":
        auth = person(story)
    transport = httpx.ASGITransport(create_app(web_of_story(story, **settings)), raise_app_exceptions)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8081", auth=auth, follow_redirects=False)


def person(story: Story, name: str = "Ann", **how: Any) -> SignedIn:
    """A person's browser, at a story's time."""
    return SignedIn(story.pool, lambda: story.now, name, **how)


def worker_client_for(
    story: Story, *, host: str = "127.0.0.1", folder: PolicyFolder | None = None, **settings: object
) -> httpx.AsyncClient:
    """What an alert worker of a story says of itself."""
    registry = CollectorRegistry()
    resources = story.resources(folder=folder, registry=registry, health=Health(listening=True), **settings)
    transport = httpx.ASGITransport(create_health_app(resources, registry))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8082", follow_redirects=False)


@dataclass
class Site:
    """A story, and its board and API over HTTP."""

    story: Story
    client: httpx.AsyncClient

    async def alert(self, state: str = "open") -> dict[str, Any]:
        (found,) = (await self.client.get("/v1/alerts", params={"state": state})).json()["alerts"]
        return dict(found)

    async def acknowledge(self, alert_id: object, by: str = "Ann", **more: object) -> httpx.Response:
        return await self.as_person("POST", f"/v1/alerts/{alert_id}/acknowledge", by, json=more)

    async def as_person(self, method: str, path: str, name: str, **more: Any) -> httpx.Response:
        """What a person of that name is answered."""
        return await self.client.request(method, path, auth=person(self.story, name), **more)


@asynccontextmanager
async def without_the_database(story: Story, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The board of somebody who is known, once no connection of the database can be had, nor is long waited for."""
    web = replace(web_of_story(story), **more)
    transport = httpx.ASGITransport(create_app(web), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=person(story)) as client:
        assert (await client.get("/")).status_code == 200
        held = [await web.pool.acquire() for _ in range(web.pool.get_max_size())]
        try:
            with pytest.MonkeyPatch.context() as patience:
                patience.setattr("services.alerts.web.store._BORROW_SECONDS", 0.1)
                yield client
        finally:
            for each in held:
                await web.pool.release(each)
