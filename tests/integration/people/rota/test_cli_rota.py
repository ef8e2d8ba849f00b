"""`pumpwatch rota` and `pumpwatch coverage` as a person types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.policy import Contact, EscalationStep, Policy, Priority, Route
from tests.command import pumpwatch
from tests.integration.people.clinic import ANN, BOB, NOW, Clinic
from tests.stack import Database

LAYERS = """\
clinic_id: north
rotas:
- name: first
  timezone: Europe/Berlin
  layers:
  - name: week
    members: [ann, bob]
    begins: '2026-01-05'
    hand_over: 09:00
"""
Run = Callable[..., str]


@pytest.fixture
async def clinic(database: Database) -> Clinic:
    made = Clinic(database)
    await made.make()
    return made


@pytest.fixture
def run(clinic: Clinic) -> Run:
    def run(*arguments: str, code: int = 0) -> str:
        done = pumpwatch(*arguments, DATABASE_URL=clinic.database.dsn, PUMPWATCH_BY="Ada")
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    return run


@pytest.fixture
def imported(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "rotas.yaml").write_text(LAYERS)
    assert run("rota", "import", str(tmp_path / "rotas.yaml")) == "clinic north: rota first, version 1\n"
    return run


def test_a_rota_is_exported_as_it_was_imported(imported: Run, tmp_path: Path) -> None:
    text = imported("rota", "export", "--clinic", "north")
    (tmp_path / "again.yaml").write_text(text)
    assert imported("rota", "import", str(tmp_path / "again.yaml")) == "clinic north: rota first, version 2\n"
    assert imported("rota", "export", "--clinic", "north", "--rota", "first") == text
    assert "by Ada" in imported("rota", "show", "--clinic", "north")


def test_shifts_go_into_a_calendar_and_come_back(imported: Run, tmp_path: Path) -> None:
    text = imported("rota", "export", "--clinic", "north", "--rota", "first", "--format", "ical", "--days", "30")
    assert text.startswith("BEGIN:VCALENDAR\n")
    (tmp_path / "shifts.ics").write_text(text)
    back = ("rota", "import", str(tmp_path / "shifts.ics"), "--clinic", "north", "--rota", "first")
    assert imported(*back) == "clinic north: rota first, 0 changes made\n"
    (tmp_path / "shifts.ics").write_text(text.replace("PERSON:ann", "PERSON:bob"))
    assert re.fullmatch(r"clinic north: rota first, [1-3] changes? made\n", imported(*back))
    shown = json.loads(imported("rota", "show", "--clinic", "north", "--days", "25", "--json"))
    assert {shift["person"] for shift in shown["rotas"][0]["shifts"]} == {"Bob"}


def test_a_change_is_made_told_and_withdrawn(imported: Run) -> None:
    begins, ends = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    times = ("--from", f"{begins:%Y-%m-%dT%H:%MZ}", "--until", f"{ends:%Y-%m-%dT%H:%MZ}")
    here = ("--clinic", "north", "--rota", "first")
    said = imported("rota", "override", *here, "--person", "bob", *times)
    assert said.startswith("first: Bob has it from ")
    change = said.rpartition("change ")[2].rstrip(")\n")
    shown = imported("rota", "show", "--clinic", "north")
    assert shown.splitlines()[1].startswith("  now                  until ")
    assert shown.splitlines()[1].endswith("  Bob")
    assert f"override {change}: Bob, " in shown
    assert imported("rota", "withdraw", change, "--clinic", "north") == f"change {change} is withdrawn\n"
    assert "no change" in imported("rota", "withdraw", change, "--clinic", "south", code=1)
    imported("rota", "override", *here, "--person", "bob", "--instead-of", "ann", *times)
    assert "Bob instead of Ann" in imported("rota", "show", "--clinic", "north")


def test_what_is_wrong_is_one_line_and_changes_nothing(imported: Run, tmp_path: Path) -> None:
    here = ("rota", "override", "--clinic", "north", "--rota", "first")
    times = ("--from", "2026-11-26 18:00", "--until", "2126-11-26 18:00")
    for arguments, expected in (
        (
            (*here, "--person", "zoe", *times),
            "nobody of this clinic signs in as 'zoe'; expected one of ann, bob, cem, vic",
        ),
        ((*here, "--person", "bob", *times), "expected an end after the begin, within 400 days"),
        (
            (*here, "--person", "bob", "--from", "soon", "--until", "later"),
            "'soon' is no time; expected a time such as",
        ),
        (("rota", "show", "--clinic", "north", "--rota", "second"), "clinic 'north' has no rota 'second'"),
        (("rota", "remove", "second", "--clinic", "north"), "clinic 'north' has no rota 'second'"),
        (("rota", "import", str(tmp_path / "none.yaml")), "none.yaml: cannot be read: No such file or directory"),
    ):
        said = imported(*arguments, code=1)
        assert expected in said
        assert len(said.splitlines()) == 1
    (tmp_path / "wrong.yaml").write_text(LAYERS.replace("bob", "zoe") + LAYERS[LAYERS.index("- name") :])
    said = imported("rota", "import", str(tmp_path / "wrong.yaml"), code=1)
    assert "wrong.yaml:7: rotas.0.layers.0.members.1: nobody of this clinic signs in as 'zoe'" in said
    two = LAYERS + LAYERS[LAYERS.index("- name") :].replace("first", "second").replace("bob", "cem")
    (tmp_path / "disabled.yaml").write_text(two)
    assert "Cem is disabled" in imported("rota", "import", str(tmp_path / "disabled.yaml"), code=1)
    assert "version 1 " in imported("rota", "show", "--clinic", "north")
    (tmp_path / "x.ics").write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    imported("rota", "import", str(tmp_path / "x.ics"), code=2)
    assert "x.ics:1: has no event" in imported(
        "rota", "import", str(tmp_path / "x.ics"), "--clinic", "north", "--rota", "first", code=1
    )
    imported("rota", "export", "--clinic", "north", "--format", "ical", code=2)
    assert imported("rota", "remove", "first", "--clinic", "north") == "clinic north: rota first is removed\n"
    assert imported("rota", "show", "--clinic", "north") == "no rotas\n"


async def keep_policy(database: Database) -> None:
    step = EscalationStep(after_minutes=0, contacts=("on call",))
    contacts = (Contact(name="on call", rota="first"),)
    policy = Policy(clinic_id="north", contacts=contacts, routes={Priority.HIGH: Route(steps=(step,))})
    await database.pool.execute(
        "INSERT INTO clinic_policies (clinic_id, version, policy, changed_at, file, host) "
        "VALUES ('north', 'v', $1, $2, 'north.yaml', 'here')",
        policy.model_dump_json(exclude_unset=True),
        NOW,
    )


async def test_the_proof_of_coverage_names_each_gap_and_fails(clinic: Clinic, imported: Run) -> None:
    assert imported("coverage", "--clinic", "north", code=1).endswith("Z: nobody would be told\n")
    await keep_policy(clinic.database)
    said = imported("coverage", "--clinic", "north", "--days", "90", code=1)
    assert said.startswith("north: 1 time in which a high alarm would reach nobody within 90 days\n")
    assert " has no working channel" in said
    for person in (ANN, BOB):
        await clinic.database.pool.execute(
            "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at) "
            "VALUES ($1, 1, 'phone', 'json://127.0.0.1/', $2, $2)",
            person,
            NOW,
        )
    said = imported("coverage", "--clinic", "north")
    assert said == "north: a high alarm always reaches somebody within 90 days\n"
    assert json.loads(imported("coverage", "--clinic", "north", "--json"))["gaps"] == []
    assert "south: 1 time" in imported("coverage", code=1)
    assert "clinic 'west' has no policy and no person; known are north, south" in imported(
        "coverage", "--clinic", "west", code=1
    )


def test_a_policy_is_checked_without_knowing_who_is_on_call(run: Run, tmp_path: Path) -> None:
    (tmp_path / "north.yaml").write_text(
        "clinic_id: north\ncontacts: [{name: on call, rota: first}, {name: chief, person: bob}, "
        "{name: all, everybody: true}]\n"
        "routes: {high: {steps: [{after_minutes: 0, contacts: [on call]}, "
        "{after_minutes: 5, contacts: [chief, all]}]}}\n"
    )
    said = run("policy", "check", str(tmp_path / "north.yaml"))
    assert said.splitlines()[0].endswith(": valid")
    for whom in ("on call: rota first", "chief: bob", "all: every responder"):
        assert f"  {whom}, by the persons' own channels; see `pumpwatch coverage`\n" in said
    (tmp_path / "north.yaml").write_text("clinic_id: north\ncontacts:\n  - {name: x, rota: a, person: b}\n")
    said = run("policy", "check", str(tmp_path / "north.yaml"), code=1)
    assert "north.yaml:3: contacts.0: expected channels (at least one), or else one of person, rota" in said
