"""The end of a certificate is told in time, device by device, and is over when a later one is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.evaluation.evaluate import evaluate_pumps
from services.alerts.policies import policies_of
from tests.alerts_world import POLICY
from tests.command import pumpwatch
from tests.integration.certificates.world import Site

NOW = datetime.now(UTC)


@pytest.fixture
def look(site: Site):
    """`await look(days)` evaluates p-1 so many days from now: the open alerts about certificates."""
    paired = ("h-1", "--kind", "handheld", "--pair-with", "p-1", "--clinic", "north")
    assert pumpwatch("enrol", *paired, DATABASE_URL=site.database.dsn).returncode == 0
    policies = policies_of(POLICY.model_copy(update={"clinic_id": "north"}))

    async def look(days: float) -> list[tuple[str, str, str]]:
        async with site.database.pool.acquire() as connection, connection.transaction():
            await evaluate_pumps(
                connection, ["p-1", "p-2"], policies, NOW + timedelta(days=days), public_url="http://board"
            )
            rows = await connection.fetch(
                "SELECT key, priority, title FROM alerts WHERE rule = 'certificate' AND state <> 'closed' ORDER BY key"
            )
        return [(row["key"], row["priority"], row["title"]) for row in rows]

    return look


async def test_it_is_told_a_month_before_and_ends_with_the_renewal(site: Site, look, tmp_path):
    for device, days in (("p-1", "100"), ("h-1", "120"), ("p-2", "400")):
        site.signed("issue", device, "--csr", str(site.request(device)), "--days", days)
    assert await look(60) == []
    assert await look(75) == [("p-1", "low", "The certificate of the pump ends soon")]
    assert await look(95) == [
        ("h-1", "low", "The certificate of the handheld ends soon"),
        ("p-1", "low", "The certificate of the pump ends soon"),
    ]
    assert ("p-1", "medium", "The certificate of the pump has ended") in await look(101)
    site.signed("renew", "p-1", "--csr", str(site.folder / "p-1.csr"), "--days", "1000", out=tmp_path)
    assert [each[0] for each in await look(102)] == ["h-1"]
    # A revoked one counts no more: the handheld's is told no more, and its silence is.
    site.certificates("revoke", "h-1", "--reason", "lost")
    assert await look(103) == []


async def test_a_renewal_is_looked_at_at_once(site: Site, look):
    site.signed("issue", "h-1", "--csr", str(site.request("h-1")))
    queued = "SELECT pump_ids FROM evaluation_queue WHERE urgent ORDER BY queue_id DESC LIMIT 1"
    assert await site.database.pool.fetchval(queued) == ["p-1"]
