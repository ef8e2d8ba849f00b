"""One event_id and observed_at with two contents: the first stays, the second is a dead letter, none is silent."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import Device, encoded, enrol, ingest_settings, not_sent, reading, unique
from tests.stack import eventually

STEPS = [{"from": "00:00", "rate_ml_per_day": 0.4}]
THERAPY = {
    "drugs": [{"name": "morphine", "concentration_mcg_per_ml": 20000}],
    "profile": STEPS,
    "bolus": {"dose_mcg": 50, "lockout_minutes": 240, "limit_per_24h": 4},
    "reservoir_size_ml": 20,
    "low_reservoir_ml": 2,
    "refill_due": "2027-01-10",
}
CHANGES: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("reservoir", {"volume_ml": 3, "basis": "measured"}, {"volume_ml": 4}, "volume_ml"),
    ("reservoir", {"volume_ml": 3, "basis": "measured"}, {"basis": "computed"}, "basis"),
    ("reservoir", {"volume_ml": 3}, {"seq": 8}, "seq"),
    ("reservoir", {"volume_ml": 3}, {"seq": None}, "seq"),
    ("bolus", {"outcome": "delivered", "dose_mcg": 50}, {"outcome": "comm_failure"}, "outcome"),
    ("bolus", {"outcome": "delivered", "dose_mcg": 50}, {"dose_mcg": None}, "dose_mcg"),
    ("alarm", {"code": "motor_stall", "state": "cleared"}, {"state": "raised"}, "state"),
    ("alarm", {"code": "motor_stall", "state": "cleared"}, {"code": "other", "detail": "x"}, "code, detail"),
    ("therapy", THERAPY, {"profile": [{"from": "00:00", "rate_ml_per_day": 0.5}]}, "profile"),
    ("therapy", THERAPY, {"drugs": [{"name": "baclofen", "concentration_mcg_per_ml": 500}]}, "drugs"),
    (
        "therapy",
        THERAPY,
        {"bolus": None, "reservoir_size_ml": 40, "low_reservoir_ml": None, "refill_due": "2027-01-11"},
        "bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due",
    ),
    (
        "refill",
        {"expected_ml": 2, "measured_ml": 2, "filled_ml": 18},
        {"expected_ml": 3, "measured_ml": 3, "filled_ml": 20},
        "expected_ml, measured_ml, filled_ml",
    ),
    ("therapy", THERAPY, {"replaces": "0b0f7a0e-5d0c-4c39-8a8e-0d3d1f6f0a11"}, "replaces"),
    (
        "refill",
        {"expected_ml": 2, "measured_ml": 2, "filled_ml": 18},
        {"replaces": "0b0f7a0e-5d0c-4c39-8a8e-0d3d1f6f0a11"},
        "replaces",
    ),
    (
        "status",
        {"battery_percent": 80, "firmware": "1"},
        {"battery_percent": 81, "firmware": "2", "end_of_service": "2031-01-01"},
        "battery_percent, firmware, end_of_service",
    ),
    ("report", {"complaint": "pain", "score": 3}, {"complaint": "side_effect", "score": 9}, "complaint, score"),
]


def event(**content):
    return {"event_id": str(uuid.uuid4()), "observed_at": datetime.now(UTC).isoformat(), "seq": 7, **content}


@pytest.fixture
async def ingest(run_service, database, broker):
    return await run_service("ingest", ingest_settings(database.dsn, broker))


@pytest.fixture
async def pump(broker, ingest, database):
    device = Device(unique("pump"), None)
    await enrol(database.pool, [device.name])
    async with open_link(broker_address(broker.url), client_id=device.name, on_message=device.on_message) as link:
        device.link = link
        await link.subscribe(f"pumpwatch/v1/{device.name}/receipts")
        yield device


async def test_whatever_differs_is_named_and_what_was_stored_first_stays(pump, database):
    for kind, content, changes, differs in CHANGES:
        first = event(**content)
        assert await pump.receipt(kind, first) == {"stored": 1, "duplicates": 0, "rejected": []}, kind
        assert await pump.receipt(kind, first) == {"stored": 0, "duplicates": 1, "rejected": []}, kind
        receipt = await pump.receipt(kind, first | changes)
        assert (receipt["stored"], receipt["duplicates"]) == (0, 0)
        [rejected] = receipt["rejected"]
        assert (rejected["index"], rejected["event_id"]) == (None, first["event_id"])
        assert rejected["reason"] == "conflicting_duplicate"
        assert f"another {differs}: expected" in rejected["detail"]
        assert (await pump.receipt(kind, first | {"observed_at": datetime.now(UTC).isoformat()}))["stored"] == 1
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == len(CHANGES)
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings WHERE volume_ml = 4") == 0
    assert await database.pool.fetchval("SELECT count(*) FROM pump_alarms WHERE state = 'raised'") == 0


async def test_in_an_array_everything_is_counted_once(pump, database):
    known, other, later = (event(volume_ml=volume) for volume in (1, 2, 3))
    await pump.receipt("reservoir", [known, other])
    twice = event(volume_ml=6)
    receipt = await pump.receipt(
        "reservoir",
        [
            known,
            other | {"volume_ml": 5},
            other | {"observed_at": later["observed_at"]},  # the same id at another time is another event
            later,
            twice,
            twice | {"volume_ml": 7},
            twice,
            event(volume_ml=-1),
        ],
    )
    assert (receipt["stored"], receipt["duplicates"]) == (3, 2)
    assert [(each["index"], each["reason"]) for each in receipt["rejected"]] == [
        (7, "invalid_field"),
        (1, "conflicting_duplicate"),
        (5, "conflicting_duplicate"),
    ]
    letters = await database.pool.fetch("SELECT event_index, payload FROM dead_letters ORDER BY 1")
    assert [(index, json.loads(payload)["volume_ml"]) for index, payload in letters] == [(1, 5), (5, 7), (7, -1)]


async def test_the_other_handheld_of_the_pump_sends_a_duplicate(broker, ingest, database):
    pump, hands = unique("pump"), [unique("hand") for _ in range(2)]
    await enrol(database.pool, [pump], dict.fromkeys(hands, pump))
    same = event(outcome="delivered", dose_mcg=50)
    found = []
    for seq, name in enumerate(hands):
        device = Device(name, None)
        async with open_link(broker_address(broker.url), client_id=name, on_message=device.on_message) as link:
            device.link = link
            await link.subscribe(f"pumpwatch/v1/{name}/receipts")
            found.append(await device.receipt("bolus", same | {"seq": seq}))
    assert found == [{"stored": 1, "duplicates": 0, "rejected": []}, {"stored": 0, "duplicates": 1, "rejected": []}]


async def test_it_is_found_also_where_nobody_asks_for_a_receipt(broker, ingest, database):
    name = unique("pump")
    await enrol(database.pool, [name])
    first = reading()
    async with open_link(broker_address(broker.url), client_id=name, on_message=lambda _: None) as link:
        for volume in (3, 3, 4, 4):
            await link.publish(f"pumpwatch/v1/{name}/events/reservoir", encoded(first | {"volume_ml": volume}))

        async def told():
            return await database.pool.fetch("SELECT reason, times_received FROM dead_letters")

        async def both():
            return [tuple(row) for row in await told()] == [("conflicting_duplicate", 2)]

        await eventually(both, what="the dead letter")
    assert await database.pool.fetchval("SELECT volume_ml FROM reservoir_readings") == 3
    assert await not_sent(ingest, "bad_response_topic") == 0
