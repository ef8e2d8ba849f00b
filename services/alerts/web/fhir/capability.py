"""PURE. The CapabilityStatement: what can be read here, and by which parameters."""

from __future__ import annotations

from typing import Any, Final

from services.alerts.web.fhir.scopes import RESOURCES
from services.alerts.web.fhir.search import NEEDED, PARAMETERS

MADE: Final = "2026-11-26"
_TYPES: Final = {"date": "date", "identified": "date", "sent": "date", "_lastUpdated": "date", "identifier": "token",
                 "type": "token", "code": "token"}  # fmt: skip


def capability(url: str, version: str) -> dict[str, Any]:
    """The statement of the server at `url`."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": MADE,
        "publisher": "Pumpwatch",
        "kind": "instance",
        "software": {"name": "Pumpwatch", "version": version},
        "implementation": {"description": "Pumpwatch, reading only", "url": url},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "A key of `pumpwatch keys create` as a Bearer token, with SMART scopes such as "
                    "system/Observation.rs. It reads one clinic, or all."
                },
                "resource": [_resource(each) for each in RESOURCES],
            }
        ],
    }


def _resource(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": each, "type": _TYPES.get(each, "reference")} for each in (*PARAMETERS[name],)]
        + [{"name": "_id", "type": "token"}],
    }
    if name in NEEDED:
        found["documentation"] = f"A search needs {NEEDED[name]}, or _id."
    return found
