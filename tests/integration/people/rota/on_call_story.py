"""A clinic whose pages go to whoever is on call: Ann until 18:00, then Bob; Vic is the administrator."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from schemas.policy import Contact, EscalationStep, Policy, Priority, Route
from services.alerts.evaluation.worker import Worker
from services.alerts.resources import Resources
from services.devstack.pages import PageCollector
from services.people.rota import edit
from services.people.rota.model import Layer, Rota, Turns
from tests.alerts_world import Story
from tests.integration.people.clinic import ADA, ANN, BOB, VIC
from tests.stack import Database

SIX = datetime(2026, 3, 2, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class OnCallStory:
    """One pump of a clinic whose high route has one step, the rota: Ann until 18:00, then Bob."""

    def __init__(self, database: Database, collector: PageCollector) -> None:
        policy = Policy(
            contacts=(Contact(name="on call", rota="first"),),
            routes={Priority.HIGH: Route(steps=(EscalationStep(after_minutes=0, contacts=("on call",)),))},
        )
        self.database, self.collector = database, collector
        self.story = Story(database.pool, database.dsn, policy=policy)
        clinic = self.story.clinic_id
        self.story.policy = policy.model_copy(update={"clinic_id": clinic})
        self.story.now = SIX - 10 * MINUTE
        self.resources: Resources = self.story.resources()
        self.worker = Worker(self.resources)

    async def begin(self, *, channels: bool = True) -> None:
        pool, now, clinic = self.database.pool, self.story.now, self.story.clinic_id
        await self.story.enrol()
        for person, name, role in ((ANN, "Ann", "responder"), (BOB, "Bob", "responder"), (VIC, "Vic", "administrator")):
            await pool.execute(
                "INSERT INTO persons (person_id, name, sign_in, made_at, made_by) "
                "VALUES ($1, $2, lower($2), $3, 'test')",
                person,
                name,
                now,
            )
            await pool.execute("INSERT INTO person_roles VALUES ($1, $2, $3, $4, 'test')", person, clinic, role, now)
            if channels or name == "Vic":
                await self.give_channel(person, name)
        days = Layer(name="d", members=(ANN, BOB), begins=date(2026, 3, 1), hand_over="18:00", turns=Turns.DAYS)
        async with pool.acquire() as connection:
            rota = Rota(clinic_id=clinic, name="first", timezone="UTC", layers=(days,))
            await edit.keep_rota(connection, rota, ADA, now)
        await self.worker.keep_policies_once()

    async def give_channel(self, person: UUID, name: str) -> None:
        await self.database.pool.execute(
            "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at) "
            "VALUES ($1, 1, 'phone', $2, $3, $3)",
            person,
            f"{self.collector.url}?:to={name}",
            self.story.now,
        )

    async def told(self) -> list[str]:
        rows = await self.database.pool.fetch("SELECT contact FROM deliveries ORDER BY created_at, contact")
        return [row["contact"] for row in rows]

    def received(self) -> list[str]:
        return [page.raw["to"] for page in self.collector.pages]
