"""A rejected message of each reason is listed, explained and, after its cause is mended, stored once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from schemas.events import MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, EventKind, RejectionReason
from services.admin.dead_letter_advice import ADVICE
from services.admin.model import DeadLetterError, DeadLetterFilter
from services.admin.replay_dead_letters import Replayed, replay, replayable
from services.admin.store import dead_letter, recent_dead_letters
from services.ingest.messages.decode import ClockLimits
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.stack import eventually

CLOCK = ClockLimits(ahead=timedelta(hours=24), behind=timedelta(days=400))
WIDE = ClockLimits(ahead=timedelta(days=30), behind=timedelta(days=1_000))
R = RejectionReason


@dataclass
class Bad:
    """A message that is refused, and what mends its cause; None: nobody here can."""

    reason: RejectionReason
    payload: bytes
    level: str = "reservoir"
    device: str = "pump"
    mend: Callable[[Any, str], Any] | None = None
    clock: ClockLimits = CLOCK


async def enrol_it(database, device):
    await enrol(database.pool, [device])


async def pair_it(database, device):
    pump = unique("pump")
    await enrol(database.pool, [pump])
    await database.pool.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", device, pump)


async def date_it_back(database, device):
    await database.pool.execute("UPDATE pairings SET ended_at = NULL WHERE handheld_id = $1", device)


async def drop_the_constraint(database, device):
    await database.pool.execute("ALTER TABLE reservoir_readings DROP CONSTRAINT refuse")


async def nothing(database, device):
    """What is mended is said with the replay itself: how far a clock may have been off."""


CASES = [
    Bad(R.BAD_TOPIC, encoded(reading()), level="no_such_kind"),
    Bad(R.UNKNOWN_DEVICE, encoded(reading()), device="nobody", mend=enrol_it),
    Bad(R.UNPAIRED_DEVICE, encoded(reading()), device="hand", mend=pair_it),
    Bad(R.NOT_PAIRED_THEN, encoded(reading()), device="lent", mend=date_it_back),
    Bad(R.TOO_LARGE, b" " * (MAX_PAYLOAD_BYTES + 1)),
    Bad(R.EMPTY, b""),
    Bad(R.NOT_JSON, b"{\xff"),
    Bad(R.NOT_AN_EVENT, b"7"),
    Bad(R.BATCH_TOO_LONG, encoded([1] * (MAX_BATCH_EVENTS + 1))),
    Bad(R.KIND_MISSING, encoded(reading()), level="batch"),
    Bad(R.KIND_MISMATCH, encoded(reading(kind="bolus"))),
    Bad(R.UNKNOWN_KIND, encoded(reading(kind="mood")), level="batch"),
    Bad(R.MISSING_FIELD, encoded({"event_id": str(uuid4()), "volume_ml": 3})),
    Bad(R.INVALID_FIELD, encoded(reading(-1))),
    Bad(R.UNKNOWN_VALUE, encoded(reading(basis="guessed"))),
    Bad(R.CLOCK_AHEAD, encoded(reading(ago=timedelta(days=-3))), mend=nothing, clock=WIDE),
    Bad(R.CLOCK_BEHIND, encoded(reading(ago=timedelta(days=900))), mend=nothing, clock=WIDE),
    Bad(R.REFUSED_BY_DATABASE, encoded(reading(6.66)), mend=drop_the_constraint),
]


@pytest.fixture
async def ingest(run_service, database, broker):
    await database.pool.execute("ALTER TABLE reservoir_readings ADD CONSTRAINT refuse CHECK (volume_ml <> 6.66)")
    return await run_service("ingest", ingest_settings(database.dsn, broker))


@pytest.fixture
async def speak(broker, ingest):
    """`await speak(device, level, payload)` publishes as that device and returns the receipt."""

    async def speak(device: str, level: str, payload: bytes) -> dict[str, Any]:
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        own = f"pumpwatch/v1/{device}/receipts"
        async with open_link(
            broker_address(broker.url), device, lambda packet: told.put_nowait(json.loads(packet.payload))
        ) as link:
            await link.subscribe(own)
            await link.publish(
                f"pumpwatch/v1/{device}/events/{level}", payload, response_topic=own, correlation_data=b"1"
            )
            async with asyncio.timeout(10):
                return await told.get()

    return speak


async def replay_all(database, ids, *, clock=CLOCK, dry_run=False) -> list[Replayed]:
    async with database.pool.acquire() as connection:
        return [
            await replay(connection, each, clock=clock, now=datetime.now(UTC), dry_run=dry_run)
            for each in await replayable(connection, ids=ids)
        ]


async def rows(database) -> int:
    count: int = await database.pool.fetchval("SELECT count(*) FROM reservoir_readings")
    return count


def test_there_is_a_case_for_every_reason():
    # No message is known that Pumpwatch fails on; what becomes of one is in tests/unit/ingest/test_decode.py.
    # A conflicting duplicate needs two messages: test_conflicts.py.
    elsewhere = {R.INTERNAL_ERROR, R.CONFLICTING_DUPLICATE}
    assert [case.reason for case in CASES] == [each for each in RejectionReason if each not in elsewhere]


@pytest.mark.parametrize("case", CASES, ids=[case.reason for case in CASES])
async def test_a_rejection_is_listed_explained_and_replayed_after_its_cause_is_mended(case, database, speak):
    device = unique(case.device)
    if case.device == "pump":
        await enrol(database.pool, [device])
    elif case.device == "hand":
        await enrol(database.pool, [], {device: None})
    elif case.device == "lent":
        await enrol(database.pool, [f"of-{device}"], {device: f"of-{device}"})
        await database.pool.execute("UPDATE pairings SET ended_at = now() - interval '1 day'")
    told = await speak(device, case.level, case.payload)
    assert [each["reason"] for each in told["rejected"]] == [case.reason]
    async with database.pool.acquire() as connection:
        [listed] = await recent_dead_letters(connection, DeadLetterFilter(reason=case.reason, settled=False))
        shown = await dead_letter(connection, listed.dead_letter_id)
    assert (shown.reason, shown.payload, shown.event_index) == (case.reason, case.payload, None)
    assert shown.detail == told["rejected"][0]["detail"]
    assert ADVICE[RejectionReason(shown.reason)]
    came = datetime.now(UTC)

    # Before anything is mended a replay says the same again, and changes nothing.
    [before] = await replay_all(database, [listed.dead_letter_id])
    assert (before.outcome, [reason for reason, _ in before.faults]) == ("rejected", [case.reason])
    async with database.pool.acquire() as connection:
        [still] = await recent_dead_letters(connection, DeadLetterFilter(settled=False))
    assert (still.reason, still.times_received) == (case.reason, 1)
    assert still.detail.split("\n")[0] == before.faults[0][1].split("\n")[0]
    assert (still.replay_outcome, await rows(database)) == ("rejected", 0)
    if case.mend is None:
        return

    await case.mend(database, device)
    [dry] = await replay_all(database, [listed.dead_letter_id], clock=case.clock, dry_run=True)
    assert (dry.outcome, await rows(database)) == ("stored", 0)
    once, twice = [(await replay_all(database, [listed.dead_letter_id], clock=case.clock))[0] for _ in range(2)]
    assert ((once.outcome, once.stored), (twice.outcome, twice.duplicates)) == (("stored", 1), ("duplicate", 1))
    row = await database.pool.fetchrow("SELECT event_id, device_id, pump_id, received_at FROM reservoir_readings")
    assert (str(row["event_id"]), row["device_id"]) == (json.loads(case.payload)["event_id"], device)
    assert row["received_at"] >= came  # nobody could know of it before
    assert await database.pool.fetchval("SELECT pump_ids FROM evaluation_queue LIMIT 1") == [row["pump_id"]]

    if case.clock is CLOCK:  # else the device is refused as before: the limits of ingest are what they were

        async def known():
            return not (again := await speak(device, case.level, case.payload))["rejected"] and again

        assert await eventually(known) == {"stored": 0, "duplicates": 1, "rejected": []}
    assert await rows(database) == 1
    async with database.pool.acquire() as connection:
        assert await recent_dead_letters(connection, DeadLetterFilter(settled=False)) == ()
        [settled] = await recent_dead_letters(connection, DeadLetterFilter(settled=True))
    assert (settled.reason, settled.replay_outcome) == (case.reason, "stored")


async def test_what_the_device_sent_again_itself_is_a_duplicate_when_it_is_replayed(database, speak):
    device, event = unique("pump"), encoded(reading())
    await speak(device, "reservoir", event)
    await enrol_it(database, device)

    async def taken():
        return (await speak(device, "reservoir", event))["stored"]

    await eventually(taken)
    [first] = await replay_all(database, ())
    assert (first.outcome, first.stored, first.duplicates) == ("duplicate", 0, 1)
    assert await rows(database) == 1
    assert await replay_all(database, ()) == []  # settled, so a filter does not find it again


async def test_of_a_batch_that_was_refused_as_a_whole_what_is_good_is_stored_and_the_rest_has_its_own_rows(
    database, speak
):
    device = unique("pump")
    good, same, bad = reading(kind="reservoir"), reading(kind="reservoir"), reading(-1, kind="reservoir")
    bolus = {"kind": "bolus", **reading(), "outcome": "delivered"}
    await speak(device, "batch", encoded([good, bad, bolus, same, same]))
    await enrol_it(database, device)
    [done] = await replay_all(database, ())
    assert (done.outcome, done.stored, done.duplicates) == ("stored", 3, 1)
    assert [reason for reason, _ in done.faults] == ["invalid_field"]
    async with database.pool.acquire() as connection:
        [left] = await recent_dead_letters(connection, DeadLetterFilter(settled=False))
        left = await dead_letter(connection, left.dead_letter_id)
    assert (left.event_index, str(left.event_id), left.reason) == (1, bad["event_id"], "invalid_field")
    assert json.loads(left.payload or b"") == bad
    [again] = await replay_all(database, [done.dead_letter_id])
    assert (again.outcome, again.duplicates) == ("duplicate", 4)
    [stays] = await replay_all(database, ())
    assert (stays.dead_letter_id, stays.outcome) == (left.dead_letter_id, "rejected")
    counts = await database.pool.fetch("SELECT times_received, replay_outcome FROM dead_letters ORDER BY 2")
    assert [tuple(row) for row in counts] == [(1, "rejected"), (1, "stored")]


async def test_a_batch_of_which_nothing_is_good_stays(database, speak):
    device = unique("pump")
    await speak(device, "reservoir", encoded([reading(-1), reading(-2)]))
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters WHERE event_index = -1") == 1
    await enrol_it(database, device)
    [done] = await replay_all(database, ())
    assert (done.outcome, done.stored) == ("rejected", 0)
    reasons = await database.pool.fetch("SELECT event_index, reason FROM dead_letters ORDER BY 1")
    assert [tuple(row) for row in reasons] == [(index, "invalid_field") for index in (-1, 0, 1)]


async def test_one_event_of_an_array_is_replayed_by_itself(database, speak):
    device = unique("pump")
    await enrol_it(database, device)
    late = reading(ago=timedelta(days=900))
    receipt = await speak(device, "reservoir", encoded([reading(), late, [reading()]]))
    assert [each["index"] for each in receipt["rejected"]] == [1, 2]
    done = await replay_all(database, (), clock=WIDE)
    # A list within a list is no event, and does not become one by being taken out.
    assert [(each.outcome, each.stored) for each in done] == [("stored", 1), ("rejected", 0)]
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings WHERE event_id = $1", late["event_id"])


async def test_a_replay_in_stages_says_what_stands_in_the_way_now(database, speak):
    handheld = unique("hand")
    await speak(handheld, "report", encoded({**reading(), "complaint": "pain"}))
    await enrol(database.pool, [], {handheld: None})
    [unpaired] = await replay_all(database, ())
    assert [reason for reason, _ in unpaired.faults] == ["unpaired_device"]
    async with database.pool.acquire() as connection:
        [row] = await recent_dead_letters(connection, DeadLetterFilter(device_id=handheld))
        assert (row.reason, row.replay_outcome) == ("unpaired_device", "rejected")
        assert await replayable(connection, device_id=handheld, reason="unknown_device") == []
        assert await replayable(connection, device_id=handheld, reason="unpaired_device") == [row.dead_letter_id]
    await pair_it(database, handheld)
    [done] = await replay_all(database, ())
    assert done.outcome == "stored"
    assert await database.pool.fetchval("SELECT device_id FROM patient_reports") == handheld


async def test_clocks_are_judged_by_the_time_when_the_message_came(database, speak):
    """An event that was good then is good now; one from the future does not become right by waiting."""
    device = unique("pump")
    await speak(device, "reservoir", encoded([reading(ago=timedelta(days=390)), reading(ago=timedelta(days=-3))]))
    await enrol_it(database, device)
    later = datetime.now(UTC) + timedelta(days=60)
    async with database.pool.acquire() as connection:
        [each] = await replayable(connection)
        done = await replay(connection, each, clock=CLOCK, now=later)
    assert (done.stored, [reason for reason, _ in done.faults]) == (1, ["clock_ahead"])
    assert await database.pool.fetchval("SELECT received_at FROM reservoir_readings") == later


async def test_what_is_not_there_cannot_be_replayed(database):
    async with database.pool.acquire() as connection:
        with pytest.raises(DeadLetterError, match="there is no dead letter 7, 9"):
            await replayable(connection, ids=[9, 7])
        for call in (dead_letter(connection, 7), replay(connection, 7, clock=CLOCK, now=datetime.now(UTC))):
            with pytest.raises(DeadLetterError, match="there is no dead letter 7"):
                await call


async def test_two_operators_at_once_store_an_event_once(database, speak):
    device = unique("pump")
    await speak(device, "batch", encoded([{"kind": kind, **reading()} for kind in (EventKind.RESERVOIR,) * 20]))
    await enrol_it(database, device)
    both = await asyncio.gather(replay_all(database, ()), replay_all(database, ()))
    assert sum(each.stored for done in both for each in done) == await rows(database) == 20
    assert await database.pool.fetchval("SELECT replay_outcome FROM dead_letters") in {"stored", "duplicate"}
