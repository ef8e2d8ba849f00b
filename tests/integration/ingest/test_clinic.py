"""A device changes its clinic in the registry: from then on the new one is told, and the old one is not."""

from __future__ import annotations

from services.runtime.device_link.connect import open_link
from services.runtime.mqtt import broker_address
from tests.faults.alerts_process import environment
from tests.ingest_world import CLINIC, Device, alarm, enrol, ingest_settings, reading, unique
from tests.stack import eventually

POLICY = """
clinic_id: {clinic}
contacts: [{{name: nurse of {clinic}, channels: [{{name: sms, url: "{url}"}}]}}]
routes: {{high: {{steps: [{{after_minutes: 0, contacts: [nurse of {clinic}]}}]}}}}
"""


async def test_what_comes_after_a_change_of_clinic_is_the_new_clinics_alone(
    database, broker, run_service, page_collector, tmp_path
):
    pump, handheld = unique("pump"), unique("hand")
    await enrol(database.pool, [pump], {handheld: pump})
    await database.pool.execute("INSERT INTO clinics VALUES ('south', 'South')")
    settings = environment(database.dsn, tmp_path / "policies", page_collector)
    for clinic in (CLINIC, "south"):
        text = POLICY.format(clinic=clinic, url=page_collector.url)
        (tmp_path / "policies" / f"{clinic}.yaml").write_text(text)
    await run_service("ingest", ingest_settings(database.dsn, broker))
    await run_service("alerts", settings)
    device = Device(handheld, None)
    async with open_link(broker_address(broker.url), handheld, device.on_message) as device.link:
        await device.link.subscribe(f"pumpwatch/v1/{handheld}/receipts")
        for _ in range(20):  # so that ingest knows both by heart
            assert (await device.receipt("reservoir", reading()))["stored"] == 1
        await database.pool.execute(
            "UPDATE devices SET clinic_id = 'south' WHERE device_id IN ($1, $2)", pump, handheld
        )
        assert (await device.receipt("alarm", alarm("motor_stall")))["stored"] == 1

    async def alerts():
        return await database.pool.fetch("SELECT clinic_id, pump_id FROM alerts")

    assert [tuple(row) for row in await eventually(alerts, 20)] == [("south", pump)]
    await page_collector.wait_for(1)

    async def sent():
        return await database.pool.fetch("SELECT clinic_id, contact FROM deliveries WHERE state = 'sent'")

    assert [tuple(row) for row in await eventually(sent, 20)] == [("south", "nurse of south")]
    trail = await database.pool.fetch("SELECT DISTINCT clinic_id FROM alert_transitions")
    assert [row[0] for row in trail] == ["south"]
