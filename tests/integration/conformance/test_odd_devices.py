"""The bench outlives whatever connects to it, and says what it was."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

import mqtt5
import pytest

from services.conformance.bench import run
from services.conformance.course import Asked
from services.conformance.finding import Finding, Verdict
from services.conformance.judge import judge
from services.conformance.story import Pace
from services.devstack.ports import free_port
from services.runtime.addresses import broker_address
from tests.ingest_world import reading

PACE = Pace(resend_seconds=0.1, patience_seconds=2.0)
DEVICE = "pump-1"
Odd = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def judged(broker, odd: Odd) -> dict[str, Finding]:
    """What is said of something that connects as the bench begins to listen."""
    port, listens = free_port(), asyncio.Event()

    async def device() -> None:
        await listens.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await odd(reader, writer)
            await reader.read()  # until the bench ends it
        finally:
            writer.close()

    trying = asyncio.ensure_future(device())
    asked = Asked(DEVICE, unattended=True, pace=PACE)
    seen = await run(asked, broker_address(broker.url), "127.0.0.1", port, lambda _: listens.set())
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    return {each.requirement.number: each for each in judge(DEVICE, PACE, seen)}


def connect(client_id: str = "", **more) -> bytes:
    return mqtt5.ConnectPacket(client_id or uuid.uuid4().hex, username=DEVICE, clean_start=True, **more).write()


def publish(topic: str, payload: bytes, **more) -> bytes:
    qos = more.pop("qos", mqtt5.QoS.AT_LEAST_ONCE)
    packet_id = None if qos == mqtt5.QoS.AT_MOST_ONCE else 1
    return mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=packet_id, **more).write()


def says(*packets: bytes) -> Odd:
    async def odd(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for packet in packets:
            writer.write(packet)
            await writer.drain()

    return odd


EVENTS = f"pumpwatch/v1/{DEVICE}/events"
EVENT = json.dumps(reading()).encode()


async def two_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")[:2]
    writer.write(connect("the-same"))
    await reader.read(100)
    _, other = await asyncio.open_connection(host, port)
    other.write(connect("the-same"))
    await reader.read()  # the broker gives the session to the second
    other.close()


CASES: list[tuple[Odd, str, str]] = [
    (says(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"), "D-01", "MQTT 3.1.1"),
    (says(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n" * 9), "D-01", "no CONNECT"),
    (says(connect(), b"\x30\xff\xff\xff\xff\x01"), "D-01", "cannot be read"),
    (says(connect(), b"\xf8\x00"), "D-01", "cannot be read"),
    (says(connect(), publish(f"{EVENTS}/reservoir", EVENT, qos=mqtt5.QoS.AT_MOST_ONCE)), "D-20", "QoS 0"),
    (says(connect(), publish(f"{EVENTS}/reservoir", EVENT, qos=mqtt5.QoS.EXACTLY_ONCE)), "D-20", "QoS 2"),
    (says(connect(), publish(f"{EVENTS}/reservoir", b"\xff{")), "D-21", "not_json"),
    (says(connect(), publish(f"{EVENTS}/batch", b"[" * 9_999)), "D-21", "not_json"),
    (says(connect(), publish("", EVENT, topic_alias=1)), "D-07", "on ''"),
    (says(connect(), publish(f"{EVENTS}/status", EVENT, topic_alias=99)), "D-06", "alias 99"),
    (says(connect(), publish(f"{EVENTS}/status", b" " * 299_000)), "D-60", "299000 bytes"),
    (
        says(connect(will=mqtt5.Will(f"{EVENTS}/alarm", payload=EVENT, qos=mqtt5.QoS.AT_LEAST_ONCE))),
        "D-10",
        "expected a status at most",
    ),
]


@pytest.mark.long
async def test_whatever_connects_is_judged_by_what_it_did(bench_broker) -> None:
    every = [*CASES, (two_at_once, "D-03", "while one from before was open")]
    found = await asyncio.gather(*(judged(bench_broker, odd) for odd, _, _ in every))
    for (_, number, words), each in zip(every, found, strict=True):
        assert each[number].verdict is Verdict.FAILED, (number, words)
        assert words in each[number].evidence


async def test_who_says_nothing_is_not_judged(bench_broker) -> None:
    found = await judged(bench_broker, says())
    said = {number for number, each in found.items() if each.verdict in {Verdict.PASSED, Verdict.FAILED}}
    assert said == {"D-03"}
