"""Alerts, devices and what they measured as FHIR R4 resources, for other programs of the hospital; it only reads."""
