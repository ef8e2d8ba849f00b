"""What ingest answers by HTTP, whatever is sent: never 500, each answer guarded, and strangers are told no names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.openapi.build import ingest_description
from schemas.events import EventKind
from schemas.http.problems import Problem, ProblemType
from tests.ingest_world import TOKEN, enrol, ingest_settings, reading, unique
from tests.stack import eventually

GUARDS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")
GATEWAY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def ingest(run_service, database, broker):
    return await run_service("ingest", ingest_settings(database.dsn, broker))


def is_guarded(answer: httpx.Response) -> bool:
    return all(name in answer.headers for name in GUARDS)


async def test_a_body_that_is_too_large_is_413_before_it_is_all_there(ingest) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 500_000_000:
            sent += 65_536
            yield b" " * 65_536

    async with httpx.AsyncClient(base_url=ingest.url, headers=GATEWAY, timeout=60) as gateway:
        for path in ("/v1/devices/x/events", "/livez", "/nothing"):
            answer = await gateway.post(path, content=b" " * 1_000_001)
            assert (answer.status_code, is_guarded(answer)) == (413, True), path
        try:
            answer = await gateway.post("/v1/devices/x/events", content=endless())
            assert (answer.status_code, is_guarded(answer)) == (413, True)
        except httpx.TransportError:  # it hung up on a body that does not end
            assert sent < 500_000_000


async def test_errors_carry_the_security_headers(ingest) -> None:
    async with httpx.AsyncClient(base_url=ingest.url) as client:
        answers = [
            await client.get("/nothing"),
            await client.get("/docs"),
            await client.get("/v1/devices/x/events"),
            await client.post("/v1/devices/x/events", content=b"{"),
            await client.post("/v1/devices/x/events", content=b"{", headers=GATEWAY),
            await client.post("/v1/devices/a%00b/events", content=b"{", headers=GATEWAY),
            await client.get("/livez?%1b"),
            await client.get("/livez"),
        ]
    assert [each.status_code for each in answers] == [404, 404, 405, 401, 422, 422, 422, 200]
    assert all(is_guarded(each) for each in answers)
    problems = [Problem.model_validate(each.json()) for each in (*answers[:4], *answers[5:7])]
    assert [each.type for each in problems] == [
        kind.uri
        for kind in (
            ProblemType.NO_SUCH_PATH,
            ProblemType.NO_SUCH_PATH,
            ProblemType.WRONG_METHOD,
            ProblemType.NOT_SIGNED_IN,
            ProblemType.NOT_UNDERSTOOD,
            ProblemType.NOT_UNDERSTOOD,
        )
    ]
    assert (answers[2].headers["allow"], "www-authenticate" in answers[3].headers) == ("POST", True)
    assert answers[4].json()["rejected"][0]["reason"] == "unknown_device"  # a receipt, as by MQTT


async def test_what_a_monitor_asks_it_may_ask_by_head_and_with_a_parameter(ingest) -> None:
    async with httpx.AsyncClient(base_url=ingest.url) as client:
        for path in ("/livez?x=1", "/readyz", "/metrics", "/openapi.json"):
            got, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
            assert head.headers["content-type"] == got.headers["content-type"]
        served = (await client.get("/openapi.json")).json()
    assert served == ingest_description()


async def test_readiness_names_nothing_to_strangers_and_everything_with_the_token(
    run_service, timescaledb, broker, database
) -> None:
    unmigrated = await run_service("ingest", ingest_settings(timescaledb.dsn(), broker), wait=False)
    nowhere = {"INGEST_MQTT_URL": "mqtt://somebody@127.0.0.1:2"}
    settings = ingest_settings("postgresql://postgres@127.0.0.1:1/x", broker, **nowhere)
    lost = await run_service("ingest", settings, wait=False)
    open_to_us = await run_service("ingest", settings | {"INGEST_GATEWAY_TOKEN": ""}, wait=False)
    async with httpx.AsyncClient() as client:

        async def answer(service, **headers: str):
            try:
                return await client.get(f"{service.url}/readyz", headers=headers)
            except httpx.ConnectError:
                return None

        for service in (unmigrated, lost, open_to_us):
            await eventually(partial(answer, service), 20, what="any answer")
        told = (await answer(unmigrated)).json()["missing"]
        assert told["migrations"] == "not all are applied: run `pumpwatch migrate`"
        assert "0001_registry" in (await answer(unmigrated, **GATEWAY)).json()["missing"]["migrations"]
        for strange in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic AA=="}):
            told = await answer(lost, **strange)
            assert (told.status_code, told.json()["missing"]) == (
                503,
                {"broker": "not connected to the broker", "database": "the database cannot be reached"},
            )
        for everything in (await answer(lost, **GATEWAY), await answer(open_to_us)):
            assert "127.0.0.1" in everything.json()["missing"]["broker"]
            assert "127.0.0.1" in everything.json()["missing"]["database"]
        told = await answer(open_to_us, Host="rebound.example")
        assert "127.0.0.1" not in told.text


ODD = st.one_of(
    st.text(max_size=10),
    st.floats(),
    st.integers(),
    st.none(),
    st.booleans(),
    st.sampled_from(["\0", "\ud800", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1e999", "9999-12-31"]),
)
FIELDS = ("event_id", "observed_at", "kind", "seq", "volume_ml", "outcome", "code", "state", "drugs", "profile",
          "reservoir_size_ml", "refill_due", "filled_ml", "expected_ml", "measured_ml", "score")  # fmt: skip
EVENTS = st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=6)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(EVENTS, max_size=3).map(lambda events: json.dumps(events).encode()),
    st.tuples(EVENTS, st.sampled_from(list(EventKind))).map(
        lambda pair: json.dumps(reading() | {"kind": pair[1]} | pair[0]).encode()
    ),
    st.sampled_from([b'{"volume_ml": NaN}', b'{"volume_ml": 1e999}', b"9" * 5000, b"[" * 100_000, b'{"a":' * 30_000]),
)


async def test_no_request_is_answered_with_500(ingest, database) -> None:
    pump = unique("pump")
    await enrol(database.pool, [pump])
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=ingest.url, timeout=30) as client:

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            method=st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "OPTIONS"]),
            name=st.one_of(st.just(pump), st.text(max_size=20)),
            body=BODIES,
            headers=st.dictionaries(
                st.sampled_from(["Origin", "Authorization", "Content-Type", "Content-Encoding", "Expect", "Range"]),
                st.one_of(
                    st.sampled_from(["http://[", "gzip", "100-continue", "Basic AA==", "bytes=-1-", "text/plain"]),
                    st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), min_size=1),
                ),
                max_size=2,
            ),
        )
        def ask(method: str, name: str, body: bytes, headers: dict[str, str]) -> None:
            sent: dict[str, Any] = GATEWAY | {key: text.encode("latin-1") for key, text in headers.items()}
            path = f"/v1/devices/{quote(name.encode('utf-8', 'surrogatepass'), safe='')}/events"
            request = client.request(method, path, content=body, headers=sent)
            answer = asyncio.run_coroutine_threadsafe(request, loop).result(60)
            assert answer.status_code < 500, answer.text
            assert is_guarded(answer)

        await asyncio.to_thread(ask)
    assert ingest.is_running
