"""The sheet of what devices sent through a real broker and a real ingest."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from tests.alerts_pages import client_for
from tests.alerts_world import Story
from tests.ingest_world import alarm, enrol, ingest_settings, opened, reading, unique

HOUR = timedelta(hours=1)


def event(ago: timedelta, **values: Any) -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "observed_at": (datetime.now(UTC) - ago).isoformat(), **values}


async def test_what_two_devices_sent_and_sent_again_is_on_the_sheet_once(run_service, database, broker) -> None:
    pump, handheld = unique("pump"), unique("handheld")
    await enrol(database.pool, [pump], {handheld: pump})
    await run_service("ingest", ingest_settings(database.dsn, broker))
    therapy = event(
        50 * HOUR,
        kind="therapy",
        drugs=[{"name": "baclofen", "concentration_mcg_per_ml": 500.0}],
        profile=[{"from": "00:00", "rate_ml_per_day": 0.4}],
        bolus={"dose_mcg": 25.0, "lockout_minutes": 60, "limit_per_24h": 4},
        reservoir_size_ml=40.0,
    )
    of_pump = [
        therapy,
        event(49 * HOUR, kind="refill", expected_ml=3.0, measured_ml=2.5, filled_ml=38.0),
        event(10 * HOUR, kind="bolus", outcome="delivered"),
        event(9 * HOUR, kind="bolus", outcome="denied_lockout"),
        alarm("motor_stall", ago=8 * HOUR) | {"kind": "alarm"},
        alarm("motor_stall", "cleared", ago=6 * HOUR) | {"kind": "alarm"},
        reading(33.0, ago=5 * HOUR) | {"kind": "reservoir"},
        reading(32.5, ago=4 * HOUR, basis="measured") | {"kind": "reservoir"},
    ]
    of_handheld = [
        event(10 * HOUR - timedelta(seconds=20), kind="bolus", outcome="delivered"),  # the same press
        event(3 * HOUR, kind="bolus", outcome="comm_failure"),
        event(2 * HOUR, kind="report", complaint="pain", score=6),
    ]
    for name, events in ((pump, of_pump), (handheld, of_handheld)):
        async with opened(broker, name) as device:
            for duplicates in (0, len(events)):
                receipt = await device.receipt("batch", events)
                assert (receipt["duplicates"], receipt["rejected"]) == (duplicates, [])
    story = Story(database.pool, database.dsn, pump_id=pump, now=datetime.now(UTC))
    async with client_for(story) as browser:
        page = (await browser.get(f"/pumps/{pump}/review?period=4w")).text
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page)))
    for words in (
        "Together 3 1 1 0 0 1",
        "baclofen 500 mcg/mL 0.400 mL: 200 mcg baclofen 25 mcg 60 min 4",
        "3.00 mL 2.50 mL -0.50 mL not known 38.00 mL",
        "32.50 mL 33.00 mL -0.50 mL",
        "6 to 6",
        "2.0 h",
    ):
        assert words in text, words
    assert text.count("Motor stall") == 1
