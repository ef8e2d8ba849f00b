"""A short way to write a row of the query `facts`."""

from __future__ import annotations

from typing import Any


def row(**values: Any) -> dict[str, Any]:
    """A pump of which nothing is known, but for `values`."""
    names = [
        "volume_ml",
        "basis",
        "reading_at",
        "reading_device",
        "reading_received_at",
        "first_reading_at",
        "earlier_ml",
        "earlier_at",
        "first_ml",
        "first_at",
        "measured_ml",
        "measured_at",
        "measured_dates",
        "flows_at",
        "flows_drugs",
        "flows_profile",
        "flows_dose_mcg",
        "refills_received_at",
        "therapy_at",
        "drugs",
        "profile",
        "bolus_dose_mcg",
        "bolus_limit_per_24h",
        "reservoir_size_ml",
        "programmed_low_ml",
        "refill_due",
        "changed_at",
        "accepted_at",
        "accepted_since",
        "accepted_per_day",
        "refills_at",
        "refills_expected_ml",
        "refills_measured_ml",
        "refills_filled_ml",
        "codes",
        "states",
        "moments",
        "alarms_received_at",
        "device_ids",
        "seqs",
        "event_ids",
        "details",
        "requests_at",
        "outcomes",
        "latest_devices",
        "latest_received_at",
        "statuses_at",
        "statuses_received_at",
        "status_devices",
        "also_heard_at",
        "complaints",
        "scores",
        "reports_at",
        "handhelds",
        "handhelds_ever",
        "own_requests",
        "bolus_lockout_minutes",
    ]
    usual = {"pump_id": "pump-1", "clinic_id": "north", "enrolled": True}
    first = {"implantation_id": 7, "implanted": True, "since": float("-inf"), "is_anew": False}
    return dict.fromkeys(names) | usual | first | values
