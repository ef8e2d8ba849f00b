"""Ingest end to end, on a real broker and a real TimescaleDB: what a device maker and a gateway can rely on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import asyncpg
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import TOKEN, Device, alarm, encoded, enrol, ingest_settings, reading, unique
from tests.stack import eventually


@pytest.fixture
async def device(broker):
    """Opens a link for a device: `await device(name)`."""
    async with asyncio.TaskGroup() as group:
        stop = asyncio.Event()

        async def hold(name, ready):
            holder = Device(name, None)
            async with open_link(broker_address(broker.url), client_id=name, on_message=holder.on_message) as link:
                holder.link = link
                await link.subscribe(f"pumpwatch/v1/{name}/receipts")
                ready.set_result(holder)
                await stop.wait()

        async def opened(name):
            ready = asyncio.get_running_loop().create_future()
            group.create_task(hold(name, ready))
            return await ready

        yield opened
        stop.set()


@pytest.fixture
async def ingest(run_service, database, broker):
    return await run_service("ingest", ingest_settings(database.dsn, broker))


async def test_a_receipt_says_what_was_stored_what_was_a_duplicate_and_what_was_rejected_and_why(
    ingest, database, device
):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    first, second = reading(), reading()
    assert await pump.receipt("reservoir", first) == {"stored": 1, "duplicates": 0, "rejected": []}
    assert await pump.receipt("reservoir", first) == {"stored": 0, "duplicates": 1, "rejected": []}
    receipt = await pump.receipt("reservoir", [first, second, reading(-1), second])
    assert (receipt["stored"], receipt["duplicates"]) == (1, 2)
    [rejected] = receipt["rejected"]
    assert (rejected["index"], rejected["reason"]) == (2, "invalid_field")
    assert "volume_ml: expected at least 0; got -1" in rejected["detail"]
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == 2


async def test_a_correction_is_stored_with_the_name_of_what_it_replaces(ingest, database, device):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    wrong, right = ({**reading(), "expected_ml": 3, "measured_ml": 3, "filled_ml": filled} for filled in (18, 17))
    right["replaces"] = wrong["event_id"]
    assert (await pump.receipt("refill", [right, wrong]))["stored"] == 2
    rows = await database.pool.fetch("SELECT filled_ml, replaces FROM refills ORDER BY filled_ml")
    assert [(row["filled_ml"], row["replaces"] and str(row["replaces"])) for row in rows] == [
        (17, wrong["event_id"]),
        (18, None),
    ]


async def test_pumps_that_call_out_stand_in_the_queue_before_those_that_report_as_usual(ingest, database, device):
    calm, stalled = await device(unique("pump")), await device(unique("pump"))
    await enrol(database.pool, [calm.name, stalled.name])
    alarm = {**reading(), "code": "motor_stall", "state": "raised"}
    del alarm["volume_ml"]
    answers = await asyncio.gather(
        calm.receipt("reservoir", reading()), stalled.receipt("alarm", alarm), stalled.receipt("reservoir", reading())
    )
    assert [answer["stored"] for answer in answers] == [1, 1, 1]
    rows = await database.pool.fetch("SELECT pump_ids, urgent FROM evaluation_queue ORDER BY queue_id")
    assert [list(row["pump_ids"]) for row in rows if row["urgent"]] == [[stalled.name]]


async def test_an_event_of_a_handheld_is_about_its_pump_and_the_pump_is_queued_for_evaluation(ingest, database, device):
    pump, handheld = unique("pump"), await device(unique("hand"))
    await enrol(database.pool, [pump], {handheld.name: pump})
    bolus = {**reading(), "outcome": "denied_lockout", "kind": "bolus"}
    assert (await handheld.receipt("batch", [bolus]))["stored"] == 1
    row = await database.pool.fetchrow("SELECT pump_id, device_id, outcome FROM bolus_requests")
    assert tuple(row) == (pump, handheld.name, "denied_lockout")
    queued = await database.pool.fetchrow("SELECT pump_ids, urgent FROM evaluation_queue")
    assert tuple(queued) == ([pump], False)
    seen = await database.pool.fetchrow("SELECT device_id, clock_offset_seconds FROM device_last_seen")
    assert seen["device_id"] == handheld.name
    assert abs(seen["clock_offset_seconds"]) < 60


async def test_a_device_is_taken_as_soon_as_it_is_enrolled_and_paired(ingest, database, device):
    handheld, pump = await device(unique("hand")), unique("pump")
    report = {**reading(), "complaint": "pain"}
    assert (await handheld.receipt("report", report))["rejected"][0]["reason"] == "unknown_device"
    await enrol(database.pool, [pump], {handheld.name: None})

    async def reason():
        rejected = (await handheld.receipt("report", report))["rejected"]
        return rejected[0]["reason"] if rejected else "none"

    async def is_now(expected):
        return await reason() == expected

    await eventually(lambda: is_now("unpaired_device"))
    await database.pool.execute("INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", handheld.name, pump)
    await eventually(lambda: is_now("none"))
    assert await database.pool.fetchval("SELECT pump_id FROM patient_reports") == pump


async def test_a_message_that_is_sent_again_and_again_is_one_rejection_with_a_count(ingest, database, device):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    for _ in range(3):
        await pump.receipt("reservoir", b"{broken")
    row = await database.pool.fetchrow("SELECT payload, reason, times_received, event_index FROM dead_letters")
    assert tuple(row) == (b"{broken", "not_json", 3, -1)


async def test_a_row_that_the_database_refuses_costs_only_itself(ingest, database, device):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    await database.pool.execute("ALTER TABLE reservoir_readings ADD CONSTRAINT refuse CHECK (volume_ml <> 6.66)")
    events = [reading(6.66 if n in {3, 17} else 10) for n in range(20)]
    receipt = await pump.receipt("reservoir", events)
    assert (receipt["stored"], receipt["duplicates"]) == (18, 0)
    assert [r["reason"] for r in receipt["rejected"]] == ["refused_by_database"] * 2
    assert {r["event_id"] for r in receipt["rejected"]} == {events[3]["event_id"], events[17]["event_id"]}
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == 18
    assert await database.pool.fetchval("SELECT times_received FROM dead_letters") == 2


async def test_a_receipt_never_goes_into_another_devices_subtree(ingest, database, device):
    mine, other = await device(unique("pump")), await device(unique("pump"))
    await enrol(database.pool, [mine.name, other.name])
    await mine.publish("reservoir", reading(), response_topic=f"pumpwatch/v1/{other.name}/receipts")
    await mine.publish("reservoir", reading(), response_topic=f"pumpwatch/v1/{mine.name}/events/alarm")
    assert (await mine.receipt("reservoir", reading()))["stored"] == 1  # receipts keep their order, so it is the last
    assert other.receipts == {}
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_without_a_response_topic_an_event_is_stored_all_the_same(ingest, database, device):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    await pump.link.publish(f"pumpwatch/v1/{pump.name}/events/alarm", encoded(alarm("motor_stall")))

    async def stored():
        return await database.pool.fetchval("SELECT code FROM pump_alarms")

    assert await eventually(stored) == "motor_stall"


async def test_auto_enrolment_makes_an_unknown_device_a_pump_of_the_named_clinic_unless_its_name_is_a_services(
    run_service, database, broker, device
):
    await run_service(
        "ingest",
        ingest_settings(database.dsn, broker, INGEST_ENROLMENT="auto", INGEST_ENROLMENT_CLINIC_ID="trial"),
    )
    pump = await device(unique("pump"))
    assert (await pump.receipt("reservoir", reading()))["stored"] == 1
    row = await database.pool.fetchrow("SELECT kind, clinic_id FROM devices WHERE device_id = $1", pump.name)
    assert tuple(row) == ("pump", "trial")
    impostor = await device(unique("pumpwatch-ingest"))
    receipt = await impostor.receipt("reservoir", reading())
    assert [rejected["reason"] for rejected in receipt["rejected"]] == ["unknown_device"]


async def test_a_gateway_gets_the_receipt_as_the_answer(ingest, database):
    pump = unique("pump")
    await enrol(database.pool, [pump])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=ingest.url, headers=headers) as gateway:
        path = f"/v1/devices/{pump}/events"
        event = {"kind": "reservoir", **reading()}
        answer = await gateway.post(path, json=event)
        assert (answer.status_code, answer.json()) == (200, {"stored": 1, "duplicates": 0, "rejected": []})
        answer = await gateway.post(path, json=[event, {"kind": "reservoir", **reading(900)}])
        assert answer.status_code == 200
        assert (answer.json()["duplicates"], answer.json()["rejected"][0]["reason"]) == (1, "invalid_field")
        answer = await gateway.post(path, content=b"nonsense")
        assert (answer.status_code, answer.json()["rejected"][0]["reason"]) == (422, "not_json")
        answer = await gateway.post(path, content=b" " * 300_000)
        assert (answer.status_code, "262144" in answer.json()["detail"]) == (413, True)
        answer = await gateway.post("/v1/devices/nobody/events", json=event)
        assert (answer.status_code, answer.json()["rejected"][0]["reason"]) == (422, "unknown_device")
        answer = await gateway.post(path, json=event, headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
    assert await database.pool.fetchval("SELECT count(*) FROM dead_letters") == 3


async def test_without_a_gateway_token_the_way_in_is_closed(run_service, database, broker):
    service = await run_service("ingest", ingest_settings(database.dsn, broker, INGEST_GATEWAY_TOKEN=""))
    async with httpx.AsyncClient(base_url=service.url) as gateway:
        answer = await gateway.post("/v1/devices/x/events", json={}, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 403
    assert "INGEST_GATEWAY_TOKEN" in answer.json()["detail"]


async def test_readiness_names_what_is_missing(run_service, timescaledb, broker, database):
    unmigrated = await run_service("ingest", ingest_settings(timescaledb.dsn(), broker), wait=False)
    nowhere = ingest_settings("postgresql://postgres@127.0.0.1:1/x", broker, INGEST_MQTT_URL="mqtt://127.0.0.1:2")
    lost = await run_service("ingest", nowhere, wait=False)
    async with httpx.AsyncClient() as client:

        async def answer(service, path):
            try:
                return await client.get(f"{service.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
            except httpx.ConnectError:
                return None

        found = await eventually(lambda: answer(unmigrated, "/readyz"), 20)
        assert found.status_code == 503
        assert "0001_registry" in found.json()["missing"]["migrations"]
        found = await eventually(lambda: answer(lost, "/readyz"), 20)
        assert found.status_code == 503
        assert set(found.json()["missing"]) == {"broker", "database"}
        assert (await answer(lost, "/livez")).status_code == 200


async def test_metrics_add_up(ingest, database, device):
    pump = await device(unique("pump"))
    await enrol(database.pool, [pump.name])
    event = reading()
    await pump.receipt("reservoir", [event, event, reading(-5), reading(ago=timedelta(days=900))])
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{ingest.url}/metrics")).text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    events = {result: float(values[f'pumpwatch_ingest_events_total{{result="{result}"}}'])
              for result in ("stored", "duplicate", "rejected")}  # fmt: skip
    assert events == {"stored": 1, "duplicate": 1, "rejected": 2}
    assert values['pumpwatch_ingest_rejections_total{reason="clock_behind"}'] == "1.0"
    assert values["pumpwatch_ingest_unacknowledged_messages"] == "0.0"
    assert pump.name not in text


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    st.timedeltas(timedelta(hours=-14), timedelta(hours=14)),
)
def test_seconds_as_ingest_writes_them_are_the_same_microsecond_in_the_database(timescaledb_clock, local, offset):
    at = local.replace(tzinfo=timezone(timedelta(minutes=offset // timedelta(minutes=1))))
    assert timescaledb_clock(at.timestamp()) == at


@pytest.fixture(scope="module")
def timescaledb_clock(timescaledb):
    """PostgreSQL's `to_timestamp`, asked in a thread of its own: Hypothesis calls it from a plain function."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(timescaledb.dsn(), loop=loop))
    yield lambda seconds: loop.run_until_complete(connection.fetchval("SELECT to_timestamp($1::float8)", seconds))
    loop.run_until_complete(connection.close())
    loop.close()
