"""One example of each thing that programs send and are answered, for the description."""

from __future__ import annotations

from typing import Any, Final

_ALERT_ID: Final = "0b5f3c7e-6f5d-4c3a-9a55-2f0d8f1a7c08"
_SILENCE_ID: Final = "6f5d4c3a-2f0d-4a55-8f1a-7c080b5f3c7e"
_READ_AT: Final = "2026-11-27T08:30:00Z"
_PUMP: Final = "pump-0012"
_CLINIC: Final = "north"

_DELIVERY: Final[dict[str, Any]] = {
    "alert_id": _ALERT_ID,
    "delivery_id": "2f0d8f1a-7c08-4c3a-9a55-0b5f3c7e6f5d",
    "occasion": "opened",
    "contact": "nurse",
    "channel": "phone",
    "priority": "medium",
    "state": "sent",
    "created_at": "2026-11-27T08:12:05Z",
    "due_at": "2026-11-27T08:12:05Z",
    "attempts": 1,
    "last_error": None,
    "sent_at": "2026-11-27T08:12:06Z",
    "held_by": None,
    "grouped": False,
    "bypassed": False,
    "receipt_said": "arrived",
    "receipt_said_at": "2026-11-27T08:12:09Z",
}
_ALERT: Final[dict[str, Any]] = {
    "alert_id": _ALERT_ID,
    "clinic_id": _CLINIC,
    "pump_id": _PUMP,
    "rule": "low_reservoir",
    "key": "level",
    "priority": "medium",
    "state": "active",
    "title": "Low reservoir",
    "explanation": "1.8 mL left, computed by the pump 27 Nov 2026 08:10 UTC. The alarm level is 2.0 mL.",
    "evidence": {"volume_ml": 1.8, "basis": "computed", "limit_ml": 2.0},
    "since": "2026-11-27T08:10:00Z",
    "opened_at": "2026-11-27T08:12:04Z",
    "updated_at": "2026-11-27T08:12:04Z",
    "acknowledged_by": None,
    "acknowledged_at": None,
    "acknowledgement_expires_at": None,
    "cleared_at": None,
    "closed_at": None,
    "policy_version": "2026-11-20",
    "resolved_by": None,
    "resolved_at": None,
    "resolution": None,
    "accepted_by": None,
    "accepted_at": None,
    "acceptance": None,
    "accepted_since": None,
    "accepted_per_day": None,
    "deliveries": [_DELIVERY],
    "held": None,
}
_TAKEN: Final[dict[str, Any]] = _ALERT | {
    "state": "acknowledged",
    "acknowledged_by": "Ann Keller",
    "acknowledged_at": "2026-11-27T08:20:00Z",
    "acknowledgement_expires_at": "2026-11-27T16:20:00Z",
}
_OPENED: Final[dict[str, Any]] = {
    "clinic_seq": 4711,
    "at": "2026-11-27T08:12:04Z",
    "kind": "opened",
    "from_state": None,
    "to_state": "active",
    "priority": "medium",
    "reason": "condition_began",
    "actor": "pumpwatch",
    "detail": {"title": "Low reservoir"},
}
_SILENCE: Final[dict[str, Any]] = {
    "silence_id": _SILENCE_ID,
    "clinic_id": _CLINIC,
    "kind": "maintenance",
    "pump_id": _PUMP,
    "rule": None,
    "includes_high": False,
    "reason": "refill at 10:00",
    "created_by": "Ann Keller",
    "created_at": "2026-11-27T08:00:00Z",
    "begins_at": "2026-11-27T09:00:00Z",
    "ends_at": "2026-11-27T11:00:00Z",
}
_PUMP_VIEW: Final[dict[str, Any]] = {
    "pump_id": _PUMP,
    "clinic_id": _CLINIC,
    "enrolled_at": "2026-03-02T09:00:00Z",
    "retired_at": None,
    "handhelds": ["handheld-0012"],
    "last_heard_at": "2026-11-27T08:10:31Z",
    "level": {"volume_ml": 1.8, "basis": "computed", "told_ml": 1.8, "told_at": "2026-11-27T08:10:00Z"},
    "open_alerts": 1,
}
_ANN: Final = {"person_id": "7c080b5f-3c7e-4f5d-8c3a-9a552f0d8f1a", "name": "Ann Keller"}
_BOB: Final = {"person_id": "9a552f0d-8f1a-4c08-8b5f-3c7e6f5d4c3a", "name": "Bob Ott"}
_NOW: Final = {"begins": "2026-11-24T07:00:00Z", "ends": "2026-12-01T07:00:00Z", "person": _ANN}
_NEXT: Final = {"begins": "2026-12-01T07:00:00Z", "ends": "2026-12-08T07:00:00Z", "person": _BOB}
_CLINIC_ON_CALL: Final[dict[str, Any]] = {
    "clinic_id": _CLINIC,
    "rotas": [
        {
            "rota_id": "5d4c3a9a-552f-4d8f-9a7c-080b5f3c7e6f",
            "name": "first",
            "timezone": "Europe/Berlin",
            "version": 3,
            "now": _NOW,
            "next": _NEXT,
            "shifts": [_NOW, _NEXT],
        }
    ],
    "gaps": [
        {
            "begins": "2026-12-24T07:00:00Z",
            "ends": "2026-12-25T07:00:00Z",
            "why": ["on call: Ann Keller has no working channel"],
        }
    ],
}

BODIES: Final[dict[str, dict[str, Any]]] = {
    "acknowledgeAlert": {"note": "on my way"},
    "remarkOnAlert": {
        "text": "Patient is well; refill moved up to tomorrow.",
        "acted": True,
        "call_again_at": "2026-11-27T12:00:00Z",
    },
    "resolveAlert": {"note": "The volume had been typed wrong; corrected."},
    "acceptLevel": {"note": "New work, more pain; discussed at the visit."},
    "makeSilence": {
        "reason": "refill at 10:00",
        "clinic_id": _CLINIC,
        "pump_id": _PUMP,
        "kind": "maintenance",
        "begins_at": "2026-11-27T09:00:00Z",
        "ends_at": "2026-11-27T11:00:00Z",
    },
}
"""By the name of the operation, what is sent."""

ANSWERS: Final[dict[str, dict[int, Any]]] = {
    "listAlerts": {200: {"read_at": _READ_AT, "total": 1, "next_cursor": None, "alerts": [_ALERT]}},
    "getAlert": {200: {"read_at": _READ_AT, "alert": _ALERT, "transitions": [_OPENED]}},
    "acknowledgeAlert": {200: _TAKEN},
    "listSilences": {200: {"read_at": _READ_AT, "total": 1, "next_cursor": None, "silences": [_SILENCE]}},
    "makeSilence": {201: {"silence_id": _SILENCE_ID}},
    "listPumps": {200: {"read_at": _READ_AT, "total": 1, "next_cursor": None, "pumps": [_PUMP_VIEW]}},
    "getPump": {200: {"read_at": _READ_AT, "pump": _PUMP_VIEW}},
    "whoIsOnCall": {200: {"read_at": _READ_AT, "total": 1, "next_cursor": None, "clinics": [_CLINIC_ON_CALL]}},
    "isAlive": {200: {"alive": True}},
    "isReady": {
        200: {"ready": True, "missing": [], "warnings": []},
        503: {"ready": False, "missing": ["database: it cannot be reached"], "warnings": []},
    },
}
"""By the name of the operation and the status, what is answered."""
