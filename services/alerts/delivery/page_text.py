"""PURE. What a page says.

Guarantee: unless the clinic's policy asks for patient data, a page holds the alert's id, priority and kind
and a link, and nothing of the pump or the patient (docs/domain.md section 6: what is left on a phone may be read
by others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from schemas.policy import Priority
from schemas.topics import DRILL
from services.alerts.model import Occasion, OccasionKind, OpenAlert
from services.alerts.wording import rule_words


@dataclass(frozen=True, slots=True)
class PageText:
    """Title and body of a page, plain text."""

    title: str
    body: str


def page_text(
    alert: OpenAlert, occasion: Occasion, priority: Priority, public_url: str, *, include_patient_data: bool
) -> PageText:
    """Write the page for one occasion of one alert."""
    link = f"Open {address_of_alert(public_url, alert.alert_id)}"
    if alert.clinic_id == DRILL:
        return PageText(
            title=f"Pumpwatch DRILL{_again(occasion)}: a test alarm came through",
            body=f"No pump and no patient: nothing to do. Alert {short_id(alert)}. {link}",
        )
    head = f"Pumpwatch {priority.upper()}{_again(occasion)}: "
    if include_patient_data:
        return PageText(
            title=f"{head}pump {alert.pump_id}: {alert.title}",
            body=f"{alert.explanation} Alert {short_id(alert)}. {link}",
        )
    return PageText(title=f"{head}{rule_words(alert.rule, alert.key)}", body=f"Alert {short_id(alert)}. {link}")


def address_of_alert(public_url: str, alert_id: UUID) -> str:
    """Where the board shows an alert to who signs in."""
    return f"{public_url.rstrip('/')}/alerts/{alert_id}"


def short_id(alert: OpenAlert) -> str:
    """The first digits of the alert's id: enough to say on the telephone."""
    return str(alert.alert_id)[:8]


def _again(occasion: Occasion) -> str:
    """Why this is not the first page of the alert, in brackets; nothing for the first."""
    if occasion.step:
        return " (nobody has acknowledged)"
    match occasion.kind:
        case OccasionKind.PRIORITY:
            return " (now more urgent)"
        case OccasionKind.RETURNED:
            return " (returned)"
        case OccasionKind.EXPIRED:
            return " (acknowledgement expired; the problem continues)"
        case (
            OccasionKind.OPENED
            | OccasionKind.GROUP
            | OccasionKind.NOTICE
            | OccasionKind.ACKNOWLEDGED
            | OccasionKind.CLEARED
            | OccasionKind.CLOSED
            | OccasionKind.REOPENED
        ):
            return ""
        case never:
            assert_never(never)
