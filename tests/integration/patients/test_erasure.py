"""`pumpwatch patient`: all of one implantation is copied, and erased so that a dump has nothing of it."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.admin.patients.model import EVENT_TABLES
from services.alerts.audit.verify import verify_chain
from tests.command import pumpwatch
from tests.integration.patients.world import FIRST, SECOND, World, dump, make, rows
from tests.stack import clone_database, drop_database, make_database

ORDER = ("--by", "Dr Who", "--reason", "asked for by letter of today", "--yes")


@pytest.fixture(params=["timescaledb", "plain"])
async def dsn(request, timescaledb, plain_postgres, database_template):
    server, name = plain_postgres if request.param == "plain" else timescaledb, f"pumpwatch_patient_{os.getpid()}"
    if server is plain_postgres:
        yield await make_database(server, name)
    else:
        yield await clone_database(server, database_template, name)
    await drop_database(server, name)


@pytest.fixture
async def world(dsn):
    connection = await asyncpg.connect(dsn)
    yield await make(connection)
    await connection.close()


def erase(dsn: str, *arguments: str):
    done = pumpwatch("patient", "erase", *arguments, DATABASE_URL=dsn)
    assert "Traceback" not in done.stderr
    return done


def exported(dsn: str, out: Path, *arguments: str) -> list[dict[str, Any]]:
    done = pumpwatch("patient", "export", *arguments, "--out", str(out), DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in out.read_text().splitlines()]


async def test_an_export_holds_each_row_once_and_nothing_of_another_patient(dsn, world: World, tmp_path: Path):
    out = tmp_path / "a.jsonl"
    header, *lines = exported(dsn, out, FIRST)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    counted = Counter(line["kind"] for line in lines)
    assert header["counts"] == dict(counted)
    assert (header["pump_id"], header["patient_ref"], header["since"]) == ("p-1", FIRST, None)
    for kind, table in EVENT_TABLES.items():
        told = [line["row"]["event_id"] for line in lines if line["kind"] == kind]
        stored = await world.connection.fetch(
            f"SELECT event_id::text FROM {table} WHERE event_id = ANY ($1::uuid[])",  # noqa: S608
            world.events[FIRST],
        )
        assert sorted(told) == sorted(row[0] for row in stored)
        assert len(told) == 5
    assert {line["row"]["alert_id"] for line in lines if line["kind"] == "alert"} == set(world.alerts[FIRST])
    assert (counted["audit_row"], counted["delivery"], counted["bypassed_page"], counted["silence"]) == (4, 2, 2, 2)
    assert counted["refill_visit"] == 2
    assert (counted["dead_letter"], counted["late_message"], counted["refused_alarm"]) == (3, 1, 1)
    assert (counted["pause"], counted["pairing"], counted["clinic"], counted["registry_change"]) == (1, 1, 1, 1)
    text = out.read_text()
    assert [each for each in world.events[FIRST] if text.count(each) != 1] == []
    assert [each for each in (*world.events[SECOND], *world.texts[SECOND], SECOND) if each in text] == []
    again = pumpwatch("patient", "export", FIRST, "--out", str(out), DATABASE_URL=dsn)
    assert (again.returncode, again.stderr) == (
        2,
        f"error: --out {out}: expected a file that is not there yet, in a folder that is\n",
    )
    assert out.read_text() == text


async def test_what_is_erased_is_in_no_dump_and_the_other_patient_has_everything(dsn, world: World):
    before = dump(dsn)
    theirs = [f"{FIRST} ", *world.events[FIRST], *world.texts[FIRST]]
    assert [each for each in theirs if each not in before] == []
    kept = {
        table: await rows(world.connection, table, f"event_id = ANY ('{{{','.join(world.events[SECOND])}}}')")
        for table in (*EVENT_TABLES.values(), "refused_alarms")
    }
    kept["alerts"] = await rows(world.connection, "alerts", f"alert_id = '{world.alerts[SECOND][0]}'")
    kept["alert_transitions"] = await rows(
        world.connection, "alert_transitions", f"alert_id = '{world.alerts[SECOND][0]}'"
    )
    done = erase(dsn, FIRST, *ORDER)
    assert done.returncode == 0, done.stderr
    after = dump(dsn)
    assert [each for each in theirs if each in after] == []
    assert FIRST not in after.replace(SECOND, "")
    others = [SECOND, *world.events[SECOND], *world.texts[SECOND]]
    assert [each for each in others if each not in after] == []
    for table, was in kept.items():
        now = await rows(world.connection, table)
        assert [row for row in was if row not in now] == [], table
    letters = await world.connection.fetch("SELECT convert_from(payload, 'UTF8') FROM dead_letters ORDER BY 1")
    assert len(letters) == 3
    assert await world.connection.fetchval("SELECT sum(attempts) FROM bolus_daily") == 3
    paused = await world.connection.fetchval("SELECT paused_at FROM device_last_seen WHERE device_id = 'h-1'")
    assert [at > world.changed_at for at in paused] == [True]


async def test_the_trail_is_whole_after_an_erasure_and_says_that_it_happened(dsn, world: World):
    assert erase(dsn, FIRST, *ORDER).returncode == 0
    verified = pumpwatch("audit", "verify", DATABASE_URL=dsn)
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.startswith(
        "7 rows, unbroken, 2 of them erased by an order that stands in the trail; keep these ends"
    )
    [told] = await world.connection.fetch("SELECT * FROM alert_transitions WHERE kind = 'erased'")
    assert (told["actor"], told["alert_id"], told["reason"]) == ("Dr Who", None, "person_erased")
    detail = json.loads(told["detail"])
    assert (detail["pump_id"], detail["reason"]) == ("p-1", "asked for by letter of today")
    assert FIRST not in told["detail"]
    copied = pumpwatch("audit", "export", DATABASE_URL=dsn)
    assert [text for text in world.texts[FIRST] if text in copied.stdout] == []
    again = erase(dsn, "p-1", "--implantation", "1", *ORDER)
    assert again.returncode == 0, again.stderr
    assert pumpwatch("audit", "verify", DATABASE_URL=dsn).returncode == 0


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'nobody'",
        'detail = \'{"comment": "nothing was wrong"}\'',
        "priority = 'low'",
        "row_hash = sha256('x')",
    ],
)
async def test_a_row_that_is_changed_after_its_erasure_is_found(dsn, world: World, change: str):
    assert erase(dsn, FIRST, *ORDER).returncode == 0
    await without_triggers(dsn, f"UPDATE alert_transitions SET {change} WHERE clinic_seq = 2")  # noqa: S608
    assert [fault.clinic_seq for fault in (await verify_chain(world.connection)).faults][:1] in ([2], [3])


async def test_a_row_that_lost_its_text_without_an_erasure_is_found(dsn, world: World):
    await world.connection.execute("UPDATE alert_transitions SET detail = '{\"erased\": true}' WHERE clinic_seq = 2")
    [fault] = (await verify_chain(world.connection)).faults
    assert (fault.clinic_seq, fault.fault) == (2, "was changed after it was written")


async def without_triggers(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize("table", ["alert_transitions", "registry_changes"])
async def test_what_only_grows_can_lose_its_text_and_nothing_else(dsn, world: World, table: str):
    for statement in (
        f"UPDATE {table} SET actor = 'nobody'",  # noqa: S608
        f"UPDATE {table} SET detail = '{{}}', actor = 'nobody'",  # noqa: S608
        f"UPDATE {table} SET detail = '{{\"erased\": true}}', actor = 'nobody'",  # noqa: S608
        f"DELETE FROM {table}",  # noqa: S608
        f"TRUNCATE {table}",
    ):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await world.connection.execute(statement)


async def test_what_cannot_be_meant_or_is_not_over_is_refused_and_nothing_is_gone(dsn, world: World):
    before = dump(dsn)
    for arguments, says in (
        (("nobody", *ORDER), "error: nobody: expected a patient's reference or a pump, and there is none of that name"),
        (("p-1", *ORDER), "error: p-1 can mean more than one: expected PUMP --implantation N, of pump p-1, implanta"),
        (("p-1", "--implantation", "3", *ORDER), "error: p-1: there is no implantation 3: expected 1 to 2"),
        ((SECOND, *ORDER), "error: p-1 is in this patient and watched: expected an implantation that is over"),
        ((FIRST, "--by", "Ann", "--reason", f"{FIRST} asked", "--yes"), "error: --reason and --by stay in the audit"),
        ((FIRST, "--by", " ", "--reason", "asked", "--yes"), "error: --by: expected a text, and it is empty"),
        ((FIRST, "--by", "Ann", "--reason", "asked"), "error: nothing was erased: expected"),
    ):
        done = erase(dsn, *arguments)
        assert done.returncode != 0
        assert says in done.stderr, done.stderr
    await world.connection.execute("UPDATE deliveries SET state = 'due' WHERE kind = 'group'")
    assert "1 pages about this patient" not in erase(dsn, FIRST, *ORDER).stderr
    await world.connection.execute("UPDATE deliveries SET state = 'sent' WHERE kind = 'group'")
    one = world.alerts[FIRST][0]
    await world.connection.execute(
        "UPDATE alerts SET state = 'active', resolved_by = NULL, resolved_at = NULL WHERE alert_id = $1", one
    )
    assert "alerts of this patient are open" in erase(dsn, FIRST, *ORDER).stderr
    assert [each for each in (*world.events[FIRST], FIRST) if each not in dump(dsn)] == []
    assert before.count("motor_stall") == dump(dsn).count("motor_stall")
