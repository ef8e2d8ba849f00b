"""What a signed webhook carries: a CloudEvent 1.0 in JSON (structured mode), and the data in it.

Pumpwatch sends these and reads none: they say what is published (`schemas/published/webhook.schema.json`) and give the
body its form. A receiver ignores fields that it does not know; values of an enumeration may be added.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.parts.subject import Subject
from schemas.policy_part import Priority

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_RULES: Final = sorted({each.rule for each in Subject})


class WebhookType(StrEnum):
    """What happened."""

    OPENED = "pumpwatch.alert.opened"
    ESCALATED = "pumpwatch.alert.escalated"
    PRIORITY_RAISED = "pumpwatch.alert.priority_raised"
    RETURNED = "pumpwatch.alert.returned"
    ACKNOWLEDGEMENT_EXPIRED = "pumpwatch.alert.acknowledgement_expired"
    ACKNOWLEDGED = "pumpwatch.alert.acknowledged"
    CLEARED = "pumpwatch.alert.cleared"
    CLOSED = "pumpwatch.alert.closed"
    REOPENED = "pumpwatch.alert.reopened"
    GROUPED = "pumpwatch.alerts.grouped"
    NOTICE = "pumpwatch.notice"


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class WebhookAlert(_Sent):
    """Which alert it is. What names a pump or a patient is null unless the clinic's policy sends patient data."""

    alert_id: UUID
    """The same in every event of the alert."""
    rule: Annotated[str, Field(json_schema_extra={"enum": list(_RULES)})]
    recorded: bool
    """False: sent straight from the device while the database was away. `alert_id` is then the id of the device's
    event, and the alert has another one once it is recorded."""
    pump_id: str | None
    key: str | None
    """What of the rule it is about, such as "catheter" of "pump_alarm"."""
    patient_ref: str | None
    """The clinic's own reference; null also where it is not known."""


class WebhookData(_Sent):
    """What the event says of the alert, as of the event's time."""

    clinic_id: str
    priority: Priority
    state: Literal["active", "acknowledged", "cleared", "closed"] | None
    """Of the alert. Cleared: the condition is gone and nobody has seen it. Null: the event is about no single alert."""
    step: Annotated[int, Field(ge=0)]
    """0: it is told for the first time. More: nobody had acknowledged, and others are told, or the same again."""
    title: str
    """One line for a person."""
    text: str
    """What else there is to say, with the board's address; may be empty."""
    alert: WebhookAlert | None
    """Null: it is about Pumpwatch itself, or about several alerts."""


class WebhookEvent(_Sent):
    """A CloudEvent 1.0 as the body of a signed webhook (Standard Webhooks 1.0.0)."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    """The same as the header webhook-id: one for each message, whenever and however often it is sent."""
    source: Annotated[str, Field(pattern="^urn:pumpwatch:clinic:")]
    type: WebhookType
    subject: str
    """The alert's id, or "pumpwatch"."""
    time: datetime
    """When it happened. The header webhook-timestamp says when it was sent this time."""
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Literal["urn:pumpwatch:v1:webhook-data"] = "urn:pumpwatch:v1:webhook-data"
    data: WebhookData
