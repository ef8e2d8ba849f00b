"""Two clinics with rotas, and the browsers of persons who look at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from schemas.policy import Policy
from services.alerts.web.api import create_app
from services.people.model import Role
from services.people.rota import edit, store
from services.people.rota.model import Layer, Rota, Turns
from tests.alerts_pages import person, web_of_story
from tests.alerts_world import T0, Story
from tests.signed_in import make_person, somebody
from tests.stack import Database

NORTH, SOUTH = "clinic-of-pump-north", "clinic-of-pump-south"
POLICY = Policy.model_validate(
    {
        "clinic_id": "default",
        "contacts": [{"name": "on call", "rota": "first"}],
        "routes": {"high": {"steps": [{"after_minutes": 0, "contacts": ["on call"]}]}},
    }
)


@dataclass
class Clinics:
    """North has Ann and Bob in turns of a week, Ada who administers and Vic who looks; Eve is of south."""

    story: Story
    persons: dict[str, UUID] = field(default_factory=dict)

    async def make(self) -> None:
        pool, now = self.story.pool, self.story.now
        await pool.execute("INSERT INTO clinics VALUES ($1, $1), ($2, $2) ON CONFLICT DO NOTHING", NORTH, SOUTH)
        for name, clinic, role in (
            ("Ann", NORTH, Role.RESPONDER),
            ("Bob", NORTH, Role.RESPONDER),
            ("Ada", NORTH, Role.ADMINISTRATOR),
            ("Vic", NORTH, Role.VIEWER),
            ("Eve", SOUTH, Role.RESPONDER),
        ):
            self.persons[name] = await make_person(pool, name, role, now, clinic_id=clinic)
        async with pool.acquire() as connection:
            for clinic, members in ((NORTH, ("Ann", "Bob")), (SOUTH, ("Eve",))):
                rota = self.rota(clinic, *members)
                await edit.keep_rota(connection, rota, somebody("Ada"), now)

    def rota(self, clinic: str, *members: str) -> Rota:
        layer = Layer(
            name="week",
            members=tuple(self.persons[name] for name in members),
            begins=(T0 - timedelta(days=T0.weekday())).date(),
            turns=Turns.WEEKS,
        )
        return Rota(clinic_id=clinic, name="first", timezone="Europe/Berlin", layers=(layer,))

    async def reachable(self, *names: str) -> None:
        """They have a channel that was verified."""
        for name in names:
            await self.story.pool.execute(
                "INSERT INTO person_channels (person_id, position, name, url, shown, made_at, verified_at) "
                "VALUES ($1, 1, 'phone', 'ntfys://secret-token/topic', 'ntfys', $2, $2)",
                self.persons[name],
                self.story.now,
            )

    async def kept(self, clinic: str = NORTH) -> store.KeptRota:
        async with self.story.pool.acquire() as connection:
            [kept] = await store.load_rotas(connection, clinic, self.story.now)
        return kept

    async def trail(self, kind: str) -> list[tuple[Any, ...]]:
        rows = await self.story.pool.fetch(
            "SELECT actor, detail ->> 'name', clinic_id FROM access_log WHERE kind = $1 ORDER BY access_seq", kind
        )
        return [tuple(row) for row in rows]

    @asynccontextmanager
    async def browser(self, name: str, auth: httpx.Auth | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Of a person, or of who `auth` says."""
        auth = auth or person(self.story, name, role=None)
        transport = httpx.ASGITransport(create_app(web_of_story(self.story)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=auth) as client:
            yield client


async def clinics_with_rotas(database: Database) -> Clinics:
    """Make them."""
    made = Clinics(Story(database.pool, database.dsn, policy=POLICY, pump_id="pump-north"))
    await made.make()
    return made
