"""Two clinics, north and south, each with a pump and everything that is stored of one; people and programs of north."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.people.model import Role
from services.runtime.database import Connection, Pool
from tests.alerts_world import T0, Story
from tests.logins import web_pool
from tests.signed_in import make_key, make_person
from tests.stack import Database

WHAT_HAPPENS = [
    (0, "therapy low=4"), (1, "alarm motor_stall raised"), (2, "level 12.5"), (3, "bolus delivered x1"), (4, "status"),
    (5, "refill 18"), (6, "report pain 9"),
]  # fmt: skip


@dataclass
class TwoClinics:
    """What a test of the border between them works with."""

    pool: Pool
    north: Story
    south: Story
    alert_of_south: UUID
    silence_of_south: UUID
    delivery_of_south: UUID
    rota_of_south: UUID
    change_of_south: UUID
    promise_of_south: UUID
    member_of_south: UUID

    async def person(self, role: Role, name: str = "Nora") -> UUID:
        """Somebody of north."""
        return await make_person(self.pool, name, role, self.north.now, clinic_id=self.north.clinic_id)

    async def key(self, *scopes: str) -> str:
        """The text of a key of north."""
        return await make_key(self.pool, list(scopes), self.north.now, self.north.clinic_id)


async def make_rota(pool: Pool, clinic_id: str, member: UUID, now: datetime) -> None:
    """A rota of one clinic with a version and a change, each with the clinic's name in it."""
    rota = await pool.fetchval("INSERT INTO rotas (clinic_id, name) VALUES ($1, $1) RETURNING rota_id", clinic_id)
    await pool.execute(
        "INSERT INTO rota_versions VALUES ($1, 1, 'Europe/Berlin', '[]', $2, 'test', $3)", rota, now, clinic_id
    )
    await pool.execute(
        "INSERT INTO rota_changes (change_id, rota_id, kind, person_id, begins, ends, made_at, made_by, made_name) "
        "VALUES (gen_random_uuid(), $1, 'override', $2, $3, $4, $3, 'test', $5)",
        rota, member, now, now + timedelta(days=9), clinic_id,
    )  # fmt: skip


async def make_hand_over(pool: Pool, clinic_id: str, member: UUID, now: datetime) -> None:
    """What somebody of the clinic took over, and what somebody promised, each with the clinic's name in it."""
    await pool.execute(
        "INSERT INTO hand_overs SELECT rota_id, $3, clinic_id, $2, $3, 'test', clinic_id FROM rotas "
        "WHERE clinic_id = $1",
        clinic_id, member, now,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO promises (promise_id, clinic_id, alert_id, words, due_at, made_at, made_by, made_name) "
        "SELECT gen_random_uuid(), clinic_id, alert_id, clinic_id, $2, $2, 'test', clinic_id FROM alerts "
        "WHERE clinic_id = $1 LIMIT 1",
        clinic_id, now,
    )  # fmt: skip


async def make_visit(pool: Pool, pump_id: str, now: datetime) -> None:
    """A refill visit of whoever has the pump, with the clinic's name in it."""
    await pool.execute(
        "INSERT INTO refill_visits "
        "SELECT gen_random_uuid(), d.clinic_id, d.device_id, i.implantation_id, NULL, 'booked', "
        "$2::timestamptz + interval '30 days', $2::timestamptz + interval '30 days', true, $2, 'test', d.clinic_id "
        "FROM devices d JOIN implantations i ON i.pump_id = d.device_id "
        "WHERE d.device_id = $1 ORDER BY i.began_at DESC LIMIT 1",
        pump_id, now,
    )  # fmt: skip


async def make_channel(pool: Pool, name: str, member: UUID, now: datetime) -> None:
    """How one person is reached, and what was sent there."""
    channel = await pool.fetchval(
        "INSERT INTO person_channels (person_id, position, name, url, made_at) "
        "VALUES ($1, 1, $2, 'json://127.0.0.1:9/', $3) RETURNING channel_id",
        member, name, now,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO channel_messages (channel_id, purpose, episode, asked_at, due_at) VALUES ($1, 'test', $2, $3, $3)",
        channel, name, now,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO person_hours (person_id, timezone, drill_weekday, drill_at) VALUES ($1, 'UTC', 1, '11:00')", member
    )


async def two_clinics(database: Database) -> TwoClinics:
    """Make them."""
    pool = database.pool
    stories = [Story(pool, database.dsn, pump_id=f"pump-{clinic}") for clinic in ("north", "south")]
    for story in stories:
        await story.run(WHAT_HAPPENS)
        await pool.execute(
            "INSERT INTO silences (clinic_id, kind, reason, created_by, created_at, begins_at, ends_at) "
            "VALUES ($1, 'silence', 'of ' || $1, 'Sue', $2, $2, $3)",
            story.clinic_id, story.now, story.now + timedelta(days=1),
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO refused_alarms VALUES ($1, gen_random_uuid(), $1, 'other', 'raised', 1, $2, -99)",
            story.pump_id, story.now,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO devices (device_id, kind, clinic_id) VALUES ('handheld-' || $1, 'handheld', $2)",
            story.pump_id, story.clinic_id,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO pairings (handheld_id, pump_id) VALUES ('handheld-' || $1::text, $1)", story.pump_id
        )
        await pool.execute(
            "INSERT INTO implantations (pump_id, began_at, patient_ref) VALUES ($1, $2, 'ref-' || $1)",
            story.pump_id, T0 - timedelta(days=1),
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority, "
            "title, body, sent_at) VALUES (gen_random_uuid(), $1, $2, 'r', 'k', 0, 'c', 'c', 'high', 't', 'b', $3)",
            story.pump_id, story.clinic_id, story.now,
        )  # fmt: skip
        name = f"Member of {story.clinic_id}"
        member = await make_person(pool, name, Role.RESPONDER, story.now, clinic_id=story.clinic_id)
        await make_rota(pool, story.clinic_id, member, story.now)
        await make_channel(pool, story.clinic_id, member, story.now)
        await make_hand_over(pool, story.clinic_id, member, story.now)
        await make_visit(pool, story.pump_id, story.now)
    south = stories[1]
    ids = [
        await pool.fetchval(f"SELECT {column} FROM {table} WHERE clinic_id = $1 LIMIT 1", south.clinic_id)  # noqa: S608
        for table, column in (("alerts", "alert_id"), ("silences", "silence_id"), ("deliveries", "delivery_id"))
    ]
    found = "SELECT rota_id, change_id FROM rota_changes JOIN rotas USING (rota_id) WHERE clinic_id = $1"
    [(rota, change)] = await pool.fetch(found, south.clinic_id)
    promise = await pool.fetchval("SELECT promise_id FROM promises WHERE clinic_id = $1", south.clinic_id)
    return TwoClinics(pool, stories[0], south, ids[0], ids[1], ids[2], rota, change, promise, member)


@asynccontextmanager
async def asked_by(two: TwoClinics, *, person: UUID | None = None, key: str = "") -> AsyncIterator[Connection]:
    """A connection of the web process that was told who asks."""
    async with web_pool(two.pool).acquire() as connection:
        await connection.execute(
            "SELECT set_config('pumpwatch.person', $1, false), set_config('pumpwatch.key', $2, false)",
            str(person or ""),
            key,
        )
        yield connection
