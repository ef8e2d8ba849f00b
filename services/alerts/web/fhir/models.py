"""The resources as the library `fhir.resources` knows them: what goes out is held to the standard."""

from __future__ import annotations

from typing import Any, Final

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.detectedissue import DetectedIssue
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.devicemetric import DeviceMetric
from fhir.resources.R4B.flag import Flag
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.operationoutcome import OperationOutcome

# The library has R4B (4.3.0) for R4 (4.0.1): these resources are the same in both.
_MODELS: Final[dict[str, Any]] = {
    "Bundle": Bundle,
    "CapabilityStatement": CapabilityStatement,
    "Communication": Communication,
    "DetectedIssue": DetectedIssue,
    "Device": Device,
    "DeviceMetric": DeviceMetric,
    "Flag": Flag,
    "Observation": Observation,
    "OperationOutcome": OperationOutcome,
}


def as_json(resource: dict[str, Any]) -> bytes:
    """A resource's JSON.

    Raises:
        pydantic.ValidationError: It is not what the standard says: a fault of ours.
    """
    text: str = _MODELS[resource["resourceType"]].model_validate(resource).model_dump_json()
    return text.encode()
