"""`pumpwatch` as a person types it: what it prints, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.stack import Database

NOWHERE = "postgresql://postgres@127.0.0.1:1/nowhere"


def pumpwatch(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command():
    done = pumpwatch("--help")
    assert done.returncode == 0
    for command in ("ingest", "alerts", "simulate", "migrate", "enrol", "demo", "rejects", "audit", "policy"):
        assert f"  {command} " in done.stdout


@pytest.mark.parametrize("command", ["ingest", "alerts"])
def test_a_missing_setting_is_named_as_its_variable(command):
    done = pumpwatch(command)
    assert done.returncode == 2
    assert f"error: {command.upper()}_DATABASE_URL: Field required\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named_and_secrets_are_not_shown():
    done = pumpwatch("alerts", ALERTS_DATABASE_URL="postgresql://u:hush@h/d", ALERTS_HTTP_PORT="many")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ALERTS_HTTP_PORT: Input should be a valid integer")
    assert "hush" not in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [(NOWHERE, "the database cannot be used: "), ("nonsense", "the database cannot be used: invalid DSN")],
)
def test_a_database_that_cannot_be_used_is_one_line(url, says):
    done = pumpwatch("migrate", DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {says}")
    assert done.stderr.count("\n") == 1


def test_migrate_says_what_it_found_and_did(database: Database):
    done = pumpwatch("migrate", "--database-url", database.dsn)
    assert done.returncode == 0
    assert " on PostgreSQL " in done.stdout
    assert done.stdout.endswith(": nothing to apply\n")


async def test_devices_are_enrolled_and_paired(database: Database):
    url = {"DATABASE_URL": database.dsn}
    assert pumpwatch("enrol", "p-1", "p-2", "--clinic", "north", **url).returncode == 0
    for pump in ("p-1", "p-2", "p-2"):  # a second time changes nothing
        done = pumpwatch("enrol", "h-1", "--clinic", "north", "--kind", "handheld", "--pair-with", pump, **url)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "clinic north: enrolled 1 handheld, paired with p-2\n"
    assert await database.pool.fetchval("SELECT pump_id FROM registry WHERE device_id = 'h-1'") == "p-2"
    assert await database.pool.fetchval("SELECT count(*) FROM pairings") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bad/id", "--clinic", "north"), "device id 'bad/id' is not allowed"),
        (("p-1", "--clinic", "north", "--kind", "handheld"), "p-1: enrolled as a pump"),
        (
            ("h-2", "--clinic", "north", "--kind", "handheld", "--pair-with", "p-9"),
            "p-9: expected an enrolled pump, and it is not enrolled",
        ),
        (
            ("h-2", "--clinic", "south", "--kind", "handheld", "--pair-with", "p-1"),
            "h-2 belongs to clinic south and p-1 to north",
        ),
    ],
)
async def test_the_registry_refuses_in_one_line(database: Database, arguments, says):
    pumpwatch("enrol", "p-1", "--clinic", "north", DATABASE_URL=database.dsn)
    done = pumpwatch("enrol", *arguments, DATABASE_URL=database.dsn)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {says}")


async def test_rejections_are_listed_and_shown(database: Database):
    await database.pool.execute(
        """INSERT INTO rejected_messages (digest, event_index, first_received_at, last_received_at, topic,
                                          device_id, payload, reason, detail)
           VALUES ('\\x01', -1, now(), now(), 'pumpwatch/v1/p-1/events/alarm', 'p-1', '\\x7bff', 'not_json',
           'why'),
                  ('\\x02', 3, now(), now(), 'pumpwatch/v1/p-2/events/batch', 'p-2', '{}', 'missing_field', 'seq')"""
    )
    url = {"DATABASE_URL": database.dsn}
    everything = pumpwatch("rejects", "list", **url).stdout
    assert "pumpwatch/v1/p-2/events/batch[3]  missing_field: seq" in everything
    only = pumpwatch("rejects", "list", "--device", "p-1", **url).stdout
    assert only.count("\n") == 1
    shown = pumpwatch("rejects", "show", only.split()[0], **url)
    assert "the whole message" in shown.stdout
    assert shown.stdout.endswith("{\\xff\n")
    assert pumpwatch("rejects", "show", "99", **url).stderr == "error: there is no rejection 99\n"


async def test_a_changed_audit_row_is_found(database: Database):
    async def transition() -> None:
        await database.pool.execute(
            """INSERT INTO alert_transitions (clinic_id, clinic_seq, alert_id, at, kind, to_state, priority,
            reason,
                                              actor, previous_hash, row_hash)
               SELECT 'north', 0, alert_id, now(), 'opened', 'active', 'high', 'r', 'worker', '', '' FROM alerts"""
        )

    await database.pool.execute("INSERT INTO clinics VALUES ('north', 'North')")
    await database.pool.execute(
        """INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since,
        opened_at,
                               updated_at, policy_version)
           VALUES ('north', 'p-1', 'r', 'k', 'high', 'active', 't', 'e', now(), now(), now(), 'v')"""
    )
    for _ in range(3):
        await transition()
    url = {"DATABASE_URL": database.dsn}
    assert pumpwatch("audit", "verify", **url).stdout.startswith("3 rows, unbroken; ")
    await without_triggers(database, "UPDATE alert_transitions SET reason = 'other' WHERE clinic_seq = 2")
    done = pumpwatch("audit", "verify", **url)
    assert (done.returncode, done.stdout) == (
        1,
        "clinic north, row 2: was changed after it was written\n",
    )
    await without_triggers(database, "DELETE FROM alert_transitions WHERE clinic_seq = 2")
    assert "row 3: row 2 is missing before it" in pumpwatch("audit", "verify", **url).stdout
    await without_triggers(database, "DELETE FROM alert_transitions WHERE clinic_seq = 3")
    assert "row 3: the trail ends at row 1, and its head says 3" in pumpwatch("audit", "verify", **url).stdout


async def without_triggers(database: Database, statement: str) -> None:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database.dsn)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()


def test_a_policy_is_checked(tmp_path: Path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(
        "clinic_id: north\ncontacts: [{name: ann, channels: [{name: p, url: 'json://h'}]}]\n"
        "routes: {high: {steps: [{after_minutes: 0, contacts: [ann]}]}}\n"
    )
    bad.write_text("low_reservoir: {level_ml: -1}\n")
    done = pumpwatch("policy", "check", str(good))
    assert "high: after 0 min ann" in done.stdout
    assert "medium: pages nobody" in done.stdout
    done = pumpwatch("policy", "check", str(bad))
    assert done.returncode == 1
    assert "low_reservoir.level_ml" in done.stderr
