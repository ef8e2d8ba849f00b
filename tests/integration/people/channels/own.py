"""A clinic whose person Ann has a pager, the board that she uses, and the worker that sends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from services.alerts.delivery.channels import Channels
from services.alerts.delivery.persons.push import PushChannel
from services.alerts.delivery.persons.sender import PersonalSender
from services.alerts.health.proof.watch import ProofWatch
from services.alerts.resources import Resources
from services.devstack.pages import PageCollector
from services.people.model import Role
from tests.alerts_pages import client_for, person
from tests.alerts_world import Story
from tests.stack import Database

PATH = "/account/channels"
PATIENCE_SECONDS = 20
"""A receiver of the tests may be slow on a busy machine."""
TUESDAY = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


class OwnChannels:
    """Ann, her pager, and everything between."""

    def __init__(self, database: Database, pager: PageCollector) -> None:
        self.database, self.pager = database, pager
        self.story = Story(database.pool, database.dsn)
        self.story.now = TUESDAY
        self.resources: Resources = self.story.resources()
        self.push: PushChannel | None = None

    def sender(self) -> PersonalSender:
        return PersonalSender(self.resources, Channels(PATIENCE_SECONDS, push=self.push))

    def watch(self) -> ProofWatch:
        return ProofWatch(self.resources)

    @asynccontextmanager
    async def board(self, name: str = "Ann", **settings: object) -> AsyncIterator[httpx.AsyncClient]:
        usual: dict[str, Any] = {"channel_kinds": ("json", "ntfy")}
        who = person(self.story, name, role=Role.RESPONDER)
        async with client_for(self.story, auth=who, **usual | settings) as client:
            yield client

    async def send(self) -> str:
        """Let the worker send what is due; returns what arrived last."""
        await self.sender().send_due()
        return self.last()

    def last(self) -> str:
        page = self.pager.pages[-1]
        return f"{page.title}\n{page.body}"

    async def row(self, column: str) -> object:
        return await self.database.pool.fetchval(f"SELECT {column} FROM person_channels ORDER BY made_at LIMIT 1")  # noqa: S608

    async def add(self, board: httpx.AsyncClient, name: str = "phone", more: str = "") -> UUID:
        """Add the pager as a channel; returns its id."""
        done = await board.post(PATH, data={"name": name, "url": f"{self.pager.url}{more}"})
        assert done.status_code == 303, done.text
        channel_id: UUID = await self.database.pool.fetchval(
            "SELECT channel_id FROM person_channels WHERE name = $1", name
        )
        return channel_id

    async def verified(self, board: httpx.AsyncClient, name: str = "phone", more: str = "") -> UUID:
        """The same, and type in the code that arrives."""
        channel_id = await self.add(board, name, more)
        done = await board.post(f"{PATH}/{channel_id}/code", data={"code": code_in(await self.send())})
        assert done.headers["location"] == f"{PATH}?done=code"
        return channel_id


def code_in(text: str) -> str:
    """The code in what arrived."""
    [code] = set[str](re.findall(r"[A-Z2-9]{4}-[A-Z2-9]{4}", text))
    return code


def link_in(text: str) -> str:
    """The path of the link in a drill."""
    [link] = re.findall(r"https://pw.example.org(/heard/[\w-]+)", text)
    return str(link)
