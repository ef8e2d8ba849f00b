"""The way in over HTTP under the faults that MQTT is tried under: 200 means stored, once, and anything else can be sent
again."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from tests.faults.alerts_process import not_ready_because
from tests.ingest_world import TOKEN, enrol, ingest_settings, reading, unique
from tests.stack import eventually, execute_at, make_database

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def event_of(**more):
    return {"kind": "reservoir", **reading(**more)}


def gateway(service, *, timeout_seconds=60.0):
    return httpx.AsyncClient(base_url=service.url, headers=HEADERS, timeout=timeout_seconds)


def path_of(pump):
    return f"/v1/devices/{pump}/events"


async def stored(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT event_id::text FROM reservoir_readings")
    finally:
        await connection.close()
    return Counter(row[0] for row in rows)


@pytest.fixture
async def world(own_postgres, own_broker, run_service):
    """(server, address of its database, a pump, start a service)."""
    server, broker = own_postgres(), own_broker()
    dsn = await make_database(server)
    pump = unique("pump")
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        await enrol(pool, [pump])
    environment = ingest_settings(dsn, broker)

    async def start(**more):
        return await run_service("ingest", environment | more)

    return server, dsn, pump, start


@asynccontextmanager
async def stopped(server, dsn):
    server.stop("immediate")
    yield "cannot be reached"
    server.start()


@asynccontextmanager
async def read_only(server, dsn):
    """Also for the sessions that are open: as when an administrator sets it, and nobody is thrown off."""
    await execute_at(server.dsn(), "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    yield "25006"
    again = "SET default_transaction_read_only = off"
    await execute_at(server.dsn(), again, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


@asynccontextmanager
async def locked(server, dsn):
    await execute_at(server.dsn(), "ALTER SYSTEM SET lock_timeout = '100ms'", "SELECT pg_reload_conf()")
    connection = await asyncpg.connect(dsn)
    await connection.execute("BEGIN; LOCK TABLE reservoir_readings IN ACCESS EXCLUSIVE MODE")
    yield "55P03"
    await connection.close()


@pytest.mark.parametrize("fault", [stopped, read_only, locked], ids=lambda fault: fault.__name__)
async def test_what_a_gateway_sent_meanwhile_is_answered_once_it_is_stored_and_is_there_once(world, fault):
    server, dsn, pump, start = world
    service = await start()
    first, batches = event_of(), [[event_of(seq=10 * n + m) for m in range(10)] for n in range(20)]
    async with gateway(service) as client:
        assert (await client.post(path_of(pump), json=first)).status_code == 200
        async with fault(server, dsn) as words:
            waiting = [asyncio.create_task(client.post(path_of(pump), json=[first, *batch])) for batch in batches]

            async def says():
                assert service.is_running, service.died()
                return words in await asyncio.to_thread(not_ready_because, service)

            await eventually(says, 20, what=words)
            assert not any(task.done() for task in waiting)
        answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [200] * 20
    assert [answer.json() for answer in answers] == [{"stored": 10, "duplicates": 1, "rejected": []}] * 20
    assert await stored(dsn) == Counter(event["event_id"] for batch in [[first], *batches] for event in batch)
    await eventually(lambda: asyncio.to_thread(service.is_ready), 20)


async def test_a_gateway_that_gives_up_and_sends_again_is_no_second_event_and_takes_no_place_for_ever(world):
    server, dsn, pump, start = world
    service = await start(INGEST_HTTP_WAITING_MAXIMUM="4")
    event = event_of()
    async with gateway(service, timeout_seconds=0.5) as hasty, stopped(server, dsn):
        for _ in range(4):
            with pytest.raises(httpx.ReadTimeout):
                await hasty.post(path_of(pump), json=event)
        answer = await hasty.post(path_of(pump), json=event)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    async with gateway(service) as client:

        async def every_place_is_free():
            return "pumpwatch_ingest_unacknowledged_messages 0.0" in (await client.get("/metrics")).text

        await eventually(every_place_is_free, 20)
        answers = await asyncio.gather(*(client.post(path_of(pump), json=event) for _ in range(4)))
    assert [answer.json()["duplicates"] for answer in answers] == [1] * 4
    assert await stored(dsn) == {event["event_id"]: 1}


async def test_at_a_stop_without_a_database_who_waits_is_told_to_send_again(world):
    server, dsn, pump, start = world
    service = await start(INGEST_STOP_WITHIN_SECONDS="2")
    event = event_of()
    async with gateway(service) as client, stopped(server, dsn):
        waiting = asyncio.create_task(client.post(path_of(pump), json=event))

        async def taken_in():
            return "pumpwatch_ingest_unacknowledged_messages 1.0" in (await client.get("/metrics")).text

        await eventually(taken_in)
        service.send_signal(signal.SIGTERM)
        answer = await waiting
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert await asyncio.to_thread(service.wait, 10)
        assert service.exit_code == 0
    assert "Traceback" not in service.log()
    service = await start()
    async with gateway(service) as client:
        assert (await client.post(path_of(pump), json=event)).status_code == 200
    assert await stored(dsn) == {event["event_id"]: 1}


async def test_a_stop_under_load_ends_soon_and_every_200_is_stored(world):
    _, dsn, pump, start = world
    service = await start(INGEST_STOP_WITHIN_SECONDS="30")
    stored_by_answer: list[str] = []
    seen: Counter[int | str] = Counter()
    stop = asyncio.Event()

    async def send(client):
        while not stop.is_set():
            event = event_of()
            try:
                answer = await client.post(path_of(pump), json=event)
            except httpx.TransportError:
                seen["cut off"] += 1
                await asyncio.sleep(0.01)
                continue
            seen[answer.status_code] += 1
            if answer.status_code == 200:
                stored_by_answer.append(event["event_id"])

    async with gateway(service) as client, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(send(client))
        await eventually(lambda: seen[200] > 100, 20)
        service.send_signal(signal.SIGTERM)
        ended = await asyncio.to_thread(service.wait, 15)
        stop.set()
        assert ended, "the stop waits for ever for what still comes in"
    assert service.exit_code == 0
    assert set(seen) <= {200, 503, "cut off"}
    there = await stored(dsn)
    assert set(stored_by_answer) <= set(there)
    assert max(there.values()) == 1
    assert "Traceback" not in service.log()


async def opened(service, head, body):
    reader, writer = await asyncio.open_connection("127.0.0.1", service.http_port)
    writer.write(head + body)
    await writer.drain()
    return reader, writer


async def test_half_a_request_is_no_event_and_holds_nobody_up(world):
    _, dsn, pump, start = world
    service = await start(INGEST_HTTP_BODY_WITHIN_SECONDS="1")
    head = (
        f"POST {path_of(pump)} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 500\r\n\r\n"
    ).encode()
    for _ in range(20):  # they go away in the middle
        _, writer = await opened(service, head, b'{"kind":"reservoir"')
        writer.transport.abort()
    slow = [await opened(service, head, b'{"kind":"reservoir"') for _ in range(50)]  # they stay and say no more
    async with gateway(service) as client:
        event = event_of()
        assert (await client.post(path_of(pump), json=event)).json()["stored"] == 1
    answers = await asyncio.gather(*(asyncio.wait_for(reader.readline(), 10) for reader, _ in slow))
    assert {answer.split()[1] for answer in answers} == {b"408"}
    for _, writer in slow:
        writer.close()
    _, writer = await opened(service, head, b"{")
    service.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, 15)
    writer.close()
    assert service.exit_code == 0
    assert "Traceback" not in service.log()
    assert await stored(dsn) == {event["event_id"]: 1}


async def test_kill_9_in_the_middle_loses_nothing_that_was_answered_and_doubles_nothing(world):
    _, dsn, pump, start = world
    service = await start()
    port = str(service.http_port)
    events = [event_of(seq=number) for number in range(400)]
    waiting = list(events)
    answered: Counter[str] = Counter()

    async def deliver(client):
        while waiting:
            event = waiting.pop()
            try:
                answer = await client.post(path_of(pump), json=event)
            except httpx.TransportError:
                answer = None
                await asyncio.sleep(0.05)
            if answer is not None and answer.status_code == 200:
                answered[event["event_id"]] += 1
            else:  # as a gateway does: until it has the receipt
                assert answer is None or answer.status_code == 503, answer.text
                waiting.append(event)

    async with gateway(service) as client, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(deliver(client))
        await eventually(lambda: len(answered) > 40, 20)
        service.kill()
        there = await stored(dsn)
        assert len(answered) < len(events)
        assert set(answered) <= set(there)
        await start(INGEST_HTTP_PORT=port)
    assert answered == Counter(event["event_id"] for event in events)
    assert await stored(dsn) == answered


@pytest.mark.parametrize("name", ["%00", "a%00b", "%2B", "%23", "%FF%FE", "x" * 5_000, "a%2Fb", "%ED%A0%80"])
async def test_a_device_id_that_is_none_is_refused_and_ends_nothing(run_service, database, broker, name):
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    async with gateway(service) as client:
        answer = await client.post(httpx.URL(f"{service.url}/v1/devices/{name}/events"), json=event_of())
        assert answer.status_code in {404, 422}, answer.text
        pump = unique("pump")
        await enrol(database.pool, [pump])
        assert (await client.post(path_of(pump), json=event_of())).status_code == 200
    assert "Traceback" not in service.log()
