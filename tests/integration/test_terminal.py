"""What stands in the database, or is typed, forges no line of a terminal: commands neither show nor take such text."""

from __future__ import annotations

import json

import pytest

from tests.command import pumpwatch
from tests.stack import Database

FORGED = "x\x1b[2Jy\nclinic north: all is well\r\x9b\u202ez"

SHOW = [
    ("alerts", "list"),
    ("devices", "list"),
    ("devices", "show", "p"),
    ("devices", "clocks"),
    ("dead-letters", "list"),
    ("dead-letters", "show", "1"),
    ("dead-letters", "replay", "--all"),
    ("gaps",),
    ("report", "alerts"),
    ("audit", "verify"),
    ("audit", "export"),
    ("audit", "export", "--format", "csv"),
]
TAKE = [
    ("alerts", "list", "--text"),
    ("alerts", "list", "--as"),
    ("alerts", "ack", "00000000-0000-0000-0000-000000000001", "--as", "ann", "--note"),
    ("enrol", "p-1", "--clinic"),
    ("enrol", "p-1", "--clinic", "north", "--clinic-name"),
    ("enrol", "p-1", "--clinic", "north", "--by"),
    ("enrol",),
    ("devices", "list", "--clinic"),
    ("devices", "show"),
    ("devices", "implant", "p-1", "--patient"),
    ("devices", "move", "p-1", "--clinic"),
    ("devices", "retire", "p-1", "--by"),
    ("dead-letters", "list", "--since"),
    ("policy", "remove"),
    ("policy", "check"),
    ("report", "alerts", "--clinic"),
    ("audit", "verify", "--clinic"),
]


async def fill(database: Database) -> None:
    """As somebody with SQL, or an earlier release, may have."""
    pool = database.pool
    await pool.execute("INSERT INTO clinics VALUES ('north', $1)", FORGED)
    await pool.execute("INSERT INTO devices (device_id, kind, clinic_id) VALUES ('p', 'pump', 'north')")
    await pool.execute(
        "INSERT INTO registry_changes (at, actor, command, device_ids, detail) VALUES (now(), $1, $1, '{p}', $2)",
        FORGED,
        json.dumps({"did": [FORGED]}),
    )
    await pool.execute(
        "INSERT INTO device_last_seen (device_id, received_at, observed_at, clock_offset_seconds) "
        "VALUES ('p', now(), now(), 9999)"
    )
    await pool.execute(
        "INSERT INTO dead_letters (digest, event_index, topic, device_id, payload, reason, detail, times_received, "
        "first_received_at, last_received_at) VALUES ('1', 0, $1, $1, $2, 'not_json', $1, 1, now(), now())",
        FORGED,
        FORGED.encode(),
    )
    for number in (1, 5):
        await pool.execute(
            "INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, seq) "
            "VALUES ('p', now() - make_interval(mins => 9 - $1), gen_random_uuid(), now(), $2, $1)",
            number,
            FORGED,
        )
    await pool.execute(
        "INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, "
        "updated_at, policy_version) VALUES ('north', 'p', $1, $1, 'high', 'active', $1, $1, now(), now(), now(), '')",
        FORGED,
    )
    await pool.execute(
        "SELECT append_to_audit(ARRAY[clinic_id], ARRAY[alert_id], '{opened}', '{active}', '{active}', '{high}', "
        "ARRAY[$1], ARRAY[$1], now() - interval '1 day', ARRAY['{}']) FROM alerts",
        FORGED,
    )


async def test_no_command_shows_a_control_character(database: Database) -> None:
    await fill(database)
    for words in SHOW:
        done = pumpwatch(*words, DATABASE_URL=database.dsn)
        assert "Traceback" not in done.stderr, words
        shown = (done.stdout + done.stderr).splitlines()
        assert [line for line in shown if not line.isprintable()] == [], words
        assert [line for line in shown if line.startswith("clinic north: all is well")] == [], words


@pytest.mark.parametrize("words", TAKE, ids=" ".join)
def test_no_command_takes_a_control_character(words: tuple[str, ...]) -> None:
    done = pumpwatch(*words, FORGED, DATABASE_URL="postgresql://postgres@127.0.0.1:1/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.isprintable()
    assert "expected one line without control characters" in line


def test_nor_does_who_does_it_in_the_environment(database: Database) -> None:
    done = pumpwatch("devices", "retire", "p-1", DATABASE_URL=database.dsn, PUMPWATCH_BY="Ann\x1b[2J")
    assert done.returncode == 2
    assert "PUMPWATCH_BY" in done.stderr
    assert all(line.isprintable() for line in done.stderr.splitlines())
