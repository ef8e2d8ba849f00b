"""A patient of whom much is stored, by chance, and what must not be taken for theirs: for the tests of the sheet."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.parts.paging import PagingPolicy, QuietHours
from schemas.policy import Policy
from services.runtime.database import Pool
from tests.alerts_world import POLICY, T0, Story
from tests.stack import Database

DAY = timedelta(days=1)
NIGHT = QuietHours(begins="21:00", ends="06:30", timezone="Europe/Berlin")
QUIET: Policy = POLICY.model_copy(update={"paging": PagingPolicy(quiet_hours=NIGHT)})
OUTCOMES = ("delivered", "denied_lockout", "denied_limit", "denied_other", "comm_failure")
DRUGS = [{"name": "morphine", "concentration_mcg_per_ml": 2000.0}]


class Chance:
    """What happens by chance; the same seed tells the same."""

    def __init__(self, seed: int) -> None:
        self.of = random.Random(seed)

    def moment(self, since: datetime, until: datetime) -> datetime:
        return since + self.of.random() * (until - since)

    def event(self) -> UUID:
        return UUID(int=self.of.getrandbits(128))


async def insert(pool: Pool, table: str, **values: object) -> None:
    names = ", ".join(values)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await pool.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())  # noqa: S608


async def live(pool: Pool, pump_id: str, chance: Chance, since: datetime, until: datetime) -> None:
    """So much of one patient: requests that two devices told, entries that were corrected, clocks that were ahead."""

    async def store(table: str, at: datetime, device: str = "", **values: object) -> UUID:
        late = chance.of.choice([timedelta(0), timedelta(0), timedelta(hours=3), timedelta(hours=-2)])
        event_id = chance.event()
        common = {
            "pump_id": pump_id,
            "observed_at": at,
            "event_id": event_id,
            "device_id": device or pump_id,
            "seq": None,
        }
        await insert(pool, table, **common, received_at=min(at + late, until), **values)
        return event_id

    silent = [chance.moment(since, until) for _ in range(3)]

    def some(count: int) -> list[datetime]:
        moments = (chance.moment(since, until) for _ in range(count))
        return [each for each in moments if not any(gap <= each < gap + 1.7 * DAY for gap in silent)]

    for at in some(120):
        outcome = chance.of.choice(OUTCOMES)
        await store("bolus_requests", at, outcome=outcome)
        if chance.of.random() < 0.4:
            again = at + timedelta(seconds=chance.of.choice([5, 40, 90, 900]))
            await store("bolus_requests", again, f"handheld-{pump_id}", outcome=outcome)
    for at in some(30):
        await store("patient_reports", at, complaint=chance.of.choice(["pain", "more_therapy"]),
                    score=chance.of.choice([None, 2, 5, 9]))  # fmt: skip
    for at in some(60):
        await store("reservoir_readings", at, volume_ml=round(chance.of.uniform(1, 20), 2), basis="computed")
    for at in some(6):
        await store("reservoir_readings", at, volume_ml=round(chance.of.uniform(1, 20), 2), basis="measured")
    for at in some(12):
        await store("pump_alarms", at, code=chance.of.choice(["motor_stall", "low_reservoir"]),
                    state=chance.of.choice(["raised", "cleared"]))  # fmt: skip
    for number in range(4):
        at = since + (number + 0.7) * (until - since) / 4
        volumes: dict[str, Any] = {
            name: round(chance.of.uniform(1, 18), 2) for name in ("expected_ml", "measured_ml", "filled_ml")
        }
        wrong = await store("refills", at, **volumes)
        if number % 2:
            await store("refills", at + timedelta(hours=1), replaces=wrong, **volumes | {"measured_ml": 3.33})
        profile = json.dumps([{"from": "00:00", "rate_ml_per_day": 0.2 + 0.1 * (number // 2)}])
        await store("therapies", at, drugs=json.dumps(DRUGS), profile=profile, bolus_dose_mcg=150.0,
                    bolus_lockout_minutes=15, bolus_limit_per_24h=6, reservoir_size_ml=20.0)  # fmt: skip


async def make_patient(database: Database, seed: int) -> Story:
    """The story of a pump; before it another patient had it, and another pump of the clinic lives meanwhile."""
    story = Story(database.pool, database.dsn, policy=QUIET)
    await story.enrol()
    chance, pool, other = Chance(seed), database.pool, f"{story.pump_id}-other"
    for device, kind in ((f"handheld-{story.pump_id}", "handheld"), (other, "pump")):
        await insert(pool, "devices", device_id=device, kind=kind, clinic_id=story.clinic_id)
    await insert(pool, "pairings", handheld_id=f"handheld-{story.pump_id}", pump_id=story.pump_id)
    implanted = T0 - 70 * DAY
    await live(pool, story.pump_id, chance, T0 - 100 * DAY, implanted - timedelta(seconds=1))
    await insert(pool, "implantations", pump_id=story.pump_id, began_at=implanted, patient_ref="second")
    await live(pool, story.pump_id, chance, implanted + timedelta(seconds=1), T0)
    await live(pool, other, chance, T0 - 70 * DAY, T0)
    return story
