"""Services and commands whose secrets are files, as in containers: on a real database that asks for the password."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from tests.command import pumpwatch
from tests.stack import execute_at, make_database

LOGIN = "clerk"
ONLY_WITH_PASSWORD = f"ARRAY['host all {LOGIN} all scram-sha-256', 'host all postgres all trust']"


@pytest.fixture
async def guarded(own_postgres):
    """The address of a database, without the password that it asks for: `s3cret`."""
    server = own_postgres()
    owner = await make_database(server)
    connection = await asyncpg.connect(owner)
    hba = await connection.fetchval("SHOW hba_file")
    await connection.close()
    await execute_at(
        owner,
        f"CREATE ROLE {LOGIN} LOGIN PASSWORD 's3cret'",
        *(f"GRANT ALL ON ALL {things} IN SCHEMA public TO {LOGIN}" for things in ("TABLES", "SEQUENCES", "FUNCTIONS")),
        f"COPY (SELECT unnest({ONLY_WITH_PASSWORD})) TO '{hba}'",
        "SELECT pg_reload_conf()",
    )
    return f"postgresql://{LOGIN}@127.0.0.1:{server.port}/pumpwatch"


async def test_a_command_logs_in_with_a_file_and_says_what_is_wrong_with_one(guarded, tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    named = {"DATABASE_URL": guarded, "DATABASE_PASSWORD_FILE": str(file)}
    done = pumpwatch("dead-letters", "list", **named)
    assert (done.returncode, done.stderr) == (0, "")
    twice = pumpwatch("dead-letters", "list", **named | {"DATABASE_URL": guarded.replace("@", ":s3cret@")})
    assert twice.returncode == 1
    assert "the address holds a password and DATABASE_PASSWORD_FILE is set" in twice.stderr
    file.write_text("s3cret\ns3cret\n")
    lines = pumpwatch("dead-letters", "list", **named)
    assert lines.returncode == 1
    assert f"DATABASE_PASSWORD_FILE: the file '{file}' cannot be used: it has several lines" in lines.stderr
    file.unlink()
    gone = pumpwatch("dead-letters", "list", **named)
    assert gone.returncode == 1
    assert str(file) in gone.stderr
    assert not any("s3cret" in done.stderr for done in (twice, lines, gone))


async def test_worker_and_board_run_with_secrets_from_files_alone(guarded, tmp_path, run_service):
    for name in ("password", "token"):
        (tmp_path / name).write_text("s3cret\n")

    def settings(service, token):
        return {
            f"{service}_DATABASE_URL": guarded,
            f"{service}_DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
            f"{service}_{token}_FILE": str(tmp_path / "token"),
        }

    alerts = await run_service("alerts", settings("ALERTS", "API_TOKEN"))
    web = await run_service("web", settings("WEB", "WORKER_TOKEN") | {"WEB_WORKER_URL": alerts.url})
    async with httpx.AsyncClient(base_url=web.url) as client:
        answers = [await client.get("/readyz", headers={"Authorization": f"Bearer {word}"}) for word in ("s3cret", "x")]
        shut = await client.get("/v1/alerts", headers={"Authorization": "Bearer s3cret"})
    assert [answer.status_code for answer in answers] == [200, 200]
    assert shut.status_code == 401, "it opens what is said of health, and no alert"
    for service in (alerts, web):
        assert "s3cret" not in service.log_path.read_text()


@pytest.mark.parametrize("service", ["ingest", "alerts", "web", "simulate"])
def test_a_service_whose_secret_cannot_be_read_says_so_in_one_line(service, tmp_path):
    prefix, name = {
        "ingest": ("INGEST", "GATEWAY_TOKEN"),
        "alerts": ("ALERTS", "API_TOKEN"),
        "web": ("WEB", "WORKER_TOKEN"),
        "simulate": ("SIMULATOR", "DEVICE_PASSWORD"),
    }[service]
    given = {f"{prefix}_DATABASE_URL": "postgresql://u@127.0.0.1:1/d", f"{prefix}_MQTT_URL": "mqtt://127.0.0.1:1"}
    done = pumpwatch(service, **given, **{f"{prefix}_{name}_FILE": str(tmp_path / "missing")})
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {prefix}_{name}_FILE: the file '{tmp_path / 'missing'}' cannot be used: No such file or directory; "
        "expected a secret on one line\n"
    )
