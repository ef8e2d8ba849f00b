"""The device's side of MQTT 5, on a real Mosquitto; where a server must misbehave, on a socket that does."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import mqtt5
import pytest

from services.devstack.ports import free_port
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import (
    DeviceLink,
    LinkError,
    LinkLostError,
    LinkRefusedError,
    PacketTooLargeError,
    PublishRefusedError,
)
from services.runtime.mqtt import BrokerAddress, broker_address
from tests.integration.simulator.ingest_of_events import readable_folder


def ignore(_packet: mqtt5.PublishPacket) -> None:
    pass


@asynccontextmanager
async def listening(url: str, topic: str, qos: mqtt5.QoS) -> AsyncIterator[asyncio.Queue[mqtt5.PublishPacket]]:
    received: asyncio.Queue[mqtt5.PublishPacket] = asyncio.Queue()
    async with open_link(broker_address(url), f"listener-{topic}", received.put_nowait) as link:
        await link.subscribe(topic, qos=qos)
        yield received


@pytest.mark.parametrize("qos", [mqtt5.QoS.AT_MOST_ONCE, mqtt5.QoS.AT_LEAST_ONCE], ids=["qos0", "qos1"])
async def test_a_message_goes_through_with_its_properties(broker, qos):
    async with (
        listening(broker.url, "link/through", qos) as received,
        open_link(broker_address(broker.url), "link-sender", ignore) as link,
    ):
        reason = await link.publish("link/through", b"body", response_topic="link/answer", correlation_data=b"\x00\x01")
        packet = await asyncio.wait_for(received.get(), 5)
    assert reason == mqtt5.PubAckReasonCode.SUCCESS
    assert (packet.payload, packet.qos) == (b"body", qos)
    assert (packet.response_topic, packet.correlation_data) == ("link/answer", b"\x00\x01")


async def test_nobody_listening_is_no_error(broker):
    async with open_link(broker_address(broker.url), "link-alone", ignore) as link:
        assert await link.publish("link/nobody", b"") == mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS


class Counted:
    """A stream, and how often it was read from, or written to."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.times = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def read(self, size: int) -> bytes:
        self.times += 1
        chunk: bytes = await self._stream.read(size)
        return chunk

    def write(self, data: bytes) -> None:
        self.times += 1
        self._stream.write(data)


async def test_many_publishes_leave_in_few_writes(broker):
    """Its speed: between two things that it hears of the broker, it writes once, however much there is to send."""
    count, done, acknowledged = 40_000, asyncio.Event(), 0

    def on_ack(reason: mqtt5.PubAckReasonCode | LinkError) -> None:
        nonlocal acknowledged
        assert not isinstance(reason, LinkError)
        acknowledged += 1
        if acknowledged == count:
            done.set()

    reader, writer = (Counted(stream) for stream in await asyncio.open_connection(broker.host, broker.port))
    writer.write(mqtt5.ConnectPacket("link-fast", clean_start=True).write())
    connack, _ = mqtt5.read(memoryview(await reader.read(1_000)))
    assert isinstance(connack, mqtt5.ConnAckPacket)
    link = DeviceLink(broker_address(broker.url), cast("Any", reader), cast("Any", writer), ignore, connack, 60)
    reading = asyncio.create_task(link.read_until_lost())
    for _ in range(count):
        await link.slot()
        link.send("link/fast", b"x" * 150, on_ack=on_ack, response_topic="link/receipts", correlation_data=b"12345678")
        assert link.free_slots >= 0
    await asyncio.wait_for(done.wait(), 60)
    assert writer.times <= reader.times + 2 * count // link.receive_maximum + 2
    await link.close()
    await reading


async def test_bursts_of_receipts_all_arrive(broker):
    count = 20_000
    async with (
        listening(broker.url, "link/burst", mqtt5.QoS.AT_MOST_ONCE) as received,
        open_link(broker_address(broker.url), "link-burst", ignore) as link,
    ):
        for number in range(count):
            link.send("link/burst", number.to_bytes(4, "big"))
        async with asyncio.timeout(10):
            numbers = [int.from_bytes((await received.get()).payload, "big") for _ in range(count)]
    assert numbers == list(range(count))


async def test_receive_maximum_is_honoured(own_broker):
    server = own_broker(extra=("max_inflight_messages 5",))
    async with open_link(broker_address(server.url), "link-slow", ignore) as link:
        assert link.receive_maximum == 5
        answers: list[object] = []
        for _ in range(5):
            link.send("link/slow", b"", on_ack=answers.append)
        assert link.free_slots == 0
        with pytest.raises(RuntimeError, match="all 5 slots"):
            link.send("link/slow", b"", on_ack=answers.append)
        await asyncio.gather(*(link.publish("link/slow", b"") for _ in range(100)))
    assert len(answers) == 5


async def test_a_message_that_the_broker_would_not_take_is_refused_here(own_broker):
    server = own_broker(extra=("max_packet_size 1000",))
    async with open_link(broker_address(server.url), "link-large", ignore) as link:
        with pytest.raises(PacketTooLargeError, match="1000"):
            await link.publish("link/large", b"x" * 1000)
        await link.publish("link/large", b"x" * 900)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with readable_folder() as folder:
        yield folder


async def test_a_refused_publish_and_subscription_name_broker_and_reason(own_broker, open_folder):
    access = open_folder / "acl"
    access.write_text("topic readwrite allowed/#\n")
    server = own_broker(extra=(f"acl_file {access}",))
    async with open_link(broker_address(server.url), "link-refused", ignore) as link:
        with pytest.raises(PublishRefusedError, match=rf"127.0.0.1:{server.port}.*NOT_AUTHORIZED"):
            await link.publish("forbidden/topic", b"")
        # Mosquitto 2.0.11 closes the connection after it has refused a message.
        await asyncio.wait_for(link.lost(), 5)
    async with open_link(broker_address(server.url), "link-allowed", ignore) as link:
        await link.publish("allowed/topic", b"")
        await link.subscribe("allowed/#")


async def test_a_refused_login_names_broker_login_and_reason(own_broker):
    server = own_broker(extra=("allow_anonymous false",))
    address = BrokerAddress("127.0.0.1", server.port, "pump-1", "secret")
    with pytest.raises(LinkRefusedError, match=r"pump-1.*NOT_AUTHORIZED") as caught:
        async with open_link(address, "link-login", ignore):
            pass
    assert "secret" not in str(caught.value)


async def test_no_broker_is_an_error_that_names_it():
    port = free_port()
    with pytest.raises(LinkRefusedError, match=f"mqtt://127.0.0.1:{port} cannot be reached"):
        async with open_link(BrokerAddress("127.0.0.1", port), "link-nowhere", ignore):
            pass


async def test_a_lost_link_tells_everybody_once(broker):
    address = broker_address(broker.url)
    async with open_link(address, "link-twice", ignore) as first:
        answers: list[mqtt5.PubAckReasonCode | LinkError] = []
        async with open_link(address, "link-twice", ignore):
            error = await asyncio.wait_for(first.lost(), 5)
            assert "closed the connection" in str(error)
            assert first.free_slots == 0
            with pytest.raises(LinkLostError, match="closed the connection"):
                first.send("link/gone", b"", on_ack=answers.append)
            with pytest.raises(LinkLostError):
                await first.publish("link/gone", b"")
            with pytest.raises(LinkLostError):
                await first.subscribe("link/gone")
    assert answers == []


async def test_a_killed_broker_fails_what_was_in_flight(own_broker):
    server = own_broker()
    async with open_link(broker_address(server.url), "link-killed", ignore) as link:
        await link.publish("link/before", b"")
        server.kill()
        answers: list[mqtt5.PubAckReasonCode | LinkError] = []
        link.send("link/after", b"", on_ack=answers.append)
        await asyncio.wait_for(link.lost(), 5)
        with pytest.raises(LinkLostError):
            await link.slot()
    assert len(answers) == 1
    assert isinstance(answers[0], LinkError)


async def test_an_idle_link_is_kept_alive(broker):
    async with open_link(broker_address(broker.url), "link-idle", ignore, keep_alive_seconds=1) as link:
        # The broker would end it after 1.5 s without a sign of life.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.lost(), 2.5)
        await link.publish("link/idle", b"")


async def test_a_fault_in_the_callers_code_is_raised(broker):
    def broken(_packet: mqtt5.PublishPacket) -> None:
        raise ZeroDivisionError

    async def use() -> None:
        async with open_link(broker_address(broker.url), "link-broken", broken) as link:
            await link.subscribe("link/broken")
            link.send("link/broken", b"")
            await asyncio.wait_for(link.lost(), 5)

    with pytest.raises(ZeroDivisionError):
        await use()


@asynccontextmanager
async def misbehaving(answer: bytes, *, close: bool = False) -> AsyncIterator[BrokerAddress]:
    """A server that answers CONNECT with these bytes, and then closes or falls silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        if not close:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])


CONNACK = mqtt5.ConnAckPacket().write()


@pytest.mark.parametrize(
    ("answer", "close", "why"),
    [
        (b"", False, "did not answer within 0.5 s"),
        (b"", True, "closed the connection instead of answering"),
        (CONNACK[:3], True, "closed the connection instead of answering"),
        (b"HTTP/1.1 400 Bad Request\r\n" + b"\r\n" * 100, True, "does not speak MQTT 5"),
        (mqtt5.PingRespPacket().write(), True, "answered CONNECT with PingRespPacket"),
        (mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.SERVER_BUSY).write(), True, "SERVER_BUSY"),
    ],
)
async def test_a_server_that_misbehaves_is_an_error_that_says_how(answer, close, why):
    async with misbehaving(answer, close=close) as address:
        with pytest.raises(LinkRefusedError, match=why):
            async with open_link(address, "link-bad", ignore, connect_timeout_seconds=0.5):
                pass


async def lost_with(address: BrokerAddress) -> tuple[DeviceLink, LinkError]:
    async with open_link(address, "link-bad", ignore, keep_alive_seconds=1) as link:
        return link, await asyncio.wait_for(link.lost(), 5)


async def test_a_server_that_falls_silent_is_noticed():
    async with misbehaving(CONNACK) as address:
        _, error = await lost_with(address)
    assert "silent" in str(error)


async def test_a_servers_goodbye_is_named():
    goodbye = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()
    async with misbehaving(CONNACK + goodbye) as address:
        _, error = await lost_with(address)
    assert "SERVER_SHUTTING_DOWN" in str(error)


async def test_bytes_that_are_no_packet_end_the_link():
    async with misbehaving(CONNACK + b"\xf0\xff\xff\xff\xff\x7f" + b"\x00" * 20) as address:
        _, error = await lost_with(address)
    assert "no MQTT 5 packet" in str(error)


def make_certificates(folder: Path) -> None:
    """An authority, a server for 127.0.0.1 and a device, valid for a day."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=test authority")
    for name, subject in (("server", "/CN=127.0.0.1"), ("device", "/CN=pump-tls")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        sign = ("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial")
        openssl(*sign, "-out", f"{name}.crt", "-days", "1", "-extfile", "ext")
    for path in folder.iterdir():
        path.chmod(0o644)


async def test_tls_with_a_device_certificate(own_broker, open_folder):
    make_certificates(open_folder)
    port = free_port()
    own_broker(
        extra=(
            f"listener {port} 127.0.0.1",
            f"cafile {open_folder}/ca.crt",
            f"certfile {open_folder}/server.crt",
            f"keyfile {open_folder}/server.key",
            "require_certificate true",
            "use_identity_as_username true",
        )
    )
    url, ca = f"mqtts://127.0.0.1:{port}", open_folder / "ca.crt"
    files = {"cert_file": open_folder / "device.crt", "key_file": open_folder / "device.key"}
    async with open_link(broker_address(url, ca_file=ca, **files), "pump-tls", ignore) as link:
        await link.publish("link/tls", b"x" * 100_000)
    with pytest.raises(LinkError):
        async with open_link(broker_address(url, ca_file=ca), "pump-no-certificate", ignore) as link:
            await link.publish("link/tls", b"")
    with pytest.raises(LinkRefusedError, match="certificate verify failed"):
        async with open_link(broker_address(url), "pump-no-authority", ignore):
            pass
