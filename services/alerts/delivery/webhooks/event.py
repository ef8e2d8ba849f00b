"""PURE. A page as a CloudEvent, and the bytes that are signed and sent.

| what happened to the alert           | type                                    | state        |
| ------------------------------------ | --------------------------------------- | ------------ |
| opened                               | pumpwatch.alert.opened                  | active       |
| nobody answered, told on or again    | pumpwatch.alert.escalated               | active       |
| became more urgent                   | pumpwatch.alert.priority_raised         | active       |
| returned                             | pumpwatch.alert.returned                | active       |
| an acknowledgement expired           | pumpwatch.alert.acknowledgement_expired | active       |
| acknowledged                         | pumpwatch.alert.acknowledged            | acknowledged |
| condition gone, seen by nobody       | pumpwatch.alert.cleared                 | cleared      |
| closed                               | pumpwatch.alert.closed                  | closed       |
| back without a page                  | pumpwatch.alert.reopened                | active       |
| about Pumpwatch itself               | pumpwatch.notice                        | null         |

Guarantees: without `include_patient_data` it holds the alert's id, priority and rule and nothing of the pump or the
patient; the same page gives the same bytes each time, so what is tried or sent again is the same message; whatever a
text holds, there are bytes.
"""

from __future__ import annotations

import json
from typing import Final, Literal, assert_never
from urllib.parse import quote

from schemas.webhooks.event import WebhookAlert, WebhookData, WebhookEvent, WebhookType
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import Occasion, OccasionKind
from services.alerts.wording import rule_words

_State = Literal["active", "acknowledged", "cleared", "closed"]
_NOW: Final = {
    OccasionKind.ACKNOWLEDGED: "Acknowledged",
    OccasionKind.CLEARED: "Over, and nobody has seen it",
    OccasionKind.CLOSED: "Closed",
    OccasionKind.REOPENED: "Back",
}


def body_of(page: OutgoingPage) -> bytes:
    """The body of the message for a page: JSON, in ASCII."""
    return json.dumps(event_of(page).model_dump(mode="json"), separators=(",", ":")).encode()


def event_of(page: OutgoingPage) -> WebhookEvent:
    """The event for a page."""
    kind, state = meaning_of(page.occasion)
    title, text = page.title, page.body
    if page.about is not None and page.occasion.kind in _NOW:  # its row has the words of the page before
        title, text = f"{_NOW[page.occasion.kind]}: {rule_words(page.about.rule, page.about.key)}", ""
    return WebhookEvent(
        id=page.delivery_id,
        source=f"urn:pumpwatch:clinic:{quote(_plain(page.clinic_id), safe='')}",
        type=kind,
        subject=str(page.about.alert_id) if page.about else "pumpwatch",
        time=page.created_at,
        data=WebhookData(
            clinic_id=_plain(page.clinic_id),
            priority=page.priority,
            state=state if page.about else None,
            step=page.occasion.step,
            title=_plain(title),
            text=_plain(text),
            alert=_alert(page.about, with_patient=page.include_patient_data) if page.about else None,
        ),
    )


def meaning_of(occasion: Occasion) -> tuple[WebhookType, _State | None]:
    """What an occasion is called, and what the alert is by it."""
    match occasion.kind:
        case OccasionKind.GROUP:
            return (WebhookType.GROUPED, None)
        case OccasionKind.NOTICE:
            return (WebhookType.NOTICE, None)
        case kind if occasion.step and not kind.is_follow_up:
            return (WebhookType.ESCALATED, "active")
        case OccasionKind.OPENED:
            return (WebhookType.OPENED, "active")
        case OccasionKind.PRIORITY:
            return (WebhookType.PRIORITY_RAISED, "active")
        case OccasionKind.RETURNED:
            return (WebhookType.RETURNED, "active")
        case OccasionKind.EXPIRED:
            return (WebhookType.ACKNOWLEDGEMENT_EXPIRED, "active")
        case OccasionKind.ACKNOWLEDGED:
            return (WebhookType.ACKNOWLEDGED, "acknowledged")
        case OccasionKind.CLEARED:
            return (WebhookType.CLEARED, "cleared")
        case OccasionKind.CLOSED:
            return (WebhookType.CLOSED, "closed")
        case OccasionKind.REOPENED:
            return (WebhookType.REOPENED, "active")
        case never:
            assert_never(never)


def _alert(about: About, *, with_patient: bool) -> WebhookAlert:
    return WebhookAlert(
        alert_id=about.alert_id,
        rule=_plain(about.rule),
        recorded=about.recorded,
        pump_id=_plain(about.pump_id) if with_patient else None,
        key=_plain(about.key) if with_patient else None,
        patient_ref=_plain(about.patient_ref) if with_patient and about.patient_ref is not None else None,
    )


def _plain(text: str) -> str:
    """Half of a pair of Unicode's surrogates, which a device may send, is no text: it becomes a question mark."""
    return text.encode(errors="replace").decode()
