"""The running API against its published description: no 500, and no status, form or header that is not described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.alerts.web.identity.browser import HEADER, csrf_of
from services.people.model import Role
from tests.alerts_pages import STALL
from tests.alerts_world import Story
from tests.integration.described.running import Run, faults
from tests.signed_in import make_key, make_person, make_session
from tests.stack import Database, RunService

Asked = Callable[[str], Awaitable[Run]]


@pytest.fixture
async def asked(database: Database, run_service: RunService) -> Asked:
    """A running web process with a pump, an alert and a silence, and how one asks it: as program, person or nobody."""
    story = Story(database.pool, database.dsn)
    await story.run([(0, "therapy low=4"), (1, "level 12.5"), (2, STALL), (3, "bolus delivered x2"), (4, "refill 18")])
    now = datetime.now(UTC)
    story.now = now + timedelta(hours=1)  # a worker that is there for as long as this takes
    await story.new_worker().heartbeat_once()
    silence = await database.pool.fetchval(
        "INSERT INTO silences (clinic_id, kind, reason, created_by, created_at, begins_at, ends_at) "
        "VALUES ($1, 'silence', 'refill', 'Sue', $2, $2, $3) RETURNING silence_id",
        story.clinic_id, now, now + timedelta(days=1),
    )  # fmt: skip
    alert = await database.pool.fetchval("SELECT alert_id FROM alerts")
    web = await run_service("web", {"WEB_DATABASE_URL": database.dsn, "WEB_WORKER_URL": "http://127.0.0.1:9"})
    run = Run(web.url, "web", names={"pump_id": story.pump_id, "alert_id": str(alert), "silence_id": str(silence)})

    async def by(whom: str) -> Run:
        if whom == "a key":
            key = await make_key(database.pool, ["alerts.act", "on-call.read", "system/*.rs"], now)
            return replace(run, headers={"Authorization": f"Bearer {key}"})
        if whom == "a session":
            person = await make_person(database.pool, "Ann", Role.ADMINISTRATOR, now)
            token = await make_session(database.pool, person, now)
            by_cookie = {"Cookie": f"pumpwatch={token}", HEADER: csrf_of(token)}
            return replace(run, headers=by_cookie, without=("ignored_auth",))  # it leaves our cookie in place
        return run

    return by


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_program_is_answered_as_it_is_described(asked: Asked, tmp_path: Path) -> None:
    """Of FHIR's six kinds of resource one stands for all; the long test asks each."""
    run = replace(await asked("a key"), only="^/(v1/|livez|readyz|metrics|fhir/R4/(metadata|Observation))")
    assert await faults(run, tmp_path) == ""


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("whom", ["a session", "nobody"])
async def test_a_person_and_a_stranger_are_too(asked: Asked, whom: str, tmp_path: Path) -> None:
    run = replace(await asked(whom), phases="examples,fuzzing", only="^/(v1|livez|readyz|metrics)")
    assert await faults(run, tmp_path) == ""


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("whom", ["a key", "a session", "nobody"])
async def test_however_long_one_asks(asked: Asked, whom: str, tmp_path: Path) -> None:
    run = replace(await asked(whom), examples=100, deterministic=False)
    assert await faults(run, tmp_path) == ""
    assert await faults(replace(run, names={}), tmp_path) == ""
