"""The last good policy of each clinic holds: across restarts, on a host without the file, until a better one comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from schemas.policy import Policy
from services.alerts.evaluation.worker import Worker
from services.alerts.health.policy_state import policy_state
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.policy_files.keep import PolicyKeeper
from tests.alerts_world import enrol, resources_for
from tests.command import pumpwatch
from tests.stack import Database

POLICY = """clinic_id: {clinic}
low_reservoir: {{level_ml: {level}}}
contacts: [{{name: nurse, channels: [{{name: sms, url: "env:NURSE_SMS"}}]}}]
routes: {{high: {{steps: [{{after_minutes: 0, contacts: [nurse]}}]}}}}
"""


class Host:
    """An alert worker's policies on one host. `start` is a new process."""

    def __init__(self, database: Database, folder: Path, name: str = "a") -> None:
        self.database, self.folder, self.name = database, folder, name
        folder.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        self.policies = PolicyFolder(self.folder, host=self.name)
        self.keeper = PolicyKeeper(self.policies)

    def write(self, text: str, name: str = "north.yaml", *, days_old: float = 9) -> None:
        path = self.folder / name
        path.write_text(text)
        at = (datetime.now(UTC) - timedelta(days=days_old)).timestamp()
        os.utime(path, (at, at))

    async def look(self, now: datetime | None = None) -> PolicyFolder:
        await self.policies.reload()
        async with self.database.pool.acquire() as connection:
            await self.keeper.keep_once(connection, now or datetime.now(UTC))
        return self.policies

    async def level(self, clinic: str = "north") -> float:
        return (await self.look()).now.of(clinic).low_reservoir.level_ml


def north(level: float = 3, clinic: str = "north") -> str:
    return POLICY.format(clinic=clinic, level=level)


def odd(folder: Path) -> Path:
    """A file whose name PostgreSQL cannot store, and a log would show in two lines."""
    return folder / os.fsdecode(b"\xff\n.yaml")


FATES: dict[str, Callable[[Path], object]] = {
    "deleted": lambda folder: (folder / "north.yaml").unlink(),
    "emptied": lambda folder: (folder / "north.yaml").write_text(""),
    "broken": lambda folder: (folder / "north.yaml").write_text("["),
    "of another clinic": lambda folder: (folder / "north.yaml").write_text(north(clinic="south")),
    "one of two": lambda folder: (folder / "a.yaml").write_text(north(level=5)),
    "one of two, whose name is no text": lambda folder: odd(folder).write_text(north(level=5)),
    "in a folder that is gone": lambda folder: folder.rename(folder.with_name("gone")),
}


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES)
async def test_whatever_becomes_of_its_file_a_clinic_keeps_its_policy_also_after_a_new_start_and_elsewhere(
    database: Database, tmp_path: Path, fate: Callable[[Path], object]
) -> None:
    host, other = Host(database, tmp_path / "a"), Host(database, tmp_path / "b", "b")
    host.write(north())
    assert (await host.look()).now.stale == {}
    fate(host.folder)
    assert await host.level() == 3
    assert set(host.policies.now.stale) == {"north"}
    since = host.policies.now.stale_since["north"]
    host.start()
    assert await host.level() == 3
    assert set(host.policies.now.stale) == {"north"}
    assert host.policies.now.stale_since["north"] <= since + timedelta(seconds=5)
    assert host.policies.now.of("north").contacts[0].channels[0].url == "env:NURSE_SMS"
    assert await other.level() == 3
    [fault] = [fault for clinic, fault in other.policies.now.elsewhere if clinic == "north"]
    assert fault == f"on a: {host.policies.now.stale['north']}"


async def test_a_name_that_an_earlier_release_took_goes_on_paging_and_is_told(
    database: Database, tmp_path: Path
) -> None:
    """What no file may hold any more since it cannot be seen is no reason to page nobody."""
    host = Host(database, tmp_path / "a")
    host.write(north())
    await host.look()
    await database.pool.execute(
        "UPDATE clinic_policies SET policy = replace(policy::text, 'nurse', $1)::json", "nurse\u200b"
    )
    host.write(north().replace("nurse", "nurse\u200b"))
    host.start()
    policies = (await host.look()).now
    assert [contact.name for contact in policies.of("north").contacts] == ["nurse\u200b"]
    assert "contacts.0.name: holds U+200B (zero width space) at place 6" in policies.stale["north"]


async def test_since_when_is_known_after_a_new_start_under_another_name(database: Database, tmp_path: Path) -> None:
    host = Host(database, tmp_path / "a")
    host.write(north())
    then = datetime.now(UTC) - timedelta(hours=5)
    await host.look(then)
    (host.folder / "north.yaml").unlink()
    await host.look(then)
    renamed = Host(database, tmp_path / "a", "a-new-container")
    assert (await renamed.look()).now.stale_since["north"] == then
    renamed.write(north())
    await renamed.look()
    (renamed.folder / "north.yaml").unlink()
    assert (await renamed.look()).now.stale_since["north"] > then


async def test_of_two_hosts_with_different_files_the_newest_change_holds_on_both_and_both_say_so(
    database: Database, tmp_path: Path
) -> None:
    host, other = Host(database, tmp_path / "a"), Host(database, tmp_path / "b", "b")
    host.write(north(level=3), days_old=5)
    other.write(north(level=4), days_old=3)
    assert await host.level() == 3
    assert (await other.level(), await host.level()) == (4, 4)
    assert "is older than the one of clinic 'north' that holds" in host.policies.now.stale["north"]
    [(clinic, fault)] = (await other.look()).now.elsewhere
    assert clinic == "north"
    assert fault.startswith(f"on a: {host.folder / 'north.yaml'}: version ")
    [trouble] = policy_state(other.policies.now, {"NURSE_SMS": "json://h"}, ["north"]).doubtful
    assert trouble.words == "The policy file of north differs on another host, or is missing there. Tell the operator."
    host.start()  # an old file is no change
    assert (await host.level(), await other.level()) == (4, 4)
    host.write(north(level=6), days_old=4)  # a change before our eyes is one, whatever its date
    assert (await host.level(), await other.level()) == (6, 6)
    other.write(north(level=6))
    await other.look()
    assert (host.policies.now.faults, other.policies.now.faults) == ((), ())
    versions = await database.pool.fetch("SELECT what, host FROM policy_changes ORDER BY change_id")
    assert [tuple(row) for row in versions] == [("loaded", "a"), ("loaded", "b"), ("loaded", "a")]


async def test_what_changed_while_no_worker_ran_is_used_and_what_only_came_back_is_not(
    database: Database, tmp_path: Path
) -> None:
    host = Host(database, tmp_path / "a")
    host.write(north(level=3), days_old=5)
    await host.look()
    host.write(north(level=4), days_old=1)
    host.start()
    assert await host.level() == 4
    host.write(north(level=3), days_old=5)
    host.start()
    assert await host.level() == 4


async def test_what_is_kept_is_what_the_file_sets_and_names_the_same_version(
    database: Database, tmp_path: Path
) -> None:
    host = Host(database, tmp_path / "a")
    host.write(
        (Path(__file__).parents[4] / "deploy/policies/demo.yaml").read_text() + "\nalarm_priorities: {other: low}"
    )
    host.write(north(), "other.yaml")
    versions = dict((await host.look()).now.versions)
    host.start()
    (host.folder / "north.yaml").unlink()
    (host.folder / "other.yaml").unlink()
    assert dict((await host.look()).now.versions) == versions
    text = await database.pool.fetchval("SELECT policy::text FROM clinic_policies WHERE clinic_id = 'north'")
    assert "acknowledgement_expires_hours" not in text  # a default that a later release changes is the later one's
    assert Policy.model_validate_json(text).version == versions["north"]


async def test_a_policy_that_another_release_kept_is_the_fault_of_its_clinic_alone(
    database: Database, tmp_path: Path
) -> None:
    host = Host(database, tmp_path / "a")
    host.write(north())
    host.write(north(level=5, clinic="south"), "south.yaml")
    await host.look()
    await database.pool.execute(
        """UPDATE clinic_policies SET policy = '{"new": 1}', version = 'x' WHERE clinic_id = 'north'"""
    )
    assert (await host.level(), await host.level("south")) == (3, 5)
    host.start()
    assert (await host.level(), await host.level("south")) == (3, 5)


async def test_a_clinic_is_removed_by_command_alone_and_it_is_written_down(database: Database, tmp_path: Path) -> None:
    host, other = Host(database, tmp_path / "a"), Host(database, tmp_path / "b", "b")
    await enrol(database, 1)
    host.write(north(clinic="clinic-0"))
    await host.look()
    await other.look()

    def remove(clinic: str = "clinic-0", *more: str) -> tuple[int, str]:
        done = pumpwatch("policy", "remove", clinic, "--by", "Ann", "--database-url", database.dsn, *more)
        return done.returncode, done.stdout + done.stderr

    assert remove("nroth") == (1, "error: no policy of clinic 'nroth' is kept; kept are: clinic-0\n")
    assert remove() == (1, "error: the folder of a still has the file of 'clinic-0': take it away first\n")
    (host.folder / "north.yaml").unlink()
    await host.look()
    assert "clinic 'clinic-0' has 1 pump, of which nobody would be told" in remove()[1]
    assert await host.level("clinic-0") == 3
    assert remove("clinic-0", "--with-pumps")[0] == 0
    for each in (host, other):
        policies = (await each.look()).now
        assert (dict(policies.by_clinic), policies.faults, policies.stale) == ({}, (), {})
        assert policies.without_policy(["clinic-0"]) == ("clinic-0",)
    host.start()
    assert dict((await host.look()).now.by_clinic) == {}
    row = await database.pool.fetchrow("SELECT clinic_id, what, by FROM policy_changes ORDER BY change_id DESC LIMIT 1")
    assert row is not None
    assert tuple(row) == ("clinic-0", "removed", "Ann")
    with pytest.raises(Exception, match="append-only"):
        await database.pool.execute("DELETE FROM policy_changes")
    host.write(north(level=7, clinic="clinic-0"))  # a file that comes back is a change
    assert await host.level("clinic-0") == 7


async def test_a_file_that_stays_broken_is_told_once_a_day_to_the_clinic_and_the_installation(
    database: Database, tmp_path: Path
) -> None:
    host, now = Host(database, tmp_path / "a"), datetime.now(UTC)
    host.write(north())
    host.write(north(clinic="default"), "default.yaml")
    await host.look()
    (host.folder / "north.yaml").write_text("[")
    await host.look(now)
    moments = [now + timedelta(minutes=minutes) for minutes in (0, 9, 11, 12, 24 * 60 + 11)]
    for at in moments:
        resources = resources_for(
            database.pool, database.dsn, folder=host.policies, clock=partial(datetime.fromisoformat, at.isoformat())
        )
        await Worker(resources).watch_ingest_once()
    rows = await database.pool.fetch("SELECT clinic_id, priority, title, created_at FROM deliveries ORDER BY 4, 1")
    assert [(row["clinic_id"], row["priority"]) for row in rows] == [("default", "low"), ("north", "low")] * 2
    assert {row["title"] for row in rows} == {"Pumpwatch LOW: a policy file cannot be used"}
