"""The policy folder: changes, faults, and addresses."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.policy import BolusDemandPolicy, Channel, Contact, PagingPolicy, Policy, QuietHours
from schemas.policy_file import load_policy
from services.alerts.policies import address_of, policies_of, zone_for
from services.alerts.policy_files.folder import PolicyFolder

CLINIC = "clinic_id: north\nlow_reservoir: {level_ml: %s}\n"


def write(path: Path, text: str) -> None:
    """Write a file whose time differs from before even where the clock is coarse."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


async def test_without_a_folder_every_clinic_has_the_defaults() -> None:
    folder = PolicyFolder(None)
    assert not await folder.reload()
    assert folder.now.of("north") == Policy()
    assert folder.now.version_of("north") == Policy().version


async def test_a_change_takes_effect(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    assert await folder.reload()
    assert not await folder.reload()
    first = folder.now.version_of("north")
    assert folder.now.of("north").low_reservoir.level_ml == 3
    write(tmp_path / "north.yaml", CLINIC % 4)
    assert await folder.reload()
    assert folder.now.of("north").low_reservoir.level_ml == 4
    assert folder.now.version_of("north") != first


async def test_a_file_that_vanishes_keeps_its_last_good_content_and_is_named(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    write(tmp_path / "south.yaml", "clinic_id: south\n")
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    (tmp_path / "north.yaml").unlink()
    for _ in range(2):  # and when another file changes
        assert await folder.reload()
        assert not await folder.reload()
        assert folder.now.of("north").low_reservoir.level_ml == 3
        [fault] = folder.now.faults
        assert fault.startswith("north.yaml: is gone; clinic 'north', which goes on with what stood there")
        assert folder.now.stale == {"north": fault}
        assert folder.now.unusable == ()
        write(tmp_path / "south.yaml", "clinic_id: south\nlow_reservoir: {level_ml: 5}\n")
    write(tmp_path / "renamed.yaml", CLINIC % 4)
    assert await folder.reload()
    assert (folder.now.of("north").low_reservoir.level_ml, folder.now.faults) == (4, ())


async def test_a_file_that_is_given_to_another_clinic_leaves_the_first_its_last_good_content(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    write(tmp_path / "north.yaml", CLINIC.replace("north", "nroth") % 4)
    await folder.reload()
    levels = [folder.now.of(clinic).low_reservoir.level_ml for clinic in ("north", "nroth")]
    assert levels == [3, 4]
    [fault] = folder.now.faults
    assert "no longer names clinic 'north'" in fault
    (tmp_path / "north.yaml").unlink()
    await folder.reload()
    assert set(folder.now.stale) == {"north", "nroth"}


async def test_who_has_no_policy_at_all_is_known_where_there_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    assert folder.now.without_policy(["south"]) == ()  # nothing was read yet
    await folder.reload()
    assert folder.now.without_policy(["north", "south", "east"]) == ("east", "south")
    write(tmp_path / "default.yaml", "clinic_id: default\n")
    await folder.reload()
    assert folder.now.without_policy(["south"]) == ()
    missing = PolicyFolder(tmp_path / "nowhere")
    await missing.reload()
    assert missing.now.without_policy(["north"]) == ("north",)


async def test_a_broken_file_keeps_its_last_good_content(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    write(tmp_path / "north.yaml", "clinic_id: north\nlow_reservoir: {level_ml: lots}\n")
    assert await folder.reload()
    assert folder.now.of("north").low_reservoir.level_ml == 3
    (fault,) = folder.now.faults
    assert "low_reservoir.level_ml" in fault
    assert folder.now.unusable == ()


async def test_a_file_that_was_never_good_is_named(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", "clinic_id: [")
    folder = PolicyFolder(tmp_path)
    assert await folder.reload()
    assert len(folder.now.unusable) == 1
    assert folder.now.unusable == folder.now.faults


@pytest.mark.parametrize(
    "text", ["a: !!timestamp foo", "a: !!int ''", "a: !!bool foo", "[" * 3000], ids=["time", "int", "bool", "deep"]
)
async def test_whatever_a_file_holds_is_its_own_fault_and_the_other_clinics_are_read(tmp_path: Path, text: str) -> None:
    write(tmp_path / "north.yaml", text)
    write(tmp_path / "south.yaml", "clinic_id: south\nlow_reservoir: {level_ml: 3}\n")
    folder = PolicyFolder(tmp_path)
    assert await folder.reload()
    assert folder.now.of("south").low_reservoir.level_ml == 3
    [fault] = folder.now.faults
    assert fault.startswith(f"{tmp_path / 'north.yaml'}")
    assert folder.now.unusable == (fault,)


async def test_two_files_for_one_clinic_are_a_fault_of_both(tmp_path: Path) -> None:
    write(tmp_path / "b.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    write(tmp_path / "a.yml", CLINIC % 4)  # it sorts first, and takes nothing over
    await folder.reload()
    [fault] = folder.now.faults
    both = f"{tmp_path / 'a.yml'} and {tmp_path / 'b.yaml'}"
    assert fault.startswith(f"{both}: each names clinic 'north', and none of them is used")
    assert (folder.now.of("north").low_reservoir.level_ml, folder.now.stale) == (3, {"north": fault})
    write(tmp_path / "b.yaml", CLINIC % 5)
    await folder.reload()
    assert folder.now.of("north").low_reservoir.level_ml == 3
    (tmp_path / "a.yml").unlink()
    await folder.reload()
    assert (folder.now.of("north").low_reservoir.level_ml, folder.now.faults) == (5, ())


async def test_what_is_no_policy_file_is_nobodys_and_nothing_waits(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    (tmp_path / ".#north.yaml").symlink_to("somebody@somewhere.1234:5678")
    (tmp_path / ".north.yaml.swp.yaml").write_text("[")
    (tmp_path / "README").write_text("[")
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    assert (folder.now.of("north").low_reservoir.level_ml, folder.now.faults) == (3, ())
    (tmp_path / "east.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(tmp_path / "south.yaml")
    (tmp_path / "west.yaml").mkdir()
    await folder.reload()
    assert [fault.removeprefix(f"{tmp_path}/") for fault in folder.now.faults] == [
        "east.yaml: cannot be read: No such file or directory",
        "south.yaml: cannot be read: is no regular file",
        "west.yaml: cannot be read: Is a directory",
    ]
    assert folder.now.of("north").low_reservoir.level_ml == 3
    assert not await folder.reload()


async def test_a_file_that_is_emptied_takes_no_other_clinic_over(tmp_path: Path) -> None:
    write(tmp_path / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(tmp_path)
    await folder.reload()
    write(tmp_path / "north.yaml", "")
    await folder.reload()
    assert folder.now.stale == {"north": f"{tmp_path / 'north.yaml'}:1: says nothing; expected at least the clinic_id"}
    assert (folder.now.of("north").low_reservoir.level_ml, folder.now.of("south")) == (3, Policy())


async def test_a_file_that_does_not_answer_holds_up_neither_the_others_nor_the_loop(tmp_path: Path) -> None:
    """As a file of a server that is gone."""
    write(tmp_path / "north.yaml", CLINIC % 3)
    write(tmp_path / "south.yaml", "clinic_id: south\nlow_reservoir: {level_ml: 5}\n")
    answers, asked = threading.Event(), []

    def load(path: Path) -> Policy:
        asked.append(path.name)
        if path.name == "north.yaml":
            answers.wait()
        return load_policy(path)

    fault = f"{tmp_path / 'north.yaml'}: cannot be read: TimeoutError: does not answer within 0.5 s"
    folder = PolicyFolder(tmp_path, load=load, read_seconds=0.5)
    for _ in range(20):  # on a machine that is busy, any file may take so long
        await folder.reload()
        if (folder.now.of("south").low_reservoir.level_ml, folder.now.faults) == (5, (fault,)):
            break
    assert (folder.now.of("south").low_reservoir.level_ml, folder.now.faults) == (5, (fault,))
    await folder.reload()
    assert asked.count("north.yaml") == 1  # no second one waits beside the first
    answers.set()
    for _ in range(1000):
        await folder.reload()
        if folder.now.faults == ():
            break
        await asyncio.sleep(0.01)
    assert folder.now.of("north").low_reservoir.level_ml == 3


async def test_a_folder_that_goes_away_keeps_what_was_known(tmp_path: Path) -> None:
    there = tmp_path / "policies"
    there.mkdir()
    write(there / "north.yaml", CLINIC % 3)
    folder = PolicyFolder(there)
    await folder.reload()
    there.rename(tmp_path / "gone")
    assert await folder.reload()
    assert not await folder.reload()
    assert folder.now.of("north").low_reservoir.level_ml == 3
    assert folder.now.unusable == ()
    missing = PolicyFolder(tmp_path / "nowhere")
    assert await missing.reload()
    assert "cannot be read" in missing.now.unusable[0]


def test_the_default_file_serves_every_other_clinic() -> None:
    default = Policy(bolus_demand=BolusDemandPolicy(baseline_days=120))
    policies = policies_of(default, Policy(clinic_id="north"))
    assert policies.of("south") is default
    assert policies.version_of("south") == default.version
    assert policies.longest_baseline_days == 120


@pytest.mark.parametrize(
    ("contact", "channel", "expected"),
    [
        ("nurse", "sms", "json://example.org/"),
        ("nurse", "push", "ntfy://topic"),
        ("nurse", "pager", None),
        ("nurse", "empty", None),
        ("doctor", "sms", None),
        ("nurse", "fax", None),
    ],
)
def test_addresses(contact: str, channel: str, expected: str | None) -> None:
    policy = Policy(
        contacts=(
            Contact(
                name="nurse",
                channels=(
                    Channel(name="sms", url="json://example.org/"),
                    Channel(name="push", url="env:NURSE_PUSH"),
                    Channel(name="pager", url="env:NOT_SET"),
                    Channel(name="empty", url="env:EMPTY"),
                ),
            ),
        )
    )
    environment = {"NURSE_PUSH": "ntfy://topic", "EMPTY": ""}
    assert address_of(policy, contact, channel, environment) == expected


BERLIN = Policy(paging=PagingPolicy(quiet_hours=QuietHours(begins="22:00", ends="06:00", timezone="Europe/Berlin")))


@pytest.mark.parametrize(
    ("policy", "of_rotas", "zone"),
    [
        (BERLIN, "UTC", "Europe/Berlin"),
        (BERLIN, None, "Europe/Berlin"),
        (BERLIN, "Europe/Vienna", "Europe/Vienna"),
        (Policy(), "UTC", "UTC"),
        (Policy(), None, "UTC"),
        (Policy(), "Europe/Vienna", "Europe/Vienna"),
    ],
)
def test_the_clock_of_a_clinic_is_that_of_its_rotas_or_of_its_quiet_hours(policy, of_rotas, zone) -> None:
    assert zone_for(policy, of_rotas).key == zone


def test_each_clinic_has_a_clock_of_its_own() -> None:
    found = replace(policies_of(BERLIN.model_copy(update={"clinic_id": "north"})), rota_zones={"east": "Asia/Tokyo"})
    assert [found.zone_of(each).key for each in ("north", "east", "south")] == ["Europe/Berlin", "Asia/Tokyo", "UTC"]
