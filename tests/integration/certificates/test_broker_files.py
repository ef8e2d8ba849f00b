"""The ends of the broker's own files are watched by the alert service: /readyz, the metric, the ping to the outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

from services.alerts.evaluation.worker import Worker
from services.alerts.health.ping import vitals
from services.alerts.health.readiness import readiness
from services.alerts.health.troubles import troubles
from tests.alerts_world import resources_for
from tests.integration.certificates.world import Site

FILES = ("authority", "server", "revocations")


async def test_what_ends_is_warned_of_measured_and_stops_the_ping_once_it_has_ended(site: Site):
    """Alerts go on meanwhile: nothing of it makes the service itself unready."""
    host = ("localhost", "--authority", str(site.authority), "--out", str(site.authority), "--days", "90")
    site.certificates("server", *host)
    now = datetime.now(UTC)

    async def seen(days: float, folder: Path = site.authority) -> tuple[tuple[str, ...], list[float], bool]:
        resources = resources_for(
            site.database.pool,
            site.database.dsn,
            clock=lambda: now + timedelta(days=days),
            broker_certificates=str(folder),
        )
        worker = Worker(resources)
        await worker.look_at_upkeep_once()
        gauge = resources.metrics.certificate_expires_seconds
        found = await readiness(resources)
        assert not any("broker" in each.to(trusted=True) for each in found.missing)
        told = [each for each in found.in_words(names=True)[1] if each.startswith("broker:")]
        stops = any("has ended" in each for each in troubles(await vitals(resources), resources.clock()))
        return tuple(told), [gauge.labels(each)._value.get() for each in FILES], stops

    told, seconds, stops = await seen(1)
    assert (told, stops) == ((), False)
    assert [round(each / 86_400) for each in seconds] == [3649, 89, 3649]
    told, _, stops = await seen(70)
    assert (len(told), stops) == (1, False)
    assert "(server.crt) ends in" in told[0]
    told, seconds, stops = await seen(91)
    assert "(server.crt) ended on" in told[0]
    assert (seconds[1] < 0, stops) == (True, True)
    # Not there, as where the alert service runs on another host and names a folder by mistake: told, and no more.
    told, seconds, stops = await seen(1, site.folder)
    assert (len(told), seconds, stops) == (3, [-inf] * 3, False)
