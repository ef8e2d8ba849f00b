"""`pumpwatch devices` as a person types it: what it says, what it changes, what it refuses, and who did it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.command import pumpwatch
from tests.stack import Database

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
BERLIN = {"PUMPWATCH_ZONE": "Europe/Berlin", "PUMPWATCH_BY": "Ann"}


@pytest.fixture
async def devices(database: Database):
    """`devices("show", "p-1")` is the command, on a registry of two pumps and a handheld."""
    for arguments in (("p-1", "p-2"), ("h-1", "--kind", "handheld", "--pair-with", "p-1")):
        done = pumpwatch("enrol", *arguments, "--clinic", "north", DATABASE_URL=database.dsn, **BERLIN)
        assert done.returncode == 0, done.stderr
    await database.pool.execute("INSERT INTO clinics VALUES ('south', 'South')")

    def devices(*arguments: str, zone: str = "Europe/Berlin") -> str:
        environment = {**BERLIN, "PUMPWATCH_ZONE": zone} if zone else {"PUMPWATCH_BY": "Ann"}
        done = pumpwatch("devices", *arguments, DATABASE_URL=database.dsn, **environment)
        assert "Traceback" not in done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    return devices


def typed(days_ago: float) -> str:
    return (NOW - days_ago * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_handheld_is_given_away_and_what_stays_behind_is_said(devices, database: Database):
    for days in (3, 1):
        await database.pool.execute(
            "INSERT INTO bolus_requests (pump_id, observed_at, event_id, received_at, device_id, outcome) "
            "VALUES ('p-1', $1, gen_random_uuid(), $1, 'h-1', 'delivered')",
            NOW - days * DAY,
        )
    said = devices("pair", "h-1", "p-2", "--from", typed(2))
    at = typed(2).replace("T", " ")
    assert said.splitlines() == [
        f"h-1 is paired with p-2 since {at}",
        f"h-1 is paired with p-1 from ever until {at}",
        "1 event of h-1 outside that time are stored for p-1, and stay there",
    ]
    assert devices("pair", "h-1", "p-2") == "h-1 is paired with p-2 already: nothing changed\n"
    row = await database.pool.fetchrow("SELECT pump_id, pumps FROM registry WHERE device_id = 'h-1'")
    assert row is not None
    assert (row["pump_id"], row["pumps"]) == ("p-2", ["p-1", "p-2"])
    queued = "SELECT pump_ids FROM evaluation_queue WHERE urgent ORDER BY queue_id DESC LIMIT 1"
    assert await database.pool.fetchval(queued) == ["p-1", "p-2"]
    shown = devices("show", "h-1")
    assert f"paired with p-1: from ever until {at}\n" in shown
    assert f"paired with p-2: from {at} until now\n" in shown
    assert f"pair by Ann: h-1 is paired with p-2 since {at}; " in shown


async def test_a_pairing_that_was_wrong_from_the_beginning_is_kept(devices, database: Database):
    devices("pair", "h-1", "p-2", "--from", typed(2))
    devices("unpair", "h-1", "--at", typed(1))
    assert devices("unpair", "h-1", "--undo").startswith("h-1 is paired with p-2 since ")
    said = devices("pair", "h-1", "p-1", "--from", typed(2))
    assert "h-1 is paired with p-2 never\n" in said
    assert "paired with p-2: never (corrected)" in devices("show", "h-1")
    assert await database.pool.fetchval("SELECT pumps FROM registry WHERE device_id = 'h-1'") == ["p-1", "p-2", "p-1"]


async def test_a_pump_is_explanted_implanted_and_moved(devices, database: Database):
    assert devices("implant", "p-1", "--patient", "A-17").startswith("p-1 is in patient A-17: only the reference was")
    at = typed(5).replace("T", " ")
    assert devices("explant", "p-1", "--at", typed(5)).startswith(f"p-1 is explanted since {at}; ")
    assert row(devices("list"), "p-1") == ["p-1", "pump", "north", "explanted", "-", "never", "-", "-"]
    assert devices("explant", "p-1", "--undo").startswith("p-1 is not explanted: ")
    devices("explant", "p-1", "--at", typed(5))
    said = devices("implant", "p-1", "--patient", "B-2", "--from", typed(3), "--clinic", "south")
    day = typed(3).replace("T", " ")
    assert said.splitlines() == [
        f"p-1 is in patient B-2 since {day}; nothing from before counts any more",
        f"p-1 is with clinic south since {day}, with h-1",
    ]
    assert devices("move", "p-1", "--clinic", "north").startswith("p-1 is with clinic north since ")
    shown = json.loads(devices("show", "p-1", "--json"))
    assert [(each["implanted"], each["patient_ref"]) for each in shown["implantations"]] == [
        (True, "A-17"),
        (False, None),
        (True, "B-2"),
    ]
    assert [each["clinic_id"] for each in shown["memberships"]] == ["north", "south", "north"]
    assert shown["memberships"][0]["since"] is None
    [listed] = json.loads(devices("list", "--kind", "handheld", "--json"))["devices"]
    assert (listed["clinic_id"], listed["belongs_to"], listed["state"]) == ("north", "p-1", "in use")


async def test_what_is_retired_is_listed_only_when_asked_for(devices, database: Database):
    await database.pool.execute(
        "INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, "
        "updated_at, policy_version) VALUES ('north', 'p-1', 'pump_alarm', 'other', 'high', 'active', 'Motor stall', "
        "'', now(), now(), now(), '1')"
    )
    said = devices("retire", "p-1")
    assert said.startswith("p-1 is retired since ")
    assert "h-1 is paired with p-1 from ever until " in said
    assert "alerts that were open, and are judged anew:\n  HIGH Motor stall, opened " in said
    assert "p-1" not in devices("list")
    assert row(devices("list", "--retired"), "p-1") == ["p-1", "pump", "north", "retired", "-", "never", "-", "1"]
    assert row(devices("list", "--state", "retired"), "p-1")
    assert row(devices("list"), "h-1") == ["h-1", "handheld", "north", "unpaired", "-", "never", "-", "-"]
    assert "p-1: expected a device in use, and it is retired since " in devices("explant", "p-1")
    assert devices("list", "--clinic", "south") == "no devices\n"
    assert devices("list", "--clinic", "nort") == (
        "error: there is no clinic 'nort'; near it is 'north'; there is: north, south\n"
    )


async def test_the_list_says_how_many_there_are_and_when_certificates_end(devices, database: Database):
    soon, later = NOW + 10 * DAY, NOW + 90 * DAY
    for number, (device, ends) in enumerate((("p-1", soon), ("p-2", later), ("p-2", soon))):
        await database.pool.execute(
            "INSERT INTO certificates (device_id, serial, issuer, fingerprint, source, not_before, not_after, "
            "entered_at, entered_by) VALUES ($1, $4::text, 'x', repeat($4, 64), 'issued', $2, $3, now(), 'Ann')",
            device, NOW - DAY, ends, str(number),
        )  # fmt: skip
    await database.pool.execute(
        "INSERT INTO device_last_seen (device_id, received_at, observed_at, clock_offset_seconds) "
        "VALUES ('p-1', $1, $1, 0), ('p-2', $2, $2, 0)",
        NOW, NOW - 5 * DAY,
    )  # fmt: skip
    listed = devices("list", "--limit", "2")
    assert listed.splitlines()[0].split()[:4] == ["DEVICE", "KIND", "CLINIC", "STATE"]
    assert listed.splitlines()[-1] == "3 devices, of which 1 to 2; --page 2 shows more"
    assert devices("list", "--limit", "2", "--page", "2").splitlines()[-1] == "3 devices, of which 3 to 3"
    assert devices("list", "--limit", "2", "--page", "9") == "3 devices: page 9 is behind the last, which is 2\n"
    behind = json.loads(devices("list", "--limit", "2", "--page", "9", "--json"))
    assert (behind["total"], behind["devices"]) == (3, [])
    assert f"{soon:%Y-%m-%d %H:%M}Z" in listed
    ending = json.loads(devices("list", "--expiring-within-days", "30", "--json"))
    assert [each["device_id"] for each in ending["devices"]] == ["p-1"]
    assert ending["total"] == 1
    silent = json.loads(devices("list", "--silent-for", "3d", "--json"))
    assert [each["device_id"] for each in silent["devices"]] == ["h-1", "p-2"]
    assert devices("list", "--silent-for", "soon").startswith("error: --silent-for: 'soon' is not a length of time")
    assert devices("list", "--kind", "handheld").splitlines()[-1] == "1 device"


def row(listed: str, device: str) -> list[str]:
    return next(line.split() for line in listed.splitlines() if line.startswith(f"{device} "))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "p-11"), "p-11: expected an enrolled device, and it is not enrolled: did you mean p-1?"),
        (("pair", "h-1", "p-9x"), "p-9x: expected an enrolled pump, and it is not enrolled"),
        (("pair", "p-1", "p-2"), "p-1: expected an enrolled handheld, and it is a pump"),
        (("explant", "h-1"), "h-1: expected an enrolled pump, and it is a handheld"),
        (
            ("pair", "h-1", "p-2", "--from", "2020-01-01", "--until", "2021-01-01"),
            "h-1: it is paired with pump p-1 from",
        ),
        (("pair", "h-1", "p-2", "--from", "2099-01-01"), "h-1: 2098-12-31 23:00:00Z is in the future: expected a time"),
        (("retire", "p-1", "--at", "2099-01-01"), "2098-12-31 23:00:00Z is in the future"),
        (("unpair", "h-1", "--at", "soon"), "--at: 'soon' is not a time: expected a date and time such as"),
        (
            ("unpair", "h-1", "--at", "2026-01-01", "--undo"),
            "--undo takes back what was entered last: it takes no --at",
        ),
        (("implant", "p-1", "--patient", "Ann Smith"), "p-1: patient reference 'Ann Smith' is not allowed"),
        (("implant", "p-1"), "p-1: it is implanted since ever: expected --patient, or --from"),
        (("move", "p-1", "--clinic", "sout"), "there is no clinic 'sout': did you mean south?"),
        (("move", "p-1", "--clinic", "north"), "p-1: it is with clinic north since ever"),
    ],
)
async def test_what_is_refused_is_one_line_and_changes_nothing(devices, database: Database, arguments, says):
    before = await database.pool.fetchval("SELECT count(*) FROM registry_changes")
    said = devices(*arguments)
    assert said.startswith(f"error: {says}")
    assert said.count("\n") == 1
    assert await database.pool.fetchval("SELECT count(*) FROM registry_changes") == before


async def test_a_time_without_a_zone_is_not_guessed(devices):
    said = devices("explant", "p-1", "--at", "2026-01-01 08:00", zone="")
    assert said.startswith("error: --at: '2026-01-01 08:00' does not say where: expected an offset")
