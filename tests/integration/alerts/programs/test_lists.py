"""Every list for programs is read to the end by its cursor, says how many there are, and filters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.people.model import Role
from tests.alerts_pages import STALL, Site, client_for, person
from tests.alerts_world import Story
from tests.integration.people.two_clinics import two_clinics
from tests.stack import Database


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    async with client_for(story) as client:
        yield Site(story, client)


async def parts(site: Site, path: str, what: str, **query: Any) -> list[dict[str, Any]]:
    """All parts of a list, one after another."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await site.client.get(path, params={"limit": 2, "cursor": cursor, **query})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        found += said[what]
        assert len(said[what]) <= 2
        cursor = said["next_cursor"]
        if cursor is None:
            assert said["total"] == len(found)
            return found


async def test_silences_are_read_to_the_end_and_filtered(site: Site) -> None:
    await site.story.run([(0, "status")])
    pool, now, clinic = site.story.pool, site.story.now, site.story.clinic_id
    for number in range(5):
        await pool.execute(
            "INSERT INTO silences (clinic_id, kind, pump_id, rule, reason, created_by, created_at, begins_at, ends_at) "
            "VALUES ($1, $2, $3, $4, $5, 'Sue', $6, $7, $8)",
            clinic, "maintenance" if number == 4 else "silence", site.story.pump_id if number % 2 else None,
            "pump_alarm" if number == 1 else None, f"reason {4 - number}", now, now + timedelta(minutes=4 - number),
            now + timedelta(hours=9),
        )  # fmt: skip
    found = await parts(site, "/v1/silences", "silences")
    assert [each["reason"] for each in found] == [f"reason {number}" for number in range(5)]
    assert [each["reason"] for each in await parts(site, "/v1/silences", "silences", pump_id=site.story.pump_id)] == [
        "reason 1",
        "reason 3",
    ]
    assert [each["reason"] for each in await parts(site, "/v1/silences", "silences", rule="pump_alarm")] == ["reason 3"]
    assert len(await parts(site, "/v1/silences", "silences", kind="maintenance", clinic_id=clinic)) == 1
    for wrong in ({"kind": "x"}, {"rule": "x"}, {"limit": 0}, {"limit": 501}, {"cursor": "x"}):
        assert (await site.client.get("/v1/silences", params=wrong)).status_code == 422, wrong


async def test_pumps_are_read_to_the_end_and_filtered(site: Site) -> None:
    await site.story.run([(0, "level 12.5"), (1, STALL)])
    others = [f"pump-z{number}" for number in range(5)]
    for name in (*others, "pump-zr"):
        await site.story.pool.execute(
            "INSERT INTO devices (device_id, kind, clinic_id, retired_at) VALUES ($1, 'pump', $2, $3)",
            name, site.story.clinic_id, site.story.now if name == "pump-zr" else None,
        )  # fmt: skip
    await site.story.pool.execute(
        "INSERT INTO device_last_seen (device_id, received_at, observed_at, clock_offset_seconds) "
        "VALUES ($1, $2, $2, 0)",
        site.story.pump_id, site.story.now - timedelta(minutes=2),
    )  # fmt: skip
    found = await parts(site, "/v1/pumps", "pumps")
    assert [each["pump_id"] for each in found] == sorted([site.story.pump_id, *others])
    (own,) = await parts(site, "/v1/pumps", "pumps", has_open_alerts=True)
    assert (own["pump_id"], own["open_alerts"], own["clinic_id"]) == (site.story.pump_id, 1, site.story.clinic_id)
    assert (own["level"]["volume_ml"], own["level"]["basis"]) == (12.5, "computed")
    assert datetime.fromisoformat(own["last_heard_at"]) == site.story.now - timedelta(minutes=2)
    without = await parts(site, "/v1/pumps", "pumps", has_open_alerts=False)
    assert [(each["pump_id"], each["level"], each["last_heard_at"]) for each in without] == [
        (name, None, None) for name in others
    ]
    assert [each["pump_id"] for each in await parts(site, "/v1/pumps", "pumps", text="Z3 PUMP")] == ["pump-z3"]
    assert await parts(site, "/v1/pumps", "pumps", text="pump_z3") == []
    one = (await site.client.get(f"/v1/pumps/{site.story.pump_id}")).json()
    assert one["pump"] == own
    retired = (await site.client.get("/v1/pumps/pump-zr")).json()["pump"]
    assert retired["retired_at"] is not None
    for wrong in ({"limit": 101}, {"has_open_alerts": "perhaps"}, {"cursor": "x"}):
        assert (await site.client.get("/v1/pumps", params=wrong)).status_code == 422, wrong


async def test_who_reads_the_pumps_of_one_clinic_sees_no_other(database: Database) -> None:
    two = await two_clinics(database)
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    async with client_for(two.north, auth=nora) as client:
        said = (await client.get("/v1/pumps")).json()
        assert (said["total"], [each["pump_id"] for each in said["pumps"]]) == (1, [two.north.pump_id])
        assert (await client.get(f"/v1/pumps/{two.south.pump_id}")).status_code == 404
        whole = (await client.get("/v1/on-call")).json()
        assert (whole["total"], [each["clinic_id"] for each in whole["clinics"]]) == (1, [two.north.clinic_id])
    noted = await two.pool.fetch("SELECT pump_id FROM access_log WHERE kind = 'read' AND detail->>'name' = 'Nora'")
    assert [row["pump_id"] for row in noted] == [two.north.pump_id]


async def test_who_is_on_call_is_read_clinic_by_clinic(database: Database) -> None:
    two = await two_clinics(database)
    async with client_for(two.north) as client:
        first = (await client.get("/v1/on-call", params={"limit": 1})).json()
        second = (await client.get("/v1/on-call", params={"limit": 1, "cursor": first["next_cursor"]})).json()
        assert (first["total"], second["total"], second["next_cursor"]) == (2, 2, None)
        names = [each["clinic_id"] for part in (first, second) for each in part["clinics"]]
        assert names == sorted([two.north.clinic_id, two.south.clinic_id])
