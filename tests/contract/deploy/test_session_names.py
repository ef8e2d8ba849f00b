"""Ingest's session at the broker is ingest's: no certificate and no login takes it by its client id.

Ingest runs against the committed configuration, on a real Mosquitto. Who takes a session by its name ends ingest's
connection, gets or destroys what waited, and leaves it a new session.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from mqtt5 import ConnAckReasonCode, ConnectPacket, PublishPacket, QoS, SubscribePacket, Subscription

from schemas.events import EventKind
from schemas.topics import event_topic
from tests.contract.deploy.mosquitto import LOGIN, Broker, running
from tests.ingest_world import enrol, ingest_settings, metric, reading, unique
from tests.servers.wire import connected
from tests.stack import eventually

OF_THE_CONTAINER = "services/ingest-1"


@pytest.fixture(scope="module")
async def production(mosquitto_program: Path) -> AsyncIterator[Broker]:
    async with running("production", mosquitto_program) as broker:
        make_certificate(broker.certificates, OF_THE_CONTAINER)  # an authority that signs anything
        yield broker


@pytest.fixture(scope="module")
async def development(mosquitto_program: Path) -> AsyncIterator[Broker]:
    async with running("development", mosquitto_program) as broker:
        yield broker


def make_certificate(folder: Path, common_name: str) -> None:
    """Sign a name that deploy/tls/make-test-certificates refuses; the files are called careless.crt and .key."""
    subject = "/CN=" + common_name.replace("/", "\\/")
    request = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "careless.key"]
    ca = ["-CA", "ca.crt", "-CAkey", "authority/ca.key", "-CAcreateserial"]
    for command in (
        [*request, "-subj", subject, "-out", "careless.csr"],
        ["openssl", "x509", "-req", "-in", "careless.csr", *ca, "-out", "careless.crt"],
    ):
        subprocess.run(command, check=True, capture_output=True, cwd=folder)


def secret() -> dict[str, str]:
    return {"INGEST_SESSION_SUFFIX": uuid4().hex}


def login(client_id: str, name: str | None = None, password: str = LOGIN) -> ConnectPacket:
    """Come for a session that is kept: with what waits in it, if the broker gives it."""
    password_of = password.encode() if name else None
    return ConnectPacket(client_id, username=name, password=password_of, clean_start=False, session_expiry_interval=0)


async def publish_as(device, event) -> None:
    topic = event_topic("pump-b", EventKind.RESERVOIR)
    await device.publish(topic, json.dumps(event).encode(), qos=QoS.AT_LEAST_ONCE, packet_id=next(device.packet_ids))


@asynccontextmanager
async def impostor(port: int, packet: ConnectPacket, tls=None):
    """Whoever takes another's name; gives what was said to it, and what it got."""
    got: list[PublishPacket] = []

    async def listen(wire) -> None:
        while True:
            packet = await wire.receive()
            if isinstance(packet, PublishPacket):
                got.append(packet)

    async with connected(port, packet, tls=tls) as (wire, said):
        await wire.send(SubscribePacket(packet_id=1, subscriptions=[Subscription("#")]))
        await wire.receive()
        listening = asyncio.create_task(listen(wire))
        try:
            yield said, got
        finally:
            listening.cancel()
            await asyncio.wait({listening})


async def sessions(service) -> tuple[float, float]:
    """How many of ingest's connections found their session, and how many did not."""
    kept, new = [await metric(service, f'connections_total{{session="{how}"}}') for how in ("kept", "new")]
    return kept, new


async def stays_with_ingest(run_service, database, device, port, packet, tls, environment) -> None:
    """Ingest is connected, then away with events waiting; the impostor tries both times and is given nothing."""
    await enrol(database.pool, ["pump-b"])
    service = await run_service("ingest", environment)
    events = [reading() for _ in range(3)]

    async def stored() -> bool:
        found = {row[0] for row in await database.pool.fetch("SELECT event_id::text FROM reservoir_readings")}
        return found == {event["event_id"] for event in events[:sent]}

    async with impostor(port, packet, tls) as (said, got):
        assert not said.session_present
        await publish_as(device, events[0])
        sent = 1
        await eventually(stored)
        assert await sessions(service) == (0, 2)  # of alarms and of everything else, as they were made
        assert got == []
    service.terminate()
    await publish_as(device, events[1])
    async with impostor(port, packet, tls) as (said, got):
        assert not said.session_present
        await publish_as(device, events[2])
        service = await run_service("ingest", environment)
        sent = 3
        await eventually(stored)
        assert got == []
    assert await sessions(service) == (2, 0)


@pytest.mark.parametrize("session", ["", "/alarms"])
async def test_a_device_with_a_certificate_cannot_take_ingests_session(
    run_service, database, production, session
) -> None:
    name = unique("services/ingest")
    environment = ingest_settings(database.dsn, production, INGEST_CLIENT_ID=name)
    async with production.device("pump-b") as device:
        arguments = production.devices_port, login(f"{name}{session}"), production.tls("pump-a")
        await stays_with_ingest(run_service, database, device, *arguments, environment)


async def test_not_even_a_certificate_in_ingests_name_takes_it_where_the_session_has_a_secret(
    run_service, database, production
) -> None:
    environment = ingest_settings(database.dsn, production, INGEST_CLIENT_ID=OF_THE_CONTAINER, **secret())
    async with production.device("pump-b") as device:
        arguments = production.devices_port, login(OF_THE_CONTAINER), production.tls("careless")
        await stays_with_ingest(run_service, database, device, *arguments, environment)


async def test_no_other_service_takes_it_where_the_session_has_a_secret(run_service, database, production) -> None:
    environment = ingest_settings(database.dsn, production, INGEST_CLIENT_ID=OF_THE_CONTAINER, **secret())
    async with production.device("pump-b") as device:
        arguments = production.services_port, login(OF_THE_CONTAINER, "alerts"), None
        await stays_with_ingest(run_service, database, device, *arguments, environment)


async def test_in_development_too_a_device_cannot_take_ingests_session(run_service, database, development) -> None:
    name = unique("services/ingest")
    environment = ingest_settings(database.dsn, development, INGEST_CLIENT_ID=name)
    async with development.device_by_password("pump-b", "b") as device:
        arguments = development.devices_port, login(name, "pump-a", "a"), None
        await stays_with_ingest(run_service, database, device, *arguments, environment)


@pytest.mark.parametrize("name", ["ingest", "alerts"])
async def test_in_development_a_service_does_not_log_in_where_devices_do(development, name) -> None:
    async with connected(development.devices_port, login("x", name)) as (_, said):
        assert said.reason_code is ConnAckReasonCode.NOT_AUTHORIZED


async def test_the_secret_is_in_no_log_and_not_in_the_database(run_service, database, production) -> None:
    name, suffix = unique("services/ingest"), uuid4().hex
    environment = ingest_settings(database.dsn, production, INGEST_CLIENT_ID=name, INGEST_SESSION_SUFFIX=suffix)
    service = await run_service("ingest", environment)

    async def beaten() -> object:
        return await database.pool.fetchval("SELECT worker_id FROM worker_heartbeats")

    assert await eventually(beaten) == name
    service.terminate()
    assert suffix not in service.log_path.read_text()
