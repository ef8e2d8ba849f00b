"""A page that tests of webhooks send."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from schemas.policy import Priority
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import Occasion, OccasionKind

PUBLISHED_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of Standard Webhooks' test vector
ALERT_ID = UUID("0b5f4b2e-0000-4000-8000-000000000001")
DELIVERY_ID = UUID("0b5f4b2e-0000-4000-8000-000000000002")
ABOUT = About(ALERT_ID, "pump_alarm", "catheter", "pump-0001", "case/17")
PAGE = OutgoingPage(
    DELIVERY_ID,
    "north",
    Occasion(OccasionKind.OPENED),
    Priority.HIGH,
    "Pumpwatch HIGH: pump alarm",
    "Alert 0b5f4b2e. Open https://pw.example.org",
    datetime(2026, 3, 2, 9, 0, 5, 123456, tzinfo=UTC),
    ABOUT,
)
