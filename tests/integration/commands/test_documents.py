"""With --json each command prints one document, an object with the members that its help names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.people.model import Role
from tests.alerts_world import Story
from tests.command import pumpwatch
from tests.command_tree import COMMANDS, PRINT_NO_RESULT, option
from tests.integration.commands.people import PASSWORD, add_person
from tests.stack import Database

CLINIC = "clinic-of-pump-north"
POLICY = """
clinic_id: clinic-of-pump-north
contacts: [{name: ann, channels: [{name: sms, url: 'json://127.0.0.1:9/'}]}]
routes: {high: {steps: [{after_minutes: 0, contacts: [ann]}]}}
"""
ROTAS = """
clinic_id: clinic-of-pump-north
rotas:
  - name: first
    timezone: Europe/Berlin
    layers:
      - {name: week, members: [ann], begins: 2026-01-05, hand_over: "08:00", turns: weeks}
"""

IN_ORDER = (
    "version",
    "migrate",
    "enrol p-9 --clinic NORTH",
    "enrol h-9 --clinic NORTH --kind handheld --pair-with p-9",
    "devices list",
    "devices show p-9",
    "devices unpair h-9",
    "devices pair h-9 p-9",
    "devices implant p-9 --patient A-17",
    "devices explant p-9",
    "devices explant p-9 --undo",
    "devices move p-9 --clinic south",
    "devices retire h-9",
    "devices clocks",
    "gaps",
    "alerts list",
    "alerts show ALERT",
    "alerts ack ALERT --as ann --password-stdin",
    "report alerts --since 2026-01-01",
    "policy check FOLDER/north.yaml",
    "backtest --policy FOLDER/north.yaml --since 2026-03-01",
    "backtest --policy FOLDER/north.yaml --against FOLDER/north.yaml --since 2026-03-01",
    "user add ben --name Ben --role NORTH:viewer",
    "user list",
    "user role ben NORTH:responder",
    "user unrole ben NORTH",
    "user link ben 4711 --issuer https://id.example.org",
    "user disable ben",
    "user enable ben",
    "user reset ben",
    "rota import FOLDER/rotas.yaml",
    "rota show --clinic NORTH",
    "rota override --clinic NORTH --rota first --person ann --from 2099-01-01 --until 2099-01-02",
    "rota withdraw CHANGE --clinic NORTH",
    "coverage",
    "rota remove first --clinic NORTH",
    "keys create board --every-clinic --scope alerts.read",
    "keys list",
    "keys revoke KEY",
    "push-key FOLDER/push.pem",
    "dead-letters list",
    "dead-letters show 1",
    "dead-letters replay --all --dry-run",
    "dead-letters purge --older-than 0s --all --yes",
    "certificates authority FOLDER/authority",
    "certificates server localhost --authority FOLDER/authority --out FOLDER",
    "certificates issue p-9 --make-key --authority FOLDER/authority --out FOLDER",
    "certificates renew p-9 --make-key --authority FOLDER/authority --out FOLDER/new",
    "certificates register p-9 --certificate FOLDER/p-9.crt --ca FOLDER/authority/ca.crt",
    "certificates list",
    "certificates revoke p-9 --reason lost --authority FOLDER/authority --broker FOLDER/authority",
    "certificates revocations --authority FOLDER/authority --broker FOLDER/authority",
    "audit verify",
    "retention --keep 9y",
    "retention --keep 9y --yes",
    "webhooks secret FOLDER/hook.secret",
    "webhooks rotate FOLDER/hook.secret",
    "webhooks retire FOLDER/hook.secret",
    "webhooks replays",
    "drill --list",
    "doctor",
    "devices explant p-9",
    "patient export A-17 --out FOLDER/copy",
    "patient erase A-17 --by Ann --reason asked --yes",
    "policy remove nowhere",
)
"""What one says, the next may need."""
ELSEWHERE = {"conformance", "database copy", "grafana", "page-test", "webhooks list", "webhooks replay"}
"""Need other servers, or a receiver: their own tests read their documents."""
OPTIONAL = {"backtest": {"against", "difference"}, "drill": {"drill", "drills"}}
MAY_END_WITH_1 = ("coverage", "doctor", "policy remove", "audit verify")
"""They look, and find something; or there is nothing to remove."""


@pytest.fixture
async def story(database: Database) -> Story:
    story = Story(database.pool, database.dsn, pump_id="pump-north")
    await story.run([(0, "alarm motor_stall raised")])
    await database.pool.execute("INSERT INTO clinics VALUES ('south', 'South')")
    await database.pool.execute(
        """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, payload, reason,
                                     detail)
           VALUES ('1', -1, now(), now(), 'pumpwatch/v1/p-1/events/alarm', '{', 'not_json', 'why')"""
    )
    await add_person(database, "ann", **{CLINIC: Role.RESPONDER})
    return story


async def test_each_prints_one_document_with_the_members_of_its_help(story: Story, database: Database, tmp_path: Path):
    (tmp_path / "north.yaml").write_text(POLICY)
    (tmp_path / "rotas.yaml").write_text(ROTAS)
    (tmp_path / "new").mkdir()
    names = {
        "NORTH": CLINIC,
        "FOLDER": str(tmp_path),
        "ALERT": str(await database.pool.fetchval("SELECT alert_id FROM alerts")),
    }
    seen = set()
    for line in IN_ORDER:
        words = filled(line, names)
        done = pumpwatch(*words, "--json", typed=f"{PASSWORD}\n", DATABASE_URL=database.dsn)
        name = max((each for each in COMMANDS if f"{line} ".startswith(f"{each} ")), key=len)
        seen.add(name)
        if line.startswith("policy remove"):
            assert json.loads(done.stderr)["exit_code"] == 1
            continue
        assert done.returncode in ((0, 1) if name in MAY_END_WITH_1 else (0,)), (line, done.stderr)
        document = json.loads(done.stdout)
        documented = members(COMMANDS[name])
        assert set(document) <= documented, line
        assert documented - set(document) <= OPTIONAL.get(name, set()), line
        names |= learnt(name, document)
    assert set(COMMANDS) - PRINT_NO_RESULT - ELSEWHERE == seen


def filled(line: str, names: dict[str, str]) -> list[str]:
    for name, value in names.items():
        line = line.replace(name, value)
    return line.split()


def members(command: Any) -> set[str]:
    return set(option(command, "--json").help.removeprefix("Print one JSON document: ").rstrip(".").split(", "))


def learnt(name: str, document: dict[str, Any]) -> dict[str, str]:
    if name == "keys create":
        return {"KEY": document["key_id"]}
    if name == "rota override":
        return {"CHANGE": re.findall(r"\(change (.*)\)", document["done"][0])[0]}
    return {}
