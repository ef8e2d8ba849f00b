"""Stopping, hanging networks and client ids that are not unique: what an operator can rely on."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter

import asyncpg
import httpx
import pytest

from services.runtime.mqtt import SessionTakenOverError, broker_address, connect
from services.simulator.devices.publisher import Publisher
from tests.faults.alerts_process import enrol as enrol_pumps
from tests.faults.alerts_process import environment as alerts_environment
from tests.faults.alerts_process import stall
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.servers.hanging_proxy import HangingProxy
from tests.stack import eventually, make_database

PUMPS = 20


async def fleet(dsn):
    pumps = [unique("pump") for _ in range(PUMPS)]
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await enrol(pool, pumps)
    return pumps


async def publish(devices, pumps, events):
    sent = []
    for number in range(events):
        pump, event = pumps[number % PUMPS], reading(seq=number)
        sent.append(event["event_id"])
        await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)
    return sent


async def stored(dsn):
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT event_id::text FROM reservoir_readings")
    await connection.close()
    return Counter(row[0] for row in rows)


async def metric(service, name):
    text = await asyncio.to_thread(lambda: httpx.get(f"{service.url}/metrics", timeout=5).text)
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def receipts(devices, number):
    await eventually(lambda: devices.counts.receipts > number, 30, what="receipts")


async def ended(service, within_seconds):
    """Send SIGTERM, and return the exit code and how long it took."""
    began = time.monotonic()
    service.send_signal(signal.SIGTERM)
    await eventually(lambda: not service.is_running, within_seconds, what="ingest ends")
    return service.exit_code, time.monotonic() - began


def devices_of(broker, *, resend_after_seconds):
    return Publisher(
        broker_address(broker.url), connections=2, window_events=2_000, resend_after_seconds=resend_after_seconds
    )


@pytest.mark.parametrize("database", ["stopped", "hangs"])
async def test_sigterm_without_a_database_ends_in_time_with_0_and_the_broker_keeps_the_messages(
    database, own_postgres, own_broker, run_service
):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    pumps = await fleet(dsn)
    async with HangingProxy(postgres.port) as proxy:
        environment = ingest_settings(
            dsn.replace(f":{postgres.port}/", f":{proxy.port}/"), broker, INGEST_STOP_WITHIN_SECONDS="2"
        )
        ingest = await run_service("ingest", environment)
        if database == "stopped":
            postgres.stop("immediate")
        else:
            proxy.hang()
        async with devices_of(broker, resend_after_seconds=600) as devices:
            sent = await publish(devices, pumps, 500)

            async def all_taken_in():
                return await metric(ingest, "pumpwatch_ingest_unacknowledged_messages") == 500

            await eventually(all_taken_in)
            exit_code, seconds = await ended(ingest, 15)
            assert devices.counts.receipts == 0
        assert exit_code == 0
        assert seconds < 5
        if database == "stopped":
            postgres.start()
        else:
            proxy.resume(old_connections=False)
        await run_service("ingest", environment)  # the same client id, and no device there to send again

        async def all_stored():
            return (await stored(dsn)).keys() == set(sent)

        await eventually(all_stored, 20)
        assert (await stored(dsn)).total() == 500


async def test_sigterm_under_load_stores_and_acknowledges_what_was_taken_in(own_postgres, own_broker, run_service):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    pumps = await fleet(dsn)
    environment = ingest_settings(dsn, broker)
    ingest = await run_service("ingest", environment)
    async with devices_of(broker, resend_after_seconds=2) as devices, asyncio.TaskGroup() as group:
        publishing = group.create_task(publish(devices, pumps, 10_000))
        for number in (1_500, 4_500):
            await receipts(devices, number)
            exit_code, seconds = await ended(ingest, 15)
            receipted = devices.counts.receipts
            assert exit_code == 0
            assert seconds < 5
            assert (await stored(dsn)).total() >= receipted
            ingest = await run_service("ingest", environment)
        sent = await publishing
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await stored(dsn) == Counter(sent)


async def ctrl_c_twice(service, *, first_says):
    """Ctrl-C, and a second one while the first is still being obeyed."""
    service.send_signal(signal.SIGINT)
    await eventually(lambda: first_says in service.log(), what="it begins to stop")
    assert service.is_running
    service.send_signal(signal.SIGINT)
    await eventually(lambda: not service.is_running, 2, what="it ends at once")
    assert service.exit_code not in {None, 0}


async def test_a_second_ctrl_c_ends_ingest_at_once_and_what_was_not_acknowledged_comes_again(
    own_postgres, own_broker, run_service
):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    pumps = await fleet(dsn)
    async with HangingProxy(postgres.port) as proxy:
        environment = ingest_settings(
            dsn.replace(f":{postgres.port}/", f":{proxy.port}/"), broker, INGEST_STOP_WITHIN_SECONDS="60"
        )
        ingest = await run_service("ingest", environment)
        async with devices_of(broker, resend_after_seconds=600) as devices:
            sent = await publish(devices, pumps, 100)
            await devices.drained()
            proxy.hang()
            sent += await publish(devices, pumps, 500)

            async def all_taken_in():
                return await metric(ingest, "pumpwatch_ingest_unacknowledged_messages") == 500

            await eventually(all_taken_in)
            await ctrl_c_twice(ingest, first_says="stopping")
            assert devices.counts.receipts == 100
        proxy.resume(old_connections=False)
        await run_service("ingest", environment)  # the same client id, and no device there to send again

        async def all_stored():
            return (await stored(dsn)).keys() == set(sent)

        await eventually(all_stored, 20)
        assert (await stored(dsn)).total() == 600


async def test_a_second_ctrl_c_ends_alerts_at_once_and_the_page_under_way_goes_out_later(
    own_postgres, run_service, page_collector, tmp_path
):
    postgres = own_postgres()
    dsn = await make_database(postgres)
    pumps = await enrol_pumps(dsn, 1)
    environment = alerts_environment(dsn, tmp_path / "policies", page_collector)
    patient = {"ALERTS_SEND_TIMEOUT_SECONDS": "30", "ALERTS_SEND_LEASE_SECONDS": "40"}
    page_collector.answer_delay_seconds = 30
    alerts = await run_service("alerts", environment | patient)
    await stall(dsn, pumps)
    await eventually(lambda: page_collector.begun == 1, 20, what="the page is under way")
    await ctrl_c_twice(alerts, first_says="alerts_stopping")
    page_collector.answer_delay_seconds = 0
    page_collector.clear()
    await run_service("alerts", environment)
    await page_collector.wait_for(1, within_seconds=30)


async def test_a_network_that_hangs_shows_in_readiness_and_only_there(own_postgres, own_broker, run_service):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    async with HangingProxy(postgres.port) as proxy:
        ingest = await run_service(
            "ingest", ingest_settings(dsn.replace(f":{postgres.port}/", f":{proxy.port}/"), broker)
        )
        proxy.hang()
        async with httpx.AsyncClient(base_url=ingest.url, timeout=10) as http:
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert "database" in answer.json()["missing"]
            assert (await http.get("/livez")).status_code == 200
        proxy.resume(old_connections=False)
        await eventually(lambda: asyncio.to_thread(ingest.is_ready), 10, what="ready again, on new connections")


async def test_two_ingestors_with_one_client_id_say_so_and_go_on(own_postgres, own_broker, run_service):
    postgres, broker = own_postgres(), own_broker()
    dsn = await make_database(postgres)
    pumps = await fleet(dsn)
    environment = ingest_settings(dsn, broker)
    services = [await run_service("ingest", environment), await run_service("ingest", environment, wait=False)]

    def complained():
        return any("does another ingestor use client id" in service.log() for service in services)

    await eventually(complained, 20)
    async with devices_of(broker, resend_after_seconds=1) as devices:
        sent = await publish(devices, pumps, 500)
        async with asyncio.timeout(30):
            await devices.drained()
    assert await stored(dsn) == Counter(sent)
    ended_at_once = sum(service.log().count("broker_lost") for service in services)
    assert ended_at_once < 20


async def test_a_broker_that_says_why_it_ended_the_connection_is_heard():
    async def answer(reader, writer):
        if await reader.read(1_000):  # not the probe
            writer.write(bytes([0x20, 3, 0, 0, 0]) + bytes([0xE0, 2, 0x8E, 0]))  # CONNACK; DISCONNECT, taken over
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(broker_address(url), client_id="ingest-1", session_expiry_seconds=60) as connection:
            with pytest.raises(SessionTakenOverError, match="ingest-1"):
                async for _ in connection.messages():
                    pass
