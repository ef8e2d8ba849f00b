"""What docs/webhooks.md shows is what goes out: the event, the policy, every type and field, the example."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from schemas.examples import WEBHOOK
from schemas.paths import PUBLISHED_FOLDER
from schemas.policy import Policy, Priority
from schemas.webhooks.event import CONTENT_TYPE, WebhookAlert, WebhookData, WebhookType
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.delivery.webhooks.address import read_webhook
from services.alerts.delivery.webhooks.event import body_of
from services.alerts.delivery.webhooks.signing import read_line, signature_headers
from services.alerts.model import Occasion, OccasionKind, RuleName

GUIDE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
ALERT_ID = UUID("8c1f6a52-3f4e-4a51-9d0c-2f6d3f0f7b11")
PAGE = OutgoingPage(
    delivery_id=UUID("f2a9d1c4-7b0e-4f63-8a55-0c1d9e2b3a44"),
    clinic_id="north",
    occasion=Occasion(OccasionKind.OPENED),
    priority=Priority.HIGH,
    title="Pumpwatch HIGH: pump alarm",
    body=f"Alert 8c1f6a52. Open https://pumpwatch.example.org/alerts/{ALERT_ID}",
    created_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
    about=About(ALERT_ID, "pump_alarm", "catheter", "pump-0007", "case-17"),
)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the published one of Standard Webhooks
SENT_AT = 1772442001
GOLDEN = Path(__file__).parents[1] / "golden" / "webhooks" / "alert_opened.json"


def fenced(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def published(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((PUBLISHED_FOLDER / f"{name}.schema.json").read_text())
    return schema


def test_the_event_in_the_guide_and_the_published_example_are_what_goes_out() -> None:
    sent = json.loads(body_of(PAGE))
    assert json.loads(fenced("json")) == sent
    assert sent == WEBHOOK


def test_what_went_out_once_goes_out_still_to_the_byte() -> None:
    """A receiver may have built upon it: fields may be added here, and none may go or mean something else."""
    assert body_of(PAGE) == GOLDEN.read_bytes().rstrip(b"\n")


def test_the_headers_in_the_guide_are_those_of_that_event() -> None:
    signed = {
        "content-type": CONTENT_TYPE,
        **signature_headers(read_line(SECRET), str(PAGE.delivery_id), SENT_AT, body_of(PAGE)),
    }
    shown = dict(line.split(": ", 1) for line in fenced("http").splitlines()[1:])
    assert shown == signed


def test_the_policy_in_the_guide_can_be_used() -> None:
    lines = yaml.safe_load(fenced("yaml"))
    lines["contacts"].append({"name": "nurse", "channels": [{"name": "sms", "url": "json://127.0.0.1"}]})
    policy = Policy.model_validate(lines)
    assert read_webhook(policy.contacts[0].channels[0].url).secret == Path("/etc/pumpwatch/webhooks/dashboard")


def test_every_type_stands_in_the_guide_with_what_the_alert_is_by_it() -> None:
    assert re.findall(r"^\| `(pumpwatch\.[\w.]+)` \|", GUIDE, re.MULTILINE) == list(WebhookType)


@pytest.mark.parametrize("model", [WebhookData, WebhookAlert])
def test_every_field_stands_in_the_event_of_the_guide(model: Any) -> None:
    assert all(f'"{name}"' in fenced("json") for name in model.model_fields)


def test_the_published_rules_are_all_rules() -> None:
    rule = published("webhook")["$defs"]["WebhookAlert"]["properties"]["rule"]
    assert set(rule["enum"]) == {str(each) for each in RuleName}


def test_the_published_states_and_priorities_are_all_there_are() -> None:
    data = published("webhook-data")
    assert data["$id"] == WEBHOOK["dataschema"]
    assert data["$defs"]["Priority"]["enum"] == [str(each) for each in Priority]
