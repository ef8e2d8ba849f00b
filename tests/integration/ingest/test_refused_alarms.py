"""An alarm that ingest refuses for its date is kept for the alert rules, whichever way it came, once."""

from __future__ import annotations

import uuid

import httpx

from services.devstack.servers.mosquitto import MosquittoServer
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import TOKEN, Device, alarm, encoded, enrol, ingest_settings, reading, unique
from tests.stack import Database, RunService, eventually

OLD = {"observed_at": "1970-01-01T00:00:07Z"}


async def test_a_refused_alarm_is_kept_by_mqtt_and_by_http(
    database: Database, broker: MosquittoServer, run_service: RunService
) -> None:
    pump, hand = unique("pump"), unique("hand")
    await enrol(database.pool, [pump], {hand: pump})
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    by_mqtt, by_http = alarm("motor_stall") | OLD, alarm("motor_stall", "cleared") | OLD | {"kind": "alarm"}
    device = Device(hand, None)
    address = broker_address(broker.url)
    async with open_link(address, client_id=f"{hand}-{uuid.uuid4().hex[:6]}", on_message=device.on_message) as link:
        device.link = link
        for _ in range(2):  # sent again
            await device.publish("alarm", by_mqtt)
        await device.publish("reservoir", reading() | OLD)
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
            answer = await client.post(
                f"/v1/devices/{pump}/events",
                content=encoded([by_http, {"kind": "reservoir", **reading(3.0)}]),
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
        assert [each["reason"] for each in answer.json()["rejected"]] == ["clock_behind"]

        async def kept() -> bool:
            letters = await database.pool.fetch("SELECT times_received FROM dead_letters WHERE device_id = $1", hand)
            return sorted(each["times_received"] for each in letters) == [1, 2]

        await eventually(kept, 20)
    rows = await database.pool.fetch(
        "SELECT device_id, code, state, clock_offset_seconds > 56 * 365 * 86400.0 AS long_ago FROM refused_alarms "
        "WHERE pump_id = $1 ORDER BY received_at",
        pump,
    )
    assert sorted(tuple(each) for each in rows) == [
        (hand, "motor_stall", "raised", True),
        (pump, "motor_stall", "cleared", True),
    ]
    clocks = await database.pool.fetch("SELECT device_id FROM refused_clocks")
    assert {each["device_id"] for each in clocks} == {hand, pump}
    queued = await database.pool.fetchval(
        "SELECT count(*) FROM evaluation_queue WHERE urgent AND $1 = ANY (pump_ids)", pump
    )
    assert queued >= 2
