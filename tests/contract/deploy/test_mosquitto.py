"""The committed broker configuration, tried on a real Mosquitto: who may do what, and what a stranger gets.

Only paths and addresses are changed for the test; every rule is the production one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from mqtt5 import (
    ConnAckPacket,
    ConnAckReasonCode,
    ConnectPacket,
    DisconnectPacket,
    DisconnectReasonCode,
    PublishPacket,
    QoS,
    Will,
    read,
)

from schemas.events import MAX_PAYLOAD_BYTES, EventKind
from schemas.topics import DRILL, EVENTS_FILTER, event_topic, receipt_topic
from services.alerts.outage.bypass import FILTERS as BYPASS_FILTERS
from tests.contract.deploy.mosquitto import DEPLOY, LOGIN, Broker, make_certificates, running
from tests.servers.wire import connected

SHARED = f"$share/a-name-devices-do-not-know/{EVENTS_FILTER}"
SENT = [b'{"n":%d}' % number for number in range(10)]


@pytest.fixture(scope="module")
async def production(mosquitto_program: Path) -> AsyncIterator[Broker]:
    async with running("production", mosquitto_program) as broker:
        yield broker


@pytest.fixture(scope="module")
async def development(mosquitto_program: Path) -> AsyncIterator[Broker]:
    async with running("development", mosquitto_program) as broker:
        yield broker


def reason_of(refusal: pytest.ExceptionInfo[aiomqtt.NegativeAckError]) -> str:
    return str(refusal.value)


async def publish(client: aiomqtt.Client, topic: str, payload: bytes) -> None:
    """Publish with QoS 1 and wait for the PUBACK; a refusal raises."""
    await client.publish(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=next(client.packet_ids))


async def received(client: aiomqtt.Client, count: int) -> list[tuple[str, bytes]]:
    """The next `count` messages, acknowledged."""
    got: list[tuple[str, bytes]] = []
    async with asyncio.timeout(10):
        async for packet in client.messages():
            assert isinstance(packet, PublishPacket)
            if packet.packet_id is not None:
                await client.puback(packet.packet_id)
            got.append((packet.topic, bytes(packet.payload)))
            if len(got) == count:
                break
    return got


@asynccontextmanager
async def open_stream(
    port: int, tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection without a client library, for what a library would hide or choke on."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=tls, family=socket.AF_INET)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def answer_to_login(
    port: int, tls: ssl.SSLContext | None, client_id: str, name: str | None = None, password: str | None = None
) -> ConnAckPacket | None:
    """What the broker says to a CONNECT; None: it hung up, or the certificate was refused."""
    login = ConnectPacket(
        client_id, username=name, password=None if password is None else password.encode(), clean_start=True
    )
    try:
        async with open_stream(port, tls) as (reader, writer):
            writer.write(login.write())
            said = await reader.read(1000)
    except OSError:  # also what ssl raises
        return None
    if not said:
        return None
    packet, _ = read(memoryview(said))
    assert isinstance(packet, ConnAckPacket)
    return packet


async def test_a_device_publishes_to_its_own_topics_and_ingest_gets_it(production: Broker) -> None:
    async with production.service("ingest") as ingest, production.device("pump-a") as device:
        await ingest.subscribe(SHARED)
        for payload in SENT:
            await publish(device, event_topic("pump-a", EventKind.STATUS), payload)
        assert [payload for _, payload in await received(ingest, len(SENT))] == SENT


@pytest.mark.parametrize(
    "topic",
    [
        event_topic("pump-b", EventKind.STATUS),
        receipt_topic("pump-a"),
        receipt_topic("pump-b"),
        "pumpwatch/v1/pump-a",
        "elsewhere",
    ],
)
async def test_a_device_that_writes_elsewhere_is_told_that_it_may_not(production: Broker, topic: str) -> None:
    async with production.device("pump-a") as device:
        with pytest.raises(aiomqtt.NegativeAckError) as refusal:
            await publish(device, topic, b"{}")
    assert "NOT_AUTHORIZED" in reason_of(refusal)


async def test_a_device_gets_its_own_receipts_and_nobody_elses(production: Broker) -> None:
    async with production.service("ingest") as ingest, production.device("pump-a") as device:
        for topic in ("#", receipt_topic("+"), receipt_topic("pump-b"), receipt_topic("pump-a")):
            await device.subscribe(topic)
        await publish(ingest, receipt_topic("pump-b"), b"of b")
        await publish(ingest, receipt_topic("pump-a"), b"of a")
        # It may come once for each filter that matches; whatever comes is its own.
        topic, payload = (await received(device, 1))[0]
    assert (topic, payload) == (receipt_topic("pump-a"), b"of a")


async def test_a_device_cannot_read_events(production: Broker) -> None:
    async with production.device("pump-a") as spy, production.device("pump-b") as other:
        await spy.subscribe("#")
        await publish(other, event_topic("pump-b", EventKind.ALARM), b"secret")
        async with production.service("ingest") as ingest:
            await publish(ingest, receipt_topic("pump-a"), b"marker")
        assert await received(spy, 1) == [(receipt_topic("pump-a"), b"marker")]


async def test_a_device_cannot_take_events_out_of_ingests_share(production: Broker) -> None:
    """Mosquitto lets everybody join a shared subscription whose name they know, and gives them their share to drop.

    So the name is a secret of the installation; a device that tries the usual one takes nothing from ingest.
    """
    async with (
        production.service("ingest") as ingest,
        production.device("pump-b") as thief,
        production.device("pump-a") as device,
    ):
        await ingest.subscribe(SHARED)
        await thief.subscribe(f"$share/ingest/{EVENTS_FILTER}")
        for payload in SENT:
            await publish(device, event_topic("pump-a", EventKind.STATUS), payload)
        assert [payload for _, payload in await received(ingest, len(SENT))] == SENT


async def test_a_certificate_that_says_ingest_is_a_device_like_any_other(production: Broker) -> None:
    async with production.device("ingest") as impostor:
        with pytest.raises(aiomqtt.NegativeAckError):
            await publish(impostor, receipt_topic("pump-a"), b"{}")
        await publish(impostor, event_topic("ingest", EventKind.STATUS), b"{}")


async def test_a_device_cannot_throw_another_off_by_its_client_id(production: Broker) -> None:
    async with production.device("pump-a") as device:
        async with production.device("pump-b", client_id="pump-a") as other:
            await publish(other, event_topic("pump-b", EventKind.STATUS), b"{}")
        await publish(device, event_topic("pump-a", EventKind.STATUS), b"{}")


async def test_a_will_speaks_for_its_own_device_only(production: Broker) -> None:
    """The broker publishes it on the device's behalf, by the device's own rights; what they lack is not delivered."""
    own, another = event_topic("pump-a", EventKind.STATUS), event_topic("pump-b", EventKind.STATUS)
    async with production.service("ingest") as ingest:
        await ingest.subscribe(SHARED)
        for topic, payload in ((another, b"made up"), (receipt_topic("pump-a"), b"made up"), (own, b"gone")):
            login = ConnectPacket("pump-a", clean_start=True, will=Will(topic, payload=payload))
            async with connected(production.devices_port, login, tls=production.tls("pump-a")) as (wire, said):
                assert said.reason_code is ConnAckReasonCode.SUCCESS
                wire.cut()
        assert await received(ingest, 1) == [(own, b"gone")]


async def test_a_will_that_is_to_be_retained_is_refused_at_connect(production: Broker) -> None:
    will = Will(event_topic("pump-a", EventKind.STATUS), payload=b"{}", retain=True)
    login = ConnectPacket("pump-a", clean_start=True, will=will)
    async with connected(production.devices_port, login, tls=production.tls("pump-a")) as (_, said):
        assert said.reason_code is ConnAckReasonCode.RETAIN_NOT_SUPPORTED


async def test_a_device_without_a_certificate_is_refused(production: Broker) -> None:
    assert await answer_to_login(production.devices_port, production.tls(None), "pump-a") is None


async def test_a_revoked_certificate_is_refused(production: Broker) -> None:
    assert await answer_to_login(production.devices_port, production.tls("pump-stolen"), "pump-stolen") is None


@pytest.mark.parametrize(("name", "password"), [(None, None), ("ingest", "wrong"), ("simulator", "")])
async def test_a_service_needs_its_password_and_an_unset_password_is_no_login(
    production: Broker, name: str | None, password: str | None
) -> None:
    answer = await answer_to_login(production.services_port, None, "services/x", name, password)
    assert answer is not None
    assert answer.reason_code is ConnAckReasonCode.NOT_AUTHORIZED


async def test_ingest_cannot_make_up_an_event(production: Broker) -> None:
    async with production.service("ingest") as ingest:
        with pytest.raises(aiomqtt.NegativeAckError) as refusal:
            await publish(ingest, event_topic("pump-a", EventKind.STATUS), b"{}")
    assert "NOT_AUTHORIZED" in reason_of(refusal)


async def test_the_alert_service_reads_alarms_and_arrays_and_nothing_else(production: Broker) -> None:
    async with production.service("alerts") as alerts, production.device("pump-a") as device:
        for topic_filter in (*BYPASS_FILTERS, EVENTS_FILTER, receipt_topic("+")):
            await alerts.subscribe(topic_filter)
        async with production.service("ingest") as ingest:
            await publish(ingest, receipt_topic("pump-a"), b"receipt")
        for kind, payload in ((EventKind.BOLUS, b"bolus"), (EventKind.ALARM, b"alarm"), (None, b"array")):
            await publish(device, event_topic("pump-a", kind), payload)
        # It may come once for each filter that matches.
        got = {payload for _, payload in await received(alerts, 2)}
        with pytest.raises(aiomqtt.NegativeAckError):
            await publish(alerts, event_topic("pump-a", EventKind.ALARM), b"made up")
        with pytest.raises(aiomqtt.NegativeAckError):
            await publish(alerts, receipt_topic("pump-a"), b"made up")
    assert got <= {b"alarm", b"array"}


@pytest.mark.parametrize("topic_filter", BYPASS_FILTERS)
async def test_the_alert_service_may_subscribe_to_what_it_asks_for(production: Broker, topic_filter: str) -> None:
    kind = EventKind.ALARM if topic_filter.endswith("alarm") else None
    async with production.service("alerts") as alerts, production.device("pump-b") as device:
        await alerts.subscribe(topic_filter)
        await publish(device, event_topic("pump-b", kind), b"one")
        assert await received(alerts, 1) == [(event_topic("pump-b", kind), b"one")]


async def test_the_drills_device_says_that_it_has_an_alarm_and_nothing_else(production: Broker) -> None:
    async with production.service("ingest") as ingest, production.service("drill") as drill:
        await ingest.subscribe(EVENTS_FILTER)
        await drill.subscribe(receipt_topic(DRILL))
        await publish(drill, event_topic(DRILL, EventKind.ALARM), b"raised")
        assert await received(ingest, 1) == [(event_topic(DRILL, EventKind.ALARM), b"raised")]
        await publish(ingest, receipt_topic(DRILL), b"receipt")
        assert await received(drill, 1) == [(receipt_topic(DRILL), b"receipt")]
        for topic in (
            event_topic(DRILL, EventKind.THERAPY),
            event_topic("pump-a", EventKind.ALARM),
            receipt_topic(DRILL),
        ):
            with pytest.raises(aiomqtt.NegativeAckError):
                await publish(drill, topic, b"made up")


async def test_the_largest_payload_passes_and_a_device_is_told_the_limit_beforehand(production: Broker) -> None:
    topic = event_topic("pump-a", None)
    async with production.device("pump-a") as device:
        assert (await device.connected()).max_packet_size == MAX_PAYLOAD_BYTES + 4096
        await publish(device, topic, b" " * MAX_PAYLOAD_BYTES)


async def test_a_packet_that_is_too_large_ends_the_connection_with_a_reason(production: Broker) -> None:
    login = ConnectPacket("services/ingest", username="ingest", password=LOGIN.encode(), clean_start=True)
    packet = PublishPacket(event_topic("pump-a", None), b" " * (MAX_PAYLOAD_BYTES + 5000))
    async with open_stream(production.services_port, None) as (reader, writer):
        writer.write(login.write())
        accepted, _ = read(memoryview(await reader.read(1000)))
        writer.write(packet.write()[:1000])  # it need not read on to know
        ended, _ = read(memoryview(await reader.read(1000)))
    assert isinstance(accepted, ConnAckPacket)
    assert isinstance(ended, DisconnectPacket)
    assert ended.reason_code is DisconnectReasonCode.PACKET_TOO_LARGE


async def test_ingest_may_have_several_batches_on_the_way(production: Broker) -> None:
    """4,000 unacknowledged messages and more: else batches never fill (docs/decisions/0002)."""
    many = 4_200
    async with production.service("ingest") as ingest, production.device("pump-a") as device:
        await ingest.subscribe(SHARED)
        topic = event_topic("pump-a", EventKind.STATUS)
        for _ in range(many // 100):
            await asyncio.gather(*(publish(device, topic, b"{}") for _ in range(100)))
        unacknowledged = []
        async with asyncio.timeout(20):
            async for packet in ingest.messages():
                assert isinstance(packet, PublishPacket)
                unacknowledged.append(packet)
                if len(unacknowledged) == many:
                    break
        for packet in unacknowledged:
            assert packet.packet_id is not None
            await ingest.puback(packet.packet_id)


async def test_the_broker_found_nothing_to_warn_of(production: Broker) -> None:
    of_its_start = production.log.read_text().split("New connection")[0]  # later on, devices in other tests do wrong
    assert of_its_start
    assert "Error" not in of_its_start
    assert "Warning" not in of_its_start


async def test_in_development_a_device_has_a_password_and_the_same_rules(development: Broker) -> None:
    async with development.service("ingest") as ingest, development.device_by_password("pump-b", "b") as device:
        await ingest.subscribe(SHARED)
        with pytest.raises(aiomqtt.NegativeAckError):
            await publish(device, event_topic("pump-a", EventKind.STATUS), b"{}")
        await publish(device, event_topic("pump-b", EventKind.STATUS), b"{}")
        assert await received(ingest, 1) == [(event_topic("pump-b", EventKind.STATUS), b"{}")]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    make_certificates(tmp_path)
    return tmp_path


def test_the_authoritys_key_is_its_owners_alone(certificates: Path) -> None:
    assert (certificates / "authority" / "ca.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../pump", "services/ingest-1", "pumpwatch-ingest-1"])
def test_a_name_that_no_device_can_have_gets_no_certificate(certificates: Path, name: str) -> None:
    make = str(DEPLOY / "tls" / "make-test-certificates")
    done = subprocess.run(["sh", make, str(certificates), "device", name], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "cannot be a device id" in done.stderr
