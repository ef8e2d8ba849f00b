"""50,000 hostile messages: nothing crashes, each is stored or rejected with a reason, and memory stays flat."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from functools import partial

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mqtt5 import PublishPacket

from schemas.events import EventKind, RejectionReason
from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.stack import eventually

MESSAGES = 50_000
GROWTH_MB = 64

GOOD = {
    "kind": "therapy",
    **reading(),
    "drugs": [{"name": "baclofen", "concentration_mcg_per_ml": 2000}],
    "profile": [{"from": "00:00", "rate_ml_per_day": 0.4}],
    "bolus": {"dose_mcg": 50, "lockout_minutes": 240, "limit_per_24h": 4},
    "reservoir_size_ml": 20,
    "code": "motor_stall",
    "state": "raised",
    "outcome": "delivered",
    "expected_ml": 1,
    "measured_ml": 1,
    "filled_ml": 20,
    "complaint": "pain",
    "score": 3,
}
ODD_VALUES: list[object] = [
    *(None, True, -1, 0, 1e308, -1e308, 10**30, 10**400, float("nan"), float("inf"), "", "x" * 70_000, "\x00"),
    *("\ud83d\ude00", "\U0001d54f" * 300, "'; DROP TABLE alerts; --", [], [[]], {}, {"a": {"b": {}}}, "NaN", "12.4"),
    *("1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2026-11-22T08:00:00", "2026-11-22T08:00:00+99:99"),
    *("0000-00-00T00:00:00Z", "+292277026596-01-01", "9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+14:00"),
    *("2026-02-30T00:00:00Z", "00000000-0000-0000-0000-000000000000"),
]
CORPUS = [
    *(
        b"",
        b" ",
        b"\n\t",
        b"null",
        b"true",
        b"0",
        b"-",
        b"NaN",
        b"[]",
        b"{}",
        b"[{}]",
        b"[null]",
        b"{",
        b"[",
        b"}",
        b"]]",
    ),
    *(b"\x00", b"\xff\xfe\xfd", b"\xc3\x28", b"\xed\xa0\x80", b'"\\ud800"', b'{"a":"\\ud800"}', b"[" * 10_000),
    *(b'{"a":' * 3_000, b"[" * 99 + b"]" * 99, b"1" * 5_000, b"1e999999999", b'{"event_id"', b"<xml/>", b"event_id=1"),
    *(b"\x1f\x8b\x08\x00" * 9, b"[" + b"1," * 499 + b"1]", b"[" + b"1," * 500 + b"1]", b"{}" * 3, b" " * 262_145),
    b"x" * 290_000,
]
ODD_LEVELS = [
    "",
    "events",
    "heartbeat",
    "reservoir/extra",
    "reservoir/",
    "batch/1/2",
    "RESERVOIR",
    "r\u00e9servoir",
    "a b",
]
ODD_DEVICES = ["nobody", "x" * 65, "\u00fc", " ", "a b"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
shallow = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=9), scalars, max_size=3)
json_values = shallow | st.lists(shallow, max_size=3) | st.dictionaries(st.text(max_size=9), shallow, max_size=3)
mutations = st.dictionaries(st.sampled_from(sorted(GOOD)), json_values, max_size=4)
payloads = st.one_of(
    st.binary(max_size=300),
    json_values.map(lambda value: json.dumps(value).encode()),
    mutations.map(lambda changes: json.dumps(GOOD | changes).encode()),
    st.lists(mutations.map(lambda changes: GOOD | changes), max_size=4).map(lambda v: json.dumps(v).encode()),
)


def drawn_payloads() -> list[bytes]:
    """What Hypothesis thinks of."""
    found: list[bytes] = []

    @settings(max_examples=250, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(payloads, min_size=10, max_size=40))
    def draw(batch: list[bytes]) -> None:
        found.extend(batch)

    draw()
    return found


def odd_payload(chance: random.Random, drawn: list[bytes]) -> bytes:
    match chance.randrange(5):
        case 0:
            return chance.choice(CORPUS)
        case 1:
            return chance.choice(drawn)
        case 2:  # a good event with odd values
            fields = chance.sample(sorted(GOOD), k=chance.randint(1, 3))
            return json.dumps(GOOD | {field: chance.choice(ODD_VALUES) for field in fields}).encode()
        case 3:  # a good event with broken bytes
            body = bytearray(encoded(GOOD))
            for _ in range(chance.randint(1, 6)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            return bytes(body[: chance.randint(1, len(body))])
        case _:  # an array of the good, the odd and the broken
            items = [
                GOOD | {chance.choice(sorted(GOOD)): chance.choice(ODD_VALUES[:5])} for _ in range(chance.randint(1, 8))
            ]
            return json.dumps([*items, chance.choice(ODD_VALUES[:8])]).encode()


def odd_topic(chance: random.Random, number: int, pump: str) -> str:
    """Mostly the pump's own topics, as only those can carry an event; every 25th is odd."""
    match number % 50:
        case 0:
            return f"pumpwatch/v1/{pump}/events/{chance.choice(ODD_LEVELS)}"
        case 1:
            return f"pumpwatch/v1/{chance.choice(ODD_DEVICES)}/events/batch"
        case _:
            return f"pumpwatch/v1/{pump}/events/{chance.choice([*EventKind, 'batch'])}"


class Receipts:
    """Counts receipts and keeps those that break the promise: each event counted, each reason known and explained."""

    def __init__(self) -> None:
        self.count = 0
        self.broken: list[object] = []

    def reached(self, count: int) -> bool:
        return self.count >= count

    def take(self, packet: PublishPacket) -> None:
        self.count += 1
        receipt = json.loads(packet.payload)
        explained = all(r["reason"] in set(RejectionReason) and r["detail"] for r in receipt["rejected"])
        if not explained or receipt["stored"] + receipt["duplicates"] + len(receipt["rejected"]) < 1:
            self.broken.append(receipt)


@pytest.mark.long
async def test_every_hostile_message_is_stored_or_rejected_and_memory_stays_flat(run_service, database, own_broker):
    broker = own_broker(extra=("max_packet_size 2000000",))
    pump = unique("pump")
    await enrol(database.pool, [pump])
    unlimited = {f"INGEST_DEAD_LETTER{unit}_PER_DEVICE_DAY": "1000000000" for unit in ("S", "_BYTES")}
    service = await run_service("ingest", ingest_settings(database.dsn, broker, **unlimited))
    process = psutil.Process(service.pid)
    chance, drawn = random.Random(20261122), drawn_payloads()
    receipts, rss_mb, wanted = Receipts(), [], 0
    address, answer_to = broker_address(broker.url), f"pumpwatch/v1/{pump}/receipts"

    async with open_link(address, pump, receipts.take) as link:
        await link.subscribe(answer_to)
        for number in range(MESSAGES):
            topic = odd_topic(chance, number, pump)
            body = b"x" * 1_000_000 if number % 5_000 == 7 else odd_payload(chance, drawn)
            # A bad event level is answered too: its device is known by the subtree it speaks in.
            wanted += topic.startswith(f"pumpwatch/v1/{pump}/")
            await link.slot()
            link.send(topic, body, on_ack=lambda _: None, response_topic=answer_to, correlation_data=b"c")
            if number % (MESSAGES // 10) == MESSAGES // 10 - 1:
                await eventually(partial(receipts.reached, wanted), 60, what="a receipt for every message so far")
                rss_mb.append(process.memory_info().rss / 2**20)
    assert receipts.broken == []
    assert receipts.count == wanted

    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{service.url}/metrics")).text
        answer = await client.get(f"{service.url}/readyz")
    assert f'messages_total{{source="mqtt"}} {MESSAGES:.1f}' in metrics
    assert answer.json() == {"ready": True, "missing": {}}
    reasons = {row[0] for row in await database.pool.fetch("SELECT DISTINCT reason FROM dead_letters")}
    assert reasons <= set(RejectionReason)
    assert {"bad_topic", "unknown_device", "too_large", "not_json", "clock_ahead", "clock_behind"} <= reasons
    assert max(rss_mb[2:]) - rss_mb[1] < GROWTH_MB, rss_mb

    good = reading(observed_at=datetime.now(UTC).isoformat())
    async with open_link(address, pump, receipts.take) as link:
        await link.publish(f"pumpwatch/v1/{pump}/events/reservoir", encoded(good))

    async def stored():
        return await database.pool.fetchval("SELECT 1 FROM reservoir_readings WHERE event_id = $1", good["event_id"])

    await eventually(stored, what="an event after the storm is stored")
