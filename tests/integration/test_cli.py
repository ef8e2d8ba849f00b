"""`pumpwatch` as a person types it: what it prints, and its exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer

from services.admin.webhooks.secret_files import make, rotate
from services.cli import app
from tests.command import pumpwatch, pumpwatch_from_scratch, pumpwatch_with_libraries
from tests.stack import Database

NOWHERE = "postgresql://postgres@127.0.0.1:1/nowhere"


ALERT = "00000000-0000-0000-0000-000000000001"
ASK_THE_DATABASE = (
    f"alerts ack {ALERT} --as ann --password-stdin",
    "alerts list",
    f"alerts show {ALERT}",
    "audit export",
    "audit verify",
    "backtest --policy POLICY",
    "certificates issue p-1 --make-key --authority FOLDER --out FOLDER",
    "certificates list",
    "certificates register p-1 --certificate FOLDER/ca.crt --ca FOLDER/ca.crt",
    "certificates renew p-1 --make-key --authority FOLDER --out FOLDER",
    "certificates revocations --authority FOLDER --broker FOLDER",
    "certificates revoke p-1 --reason lost",
    "coverage",
    f"database copy --from {NOWHERE} --to {NOWHERE}x",
    "dead-letters list",
    "dead-letters purge --older-than 90d",
    "dead-letters replay --all",
    "dead-letters show 1",
    "devices clocks",
    "devices explant p-1",
    "devices implant p-1",
    "devices list",
    "devices move p-1 --clinic north",
    "devices pair h-1 p-1",
    "devices retire p-1",
    "devices show p-1",
    "devices unpair h-1",
    "drill",
    "enrol p-1 --clinic north",
    "gaps",
    "grafana north --out FOLDER/grafana --password-file POLICY",
    "migrate",
    "page-test ann",
    "patient erase A-17 --by Ann --reason asked --yes",
    "patient export A-17 --out FOLDER/copy",
    "policy remove north",
    "keys create warehouse --every-clinic --scope system/*.rs",
    "keys list",
    "keys revoke abcdefghijkl",
    "report alerts",
    "retention --keep 2y",
    "rota export --clinic north",
    "rota import POLICY",
    "rota override --clinic north --rota first --person ann --from 2026-11-26 --until 2026-11-27",
    "rota remove first --clinic north",
    "rota show --clinic north",
    "rota withdraw 00000000-0000-0000-0000-000000000001 --clinic north",
    "user add ann --name Ann --role north:viewer",
    "user disable ann",
    "user enable ann",
    "user link ann 248289761001 --issuer https://id.example.org",
    "user list",
    "user reset ann",
    "user role ann north:viewer",
    "user unrole ann north",
    "webhooks list --clinic north --contact dashboard",
    "webhooks replay --clinic north --contact dashboard --since 1h",
    "webhooks replays",
)
"""One line for each, with what it must be given."""

ASK_NOTHING = (
    "certificates authority FOLDER/new",
    "certificates server localhost --authority FOLDER --out FOLDER",
    "policy check POLICY",
    "push-key FOLDER/push.pem",
    "version",
    "webhooks retire SECRETS",
    "webhooks rotate SECRET",
    "webhooks secret FOLDER/webhook",
)
FROM_SCRATCH = ("devices list", "version")
"""As a shell does. The others have others' libraries already, and import all of ours: half of a second less each."""
LOOKS = ("conformance", "doctor")
"""Their own tests: tests/integration/conformance, tests/integration/doctor."""
SERVE = ("demo", "ingest", "simulate", "web")
"""Started from scratch by others: `run_service`, and tests/e2e. `alerts` without a word after it is one as well."""


@pytest.fixture
def policy_file(tmp_path: Path) -> str:
    path = tmp_path / "north.yaml"
    path.write_text("clinic_id: north\ncontacts: []\nroutes: {}\n")
    return str(path)


@pytest.fixture
def authority_folder(tmp_path: Path) -> str:
    folder = tmp_path / "authority"
    assert pumpwatch("certificates", "authority", str(folder)).returncode == 0
    return str(folder)


@pytest.fixture
def webhook_secrets(tmp_path: Path) -> dict[str, str]:
    """By their words in a line, a file with one secret, and one with two."""
    made = {"SECRETS": tmp_path / "two", "SECRET": tmp_path / "one"}
    for file in made.values():
        make(file)
    rotate(made["SECRETS"])
    return {word: str(file) for word, file in made.items()}


@pytest.mark.parametrize("line", [*ASK_THE_DATABASE, *ASK_NOTHING])
def test_every_command_imports_what_it_needs(line, policy_file, authority_folder, webhook_secrets):
    """The other tests give commands a process that has imported everything (tests/servers/forked.py)."""
    files = {"POLICY": policy_file, "FOLDER": authority_folder, **webhook_secrets}
    line_of_files = " ".join(files.get(word, word.replace("FOLDER", authority_folder)) for word in line.split())
    run = pumpwatch_from_scratch if line in FROM_SCRATCH else pumpwatch_with_libraries
    done = run(*line_of_files.split(), DATABASE_URL=NOWHERE)
    assert "Traceback" not in done.stderr
    if line in ASK_THE_DATABASE:
        assert done.stderr.startswith("error: the database cannot be used: ")
        assert done.returncode == 1
    else:
        assert (done.returncode, done.stderr) == (0, "")


def test_that_is_every_command():
    lines = [f"{line} " for line in (*ASK_THE_DATABASE, *ASK_NOTHING, *LOOKS, *SERVE)]
    names = list(leaves(typer.main.get_command(app)))
    assert len(names) == len(lines)
    assert [name for name in names if not any(line.startswith(f"{name} ") for line in lines)] == []


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands that do something, except under a former name, which is hidden."""
    groups = getattr(command, "commands", None)
    if groups is None:
        yield " ".join(path)
        return
    for name, below in groups.items():
        if not below.hidden:
            yield from leaves(below, (*path, name))


def test_help_lists_every_command():
    done = pumpwatch("--help")
    assert done.returncode == 0
    for line in (*ASK_THE_DATABASE, *ASK_NOTHING, *LOOKS, *SERVE, "alerts"):
        assert f"\n  {line.split()[0]} " in done.stdout


@pytest.mark.parametrize("command", ["ingest", "alerts"])
def test_a_missing_setting_is_named_as_its_variable(command):
    done = pumpwatch_from_scratch(command)
    assert done.returncode == 2
    assert f"error: {command.upper()}_DATABASE_URL: is missing\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named_and_secrets_are_not_shown():
    done = pumpwatch("alerts", ALERTS_DATABASE_URL="postgresql://u:hush@h/d", ALERTS_HTTP_PORT="many")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ALERTS_HTTP_PORT: expected a whole number\n")
    assert "hush" not in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [(NOWHERE, "the database cannot be used: "), ("nonsense", "the database cannot be used: expected postgresql://")],
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
        (("pumpwatch-ingest-1", "--clinic", "north"), "device id 'pumpwatch-ingest-1' is reserved"),
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


async def test_dead_letters_are_listed_and_shown(database: Database):
    await database.pool.execute(
        """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic,
                                          device_id, payload, reason, detail)
           VALUES ('\\x01', -1, now(), now(), 'pumpwatch/v1/p-1/events/alarm', 'p-1', '\\x7bff', 'not_json',
           'why'),
                  ('\\x02', 3, now(), now(), 'pumpwatch/v1/p-2/events/batch', 'p-2', '{}', 'missing_field', 'seq')"""
    )
    url = {"DATABASE_URL": database.dsn}
    everything = pumpwatch("dead-letters", "list", **url).stdout
    assert "pumpwatch/v1/p-2/events/batch[3]  missing_field: seq" in everything
    only = pumpwatch("dead-letters", "list", "--device", "p-1", **url).stdout
    heads, line = only.splitlines()
    assert heads.split() == ["ID", "LAST", "RECEIVED", "TIMES", "EVENT", "WHY"]
    shown = pumpwatch("dead-letters", "show", line.split()[0], **url)
    assert "the whole message" in shown.stdout
    assert "to do    The device's software is wrong" in shown.stdout
    assert shown.stdout.endswith("payload  2 bytes, in hexadecimal\n7bff\n")
    assert pumpwatch("dead-letters", "show", "99", **url).stderr == "error: there is no dead letter 99\n"
    assert pumpwatch("dead-letters", "list", "--since", "1h", "--reason", "not_json", **url).stdout == only
    assert pumpwatch("dead-letters", "list", "--since", "2099-01-01", **url).stdout == "no dead letters\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dead-letters", "replay"), "name dead letters by their ids, or by --device, --reason or --all"),
        (("dead-letters", "replay", "1", "--all"), "name dead letters by their ids, or by --device, --reason or --all"),
        (("dead-letters", "list", "--reason", "bad"), "--reason: 'bad' is none: expected one of bad_topic, "),
        (("dead-letters", "list", "--since", "soon"), "--since: 'soon' is not a time: expected a number and "),
        (("dead-letters", "purge", "--older-than", "90"), "--older-than: '90' is not a length of time: expected "),
        (("gaps", "--since", "soon"), "--since: 'soon' is not a time: expected "),
        (("devices", "clocks", "--more-than", "x"), "--more-than: 'x' is not a length of time: expected "),
    ],
)
def test_a_wrong_option_is_one_line(arguments, says):
    done = pumpwatch(*arguments, DATABASE_URL=NOWHERE)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {says}")
    assert done.stderr.count("\n") == 1


async def test_what_a_device_wrote_cannot_steer_the_terminal(database: Database):
    await database.pool.execute(
        """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, payload,
                                          reason, detail)
           VALUES ('\\x01', -1, now(), now(), E'pumpwatch/\\x1b[2J', '\\x1b5b324a', 'bad_topic', E'got \\x1b[2J')"""
    )
    url = {"DATABASE_URL": database.dsn}
    listed = pumpwatch("dead-letters", "list", **url).stdout
    shown = pumpwatch("dead-letters", "show", listed.splitlines()[1].split()[0], **url).stdout
    assert "pumpwatch/\\x1b[2J" in listed
    assert shown.endswith("payload  4 bytes, in hexadecimal\n1b5b324a\n")
    assert "\x1b" not in listed + shown


async def test_dead_letters_are_replayed_and_purged(database: Database):
    url = {"DATABASE_URL": database.dsn}
    pumpwatch("enrol", "p-1", "--clinic", "north", **url)
    event = (
        '{"event_id": "00000000-0000-4000-8000-000000000001", "observed_at": "2026-11-22T08:00:00Z", "volume_ml": 9}'
    )
    await database.pool.executemany(
        """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, device_id,
                                          payload, reason, detail)
           VALUES (sha256($1), -1, '2026-11-22 08:01Z', '2026-11-22 08:01Z', 'pumpwatch/v1/p-1/events/reservoir', 'p-1',
                   $1, $2, 'why')""",
        [(event.encode(), "unknown_device"), (b"{", "not_json")],
    )
    dry = pumpwatch("dead-letters", "replay", "--all", "--dry-run", **url)
    assert dry.stdout.splitlines()[0] == "1  stored: 1 stored, 0 there already"
    assert dry.stdout.splitlines()[1].startswith("2  rejected again: not_json: payload is not JSON")
    assert dry.stdout.splitlines()[2].startswith("would replay 2: 1 events stored, 0 were there already, 1 dead")
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == 0
    assert pumpwatch("dead-letters", "list", "--not-replayed", **url).stdout.count("\n") == 3
    for answer in ("stored: 1 stored, 0 there already", "duplicate: 0 stored, 1 there already"):
        assert pumpwatch("dead-letters", "replay", "1", **url).stdout.startswith(f"1  {answer}\n")
    assert await database.pool.fetchval("SELECT count(*) FROM reservoir_readings") == 1
    assert pumpwatch("dead-letters", "list", "--not-replayed", **url).stdout.splitlines()[1].startswith("2   ")
    assert "[replayed: stored]" in pumpwatch("dead-letters", "list", **url).stdout
    missing = pumpwatch("dead-letters", "replay", "1", "7", "8", **url)
    assert (missing.returncode, missing.stderr) == (1, "error: there is no dead letter 7, 8\n")

    purge = ("dead-letters", "purge", "--older-than", "0s")
    counted = pumpwatch(*purge, **url)
    assert counted.returncode == 1
    assert counted.stderr.startswith("error: 1 dead letters that were replayed would be removed, and nothing was")
    assert (
        pumpwatch("dead-letters", "purge", "--older-than", "5000w", "--all", "--yes", **url).stdout
        == "removed 0 dead letters\n"
    )
    assert pumpwatch(*purge, "--yes", **url).stdout == "removed 1 dead letters that were replayed\n"
    assert pumpwatch(*purge, "--all", "--yes", **url).stdout == "removed 1 dead letters\n"
    assert pumpwatch("dead-letters", "list", **url).stdout == "no dead letters\n"


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
