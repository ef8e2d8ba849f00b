"""A clinic with persons, as the tests of rotas need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from services.people.model import Actor
from services.people.rota.model import Layer, Rota, Turns
from tests.stack import Database

ANN, BOB, CEM, EVE, VIC = (UUID(int=number) for number in range(1, 6))
ADA = Actor("test:ada", "Ada")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clinic:
    """North, with Ann, Bob and Cem (who is disabled) and Vic (who may only look); Eve is of the south."""

    database: Database

    async def make(self) -> None:
        pool = self.database.pool
        await pool.execute("INSERT INTO clinics VALUES ('north', 'North'), ('south', 'South')")
        for person, name, clinic, role in (
            (ANN, "Ann", "north", "responder"),
            (BOB, "Bob", "north", "administrator"),
            (CEM, "Cem", "north", "responder"),
            (VIC, "Vic", "north", "viewer"),
            (EVE, "Eve", "south", "responder"),
        ):
            await pool.execute(
                "INSERT INTO persons (person_id, name, sign_in, made_at, made_by) VALUES ($1, $2, $3, $4, 'test')",
                person,
                name,
                name.lower(),
                NOW,
            )
            await pool.execute("INSERT INTO person_roles VALUES ($1, $2, $3, $4, 'test')", person, clinic, role, NOW)
        await pool.execute("UPDATE persons SET disabled_at = $2, disabled_by = 'test' WHERE person_id = $1", CEM, NOW)


def weekly(*members: UUID, clinic: str = "north", name: str = "first", begins: date = date(2026, 11, 23)) -> Rota:
    """A rota of one layer, a week for each."""
    layer = Layer(name="week", members=members, begins=begins, hand_over="08:00", turns=Turns.WEEKS)
    return Rota(clinic_id=clinic, name=name, timezone="Europe/Berlin", layers=(layer,))
