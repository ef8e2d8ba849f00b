"""A secret that cannot be read is said before a page needs it: by /readyz, the board, `policy check` and the ping."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.admin.webhooks.secret_files import make
from services.alerts.evaluation.worker import Worker
from services.alerts.policy_files.folder import PolicyFolder
from tests.alerts_pages import client_for, worker_client_for
from tests.alerts_world import Story
from tests.command import pumpwatch
from tests.stack import Database

FILE = """clinic_id: {clinic}
contacts:
  - name: program
    channels:
      - {{name: events, url: "webhook+https://events.example.org/tops3cret#secret={secret}"}}
{beside}
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [program]}}]}}
"""
PAGER = '      - {name: pager, url: "json://127.0.0.1:9/"}'


@pytest.fixture
async def story(database: Database) -> Story:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    return story


async def folder_of(story: Story, path: Path, beside: str) -> PolicyFolder:
    policies = path / "policies"
    policies.mkdir()
    text = FILE.format(clinic=story.clinic_id, secret=path / "secret", beside=beside)
    (policies / "clinic.yaml").write_text(text)
    folder = PolicyFolder(policies)
    await folder.reload()
    return folder


@pytest.mark.parametrize(("beside", "status", "where"), [(PAGER, 200, "warnings"), ("", 503, "missing")])
async def test_a_secret_that_goes_is_said_and_one_that_comes_ends_it(
    story: Story, tmp_path: Path, beside: str, status: int, where: str
) -> None:
    folder = await folder_of(story, tmp_path, beside)
    worker = Worker(story.resources(folder=folder))
    await worker.heartbeat_once()
    make(tmp_path / "secret")
    assert await said(story, folder, worker) == (200, "", False)
    (tmp_path / "secret").unlink()
    code, words, on_the_board = await said(story, folder, worker, where)
    assert (code, on_the_board) == (status, True)
    assert "program, events" in words or "nobody can be told in this step" in words
    assert "tops3cret" not in words
    make(tmp_path / "secret")
    assert await said(story, folder, worker) == (200, "", False)


async def test_policy_check_names_the_file_and_no_part_of_the_address(story: Story, tmp_path: Path) -> None:
    await folder_of(story, tmp_path, PAGER)
    file = str(tmp_path / "policies" / "clinic.yaml")
    wrong = pumpwatch("policy", "check", file)
    assert (wrong.returncode, f"{str(tmp_path / 'secret')!r} cannot be used" in wrong.stderr) == (1, True)
    assert "tops3cret" not in wrong.stderr + wrong.stdout
    make(tmp_path / "secret")
    assert pumpwatch("policy", "check", file).returncode == 0


async def said(story: Story, folder: PolicyFolder, worker: Worker, where: str = "warnings") -> tuple[int, str, bool]:
    """What the worker's /readyz says of policies, and whether the board, which the worker has told, says so too."""
    async with worker_client_for(story, folder=folder) as client:
        ready = await client.get("/readyz")
    await worker.say_state_once()
    async with client_for(story) as client:
        board = (await client.get("/")).text
    words = " ".join(each for each in ready.json()[where] if each.startswith("policy: "))
    return ready.status_code, words, "Tell the operator" in board
