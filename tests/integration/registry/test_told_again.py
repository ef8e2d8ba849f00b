"""What dashboards show and sum is what the rules count: a request that two devices told of is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from services.alerts.facts.store import load_facts
from services.alerts.facts.twins import once
from services.alerts.rules.reservoir.level import level_of
from services.runtime.database import Connection
from tests.stack import Database

NOW: Final = datetime.now(UTC)
TODAY: Final = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
DAY: Final = timedelta(days=1)
OUTCOMES: Final = ("delivered", "denied_lockout", "denied_limit", "denied_other", "comm_failure")
Told = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Records:
    """A database of one clinic, to fill and to read as the clinic does."""

    owner: Connection
    reader: Connection

    async def enrol(self, pump_id: str, *handhelds: str) -> None:
        await self.owner.execute("INSERT INTO devices VALUES ($1, 'pump', 'north')", pump_id)
        for handheld in handhelds:
            await self.owner.execute("INSERT INTO devices VALUES ($1, 'handheld', 'north')", handheld)
            await self.owner.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", handheld, pump_id)

    async def program(self, pump_id: str, at: datetime, lockout_minutes: int | None) -> None:
        await self.owner.execute(
            "INSERT INTO therapies (pump_id, observed_at, event_id, received_at, device_id, drugs, profile, "
            "bolus_dose_mcg, bolus_lockout_minutes, reservoir_size_ml) VALUES ($1, $2, $3, $2, $1, "
            """'[{"name": "morphine", "concentration_mcg_per_ml": 1000}]', """
            """'[{"from": "00:00", "rate_ml_per_day": 0.2}]', 25, $4, 20)""",
            pump_id,
            at,
            uuid4(),
            lockout_minutes,
        )

    async def tell(self, pump_id: str, told: Iterable[Told], received_at: datetime = NOW) -> None:
        await self.owner.executemany(
            "INSERT INTO bolus_requests VALUES ($1, $2, $3, $4, $5, NULL, $6, 25)",
            [(pump_id, at, uuid4(), received_at, device_id, outcome) for at, outcome, device_id in told],
        )

    async def days(self, pump_id: str) -> dict[datetime, dict[str, int]]:
        """What is shown of each day on which there was anything."""
        rows = await self.reader.fetch("SELECT * FROM dashboard.boluses_daily WHERE pump_id = $1", pump_id)
        for row in rows:
            assert row["attempts"] == sum(row[outcome] for outcome in OUTCOMES)
            assert (row["delivered_mcg"] or 0) == 25 * row["delivered"]
        return {row["time"]: {outcome: row[outcome] for outcome in OUTCOMES if row[outcome]} for row in rows}

    async def requests(self, pump_id: str) -> list[tuple[datetime, str]]:
        rows = await self.reader.fetch(
            "SELECT time, outcome FROM dashboard.boluses WHERE pump_id = $1 ORDER BY time, outcome", pump_id
        )
        return [(row["time"], row["outcome"]) for row in rows]


@pytest.fixture
async def records(database: Database) -> AsyncIterator[Records]:
    role = f"pw_{uuid4().hex[:8]}"
    async with database.pool.acquire() as owner:
        await owner.execute("INSERT INTO clinics VALUES ('north', 'north'), ('south', 'south')")
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE pumpwatch_reader")
        await owner.execute("INSERT INTO clinic_readers VALUES ($1, 'north')", role)
        reader = await asyncpg.connect(database.dsn, user=role, password="secret")
        yield Records(owner, reader)
        await reader.close()
        await owner.execute(f"DROP OWNED BY {role}")
    await database.pool.execute(f"DROP ROLE {role}")


def story(chance: Random, devices: tuple[str, ...], lockout_minutes: int | None) -> list[Told]:
    """Twenty days of presses of which one device or several tell, some by a clock that is behind."""
    told: list[Told] = []
    behind = {device: timedelta(seconds=chance.choice([0, 0, 7, -40, -600])) for device in devices}
    for day in range(2, 22):
        at = TODAY - day * DAY + timedelta(hours=chance.choice([0, 8]))
        for _ in range(chance.randint(0, 7)):
            at += timedelta(minutes=chance.choice([1, 25, lockout_minutes or 2, 200]), seconds=chance.randint(-9, 9))
            outcome = chance.choice(OUTCOMES)
            for device in chance.sample(devices, chance.randint(1, len(devices))):
                moment = at + behind[device] + timedelta(seconds=chance.choice([0, 0, 5, 59, 60, 61]))
                told.append((moment, outcome, device))
    return told


def counted(told: Iterable[Told], lockout_minutes: int | None) -> list[tuple[datetime, str]]:
    """As the rules count: the press at the moment of its first telling."""
    moments = {at.timestamp(): at for at, _, _ in told}
    found = once(((at.timestamp(), outcome, device) for at, outcome, device in told), lockout_minutes)
    return [(moments[at], outcome) for at, outcome in found]


def by_days(presses: Iterable[tuple[datetime, str]]) -> dict[datetime, dict[str, int]]:
    days: dict[datetime, Counter[str]] = {}
    for at, outcome in presses:
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        days.setdefault(midnight, Counter())[outcome] += 1
    return {day: dict(counts) for day, counts in days.items()}


async def test_days_and_lists_hold_what_the_rules_count_in_any_order_of_arrival(records: Records) -> None:
    chance, again = Random(19), 0
    for number in range(12):
        lockout = (None, 0, 30, 240)[number % 4]
        handhelds = tuple(f"hand-{number}-{place}" for place in range((2, 3, 1)[number % 3]))
        for order in ("first", "last"):
            pump_id = f"p-{number}-{order}"
            names = tuple(f"{order}-{name}" for name in handhelds)
            told = story(Random(number), (*names, pump_id)[: 3 if number % 2 else max(2, len(names))], lockout)
            await records.enrol(pump_id, *names)
            told.sort(reverse=order == "last")
            half = len(told) // 2
            await records.tell(pump_id, told[:half], NOW - timedelta(hours=5))
            await records.days(pump_id)
            await records.tell(pump_id, told[half:], NOW)  # later, and of the earlier days where the newest came first
            if chance.random() < 0.5:
                await records.program(pump_id, TODAY - 30 * DAY, 600)  # of before
            await records.program(pump_id, NOW - timedelta(hours=1), lockout)
            presses = counted(told, lockout)
            again += len(told) - len(presses)
            shown = await records.days(pump_id)
            assert {day: counts for day, counts in shown.items() if counts} == by_days(presses)
            assert await records.requests(pump_id) == sorted(presses)
            (facts,) = await load_facts(records.owner, [pump_id], TODAY, windows=28)
            sums = [
                (sum(counts.values()), counts.get("delivered", 0))
                for day in range(1, 23)
                for counts in [shown.get(TODAY - day * DAY, {})]
            ]
            assert [(window.requests, window.delivered) for window in facts.windows[:22]] == sums
    assert again > 100


async def test_demand_and_level_are_those_of_the_rules(records: Records) -> None:
    """Several devices tell of each press, 7 s apart; of the pump `alone` one does."""
    for pump_id, devices in (("twice", ("hand-1", "hand-2")), ("alone", ("hand-3",)), ("own", ("hand-4", "own"))):
        await records.enrol(pump_id, *(device for device in devices if device != pump_id))
        await records.program(pump_id, NOW - 40 * DAY, 240)
        await records.owner.execute(
            "INSERT INTO reservoir_readings VALUES ($1, $2, gen_random_uuid(), $2, $1, NULL, 15, 'measured')",
            pump_id,
            NOW - 30 * DAY - timedelta(hours=1),
        )
        presses = [(NOW - timedelta(hours=hours), "delivered") for hours in (1, 6, 25, 30)]
        presses += [(NOW - timedelta(hours=2), "denied_lockout")]
        presses += [
            (TODAY - day * DAY + timedelta(hours=hour), "delivered") for day in range(3, 20) for hour in (8, 16)
        ]
        told = [
            (at + timedelta(seconds=7 * late), outcome, device)
            for at, outcome in presses
            for late, device in enumerate(devices)
        ]
        await records.tell(pump_id, told)
        (facts,) = await load_facts(records.owner, [pump_id], NOW, windows=28)
        [demand] = await records.reader.fetch("SELECT * FROM dashboard.demand WHERE pump_id = $1", pump_id)
        assert demand["attempts_24h"] == facts.demand.attempts == 3
        assert demand["refused_24h"] == facts.demand.denied_lockout == 1
        usual = await records.reader.fetchval(
            "SELECT sum(attempts) / ceil(extract(epoch FROM now() - interval '24 hours' - min(time)) / 86400)::float8 "
            "FROM dashboard.boluses_daily WHERE pump_id = $1 AND time < now() - interval '24 hours'",
            pump_id,
        )
        assert demand["usual_per_day"] == pytest.approx(usual)
        level = level_of(facts, NOW)
        assert level is not None
        [pump] = await records.reader.fetch("SELECT * FROM dashboard.pumps WHERE pump_id = $1", pump_id)
        assert pump["volume_ml"] == pytest.approx(15 - 0.2 * (30 + 1 / 24) - 0.025 * 38, abs=0.01)
        assert pump["volume_ml"] == pytest.approx(level.volume_ml, abs=0.01)


async def test_what_is_told_again_after_the_pump_moved_is_no_press_of_the_new_clinic(records: Records) -> None:
    await records.enrol("p-1", "hand-1", "hand-2")
    midnight = TODAY - 5 * DAY
    moved = midnight + timedelta(hours=12)
    await records.owner.execute("UPDATE memberships SET ended_at = $1, clinic_id = 'south'", moved)
    await records.owner.execute("INSERT INTO memberships VALUES ('p-1', $1, 'infinity', 'north')", moved)
    seconds = timedelta(seconds=1)
    pairs = (timedelta(0), timedelta(hours=12), timedelta(hours=20), timedelta(hours=36))
    for device, late in (("hand-1", -2 * seconds), ("hand-2", 2 * seconds)):
        await records.tell("p-1", [(midnight + at + late, "denied_limit", device) for at in pairs])
    assert await records.days("p-1") == {midnight: {"denied_limit": 1}, midnight + DAY: {"denied_limit": 1}}
    assert len(await records.requests("p-1")) == 2
    await records.owner.execute("UPDATE clinic_readers SET clinic_id = 'south'")
    assert await records.days("p-1") == {midnight - DAY: {"denied_limit": 1}, midnight: {"denied_limit": 1}}
    assert len(await records.requests("p-1")) == 2


async def test_a_patient_s_presses_begin_anew_with_the_implantation(records: Records) -> None:
    await records.enrol("p-1", "hand-1", "hand-2")
    implanted = TODAY - 5 * DAY
    await records.owner.execute("INSERT INTO implantations (pump_id, began_at) VALUES ('p-1', $1)", implanted)
    second = timedelta(seconds=1)
    await records.tell(
        "p-1", [(implanted - second, "denied_limit", "hand-1"), (implanted + second, "denied_limit", "hand-2")]
    )
    assert await records.days("p-1") == {implanted: {"denied_limit": 1}}
    assert len(await records.requests("p-1")) == 1
