"""Certificates and passwords that are replaced while the services run: the next connection uses the new files."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import subprocess

import asyncpg
import pytest

from services.devstack import folders
from services.devstack.ports import free_port
from services.runtime.mqtt import broker_address
from services.simulator.devices.publisher import Publisher
from tests.contract.deploy.mosquitto import DEPLOY
from tests.faults.alerts_process import enrol as enrol_pumps
from tests.faults.alerts_process import environment, not_ready_because, stall
from tests.ingest_world import encoded, enrol, ingest_settings, reading, unique
from tests.integration.simulator.ingest_of_events import readable_folder
from tests.stack import eventually, execute_at, make_database


@pytest.fixture
def open_folder():
    with readable_folder() as folder:
        yield folder


async def says(service, *words):
    assert service.is_running, service.died()
    said = await asyncio.to_thread(not_ready_because, service)
    return all(word in said for word in words)


async def ready(service, within_seconds=20):
    await eventually(functools.partial(asyncio.to_thread, service.is_ready), within_seconds, what=service.name)


async def stored(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch("SELECT event_id::text FROM reservoir_readings ORDER BY 1")]
    finally:
        await connection.close()


def certificates(folder, *devices):
    make = str(DEPLOY / "tls" / "make-test-certificates")
    for arguments in (("server", "localhost", "127.0.0.1"), ("device", *devices)):
        subprocess.run(["sh", make, str(folder), *arguments], check=True, capture_output=True)


def put_in_place(source, target, *names):
    """As a rotation does it: a new file under the old name, whole at any moment."""
    account = folders.server_account()
    for name in names:
        shutil.copy(source / name, target / f"{name}.new")
        if name == "server.key" and account is not None:
            os.chown(target / f"{name}.new", account.uid, account.gid)
        (target / f"{name}.new").replace(target / name)


async def test_ingest_connects_with_the_certificates_that_lie_there_when_it_connects(
    own_broker, database, run_service, open_folder
):
    servers, own, old, new = (open_folder / name for name in ("servers", "own", "old", "new"))
    for folder in (servers, own):
        folder.mkdir(mode=0o755)
    for folder in (old, new):  # two authorities
        certificates(folder, "ingest")
    put_in_place(old, servers, "ca.crt", "server.crt", "server.key")
    put_in_place(old, own, "ca.crt", "ingest.crt", "ingest.key")
    port = free_port()
    broker = own_broker(
        extra=(
            f"listener {port} 127.0.0.1",
            f"cafile {servers}/ca.crt",
            f"certfile {servers}/server.crt",
            f"keyfile {servers}/server.key",
            "require_certificate true",
        )
    )
    files = {"CA": "ca.crt", "CERT": "ingest.crt", "KEY": "ingest.key"}
    tls = {f"INGEST_MQTT_{what}_FILE": str(own / name) for what, name in files.items()}
    service = await run_service(
        "ingest", ingest_settings(database.dsn, broker, INGEST_MQTT_URL=f"mqtts://127.0.0.1:{port}", **tls)
    )
    pump = unique("pump")
    await enrol(database.pool, [pump])
    events = [reading(seq=number) for number in range(3)]
    async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:

        async def publish(event):
            await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)

        await publish(events[0])
        await devices.drained()
        put_in_place(new, servers, "ca.crt", "server.crt", "server.key")
        broker.stop()
        broker.start()
        await publish(events[1])
        await eventually(lambda: says(service, "broker", "certificate verify failed"), 20)
        put_in_place(new, own, "ca.crt")
        (own / "ingest.key").unlink()  # half of a rotation
        await eventually(lambda: says(service, "broker", "ingest.key"), 20)
        put_in_place(new, own, "ingest.crt", "ingest.key")
        await ready(service)
        await publish(events[2])
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await stored(database.dsn) == sorted(str(event["event_id"]) for event in events)
    assert service.is_running


def set_password(broker, file, login, password):
    subprocess.run(["mosquitto_passwd", "-b", str(file), login, password], check=True, capture_output=True)
    file.chmod(0o644)
    if broker is not None:
        broker.process.send_signal(signal.SIGHUP)  # it throws off whoever has the old one


@pytest.fixture
def guarded_broker(own_broker, open_folder):
    """A broker where the services have a password, and the file that holds it."""
    file = open_folder / "passwords"
    file.touch()
    set_password(None, file, "service", "old")
    return own_broker(extra=(f"password_file {file}",)), file


async def test_ingest_connects_with_the_password_that_its_file_holds_when_it_connects(
    guarded_broker, database, run_service, tmp_path
):
    broker, file = guarded_broker
    own = tmp_path / "password"
    own.write_text("old\n")
    url = broker.url.replace("mqtt://", "mqtt://service@")
    service = await run_service(
        "ingest",
        ingest_settings(database.dsn, broker, INGEST_MQTT_URL=url, INGEST_MQTT_PASSWORD_FILE=str(own)),
    )
    pump = unique("pump")
    await enrol(database.pool, [pump])
    events = [reading(seq=number) for number in range(200)]
    async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:
        for number, event in enumerate(events):
            await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)
            if number == 100:
                set_password(broker, file, "service", "new")
        await eventually(lambda: says(service, "broker", "NOT_AUTHORIZED"), 20)
        own.unlink()
        await eventually(lambda: says(service, "broker", "password"), 20)
        own.write_text("new\n")
        await ready(service)
        await devices.drained()
        assert devices.counts.rejected == 0
    assert await stored(database.dsn) == sorted(str(event["event_id"]) for event in events)


async def test_the_alert_service_hears_alarms_past_the_database_again_once_its_password_file_is_right(
    guarded_broker, database, run_service, tmp_path, page_collector
):
    broker, file = guarded_broker
    own = tmp_path / "password"
    own.write_text("old")
    mqtt = {
        "ALERTS_MQTT_URL": broker.url.replace("mqtt://", "mqtt://service@"),
        "ALERTS_MQTT_PASSWORD_FILE": str(own),
    }
    service = await run_service("alerts", environment(database.dsn, tmp_path / "policies", page_collector) | mqtt)
    await ready(service)
    set_password(broker, file, "service", "new")
    await eventually(lambda: says(service, "bypass", "NOT_AUTHORIZED"), 20)
    own.write_text("new")
    await ready(service)


LOGIN = "clerk"
END_SESSIONS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{LOGIN}'"  # noqa: S608
ONLY_WITH_PASSWORD = f"ARRAY['host all {LOGIN} all scram-sha-256', 'host all postgres all trust']"


@pytest.mark.parametrize("kind", ["password file", "passfile"])
async def test_both_services_log_in_to_the_database_with_the_password_that_a_file_holds(
    own_postgres, own_broker, run_service, page_collector, tmp_path, kind
):
    server, broker = own_postgres(), own_broker()
    owner = await make_database(server)
    connection = await asyncpg.connect(owner)
    hba = await connection.fetchval("SHOW hba_file")
    await connection.close()
    await execute_at(
        owner,
        f"CREATE ROLE {LOGIN} LOGIN PASSWORD 'old'",
        *(f"GRANT ALL ON ALL {things} IN SCHEMA public TO {LOGIN}" for things in ("TABLES", "SEQUENCES", "FUNCTIONS")),
        f"COPY (SELECT unnest({ONLY_WITH_PASSWORD})) TO '{hba}'",
        "SELECT pg_reload_conf()",
    )
    file = tmp_path / "password"

    def write(password):
        file.write_text(f"*:*:*:{LOGIN}:{password}\n" if kind == "passfile" else f"{password}\n")
        file.chmod(0o600)

    write("old")
    dsn = f"postgresql://{LOGIN}@127.0.0.1:{server.port}/pumpwatch"
    named = {}
    if kind == "passfile":
        dsn += f"?passfile={file}"
    else:
        named = {f"{service}_DATABASE_PASSWORD_FILE": str(file) for service in ("INGEST", "ALERTS")}
    [pump] = await enrol_pumps(owner, 1)
    ingest = await run_service("ingest", ingest_settings(dsn, broker) | named)
    alerts = await run_service("alerts", environment(dsn, tmp_path / "policies", page_collector) | named)

    async def says_without_sessions(service, words):
        # Each time anew: who logs in while the sessions are ended is not among them, and goes on with the old password.
        await execute_at(owner, END_SESSIONS)
        return await says(service, words)

    async def come_to_say(words):
        for service in (ingest, alerts):
            said = functools.partial(says_without_sessions, service, words)
            await eventually(said, 20, what=f"{service.name}: {words}")

    event = reading()
    async with Publisher(broker_address(broker.url), resend_after_seconds=1) as devices:
        await execute_at(owner, f"ALTER ROLE {LOGIN} PASSWORD 'new'")
        await devices.publish_raw(pump, f"pumpwatch/v1/{pump}/events/reservoir", encoded(event), 1)
        await come_to_say("28P01")
        if kind == "password file":
            file.unlink()
            await come_to_say("file of the database's password")
        write("new")
        await devices.drained()
    await stall(owner, [pump])
    await page_collector.wait_for(1)
    for service in (ingest, alerts):
        await ready(service)
    assert await stored(owner) == [event["event_id"]]
