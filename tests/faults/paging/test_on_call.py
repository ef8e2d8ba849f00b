"""Whoever is on call is paged past a database that is stopped: by what was read last."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from services.people.model import Actor
from services.people.rota import edit
from services.people.rota.model import Layer, Rota
from tests.faults.alerts_process import enrol, environment
from tests.faults.paging.devices import publish
from tests.stack import RunService, StartPostgres, make_database

ANN = UUID(int=1)
POLICY = """
clinic_id: north
contacts: [{name: on call, rota: first}]
routes: {high: {steps: [{after_minutes: 0, contacts: [on call]}]}}
"""


async def put_ann_on_call(dsn: str, address: str) -> None:
    now = datetime.now(UTC)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO persons (person_id, name, sign_in, made_at, made_by) VALUES ($1, 'Ann', 'ann', $2, 'test')",
            ANN,
            now,
        )
        await connection.execute("INSERT INTO person_roles VALUES ($1, 'north', 'responder', $2, 'test')", ANN, now)
        await connection.execute(
            "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at) "
            "VALUES ($1, 1, 'phone', $2, $3, $3)",
            ANN,
            address,
            now,
        )
        layer = Layer(name="week", members=(ANN,), begins=date(2026, 1, 1))
        rota = Rota(clinic_id="north", name="first", timezone="Europe/Berlin", layers=(layer,))
        await edit.keep_rota(connection, rota, Actor("test", "Test"), now)
    finally:
        await connection.close()


async def test_whoever_is_on_call_is_paged_while_the_database_is_stopped(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    (pump,) = await enrol(dsn, 1)
    await put_ann_on_call(dsn, f"{page_collector.url}?:to=Ann")
    folder = tmp_path / "policies"
    alerts = environment(dsn, folder, page_collector) | {"ALERTS_MQTT_URL": broker.url}
    (folder / "default.yaml").unlink()
    (folder / "north.yaml").write_text(POLICY)
    await run_service("alerts", alerts)
    server.stop()
    await publish(broker, pump, ("motor_stall", "raised"))
    [page] = await page_collector.wait_for(1, within_seconds=10)
    assert (page.title, page.raw["to"]) == ("Pumpwatch HIGH, not recorded: pump alarm", "Ann")
