"""PURE. What is stored, as FHIR R4 resources.

Shapes: one row of the store in, one resource out, as what JSON is made of. Units are UCUM's. Codes are Pumpwatch's own
(`urn:pumpwatch:...`), with their words beside them: nothing is claimed to be a code of LOINC, SNOMED CT or IEEE 11073
that was not checked to be it. A patient is the clinic's own opaque reference; a person is never named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.alerts.web.fhir.ids import METRICS, EventId
from services.alerts.wording import rule_words

Resource = dict[str, Any]

DEVICE_ID: Final = "urn:pumpwatch:device-id"
DEVICE_KIND: Final = "urn:pumpwatch:device-kind"
METRIC: Final = "urn:pumpwatch:metric"
OBSERVATION: Final = "urn:pumpwatch:observation"
BOLUS_OUTCOME: Final = "urn:pumpwatch:bolus-outcome"
LEVEL_BASIS: Final = "urn:pumpwatch:level-basis"
RULE: Final = "urn:pumpwatch:rule"
_UCUM: Final = "http://unitsofmeasure.org"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/flag-category"

CODES: Final = {"r": "reservoir-volume", "b": "bolus-request", "s": "battery"}
"""By the kind of event, what it observes."""
_WORDS: Final = {
    "reservoir-volume": "Volume left in the reservoir",
    "bolus-request": "Bolus that the patient asked for",
    "battery": "Charge of the battery",
}
_METRICS: Final = {"reservoir": ("reservoir-volume", "mL"), "battery": ("battery", "%")}
_KINDS: Final = {"pump": "Implanted intrathecal drug pump", "handheld": "Handheld of a patient with an implanted pump"}
_SEVERITY: Final = {"high": "high", "medium": "moderate", "low": "low", "info": "low"}
_URGENCY: Final = {"high": "stat", "medium": "urgent"}
_PAGE_STATUS: Final = {"sent": "completed", "failed": "not-done", "cancelled": "not-done"}


def device(row: Mapping[str, Any]) -> Resource:
    """A pump or a handheld."""
    return {
        "resourceType": "Device",
        "id": row["id"],
        "meta": {"lastUpdated": moment(row["retired_at"] or row["enrolled_at"])},
        "identifier": [{"system": DEVICE_ID, "value": row["device_id"]}],
        "status": "inactive" if row["retired_at"] else "active",
        "deviceName": [{"name": row["device_id"], "type": "user-friendly-name"}],
        "type": _coded(DEVICE_KIND, row["kind"], _KINDS[row["kind"]]),
        "owner": _clinic(row["clinic_id"]),
        **_patient("patient", row),
    }


def metrics(row: Mapping[str, Any]) -> list[Resource]:
    """What a pump measures."""
    return [
        {
            "resourceType": "DeviceMetric",
            "id": f"{row['id']}.{metric}",
            "type": _coded(METRIC, _METRICS[metric][0], _WORDS[_METRICS[metric][0]]),
            "unit": {"coding": [{"system": _UCUM, "code": _METRICS[metric][1]}]},
            "source": {"reference": f"Device/{row['id']}"},
            "operationalStatus": "off" if row["retired_at"] else "on",
            "category": "measurement",
        }
        for metric in METRICS
    ]


def observation(row: Mapping[str, Any]) -> Resource:
    """A level, a request for a bolus, or a battery's charge, at the moment that is judged to be its own."""
    code = CODES[row["kind"]]
    found: Resource = {
        "resourceType": "Observation",
        "id": str(EventId(row["kind"], row["observed_at"], row["event_id"])),
        "status": "final",
        "code": _coded(OBSERVATION, code, _WORDS[code]),
        "device": {"reference": f"Device/{row['pump']}"},
        "effectiveDateTime": moment(row["judged_at"]),
        "issued": moment(row["received_at"]),
        "performer": [_clinic(row["clinic_id"])],
        **_patient("subject", row),
    }
    match row["kind"]:
        case "r":
            found |= {"valueQuantity": _quantity(row["value"], "mL"), "method": _coded(LEVEL_BASIS, row["text"])}
        case "s":
            found["valueQuantity"] = _quantity(row["value"], "%")
        case _:
            found["valueCodeableConcept"] = _coded(BOLUS_OUTCOME, row["text"])
            if row["value"] is not None:
                dose = {"code": _coded(OBSERVATION, "dose", "Dose of the bolus")}
                found["component"] = [{**dose, "valueQuantity": _quantity(row["value"], "ug")}]
    return found


def detected_issue(row: Mapping[str, Any]) -> Resource:
    """An alert: what was found, and how urgent it is."""
    found: Resource = {
        "resourceType": "DetectedIssue",
        "id": str(row["alert_id"]),
        "meta": {"lastUpdated": moment(row["updated_at"])},
        "status": "preliminary" if row["state"] == "active" else "final",
        "code": {"coding": [{"system": RULE, "code": row["rule"]}], "text": rule_words(row["rule"])},
        "severity": _SEVERITY[row["priority"]],
        "identifiedDateTime": moment(row["opened_at"]),
        "implicated": [{"reference": f"Device/{row['pump']}"}],
        "detail": f"{row['title']}. {row['explanation']}",
        **_patient("patient", row),
    }
    if row["acknowledged_at"]:
        found["mitigation"] = [{"action": {"text": "Acknowledged"}, "date": moment(row["acknowledged_at"])}]
    return found


def flag(row: Mapping[str, Any]) -> Resource:
    """An alert as what is to be looked at; it is over when the alert is closed."""
    period = {"start": moment(row["opened_at"])}
    if row["closed_at"]:
        period["end"] = moment(row["closed_at"])
    return {
        "resourceType": "Flag",
        "id": str(row["alert_id"]),
        "meta": {"lastUpdated": moment(row["updated_at"])},
        "status": "inactive" if row["closed_at"] else "active",
        "category": [{"coding": [{"system": _CATEGORY, "code": "clinical"}]}],
        "code": {"coding": [{"system": RULE, "code": row["rule"]}], "text": row["title"]},
        "period": period,
        "author": {"reference": f"Device/{row['pump']}"},
        # FHIR lets a flag be about no device: without a patient's reference it is about the clinic.
        "subject": _patient("subject", row).get("subject") or _clinic(row["clinic_id"]),
    }


def communication(row: Mapping[str, Any]) -> Resource:
    """A page: that somebody was told, or is to be; not who, nor by which address."""
    held = "on-hold" if row["held"] else "in-progress"
    found: Resource = {
        "resourceType": "Communication",
        "id": str(row["delivery_id"]),
        "status": _PAGE_STATUS.get(row["state"], held),
        "priority": _URGENCY.get(row["priority"], "routine"),
        "about": [{"reference": f"DetectedIssue/{row['alert_id']}"}, {"reference": f"Device/{row['pump']}"}],
        "recipient": [_clinic(row["clinic_id"])],
    }
    if row["sent_at"]:
        found["sent"] = moment(row["sent_at"])
    return found


def outcome(severity: str, code: str, text: str) -> Resource:
    """What went wrong. `code` is one of FHIR's issue types."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def moment(at: datetime) -> str:
    """A moment as FHIR writes it, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _coded(system: str, code: str, text: str | None = None) -> Resource:
    return {"coding": [{"system": system, "code": code}], "text": text or code.replace("_", " ")}


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _clinic(clinic_id: str) -> Resource:
    return {"type": "Organization", "identifier": {"system": "urn:pumpwatch:clinic", "value": clinic_id}}


def _patient(name: str, row: Mapping[str, Any]) -> Resource:
    if not row["patient_ref"]:
        return {}
    system = f"urn:pumpwatch:patient:{row['clinic_id']}"
    return {name: {"type": "Patient", "identifier": {"system": system, "value": row["patient_ref"]}}}
