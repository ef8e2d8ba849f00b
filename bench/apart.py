"""What it costs that the web process reads by views of the clinics of who asks (decision 37).

python -m bench.apart            one clinic of 2,000 pumps with 200 open alerts, 4,000 closed ones and their pages, and
                                 a pump of which half a year is dense: 44,000 events

The same application answers the same requests twice over: by the owner's connections, which read the tables, and by
those of the web process, which read the views. Printed: the median of each in milliseconds, and the ratio.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from schemas.paths import GRANTS_FILE, SQL_FOLDER
from services.alerts.health.paged import PagedPast
from services.alerts.web.api import create_app
from services.alerts.web.dependencies import Web
from services.alerts.web.identity.pool import open_web_pool
from services.alerts.web.settings import WebSettings
from services.devstack.servers import timescaledb
from services.devstack.servers.postgres import SCRATCH_SETTINGS
from services.people.model import Role
from services.runtime.database import Pool, open_pool
from services.runtime.grants import give_rights
from services.runtime.migrate import migrate
from tests.logins import make_logins, with_login
from tests.signed_in import SignedIn, WithKey

ROUNDS = 40
FILL = """
INSERT INTO clinics VALUES ('north', 'north'), ('south', 'south');
INSERT INTO devices (device_id, kind, clinic_id) SELECT 'pump-' || n, 'pump', 'north' FROM generate_series(1, 2000) n;
INSERT INTO devices (device_id, kind, clinic_id) SELECT 'south-' || n, 'pump', 'south' FROM generate_series(1, 2000) n;
INSERT INTO alerts (alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, evidence, since,
                    opened_at, updated_at, closed_at, cleared_at, policy_version)
SELECT gen_random_uuid(), d.clinic_id, d.device_id, 'pump_alarm', 'k' || n, 'high',
       CASE WHEN n = 0 THEN 'active' ELSE 'closed' END, 'Motor stall', 'The motor stalls.', '{}', at, at, at,
       CASE WHEN n > 0 THEN at END, CASE WHEN n > 0 THEN at END, 'v'
FROM (SELECT *, row_number() OVER (PARTITION BY clinic_id ORDER BY device_id) AS place FROM devices) d,
     generate_series(0, 20) n, LATERAL (SELECT now() - n * interval '1 day' - interval '5 minutes') t (at)
WHERE place <= 200;
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, state,
                        created_at, due_at, sent_at, policy_version)
SELECT alert_id, clinic_id, 'opened', 0, step, 'nurse', 'sms', 'high', 't', 'b', 'sent', opened_at, opened_at,
       opened_at, 'v'
FROM alerts, generate_series(0, 2) step;
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis)
SELECT device_id, at, gen_random_uuid(), at, device_id, 10, 'computed'
FROM devices, generate_series(now() - interval '28 days', now(), interval '6 hours') at;
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis)
SELECT 'pump-1', at, gen_random_uuid(), at, 'pump-1', 10, 'computed'
FROM generate_series(now() - interval '182 days', now(), interval '15 minutes') at;
INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, firmware)
SELECT 'pump-1', at, gen_random_uuid(), at, 'pump-1', '1'
FROM generate_series(now() - interval '182 days', now(), interval '10 minutes') at;
INSERT INTO bolus_requests (pump_id, observed_at, event_id, received_at, device_id, outcome)
SELECT 'pump-1', at, gen_random_uuid(), at, 'pump-1', 'delivered'
FROM generate_series(now() - interval '182 days', now(), interval '3 hours') at;
INSERT INTO refills (pump_id, observed_at, event_id, received_at, device_id, expected_ml, measured_ml, filled_ml)
SELECT 'pump-1', at, gen_random_uuid(), at, 'pump-1', 2, 2.5, 18
FROM generate_series(now() - interval '181 days', now(), interval '40 days') at;
ANALYZE;
"""


class _Nobody:
    async def paged(self) -> tuple[PagedPast, ...]:
        return ()


async def _measure(dsn: str) -> None:
    owner = await open_pool(dsn, application_name="bench")
    async with owner.acquire() as connection:
        await migrate(connection, SQL_FOLDER)
        await give_rights(connection, GRANTS_FILE)
        await connection.execute(FILL)
    makes = await open_pool(dsn, application_name="bench-persons")  # of its own: those of the board say who asks
    by_views = await open_web_pool(with_login(dsn, "pumpwatch_web"))
    alert = await owner.fetchval("SELECT alert_id FROM alerts WHERE clinic_id = 'north' AND state = 'active' LIMIT 1")
    since = (datetime.now(UTC) - timedelta(days=7)).strftime("%Y-%m-%dT00:00:00Z")
    asked = {
        "board": "/",
        "one alert": f"/alerts/{alert}",
        "API, 200 open": "/v1/alerts?limit=200",
        "API, 500 of all": "/v1/alerts?state=all&limit=500",
        "FHIR, alerts": "/fhir/R4/DetectedIssue?_count=50",
        "FHIR, pages": "/fhir/R4/Communication?_count=50",
        "pump, dense": "/pumps/pump-1",
        "pump, usual": "/pumps/pump-2",
        "review, 12 weeks": "/pumps/pump-1/review?period=12w",
        "review, PDF": "/pumps/pump-1/review.pdf?period=12w",
        "review, usual pump": "/pumps/pump-2/review?period=4w",
        "quality, 4 weeks": "/quality?period=4w",
        "quality, two years": "/quality/year",
        "FHIR, a pump's levels": f"/fhir/R4/Observation?device=Device/pump-1&date=ge{since}",
    }
    took: dict[str, list[list[float]]] = {name: [[], []] for name in asked}
    clients = [_client(makes, pool) for pool in (owner, by_views)]
    for turn in range(ROUNDS + 3):
        for name, path in asked.items():
            for index, client in enumerate(clients):
                began = time.perf_counter()
                auth = client.key if "/fhir/" in path else client.person
                response = await client.http.get(path, auth=auth)
                if turn >= 3:  # the first are planned and cached
                    took[name][index].append(1000 * (time.perf_counter() - began))
                if response.status_code != 200:
                    msg = f"{path}: {response.status_code} {response.text[:300]}"
                    raise RuntimeError(msg)
    for name, (tables, views) in took.items():
        before, after = statistics.median(tables), statistics.median(views)
        print(f"{name:24} {before:8.1f} ms {after:8.1f} ms   x {after / before:.2f}")
    for pool in (by_views, owner, makes):
        pool.terminate()


@dataclass(frozen=True, slots=True)
class _Client:
    http: httpx.AsyncClient
    person: SignedIn
    key: WithKey


def _client(owner: Pool, pool: Pool) -> _Client:
    settings = WebSettings.model_validate({"database_url": "postgresql://x/x", "public_url": "https://pw.example.org"})
    app = create_app(Web(pool, settings, _Nobody()))
    return _Client(
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8081", timeout=60),
        SignedIn(owner, _now, "Ann", role=Role.VIEWER, clinic_id="north"),
        WithKey(owner, _now, "system/*.rs", clinic_id="north"),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Do what the module's docstring says."""
    server = timescaledb.make_server(settings=SCRATCH_SETTINGS)
    server.start()
    try:
        asyncio.run(make_logins(server.dsn()))
        asyncio.run(_measure(server.dsn()))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
