"""A real alert worker and a program: it signs what it sends, sends it again, and signs past a database that is away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from services.admin.webhooks.secret_files import make
from services.devstack.servers.mosquitto import MosquittoServer
from tests.command import pumpwatch
from tests.faults.alerts_process import POLICY, enrol
from tests.faults.paging.devices import publish
from tests.integration.alerts.webhooks.receiver import program, verify_in_python
from tests.stack import RunService, StartPostgres, eventually, make_database

ASKED = ("webhooks", "replay", "--clinic", "north", "--contact", "nurse", "--since", "1h", "--by", "Ann")


async def test_a_worker_signs_sends_again_and_signs_past_a_database_that_is_away(
    own_postgres: StartPostgres, broker: MosquittoServer, run_service: RunService, tmp_path: Path
) -> None:
    server = own_postgres()
    dsn = await make_database(server)
    first, second = await enrol(dsn, 2)
    mark = uuid4().hex[:8]
    addresses = {"INGEST_DATABASE_URL": dsn, "INGEST_MQTT_URL": broker.url}
    await run_service("ingest", addresses | {"INGEST_CLIENT_ID": f"webhook-{mark}", "INGEST_SHARE_GROUP": mark})
    with program(tmp_path) as receiver:
        make(receiver.secret_file)
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "default.yaml").write_text(POLICY.format(url=receiver.url))
        alerts = {"ALERTS_DATABASE_URL": dsn, "ALERTS_POLICY_FOLDER": str(tmp_path / "policies")}
        await run_service("alerts", alerts | {"ALERTS_MQTT_URL": broker.url})
        await publish(broker, first, ("motor_stall", "raised"))
        await eventually(lambda: receiver.types == ["alert.opened"])

        done = await asyncio.to_thread(pumpwatch, *ASKED, DATABASE_URL=dsn)
        assert (done.returncode, "1 message to go to nurse again" in done.stdout) == (0, True), done.stderr
        await eventually(lambda: len(receiver.messages) == 2)
        assert receiver.ids[0] == receiver.ids[1]
        assert receiver.messages[0].body == receiver.messages[1].body

        server.stop()
        await publish(broker, second, ("motor_stall", "raised"))
        await eventually(lambda: len(receiver.messages) == 3)
        past = receiver.messages[2].event
        assert (past["type"], past["data"]["alert"]["recorded"]) == ("pumpwatch.alert.opened", False)
        assert past["data"]["title"] == "Pumpwatch HIGH, not recorded: pump alarm"
        for message in receiver.messages:
            verify_in_python()(receiver.secrets[0], message.headers, message.body)
