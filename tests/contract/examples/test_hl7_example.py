"""The message that docs/operating/paging/hl7.md shows is the one that goes out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import yaml

from schemas.policy import Policy, Priority
from services.alerts.delivery.addresses import reach_of
from services.alerts.delivery.hl7.address import read_mllp
from services.alerts.delivery.hl7.report_alert import report_alert
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import Occasion, OccasionKind

GUIDE = Path(__file__).parents[3] / "docs" / "operating" / "paging" / "hl7.md"
ALERT_ID = UUID("8c1f6a52-3f4e-4a51-9d0c-2f6d3f0f7b11")
PAGE = OutgoingPage(
    delivery_id=UUID("f2a9d1c4-7b0e-4f63-8a55-0c1d9e2b3a44"),
    clinic_id="north",
    occasion=Occasion(OccasionKind.OPENED),
    priority=Priority.HIGH,
    title="Pumpwatch HIGH: pump pump-0007: Catheter occlusion",
    body=f"The pump reports: catheter occlusion. Alert 8c1f6a52. Open https://pumpwatch.example.org/alerts/{ALERT_ID}",
    created_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    about=About(ALERT_ID, "pump_alarm", "catheter", "pump-0007", "case-17"),
    include_patient_data=True,
)


def fenced(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (found,) = (block for block in blocks if containing in block)
    return str(found)


def test_the_message_in_the_guide_is_the_one_that_goes_out_to_the_address_in_the_guide() -> None:
    policy_lines = yaml.safe_load(fenced("yaml", "mllps://"))
    address = read_mllp(policy_lines["contacts"][0]["channels"][0]["url"])
    sent = report_alert(PAGE, application=address.application, facility=address.facility)
    assert fenced("hl7", "MSH").splitlines() == sent.rstrip("\r").split("\r")


def test_the_policy_in_the_guide_can_be_used() -> None:
    lines = yaml.safe_load(fenced("yaml", "mllps://"))
    lines["contacts"].append({"name": "nurse", "channels": [{"name": "sms", "url": "json://127.0.0.1"}]})
    policy = Policy.model_validate(lines)
    reach = reach_of(policy, {})
    assert (reach.faults, reach.nobody) == ((), ())


def test_an_example_without_patient_data_would_name_neither_pump_nor_patient() -> None:
    sent = report_alert(replace(PAGE, include_patient_data=False, title="Pumpwatch HIGH: pump alarm", body=""))
    assert not any(word in sent for word in ("pump-0007", "case-17", "occlusion", "OCCL"))
