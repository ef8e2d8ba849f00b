"""`pumpwatch alerts list|show|ack`: what it says, whom it lets, and what the trail says of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.alerts.audit.verify import verify_access
from services.people.model import Role
from tests.alerts_world import Story, verify_undated
from tests.command import at_a_terminal, pumpwatch
from tests.integration.commands.people import PASSWORD, add_person
from tests.logins import with_login
from tests.stack import Database

OF_NORTH, OF_SOUTH = "clinic-of-pump-north", "clinic-of-pump-south"


@dataclass
class World:
    """Two clinics, each with a pump that has stalled; Ann acts in the north, Vic reads there, Eve acts in the south."""

    database: Database
    north: Story
    south: Story
    alert: UUID
    alert_of_south: UUID

    def run(self, *words: str, typed: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {"DATABASE_URL": self.database.dsn} | environment
        if typed is None:
            return pumpwatch("alerts", *words, **environment)
        return pumpwatch("alerts", *words, "--password-stdin", typed=f"{typed}\n", **environment)

    def json(self, *words: str, **more: Any) -> dict[str, Any]:
        done = self.run(*words, "--json", **more)
        assert (done.returncode, done.stderr) == (0, "")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    async def state(self) -> str:
        found: str = await self.database.pool.fetchval("SELECT state FROM alerts WHERE alert_id = $1", self.alert)
        return found


@pytest.fixture
async def world(database: Database) -> World:
    stories = [Story(database.pool, database.dsn, pump_id=f"pump-{name}") for name in ("north", "south")]
    for story in stories:
        await story.run([(0, "alarm motor_stall raised")])
    for sign_in, clinic, role in (
        ("ann", OF_NORTH, Role.RESPONDER),
        ("vic", OF_NORTH, Role.VIEWER),
        ("eve", OF_SOUTH, Role.RESPONDER),
    ):
        await add_person(database, sign_in, **{clinic: role})
    rows = await database.pool.fetch("SELECT clinic_id, alert_id FROM alerts")
    ids: dict[str, UUID] = {row["clinic_id"]: row["alert_id"] for row in rows}
    return World(database, stories[0], stories[1], ids[OF_NORTH], ids[OF_SOUTH])


async def test_the_list_has_headings_and_says_how_many_there_are_in_all(world: World) -> None:
    done = world.run("list", "--limit", "1")
    assert (done.returncode, done.stderr) == (0, "")
    head, first, total = done.stdout.splitlines()
    assert head.split() == ["ID", "PRIORITY", "STATE", "SINCE", "CLINIC", "PUMP", "ALERT"]
    assert " high      waiting  2026-03-02 09:00Z  clinic-of-pump-" in first
    assert total.startswith("2 alerts, at 20")
    assert total.endswith("Z, of which 1 to 1; --page 2 shows more")
    assert "page 3 is behind the last, which is 2" in world.run("list", "--limit", "1", "--page", "3").stdout
    assert ", of which 2 to 2\n" in world.run("list", "--limit", "1", "--page", "2").stdout


async def test_it_is_filtered_as_on_the_board_and_what_is_none_is_refused(world: World) -> None:
    found = world.json("list", "--clinic", OF_NORTH, "--priority", "high", "--rule", "pump_alarm", "--state", "active")
    assert [each["pump_id"] for each in found["alerts"]] == ["pump-north"]
    assert found["total"] == 1
    assert "no alerts, filtered by low only, at " in world.run("list", "--priority", "low").stdout
    for words, says in (
        (
            ("--rule", "low_reservor"),
            "error: there is no rule 'low_reservor'; near it is 'low_reservoir': expected one of ",
        ),
        (("--state", "opn"), "error: there is no state 'opn'; near it is 'open': expected one of open, active, "),
        (("--sort", "size"), "error: there is no sort 'size': expected one of urgent, "),
    ):
        done = world.run("list", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(says)
        assert done.stderr.count("\n") == 1
    done = world.run("list", "--clinic", "clinic-of-pump-nort")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: there is no clinic 'clinic-of-pump-nort'; near it are '{OF_NORTH}' and ")


async def test_show_says_what_the_page_says(world: World) -> None:
    done = world.run("show", str(world.alert))
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "HIGH: ",
        "waiting for somebody",
        "Told: nurse by sms 2026-03-02 09:00Z",
        "WHAT TO DO",
        "1. ",
        "Z Opened, high",
    ):
        assert words in " ".join(done.stdout.split())
    document = world.json("show", str(world.alert))
    assert document["alert"]["alert_id"] == str(world.alert)
    assert document["what_to_do"]["guide"]["steps"]
    assert [each["kind"] for each in document["transitions"]] == ["opened"]
    nowhere = uuid4()
    assert world.run("show", str(nowhere)).stderr == f"error: there is no alert {nowhere}\n"
    done = world.run("show", "first")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ID: ")


async def test_reading_is_noted_under_the_login_or_the_person(world: World) -> None:
    world.run("show", str(world.alert), PUMPWATCH_BY="Ada")
    world.run("show", str(world.alert), "--as", "vic", typed=PASSWORD)
    world.run("list")
    rows = await world.database.pool.fetch(
        "SELECT actor, clinic_id FROM access_log WHERE kind = 'read' ORDER BY access_seq"
    )
    whose = [(row["actor"].partition(":")[0], row["clinic_id"]) for row in rows]
    assert rows[0]["actor"] == "login:Ada"
    assert sorted(whose) == [("login", OF_NORTH), ("login", OF_NORTH), ("login", OF_SOUTH), ("person", OF_NORTH)]
    async with world.database.pool.acquire() as connection:
        assert (await verify_access(connection)).faults == ()


async def test_a_person_takes_an_alert_and_the_trail_says_who(world: World) -> None:
    done = world.run("ack", str(world.alert), "--as", "ann", "--note", "ringing", typed=PASSWORD)
    assert (done.returncode, done.stderr) == (0, "")
    assert ", pump-north in clinic-of-pump-north: you have it until 20" in done.stdout
    assert await world.state() == "acknowledged"
    pool = world.database.pool
    ann = await pool.fetchval("SELECT person_id FROM persons WHERE sign_in = 'ann'")
    row = await pool.fetchrow(
        "SELECT actor, detail->>'name' AS name, detail->>'note' AS note FROM alert_transitions "
        "WHERE kind = 'acknowledged'"
    )
    assert row is not None
    assert (row["actor"], row["name"], row["note"]) == (f"person:{ann}", "Ann", "ringing")
    async with pool.acquire() as connection:
        assert (await verify_undated(connection)).faults == ()
    assert "Ann has it" in world.run("list").stdout
    again = world.json("ack", str(world.alert), "--as", "ann", typed=PASSWORD)
    assert again["changed"] is False
    assert again["alert"]["acknowledged_by"] == "Ann"
    assert await pool.fetchval("SELECT count(*) FROM alert_transitions WHERE kind = 'acknowledged'") == 1


async def test_each_sign_in_is_a_row_and_leaves_no_session(world: World) -> None:
    world.run("ack", str(world.alert), "--as", "ann", typed=PASSWORD)
    pool = world.database.pool
    rows = await pool.fetch(
        "SELECT kind, detail->>'from' AS place FROM access_log WHERE detail->>'from' LIKE 'command line%' "
        "OR kind = 'signed_out' ORDER BY access_seq"
    )
    assert [row["kind"] for row in rows] == ["signed_in", "signed_out"]
    assert rows[0]["place"].startswith("command line: login ")
    open_ones = "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at < now() + interval '10 minutes'"
    assert await pool.fetchval(open_ones) == 0


@pytest.mark.parametrize(
    ("who", "password", "says"),
    [
        (
            "vic",
            PASSWORD,
            "error: you may read alerts of clinic-of-pump-north, and not act on them: that takes the role ",
        ),
        ("eve", PASSWORD, "error: there is no alert "),
        ("ann", "wrong", "error: nobody signs in as 'ann' with this password; expected "),
        ("nobody", PASSWORD, "error: nobody signs in as 'nobody' with this password; expected "),
        ("ann", "", "error: nobody signs in as 'ann' with this password; expected "),
    ],
)
async def test_what_the_board_refuses_is_refused(world: World, who: str, password: str, says: str) -> None:
    done = world.run("ack", str(world.alert), "--as", who, typed=password)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1
    assert await world.state() == "active"
    assert await world.database.pool.fetchval("SELECT count(*) FROM alert_transitions WHERE kind <> 'opened'") == 0


async def test_what_somebody_else_has_is_refused_and_so_is_who_was_disabled(world: World) -> None:
    await add_person(world.database, "ben", **{OF_NORTH: Role.RESPONDER})
    world.run("ack", str(world.alert), "--as", "ann", typed=PASSWORD)
    done = world.run("ack", str(world.alert), "--as", "ben", typed=PASSWORD)
    assert done.returncode == 1
    assert "Ann" in done.stderr
    pumpwatch("user", "disable", "ben", DATABASE_URL=world.database.dsn)
    done = world.run("list", "--as", "ben", typed=PASSWORD)
    assert done.stderr.startswith("error: nobody signs in as 'ben' with this password")


async def test_what_has_ended_is_confirmed_and_what_is_closed_is_refused(world: World) -> None:
    await world.north.run_more([(30, "alarm motor_stall cleared")])
    assert await world.state() == "cleared"
    assert "ended, not seen" in world.run("list").stdout
    done = world.run("ack", str(world.alert), "--as", "ann", typed=PASSWORD)
    assert done.stdout.endswith(": it had ended, and is closed now that you have seen it\n")
    assert await world.state() == "closed"
    assert world.json("list")["total"] == 1
    assert world.json("list", "--state", "closed")["total"] == 1
    await add_person(world.database, "ben", **{OF_NORTH: Role.RESPONDER})
    done = world.run("ack", str(world.alert), "--as", "ben", typed=PASSWORD)
    assert (done.returncode, done.stderr) == (1, "error: this alert is closed: its condition has ended\n")


async def test_another_clinic_is_not_there_for_a_person(world: World) -> None:
    listed = world.json("list", "--as", "eve", typed=PASSWORD)
    assert [each["clinic_id"] for each in listed["alerts"]] == [OF_SOUTH]
    assert listed["total"] == 1
    absent = uuid4()
    theirs = world.run("show", str(world.alert), "--as", "eve", typed=PASSWORD)
    nobodys = world.run("show", str(absent), "--as", "eve", typed=PASSWORD)
    assert theirs.stderr.replace(str(world.alert), "ID") == nobodys.stderr.replace(str(absent), "ID")
    done = world.run("list", "--clinic", OF_NORTH, "--as", "eve", typed=PASSWORD)
    assert done.stderr.startswith(
        f"error: there is no clinic '{OF_NORTH}' that you may see: expected one of {OF_SOUTH}"
    )


async def test_with_the_web_process_login_the_views_hold_the_border(world: World) -> None:
    """As in the container of the board, whose login has no right on a table."""
    web = {"DATABASE_URL": with_login(world.database.dsn, "pumpwatch_web")}
    assert world.json("list", "--as", "ann", typed=PASSWORD, **web)["total"] == 1
    done = world.run("ack", str(world.alert), "--as", "ann", typed=PASSWORD, **web)
    assert (done.returncode, done.stderr) == (0, "")
    done = world.run("list", **web)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this login of the database may not do that: permission denied for ")


async def test_an_alert_is_taken_by_a_person_and_a_password_is_asked_of_somebody(world: World) -> None:
    done = world.run("ack", str(world.alert))
    assert done.returncode == 2
    assert done.stderr == "error: an alert is taken by a person: expected --as NAME, as they sign in at the board\n"
    done = world.run("ack", str(world.alert), "--as", "ann")
    assert done.returncode == 2
    assert done.stderr == "error: nobody can be asked for the password: expected a terminal, or --password-stdin\n"
    done = world.run("list", "--password-stdin")
    assert done.stderr == "error: --password-stdin belongs to --as NAME\n"
    done = world.run("ack", str(world.alert), "--as", "ann", "--note", "x" * 1001, typed=PASSWORD)
    assert done.stderr == "error: --note: expected at most 1,000 characters, not 1,001\n"
    assert await world.state() == "active"


async def test_at_a_terminal_it_asks_and_does_not_show_what_is_typed(world: World) -> None:
    words = ("alerts", "ack", str(world.alert), "--as", "ann")
    code, said = at_a_terminal(*words, asks="Password of ann: ", answer=PASSWORD, DATABASE_URL=world.database.dsn)
    assert code == 0, said
    assert "you have it until 20" in said
    assert PASSWORD not in said
    assert await world.state() == "acknowledged"
