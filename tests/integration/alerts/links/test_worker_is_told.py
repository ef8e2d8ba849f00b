"""The worker takes note of an answer only from who brings its token, and only of a link that it could have made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.alerts.health.http import create_health_app
from services.alerts.resources import Health, Resources
from services.people.links.signing import Links
from services.people.links.tokens import Link, Purpose, sign
from tests.alerts_world import T0, Story
from tests.integration.alerts.links.linked import write_key
from tests.stack import Database

EVENT = UUID(int=1)
CAUSE = ("pump-1", "pump_alarm", "infusion")
TOKEN = {"Authorization": "Bearer t0ken"}


@pytest.fixture
def resources(database: Database, tmp_path: Path) -> Resources:
    story = Story(database.pool, database.dsn)
    links = Links([write_key(tmp_path)])
    return story.resources(links=links, health=Health(listening=True), api_token="t0ken")


async def post(resources: Resources, body: Any, headers: dict[str, str], **client: Any) -> httpx.Response:
    transport = httpx.ASGITransport(create_health_app(resources, CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as worker:
        return await worker.post("/answers", json=body, headers=headers, **client)


def body(resources: Resources, purpose: Purpose = Purpose.ALARM, **other: Any) -> dict[str, Any]:
    token = sign(Link(purpose, EVENT, UUID(int=2), UUID(int=3)), resources.links.keys(), T0)
    return {"token": token, "given_at": T0.isoformat()} | other


def is_answered(resources: Resources) -> bool:
    return resources.answered.has(EVENT, CAUSE, T0, timedelta(hours=1))


async def test_it_takes_note_of_an_answer(resources: Resources) -> None:
    answer = await post(resources, body(resources), TOKEN)
    assert answer.status_code == 204
    assert is_answered(resources)


@pytest.mark.parametrize(
    ("headers", "other", "status"),
    [
        ({}, {}, 401),
        ({"Authorization": "Bearer wrong"}, {}, 401),
        (TOKEN | {"Origin": "https://evil.example"}, {}, 401),
        (TOKEN, {"token": "x.y.z"}, 422),
        (TOKEN, {"token": 5}, 422),
        (TOKEN, {"given_at": "yesterday"}, 422),
        (TOKEN, {"given_at": "2026-03-02T09:00:00"}, 422),
        (TOKEN, {"more": 1}, 422),
    ],
)
async def test_what_it_takes_no_note_of(
    resources: Resources, headers: dict[str, str], other: dict[str, Any], status: int
) -> None:
    answer = await post(resources, body(resources, **other), headers)
    assert answer.status_code == status
    assert not is_answered(resources)


async def test_a_link_of_another_purpose_or_an_answer_from_the_future_silences_nothing(resources: Resources) -> None:
    assert (await post(resources, body(resources, Purpose.HEARD), TOKEN)).status_code == 422
    assert not is_answered(resources)
    later = T0.replace(year=2030).isoformat()
    assert (await post(resources, body(resources, given_at=later), TOKEN)).status_code == 204
    assert not resources.answered.has(EVENT, CAUSE, T0 + timedelta(hours=1), timedelta(hours=1))


async def test_a_key_that_cannot_be_used_is_a_warning_and_keeps_nobody_from_paging(
    resources: Resources, tmp_path: Path
) -> None:
    (tmp_path / "link.key").unlink()
    transport = httpx.ASGITransport(create_health_app(resources, CollectorRegistry()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as worker:
        named = (await worker.get("/readyz", headers=TOKEN)).json()
        plain = (await worker.get("/readyz")).json()
    assert named["ready"] is True
    assert any("link.key" in each for each in named["warnings"])
    assert "links: pages go out without one, as a key cannot be used" in plain["warnings"]
    assert "link.key" not in str(plain)
