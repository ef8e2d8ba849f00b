"""A network goes down, and 2,000 devices of several clinics fall silent at once: one page for each clinic, in time."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.devstack.pages import PageCollector
from tests.stack import Database, RunService

DEVICES = 2_000
CLINICS = ("north", "south", "west")
LEAST_SILENCE = timedelta(hours=48)
POLICY = """
clinic_id: {clinic}
contacts: [{{name: "{clinic}-nurse", channels: [{{name: sms, url: "{url}"}}]}}]
routes: {{low: {{steps: [{{after_minutes: 0, contacts: ["{clinic}-nurse"]}}]}}}}
"""
FLEET = """
WITH clinic AS (
    INSERT INTO clinics SELECT name, name FROM unnest($2::text[]) AS c (name)),
pump AS (
    INSERT INTO devices (device_id, kind, clinic_id)
    SELECT 'pump-' || n, 'pump', ($2::text[])[1 + n % cardinality($2::text[])] FROM generate_series(0, $1::int - 1) AS n
    RETURNING device_id)
INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, firmware)
SELECT device_id, $3::timestamptz - beat * interval '12 hours', gen_random_uuid(),
       $3::timestamptz - beat * interval '12 hours', device_id, '1.0'
FROM pump, generate_series(0, 9) AS beat
"""


@pytest.mark.long
async def test_2000_devices_go_silent_at_once_and_each_clinic_gets_one_page_within_60_seconds(
    database: Database, run_service: RunService, page_collector: PageCollector, tmp_path: Path
) -> None:
    """The service with every setting at its default; when the limit passes it has just looked at every pump, and its
    sweep is nearly a minute away.
    """
    folder = tmp_path / "policies"
    folder.mkdir()
    for clinic in CLINICS:
        (folder / f"{clinic}.yaml").write_text(POLICY.format(clinic=clinic, url=page_collector.url))
    limit_at = datetime.now(UTC) + timedelta(seconds=7)
    connection = await asyncpg.connect(database.dsn)
    await connection.execute(FLEET, DEVICES, CLINICS, limit_at - LEAST_SILENCE)
    service = await run_service("alerts", {"ALERTS_DATABASE_URL": database.dsn, "ALERTS_POLICY_FOLDER": str(folder)})

    pages = await page_collector.wait_for(len(CLINICS), within_seconds=75)
    before = await connection.fetchval("SELECT count(*) FROM alerts WHERE opened_at < $1", limit_at)
    rows = await connection.fetch("SELECT clinic_id, count(*) AS count FROM alerts GROUP BY 1 ORDER BY 1")
    alerts: dict[str, int] = {row["clinic_id"]: row["count"] for row in rows}
    states = await connection.fetch(
        "SELECT state, count(*) FROM deliveries WHERE alert_id IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    await connection.close()

    assert service.is_running
    assert before == 0
    assert sum(alerts.values()) == DEVICES
    assert max(page.received_at for page in pages) - limit_at < timedelta(seconds=60)
    await asyncio.to_thread(service.terminate)  # in order: whatever was due at this moment would have gone out
    assert len(page_collector.pages) == len(CLINICS)
    found = {re.search(r"clinic_id=(\w+)", page.body)[1]: page.title for page in page_collector.pages}  # type: ignore[index]
    assert found == {clinic: f"Pumpwatch LOW: {count} alerts: device silent" for clinic, count in alerts.items()}
    assert {state for state, _ in states} <= {"grouped", "sent"}
