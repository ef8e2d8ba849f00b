"""Policies by which somebody cannot be told: `policy check`, /readyz, the board and the ping say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.alerts.evaluation.worker import Worker
from services.alerts.health.ping import vitals
from services.alerts.policy_files.folder import PolicyFolder
from tests.alerts_pages import client_for, worker_client_for
from tests.alerts_world import Story
from tests.command import pumpwatch
from tests.stack import Database

GOOD = """clinic_id: {clinic}
contacts:
  - name: nurse
    channels:
      - {{name: sms, url: "env:NURSE_SMS"}}
      - {{name: mail, url: "{mail}"}}
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}
"""
SET = {"NURSE_SMS": "json://127.0.0.1:9/s3cret"}


@pytest.fixture
async def story(database: Database) -> Story:
    return Story(database.pool, database.dsn)


def write(folder: Path, clinic: str, mail: str = "json://127.0.0.1:9/") -> Path:
    path = folder / "clinic.yaml"
    path.write_text(GOOD.format(clinic=clinic, mail=mail))
    return path


async def said(
    story: Story, folder: PolicyFolder, environment: dict[str, str]
) -> tuple[int, dict[str, list[str]], str]:
    """Status and content of the worker's /readyz, and the board, which the worker has told."""
    async with worker_client_for(story, folder=folder, environment=environment) as client:
        ready = await client.get("/readyz")
    await tell(story, folder, environment)
    async with client_for(story) as client:
        return ready.status_code, ready.json(), (await client.get("/")).text


async def tell(story: Story, folder: PolicyFolder, environment: dict[str, str]) -> None:
    worker = Worker(story.resources(folder=folder, environment=environment))
    await worker.heartbeat_once()
    await worker.say_state_once()


async def test_a_policy_file_that_vanishes_holds_and_one_that_never_was_there_is_missed(
    story: Story, tmp_path: Path
) -> None:
    await story.enrol()
    path = write(tmp_path, story.clinic_id)
    running = PolicyFolder(tmp_path)
    await running.reload()
    status, ready, board = await said(story, running, SET)
    assert (status, ready["missing"], ready["warnings"], "Tell the operator" in board) == (200, [], [], False)
    path.unlink()
    assert await running.reload()
    [since] = running.now.stale_since.values()
    status, ready, board = await said(story, running, SET)
    assert (status, ready["missing"]) == (200, [])
    assert f"{path.name}: is gone" in ready["warnings"][0]
    assert f"The policy file of {story.clinic_id} cannot be used since {since:%Y-%m-%d %H:%M}Z" in board
    resources = story.resources(folder=running, environment=SET)
    assert (await vitals(resources)).unpaged == 0

    assert running.now.of(story.clinic_id).contacts[0].name == "nurse"

    fresh = PolicyFolder(tmp_path)
    await fresh.reload()
    status, ready, board = await said(story, fresh, SET)
    assert status == 503
    assert f"clinic '{story.clinic_id}' has pumps and no policy file" in ready["missing"][0]
    assert f"{story.clinic_id} has no policy: nobody of it is paged" in board
    assert (await vitals(story.resources(folder=fresh, environment=SET))).unpaged == 1


async def test_an_address_that_cannot_be_used_is_named_without_what_is_secret(story: Story, tmp_path: Path) -> None:
    await story.enrol()
    write(tmp_path, story.clinic_id, "pagerr://s3cret")
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    status, ready, board = await said(story, folder, SET)
    assert (status, len(ready["warnings"])) == (200, 1)
    assert "contacts.0.channels.1.url: nurse, mail: pagerr://... is no address" in ready["warnings"][0]
    assert "nurse, mail: pagerr://... is no address" in board
    status, ready, board = await said(story, folder, {})
    assert status == 503
    assert "routes.high.steps.0: nobody can be told in this step of high, the last step" in ready["missing"][0]
    assert "the variable NURSE_SMS is not set" in ready["warnings"][0]
    assert "the variable NURSE_SMS is not set" in board
    assert "s3cret" not in board + str(ready)
    assert (await vitals(story.resources(folder=folder, environment={}))).unpaged == 1
    async with client_for(story) as client:
        assert "Tell the operator" not in (await client.get("/", params={"clinic_id": "another"})).text


def test_policy_check_names_each_address_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "north", "pagerr://s3cret")
    monkeypatch.delenv("NURSE_SMS", raising=False)
    done = pumpwatch("policy", "check", str(path))
    assert done.returncode == 1
    assert (
        f"{path}:5: contacts.0.channels.0.url: nurse, sms: the variable NURSE_SMS is not set; expected" in done.stderr
    )
    assert f"{path}:6: contacts.0.channels.1.url: nurse, mail: pagerr://... is no address" in done.stderr
    assert f"{path}:8: routes.high.steps.0: nobody can be told in this step" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    monkeypatch.setenv("NURSE_SMS", "ntfys://s3cret")
    write(tmp_path, "north")
    done = pumpwatch("policy", "check", str(path))
    assert (done.returncode, "north" in done.stdout, "valid" in done.stdout) == (0, True, True)
    assert "s3cret" not in done.stdout + done.stderr
