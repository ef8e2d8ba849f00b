"""Two clinics with a little of everything, up to this moment: `north`, which a test may see, and `south`, which not.

Every id of the south holds the word `south`, so that one row of it anywhere is found by looking for the word.
"""

from __future__ import annotations

from typing import Final

from services.runtime.database import Connection

CLINICS: Final = ("north", "south")
PUMPS_EACH: Final = 4
SILENT: Final = 4
"""The last pump of each clinic was heard ten days ago, and the third never."""

_REGISTRY: Final = """
INSERT INTO clinics (clinic_id, name) VALUES ('north', 'Clinic of the north'), ('south', 'Clinic of the south');
INSERT INTO devices (device_id, kind, clinic_id)
SELECT clinic_id || '-pump-' || n, 'pump', clinic_id FROM clinics, generate_series(1, 4) AS n;
INSERT INTO devices (device_id, kind, clinic_id) VALUES
    ('north-handheld-1', 'handheld', 'north'), ('south-handheld-1', 'handheld', 'south'),
    ('north-handheld-9', 'handheld', 'north');
INSERT INTO pairings (handheld_id, pump_id)
VALUES ('north-handheld-1', 'north-pump-1'), ('south-handheld-1', 'south-pump-1');
INSERT INTO device_last_seen
SELECT device_id, now() - CASE WHEN device_id LIKE '%pump-4' THEN interval '10 days' ELSE interval '1 hour' END,
       now() - interval '1 hour', CASE WHEN device_id LIKE '%pump-2' THEN -1800 ELSE 2 END
FROM devices WHERE device_id NOT LIKE '%pump-3';
"""

_EVENTS: Final = """
INSERT INTO reservoir_readings
SELECT device_id, now() - n * interval '6 hours', gen_random_uuid(), now(), device_id, NULL, 4 + n / 12.0,
       CASE n % 10 WHEN 0 THEN 'measured' ELSE 'computed' END
FROM devices, generate_series(0, 160) AS n WHERE kind = 'pump';
INSERT INTO bolus_requests
SELECT device_id, now() - n * interval '5 hours', gen_random_uuid(), now(), device_id, NULL, outcomes[1 + n % 5], 25
FROM devices, generate_series(0, 190) AS n,
     (SELECT ARRAY['delivered', 'denied_lockout', 'denied_limit', 'denied_other', 'comm_failure'] AS outcomes) AS o
WHERE kind = 'pump';
INSERT INTO pump_alarms
SELECT device_id, now() - n * interval '2 days', gen_random_uuid(), now(), device_id, NULL, 'motor_stall',
       CASE n % 2 WHEN 0 THEN 'raised' ELSE 'cleared' END, NULL
FROM devices, generate_series(1, 4) AS n WHERE kind = 'pump';
INSERT INTO therapies
SELECT device_id, now() - n * interval '20 days', gen_random_uuid(), now(), device_id, NULL,
       '[{"name": "morphine", "concentration_mcg_per_ml": 10000}]', '[{"from": "00:00", "rate_ml_per_day": 0.3}]',
       25, 240, 4, 20, 2.5 + n, current_date + 20
FROM devices, generate_series(1, 2) AS n WHERE kind = 'pump';
INSERT INTO refills
SELECT device_id, now() - interval '20 days', gen_random_uuid(), now(), device_id, NULL, 3, 3.4, 18
FROM devices WHERE kind = 'pump';
INSERT INTO device_statuses
SELECT device_id, now() - n * interval '1 day', gen_random_uuid(), now(), device_id, 100 - 2 * n, 80, '3.2.0',
       current_date + 900
FROM devices, generate_series(0, 9) AS n WHERE kind = 'pump';
INSERT INTO patient_reports
SELECT device_id, now() - interval '3 hours', gen_random_uuid(), now(), device_id, NULL, 'pain', 7
FROM devices WHERE kind = 'pump';
"""

_DATED_AHEAD: Final = """
INSERT INTO reservoir_readings
SELECT device_id, now() + interval '5 hours', gen_random_uuid(), now() - interval '7 hours', device_id, NULL, 19,
       'measured'
FROM devices WHERE kind = 'pump';
INSERT INTO bolus_requests
SELECT device_id, now() - interval '23 hours', gen_random_uuid(), now() - interval '25 hours', device_id, NULL,
       'delivered', 25
FROM devices WHERE kind = 'pump';
INSERT INTO pump_alarms
SELECT device_id, now() - interval '1 day', gen_random_uuid(), now() - interval '2 days', device_id, NULL, 'other',
       'raised'
FROM devices WHERE kind = 'pump';
INSERT INTO pump_alarms
SELECT device_id, now() + interval '20 hours', gen_random_uuid(), now() - interval '2 hours', device_id, NULL,
       'low_battery', 'raised'
FROM devices WHERE kind = 'pump';
INSERT INTO patient_reports
SELECT device_id, now() + interval '20 hours', gen_random_uuid(), now() - interval '2 hours', device_id, NULL,
       'confusion', NULL
FROM devices WHERE kind = 'pump';
INSERT INTO device_statuses
SELECT device_id, now() + interval '20 hours', gen_random_uuid(), now() - interval '2 hours', device_id, NULL, 7,
       '3.2.0', current_date + 900
FROM devices WHERE kind = 'pump';
INSERT INTO refills
SELECT device_id, now() + interval '20 hours', gen_random_uuid(), now() - interval '21 days', device_id, NULL, 5, 5.5,
       16
FROM devices WHERE kind = 'pump';
INSERT INTO therapies
SELECT device_id, now() + interval '1 hour', gen_random_uuid(), now() - interval '22 days', device_id, NULL,
       '[]', '[]', NULL, NULL, NULL, 20, 9, NULL
FROM devices WHERE kind = 'pump';
"""
"""What a clock that was ahead dated later than it was received: newer by its date, and older by what is known of it."""

_CORRECTED: Final = """
INSERT INTO therapies
SELECT device_id, now() - interval '10 days', md5('wrong' || device_id)::uuid, now() - interval '9 days', device_id,
       NULL, '[{"name": "morphine", "concentration_mcg_per_ml": 1000}]', '[{"from": "00:00", "rate_ml_per_day": 0.3}]',
       NULL, NULL, NULL, 20, 8, NULL
FROM devices WHERE kind = 'pump';
INSERT INTO therapies
SELECT device_id, now() - interval '11 days', gen_random_uuid(), now(), device_id, NULL,
       '[]', '[]', NULL, NULL, NULL, 20, 3.5, current_date + 20, md5('wrong' || device_id)::uuid
FROM devices WHERE kind = 'pump';
INSERT INTO refills
SELECT device_id, now() - interval '20 days', gen_random_uuid(), now(), device_id, NULL, 3, 3.4, 17, event_id
FROM refills WHERE filled_ml = 18;
"""

_ALERTS: Final = """
INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, updated_at,
                    acknowledged_by, acknowledged_at, policy_version)
SELECT clinic_id, device_id, rule, rule, priority, state, initcap(rule), 'why, at ' || device_id,
       now() - interval '1 hour', now() - interval '50 minutes', now(),
       CASE state WHEN 'active' THEN NULL ELSE 'nurse of the ' || clinic_id END,
       CASE state WHEN 'active' THEN NULL ELSE now() END, 'v'
FROM devices, (VALUES ('pump_alarm', 'high', 'active'), ('low_reservoir', 'medium', 'acknowledged'),
                      ('bolus_demand', 'low', 'closed')) AS a (rule, priority, state)
WHERE device_id LIKE '%pump-1';
INSERT INTO alert_transitions (clinic_id, clinic_seq, alert_id, at, kind, to_state, priority, reason, actor,
                               previous_hash, row_hash)
SELECT clinic_id, 0, alert_id, opened_at, 'opened', 'active', priority, 'why', 'rules of the ' || clinic_id, '', ''
FROM alerts;
INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, device_id, payload,
                               reason, detail)
SELECT sha256(convert_to(id, 'UTF8')), -1, now(), now() - interval '2 hours', 't', id, '', 'not_json', 'from ' || id
FROM unnest(ARRAY['north-pump-1', 'south-pump-1', 'stranger-from-the-south']) AS id;
"""


async def seed(connection: Connection) -> None:
    """Fill a migrated database."""
    async with connection.transaction():
        for statements in (_REGISTRY, _EVENTS, _DATED_AHEAD, _CORRECTED, _ALERTS):
            await connection.execute(statements)
    await connection.execute("ANALYZE")
