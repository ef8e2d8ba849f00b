"""A clinic whose contacts are persons, their pages with links, and a browser in which nobody is signed in."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from schemas.policy import Channel, Contact, Policy, Priority
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.web.api import create_app
from services.alerts.web.links.desk import AnswerDesk
from services.devstack.pages import PageCollector
from services.people.links.signing import Links
from services.people.links.store import load_receivers
from services.people.model import Role
from tests.alerts_pages import KeptAsGiven, web_of_story
from tests.alerts_world import Story, route
from tests.signed_in import make_person
from tests.stack import Database

PUBLIC = "https://pw.example.org"


def write_key(folder: Path, name: str = "link.key") -> Path:
    path = folder / name
    path.write_text(f"{name} " * 8 + "\n")
    path.chmod(0o600)
    return path


def policy_of(*contacts: str, url: str, **more: Any) -> Policy:
    """Who is told of what is high: the first at once, each further one 10 minutes later."""
    return Policy(
        contacts=tuple(Contact(name=name, channels=(Channel(name="push", url=url),)) for name in contacts),
        routes={Priority.HIGH: route(*((10.0 * place, name) for place, name in enumerate(contacts)))},
        **more,
    )


@dataclass
class Linked:
    """A story with persons, a pager, and the web process as far as links need it."""

    story: Story
    collector: PageCollector
    links: Links
    desk: AnswerDesk
    client: httpx.AsyncClient
    people: dict[str, UUID]

    async def dispatcher(self) -> Dispatcher:
        """Of a worker that knows by now who is who."""
        async with self.story.pool.acquire() as connection:
            self.links.receivers = await load_receivers(connection)
        resources = self.story.resources(links=self.links)
        return Dispatcher(resources, Channels(2))

    async def page(self, text: str = "alarm motor_stall raised") -> str:
        """Let something happen and be paged; returns the path of the newest link."""
        before = len(self.collector.pages)
        _, observed_at = parsed = self.story.parse(text)
        async with self.story.pool.acquire() as connection, connection.transaction():
            await self.story.insert(connection, parsed[0], observed_at)
        await self.story.queue()
        await self.story.new_worker().queue_once()
        await (await self.dispatcher()).send_due()
        pages = self.collector.pages
        assert len(pages) > before
        return link_in(pages[-1].body)

    async def alert(self) -> dict[str, Any]:
        row = await self.story.pool.fetchrow("SELECT * FROM alerts WHERE pump_id = $1", self.story.pump_id)
        assert row is not None
        return dict(row)

    async def acknowledgements(self) -> list[tuple[str, str]]:
        rows = await self.story.pool.fetch(
            "SELECT actor, detail ->> 'name' AS name FROM alert_transitions t JOIN alerts a USING (alert_id)"
            " WHERE a.pump_id = $1 AND t.kind = 'acknowledged' ORDER BY t.clinic_seq",
            self.story.pump_id,
        )
        return [tuple(row) for row in rows]


def link_in(text: str) -> str:
    """The path of the link in a page."""
    found = re.search(rf"{re.escape(PUBLIC)}(/l/[A-Za-z0-9_.-]+)$", text)
    assert found, text
    return found[1]


async def linked(database: Database, collector: PageCollector, folder: Path, *contacts: str, **more: Any) -> Linked:
    """Ann (`tann`) and Bob (`tbob`) are responders of the clinic."""
    policy = policy_of(*(contacts or ("tann", "tbob")), url=collector.url, **more)
    story = Story(database.pool, database.dsn, policy=policy)
    await story.enrol()
    people = {
        name: await make_person(story.pool, name, Role.RESPONDER, story.now, clinic_id=story.clinic_id)
        for name in ("Ann", "Bob")
    }
    key = write_key(folder)
    desk = AnswerDesk([key], "http://127.0.0.1:9", None, folder / "state")
    web = replace(web_of_story(story), desk=desk)
    transport = httpx.ASGITransport(create_app(web))
    client = httpx.AsyncClient(transport=transport, base_url=PUBLIC, follow_redirects=False)
    return Linked(story, collector, Links([key]), desk, client, people)


__all__ = ["KeptAsGiven", "Linked", "link_in", "linked", "policy_of", "write_key"]
