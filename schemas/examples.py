"""One worked example of every wire message, for the published documents and the device maker's guide.

Guarantees: each example is valid, says something a real pump could say, and carries the same `event_id` in
every release, so that published documents do not change by themselves.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.events import EventKind

EVENTS: Final[dict[EventKind, dict[str, Any]]] = {
    EventKind.RESERVOIR: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c01",
        "observed_at": "2026-11-22T08:00:00+01:00",
        "seq": 812,
        "volume_ml": 12.4,
        "basis": "computed",
    },
    EventKind.BOLUS: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c02",
        "observed_at": "2026-11-22T08:14:31+01:00",
        "seq": 813,
        "outcome": "denied_lockout",
        "dose_mcg": 25.0,
    },
    EventKind.ALARM: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c03",
        "observed_at": "2026-11-22T08:20:05+01:00",
        "seq": 814,
        "code": "motor_stall",
        "state": "raised",
        "detail": "no rotor movement for 48 min",
    },
    EventKind.THERAPY: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c04",
        "observed_at": "2026-11-03T10:32:00+01:00",
        "seq": 640,
        "drugs": [
            {"name": "morphine", "concentration_mcg_per_ml": 10000.0},
            {"name": "bupivacaine", "concentration_mcg_per_ml": 5000.0},
        ],
        "profile": [
            {"from": "00:00", "rate_ml_per_day": 0.24},
            {"from": "07:00", "rate_ml_per_day": 0.36},
        ],
        "bolus": {"dose_mcg": 25.0, "lockout_minutes": 240, "limit_per_24h": 4},
        "reservoir_size_ml": 20.0,
        "low_reservoir_ml": 2.0,
        "refill_due": "2026-12-29",
    },
    EventKind.REFILL: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c05",
        "observed_at": "2026-11-03T10:25:00+01:00",
        "seq": 639,
        "expected_ml": 3.1,
        "measured_ml": 3.4,
        "filled_ml": 18.0,
    },
    EventKind.STATUS: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c06",
        "observed_at": "2026-11-22T08:30:00+01:00",
        "seq": 815,
        "battery_percent": 81.5,
        "firmware": "3.2.0",
        "end_of_service": "2031-05-01",
    },
    EventKind.REPORT: {
        "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c07",
        "observed_at": "2026-11-22T08:31:10+01:00",
        "seq": 816,
        "complaint": "pain",
        "score": 7,
    },
}
"""An event of each kind, as its own topic carries it: without `kind`, which the topic says."""

BATCH: Final[list[dict[str, Any]]] = [
    {"kind": kind.value, **EVENTS[kind]} for kind in (EventKind.BOLUS, EventKind.STATUS, EventKind.REPORT)
]
"""A handheld that was out of reach uploads its log: in a batch every event says its kind."""

RECEIPT: Final[dict[str, Any]] = {"stored": 1, "duplicates": 0, "rejected": []}
"""The receipt of one event that was new."""

RECEIPT_OF_A_BATCH: Final[dict[str, Any]] = {
    "stored": 48,
    "duplicates": 1,
    "rejected": [
        {
            "index": 7,
            "event_id": "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c08",
            "reason": "unknown_value",
            "detail": "complaint: expected one of pain, side_effect, alarm_heard, more_therapy",
        }
    ],
}
"""The receipt of a batch of 50 in which one event was seen before and one cannot be understood."""

POLICY: Final[dict[str, Any]] = {
    "clinic_id": "north",
    "low_reservoir": {"level_ml": 4.0},
    "contacts": [
        {"name": "nurse on call", "channels": [{"name": "push", "url": "env:NORTH_PUSH_URL"}]},
        {"name": "doctor on call", "channels": [{"name": "phone", "url": "env:NORTH_PHONE_URL"}]},
    ],
    "routes": {
        "high": {
            "steps": [
                {"after_minutes": 0, "contacts": ["nurse on call"]},
                {"after_minutes": 5, "contacts": ["nurse on call", "doctor on call"]},
            ]
        },
        "medium": {"steps": [{"after_minutes": 0, "contacts": ["nurse on call"]}]},
    },
}
"""A small clinic: one nurse, one doctor; everything else at its default."""

WEBHOOK: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "f2a9d1c4-7b0e-4f63-8a55-0c1d9e2b3a44",
    "source": "urn:pumpwatch:clinic:north",
    "type": "pumpwatch.alert.opened",
    "subject": "8c1f6a52-3f4e-4a51-9d0c-2f6d3f0f7b11",
    "time": "2026-03-02T09:00:00Z",
    "datacontenttype": "application/json",
    "dataschema": "urn:pumpwatch:v1:webhook-data",
    "data": {
        "clinic_id": "north",
        "priority": "high",
        "state": "active",
        "step": 0,
        "title": "Pumpwatch HIGH: pump alarm",
        "text": "Alert 8c1f6a52. Open https://pumpwatch.example.org/alerts/8c1f6a52-3f4e-4a51-9d0c-2f6d3f0f7b11",
        "alert": {
            "alert_id": "8c1f6a52-3f4e-4a51-9d0c-2f6d3f0f7b11",
            "rule": "pump_alarm",
            "recorded": True,
            "pump_id": None,
            "key": None,
            "patient_ref": None,
        },
    },
}
"""What a program gets when an alert opens, of a clinic that keeps patient data out of its pages."""
