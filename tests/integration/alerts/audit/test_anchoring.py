"""The alert service leaves signed ends of the audit trail where the site says, and `pumpwatch audit` compares them."""

from __future__ import annotations

import csv
import io
import json
import socket
import stat
from pathlib import Path

import httpx
import pytest

from tests.command import pumpwatch
from tests.integration.alerts.audit.tampering import CLINIC, begin_trail, go_on, tamper
from tests.stack import Database, RunService, eventually

KEY = "a key that nobody can guess"


def settings(database: Database, place: Path | str, **more: str) -> dict[str, str]:
    return {
        "ALERTS_DATABASE_URL": database.dsn,
        "ALERTS_AUDIT_ANCHORS": str(place),
        "ALERTS_AUDIT_ANCHOR_SECONDS": "1",
        "ALERTS_LOG_JSON": "true",
        **({"ALERTS_AUDIT_KEY": KEY} | more),
    }


def verify(database: Database, path: Path, **more: str):
    environment = {"DATABASE_URL": database.dsn, "ALERTS_AUDIT_KEY": KEY} | more
    return pumpwatch("audit", "verify", "--anchors", str(path), **environment)


async def anchors_in(path: Path, more_than: int = 0) -> list[str]:
    def lines() -> list[str]:
        found = path.read_text().splitlines() if path.exists() else []
        return found if len(found) > more_than else []

    return await eventually(lines, 15, what="an anchor")


async def test_a_file_of_anchors_tells_a_trail_that_was_rewritten(
    database: Database, run_service: RunService, tmp_path: Path
) -> None:
    place = tmp_path / "anchors.jsonl"
    alert = await begin_trail(database, 3)
    await run_service("alerts", settings(database, place))
    begun = await anchors_in(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    await go_on(database, alert, ["Ann", "Bob"])
    await anchors_in(place, len(begun) + 1)  # one that has seen them

    whole = verify(database, place)
    assert whole.returncode == 0
    assert whole.stdout.startswith("5 rows, unbroken, and what ")

    await tamper(database, "UPDATE alert_transitions SET actor = 'nobody' WHERE clinic_seq = 2", rewrite=True)
    assert pumpwatch("audit", "verify", DATABASE_URL=database.dsn).returncode == 0, "it follows from itself"
    found = verify(database, place)
    assert (found.returncode, found.stderr) == (1, "")
    assert f"clinic {CLINIC}, row 3: is not the row that was seen" in found.stdout


async def test_anchors_are_worth_nothing_without_the_key(
    database: Database, run_service: RunService, tmp_path: Path
) -> None:
    place, key_file = tmp_path / "anchors.jsonl", tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    await begin_trail(database, 1)
    await run_service("alerts", settings(database, place, ALERTS_AUDIT_KEY="", ALERTS_AUDIT_KEY_FILE=str(key_file)))
    kept = tmp_path / "kept.jsonl"  # the service goes on with its own
    kept.write_text("\n".join(await anchors_in(place)))
    by_file = pumpwatch(
        "audit", "verify", "--anchors", str(kept), "--key-file", str(key_file), DATABASE_URL=database.dsn
    )
    assert by_file.returncode == 0
    other = verify(database, kept, ALERTS_AUDIT_KEY="another key that fits")
    assert other.returncode == 1
    assert f"{kept}:1: this anchor was changed, or signed with another key" in other.stdout
    none = pumpwatch("audit", "verify", "--anchors", str(kept), DATABASE_URL=database.dsn)
    assert (none.returncode, none.stdout) == (2, "")
    assert "--key-file" in none.stderr
    short = verify(database, kept, ALERTS_AUDIT_KEY="short")
    assert (short.returncode, short.stderr) == (
        2,
        "error: ALERTS_AUDIT_KEY: expected a key of at least 16 characters; found 5\n",
    )
    kept.write_text("")
    assert verify(database, kept).stderr == f"error: {kept}: there is no anchor in it\n"
    assert verify(database, tmp_path / "gone").stderr == f"error: {tmp_path / 'gone'}: No such file or directory\n"


async def test_a_folder_gets_a_file_for_each_anchor(
    database: Database, run_service: RunService, tmp_path: Path
) -> None:
    await begin_trail(database, 2)
    await run_service("alerts", settings(database, tmp_path))
    only_anchors = tmp_path / "copied"
    only_anchors.mkdir()
    written = lambda: [each for each in tmp_path.glob("audit-anchor-*.json") if each.stat().st_size]  # noqa: E731
    for path in await eventually(written, 15, what="a file of an anchor"):
        (only_anchors / path.name).write_bytes(path.read_bytes())
    assert verify(database, only_anchors).returncode == 0


async def test_syslog_gets_messages(database: Database, run_service: RunService, tmp_path: Path) -> None:
    await begin_trail(database, 2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        daemon.settimeout(15)
        await run_service("alerts", settings(database, f"syslog:{tmp_path / 'log'}"))
        said = daemon.recv(65_536).decode()
    assert said.startswith("<38>pumpwatch: {")
    kept = tmp_path / "auth.log"
    kept.write_text(f"Nov 26 09:00:00 host sshd[1]: session opened\nNov 26 09:00:01 host {said.partition('>')[2]}\n")
    assert verify(database, kept).stdout.startswith("2 rows, unbroken, and what 1 anchors saw")


async def test_a_place_that_is_gone_is_told_and_stops_nothing(
    database: Database, run_service: RunService, tmp_path: Path
) -> None:
    await begin_trail(database, 1)
    service = await run_service("alerts", settings(database, tmp_path / "gone" / "anchors.jsonl"))

    async def failed() -> bool:
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{service.url}/metrics")).text
        return 'pumpwatch_alerts_audit_anchors_total{result="failed"} 0.0' not in text

    await eventually(failed, 15)
    assert "audit_anchor_not_left" in service.log_tail(50)
    assert service.is_ready()


async def test_a_place_without_a_key_is_a_wrong_setting() -> None:
    done = pumpwatch(
        "alerts", ALERTS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere", ALERTS_AUDIT_ANCHORS="/tmp/anchors"
    )
    assert done.returncode == 2
    assert "set ALERTS_AUDIT_KEY_FILE or ALERTS_AUDIT_KEY" in done.stderr


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_the_trail_can_be_copied(database: Database, form: str) -> None:
    await begin_trail(database, 2)
    await go_on(database, (await database.pool.fetchval("SELECT alert_id FROM alerts")), ["=HYPERLINK(1)\n", "Ann"])
    done = pumpwatch("audit", "export", "--format", form, "--clinic", CLINIC, DATABASE_URL=database.dsn)
    assert (done.returncode, done.stderr) == (0, "4 rows\n")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert rows[2]["actor"] == "'=HYPERLINK(1)\\n", "a spreadsheet takes it for text"
    else:
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert rows[2]["actor"] == "=HYPERLINK(1)\n"
    assert [int(row["clinic_seq"]) for row in rows] == [1, 2, 3, 4]
    assert rows[1]["previous_hash"] == rows[0]["row_hash"]
    assert rows[3]["pump_id"] == "p"


async def test_an_export_of_a_form_that_there_is_not(database: Database) -> None:
    done = pumpwatch("audit", "export", "--format", "xml", DATABASE_URL=database.dsn)
    assert (done.returncode, done.stderr) == (2, "error: --format xml: expected jsonl or csv\n")
