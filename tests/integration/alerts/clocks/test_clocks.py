"""Wrong clocks and silence from message to page: through the decode and store of ingest, queue, worker and rules."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.admin.replay_dead_letters import replay, replayable
from services.ingest.messages.decode import ClockLimits, decode, device_ids
from services.ingest.storage.store import fetch_enrolments, write
from tests.alerts_world import T0, Story
from tests.stack import Database

LIMITS = ClockLimits(ahead=timedelta(hours=24), behind=timedelta(days=400))
WIDE = ClockLimits(ahead=timedelta(days=2), behind=timedelta(days=30_000))
RESET = datetime(1970, 1, 1, tzinfo=UTC)
STALL: dict[str, object] = {"kind": "alarm", "code": "motor_stall", "state": "raised"}
RECOVERED = STALL | {"state": "cleared"}
STATUS: dict[str, object] = {"kind": "status"}


@dataclass(frozen=True)
class Sent:
    topic: str
    payload: bytes


@dataclass
class Clinic:
    """One pump and its handheld; minutes are those of the server's clock, from T0."""

    database: Database
    story: Story
    number: int = 0
    sent: list[Sent] = field(default_factory=list)

    @property
    def hand(self) -> str:
        return f"hand-of-{self.story.pump_id}"

    async def send(self, minute: float, event: dict[str, Any], dated: datetime, *, device: str | None = None) -> None:
        """Let a device send one event that it dates so."""
        self.number += 1
        more = {"event_id": str(UUID(int=self.number)), "observed_at": dated.isoformat()}
        await self.receive(
            minute, Sent(f"pumpwatch/v1/{device or self.story.pump_id}/events/batch", json.dumps(event | more).encode())
        )

    async def receive(self, minute: float, *messages: Sent) -> None:
        """What ingest does with messages, and the worker after it."""
        self.sent += messages
        now = self.story.now = T0 + timedelta(minutes=minute)
        async with self.database.pool.acquire() as connection:
            registry = await fetch_enrolments(connection, device_ids(messages))
            decoded = decode(messages, registry, now=now, clock=LIMITS)
            await write(connection, decoded, list(messages), decoded.last_observed, count_each=True)
        await self._judge()

    async def tick(self, minute: float) -> None:
        """Nothing came; the timers run."""
        self.story.now = T0 + timedelta(minutes=minute)
        await self.story.queue()
        await self._judge()

    async def _judge(self) -> None:
        for trigger in ("urgent", "queue"):
            await self.story.new_worker().queue_once(trigger)
        async with self.database.pool.acquire() as connection:
            sent = "UPDATE deliveries SET state = 'sent', sent_at = $1 WHERE state = 'due'"
            await connection.execute(sent, self.story.now)

    async def replay_all(self, minute: float) -> list[str]:
        self.story.now = T0 + timedelta(minutes=minute)
        async with self.database.pool.acquire() as connection:
            found = [
                await replay(connection, each, clock=WIDE, now=self.story.now) for each in await replayable(connection)
            ]
        await self._judge()
        return [each.outcome for each in found]


@pytest.fixture
async def clinic(database: Database) -> Clinic:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    made = Clinic(database, story)
    async with database.pool.acquire() as connection:
        await connection.execute("INSERT INTO devices VALUES ($1, 'handheld', $2)", made.hand, story.clinic_id)
        await connection.execute("INSERT INTO pairings VALUES ($1, $2)", made.hand, story.pump_id)
    return made


OPENED = "0 clock opened high"


async def test_an_alarm_of_1970_pages_once_and_ends_when_the_pump_recovers(clinic: Clinic) -> None:
    await clinic.send(0, STALL, RESET)
    await clinic.receive(1, *clinic.sent)  # sent again
    await clinic.send(2, STALL, RESET + timedelta(minutes=2))
    await clinic.send(3, RECOVERED, T0 - timedelta(minutes=60))  # by its date it ended something else
    await clinic.send(4, RECOVERED, T0 + timedelta(minutes=4))
    assert await clinic.story.trail() == [OPENED, "4 clock cleared high"]
    assert await clinic.story.pages() == ["0 nurse opened"]
    async with clinic.database.pool.acquire() as connection:
        letters = await connection.fetch("SELECT reason, times_received FROM dead_letters ORDER BY first_received_at")
    assert [tuple(each) for each in letters] == [("clock_behind", 2), ("clock_behind", 1)]


@pytest.mark.parametrize(
    ("after", "trail"), [(2, [OPENED, "2 clock cleared high", "2 clock opened medium"]), (-2, [OPENED])]
)
async def test_a_refused_recovery_ends_a_refused_alarm_that_its_clock_puts_before_it(
    clinic: Clinic, after: int, trail: list[str]
) -> None:
    await clinic.send(0, STALL, RESET + timedelta(minutes=5))
    await clinic.send(2, RECOVERED, RESET + timedelta(minutes=5 + after))
    assert sorted(await clinic.story.trail()) == trail  # the clock itself is still wrong


async def test_an_alarm_that_is_refused_ends_after_three_days_at_the_latest(clinic: Clinic) -> None:
    await clinic.send(0, STALL, RESET)
    await clinic.tick(71 * 60)
    assert await clinic.story.trail() == [OPENED]
    await clinic.tick(72 * 60)
    assert "4320 clock cleared high" in await clinic.story.trail()


async def test_a_handhelds_alarm_from_25_hours_ahead_pages_and_its_proper_alarm_takes_over(clinic: Clinic) -> None:
    await clinic.send(0, STALL, T0 + timedelta(hours=25), device=clinic.hand)
    await clinic.send(9, STALL, T0 + timedelta(minutes=9))
    trail = [OPENED, "9 clock cleared high", "9 clock opened medium", "9 pump_alarm opened high"]
    assert sorted(await clinic.story.trail()) == trail
    async with clinic.database.pool.acquire() as connection:
        told = await connection.fetchval("SELECT explanation FROM alerts WHERE rule = 'clock'")
    assert f"by {clinic.hand} with a clock that is 25 h ahead" in told


async def test_a_stall_that_is_known_is_not_told_a_second_time_by_a_wrong_clock(clinic: Clinic) -> None:
    await clinic.send(0, STALL, T0)
    await clinic.send(1, STALL, RESET)
    assert await clinic.story.trail() == ["0 pump_alarm opened high"]
    assert await clinic.story.pages() == ["0 nurse opened"]


async def test_a_replayed_dead_letter_pages_nobody_again(clinic: Clinic) -> None:
    await clinic.send(0, STALL, RESET)
    assert await clinic.replay_all(5) == ["stored"]
    assert await clinic.story.trail() == [OPENED]
    assert await clinic.story.pages() == ["0 nurse opened"]


async def test_a_pump_whose_events_are_all_refused_is_a_clock_and_not_silent(clinic: Clinic) -> None:
    day = 24 * 60
    for number in range(8):
        await clinic.send(number * day, STATUS, T0 + timedelta(days=number))
    for number in range(8, 14):
        await clinic.send(number * day, STATUS, RESET + timedelta(days=number))
        await clinic.tick(number * day + 1)
    await clinic.send(14 * day, STATUS, T0 + timedelta(days=14))
    assert await clinic.story.trail() == [f"{8 * day + 1} clock opened medium", f"{14 * day} clock closed medium"]


async def test_a_handheld_that_is_three_days_behind_is_a_clock_and_no_silent_demand(clinic: Clinic) -> None:
    day = 24 * 60
    bolus = {"kind": "bolus", "outcome": "delivered"}
    for number in range(40):
        behind = timedelta(days=3 if number >= 30 else 0)
        for hour in (0, 6, 12, 18):
            at = timedelta(days=number, hours=hour)
            await clinic.send(number * day + hour * 60, bolus, T0 + at - behind, device=clinic.hand)
            if hour == 6:
                await clinic.send(number * day + hour * 60, STATUS, T0 + at)
                await clinic.send(number * day + hour * 60, STATUS, T0 + at - behind, device=clinic.hand)
    trail = await clinic.story.trail()
    assert [each.split(" ", 1)[1] for each in trail] == ["clock opened low"]


async def test_a_pump_and_its_handheld_that_fall_silent_together_are_one_alert(clinic: Clinic) -> None:
    """And who is back first opens none of the other."""
    day = 24 * 60
    for number in range(9):
        for minute, device in ((0, None), (20, clinic.hand)):
            at = number * day + minute
            await clinic.send(at, STATUS, T0 + timedelta(minutes=at), device=device)
    for hours in range(70, 100, 3):
        await clinic.tick(8 * day + hours * 60)
    opened = f"{8 * day + 73 * 60} device_silent opened low"
    assert await clinic.story.trail() == [opened]
    await clinic.send(13 * day, STATUS, T0 + timedelta(days=13))
    await clinic.tick(13 * day + 60)
    await clinic.send(13 * day + 61, STATUS, T0 + timedelta(days=13, minutes=61), device=clinic.hand)
    assert await clinic.story.trail() == [opened, f"{13 * day} device_silent closed low"]


async def test_what_ingest_keeps_of_pauses(clinic: Clinic) -> None:
    for number in range(45):
        await clinic.send(31 * number, STATUS, T0 + timedelta(minutes=31 * number))
        await clinic.send(31 * number + 5, STATUS, T0 + timedelta(minutes=31 * number + 5))
    async with clinic.database.pool.acquire() as connection:
        query = "SELECT paused_at, resumed_at FROM device_last_seen WHERE device_id = $1"
        short = await connection.fetchrow(query, clinic.story.pump_id)
        assert short is not None
    assert (short["paused_at"], short["resumed_at"]) == ([], [])
    for number in range(45):
        await clinic.send(3000 + 90 * number, STATUS, T0 + timedelta(minutes=3000 + 90 * number))
    async with clinic.database.pool.acquire() as connection:
        kept = await connection.fetchrow(query, clinic.story.pump_id)
        assert kept is not None
    assert len(kept["paused_at"]) == len(kept["resumed_at"]) == 40
    pauses = {later - earlier for earlier, later in zip(kept["paused_at"], kept["resumed_at"], strict=True)}
    assert pauses == {timedelta(minutes=90)}
    assert kept["resumed_at"][-1] == T0 + timedelta(minutes=3000 + 90 * 44)
