"""`pumpwatch doctor` on a real database, broker and files: what is planted is found, and no secret is shown."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from schemas.paths import GRANTS_FILE
from services.admin.doctor.gather import wanted_rights
from services.admin.webhooks.secret_files import make
from services.runtime.grants import read_grants
from tests.command import pumpwatch
from tests.logins import with_login
from tests.stack import Database

SECRETS = ("hush-token", "hush-broker", "hush-topic")
GOOD_POLICY = """
clinic_id: north
contacts:
  - {name: Ann, channels: [{name: phone, url: "json://127.0.0.1:9/hush-topic"}]}
  - {name: Ben, channels: [{name: phone, url: "json://127.0.0.1:9/ben"}]}
routes:
  high: {steps: [{after_minutes: 0, contacts: [Ann]}, {after_minutes: 10, contacts: [Ben]}]}
"""
BAD_POLICY = """
clinic_id: west
contacts: [{name: Cas, channels: [{name: phone, url: "env:NOT_SET_ANYWHERE"}]}]
routes: {high: {steps: [{after_minutes: 0, contacts: [Cas]}]}}
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter; that of pytest is closed."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> dict[str, str]:
    """Settings of an alert worker: nothing is wrong with them but what a test adds."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "north.yaml").write_text(GOOD_POLICY)
    (tmp_path / "limits.conf").write_text(Path("deploy/mosquitto/common/limits.conf").read_text())
    return {
        "ALERTS_DATABASE_URL": with_login(database.dsn, "pumpwatch_alerts"),
        "ALERTS_POLICY_FOLDER": str(tmp_path / "policies"),
        "ALERTS_WATCHDOG_URL": "https://127.0.0.1/hush-token",
        "ALERTS_DRILL_MISSED_URL": "json://127.0.0.1:9/hush-token",
        "PUMPWATCH_BROKER_CONFIG": str(tmp_path / "limits.conf"),
    }


def examined(tmp_path: Path, **settings: str) -> tuple[int, dict[str, str], str]:
    """Exit code, what was wrong by check (the first of each), and everything that was printed."""
    done = pumpwatch("doctor", "--json", "--disk", str(tmp_path), **settings)
    assert "Traceback" not in done.stderr, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    found: dict[str, str] = {}
    for each in said["findings"]:
        assert each["do"]
        found.setdefault(each["check"], each["wrong"])
    found.pop("disk", None)  # of the machine that runs the tests
    return done.returncode, found, done.stdout + done.stderr


async def test_of_a_sound_site_nothing_is_said(database, broker, site, tmp_path):
    assert pumpwatch("enrol", "p-1", "--clinic", "north", DATABASE_URL=database.dsn).returncode == 0
    await database.pool.execute(
        "INSERT INTO worker_heartbeats (worker_id, service, at, beaten_at) "
        "SELECT s || '-1', s, now(), now() FROM unnest(ARRAY['alerts', 'ingest']) s; "
        "INSERT INTO drills (due_at, planned_at, begun_at, paged_at, ended_at) SELECT now(), now(), now(), now(), now()"
    )
    _, found, _ = examined(tmp_path, **site, ALERTS_MQTT_URL=f"mqtt://127.0.0.1:{broker.port}")
    assert found == {}


async def test_what_is_planted_is_found_and_no_secret_is_shown(database, site, tmp_path, open_folder):
    assert pumpwatch("enrol", "p-1", "--clinic", "south", DATABASE_URL=database.dsn).returncode == 0
    await database.pool.execute(
        "REVOKE UPDATE ON alerts FROM pumpwatch_alerts; REVOKE ALL ON web.alerts FROM pumpwatch_web"
    )
    policies = Path(site["ALERTS_POLICY_FOLDER"])
    (policies / "west.yaml").write_text(BAD_POLICY)
    (policies / "east.yaml").write_text("clinic_id: east\nroutes: {high: {steps: 5}}\n")
    (tmp_path / "limits.conf").write_text("max_queued_messages 1000\nallow_anonymous true\n")
    (open_folder / "token").write_text("hush-token\n")
    (open_folder / "token").chmod(0o644)
    certificates, backups = tmp_path / "tls", tmp_path / "backups"
    certificates.mkdir()
    (certificates / "ca.crt").write_bytes(certificate(ends_in=timedelta(days=5)))
    backups.mkdir()
    (backups / "old.dump").touch()
    os.utime(backups / "old.dump", (0, 0))
    del site["ALERTS_WATCHDOG_URL"], site["ALERTS_DRILL_MISSED_URL"]
    settings = site | {
        "ALERTS_MQTT_URL": "mqtt://alerts:hush-broker@127.0.0.1:1",
        "ALERTS_BROKER_CERTIFICATES": str(certificates),
        "ALERTS_AUDIT_ANCHORS": str(tmp_path / "audit.jsonl"),
        "ALERTS_AUDIT_KEY": "hush-token-of-the-trail",
        "WEB_API_TOKEN_FILE": str(open_folder / "token"),
        "PUMPWATCH_BACKUPS": str(backups),
    }
    services = [
        await asyncpg.connect(database.dsn, server_settings={"application_name": f"pumpwatch-{name}"})
        for name in ("ingest", "web")
    ]
    code, found, printed = examined(tmp_path, **settings)
    for each in services:
        await each.close()
    assert code == 1
    assert set(found) == {
        "grants",
        "shared-login",
        "superuser",
        "service",
        "no-policy",
        "policy",
        "channel",
        "nobody",
        "last-step",
        "drill",
        "watchdog",
        "broker",
        "certificate",
        "broker-limits",
        "open-secret",
        "anchors",
        "backups",
    }
    assert found["grants"].startswith("missing rights: pumpwatch_alerts: UPDATE on alerts")
    assert found["drill"] == "drill: none has come through yet"
    assert found["no-policy"].startswith("clinic south")
    assert "ends in 4 days" in found["certificate"]
    assert not [secret for secret in SECRETS if secret in printed]


async def test_a_secret_of_a_webhook_that_everybody_can_read_or_nobody_is_found(site, tmp_path, open_folder):
    address = "webhook+https://events.example.org/hush-token#secret="
    secret = open_folder / "webhook"
    make(secret)
    secret.chmod(0o644)
    policy = Path(site["ALERTS_POLICY_FOLDER"]) / "north.yaml"
    policy.write_text(
        "clinic_id: north\ncontacts: [{name: program, channels: ["
        f"{{name: open, url: '{address}{secret}'}}, {{name: gone, url: '{address}{tmp_path / 'nowhere'}'}}]}}]\n"
        "routes: {high: {steps: [{after_minutes: 0, contacts: [program]}]}}\n"
    )
    _, found, printed = examined(tmp_path, **site)
    assert found["open-secret"].endswith(f"{secret} (secret of a webhook)")
    assert "nowhere' cannot be used: No such file or directory" in found["channel"]
    assert "hush-token" not in printed
    assert "whsec_" not in printed


async def test_a_rota_that_gives_nobody_is_found(site, tmp_path):
    policy = Path(site["ALERTS_POLICY_FOLDER"]) / "north.yaml"
    policy.write_text(
        "clinic_id: north\ncontacts: [{name: on call, rota: first}]\n"
        "routes: {high: {steps: [{after_minutes: 0, contacts: [on call]}]}}\n"
    )
    _, found, printed = examined(tmp_path, **site)
    assert "contact on call stands for nobody who can be told now: there is no rota first" in printed
    assert found["nobody"].startswith("clinic north: nobody can be told in this step of high, the last step")


async def test_a_migration_that_is_behind_is_told_before_anything_else_of_the_database(database, site, tmp_path):
    await database.pool.execute("DELETE FROM schema_migrations WHERE version = 46")
    _, found, _ = examined(tmp_path, **site)
    assert set(found) == {"migrations"}


def test_every_right_on_a_table_or_a_view_is_looked_at():
    """However its line is broken."""
    grants = read_grants(GRANTS_FILE)
    lines = {(login, " ".join(each.split())) for login, text in grants.items() for each in text.split(";")}
    on_relations = {
        (login, match[1], match[2])
        for login, line in lines
        if (match := re.match(r".*GRANT (\w+) .*?ON ([\w.]+) TO", line)) and match[2] not in {"FUNCTION", "SCHEMA"}
    }
    assert {(login, privilege, relation) for login, relation, _, privilege in wanted_rights(grants)} == on_relations
    assert len(on_relations) > 100


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("ALERTS_DATABASE_URL", "postgresql://alerts:hush-token@127.0.0.1:1/nowhere", "database"),
        ("ALERTS_HTTP_PORT", "hush-token", "settings"),
    ],
)
def test_what_cannot_be_reached_or_read_is_told_without_its_secret(site, tmp_path, setting, value, check):
    _, found, printed = examined(tmp_path, **site | {setting: value})
    assert set(found) == {check}
    assert "hush-token" not in printed


def test_a_configuration_that_is_no_text_is_refused_in_one_line(site, tmp_path):
    (tmp_path / "limits.conf").write_bytes(b"\xff\xfe")
    done = pumpwatch("doctor", "--disk", str(tmp_path), **site)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: --broker-config: expected text in UTF-8\n"


def certificate(*, ends_in: timedelta) -> bytes:
    """Of an authority that is two years old."""
    from cryptography.hazmat.primitives.serialization import Encoding

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=730)).not_valid_after(now + ends_in)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
