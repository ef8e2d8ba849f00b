"""PURE. What a page says.

Guarantee: unless the clinic's policy asks for patient data, a page holds the alert's id, priority and kind
and a link, and nothing of the pump or the patient (docs/domain.md section 6: what is left on a phone may be read
by others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Priority
from schemas.topics import DRILL
from services.alerts.model import Occasion, OccasionKind, OpenAlert
from services.alerts.said.explained import explained
from services.alerts.title_words import title_words
from services.alerts.wording import on_the_clock, priority_words, rule_words
from services.texts.model import ENGLISH, Texts

_UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class PageText:
    """Title and body of a page, plain text."""

    title: str
    body: str


def page_text(
    alert: OpenAlert,
    occasion: Occasion,
    priority: Priority,
    public_url: str,
    *,
    include_patient_data: bool,
    texts: Texts = ENGLISH,
    zone: ZoneInfo = _UTC,
) -> PageText:
    """Write the page for one occasion of one alert.

    Args:
        alert: What it is about.
        occasion: Why it goes out.
        priority: How urgent it is now.
        public_url: Where the board is.
        include_patient_data: Whether the clinic wants pump and explanation in it.
        texts: Of the clinic's language.
        zone: The clinic's: moments in the explanation are on its clock.
    """
    again, alert_id = _again(occasion, texts), short_id(alert)
    link = texts.say("Open %(url)s", url=address_of_alert(public_url, alert.alert_id))
    if alert.clinic_id == DRILL:
        return PageText(
            title=texts.say("Pumpwatch DRILL%(again)s: a test alarm came through", again=again),
            body=texts.say("No pump and no patient: nothing to do. Alert %(id)s. %(link)s", id=alert_id, link=link),
        )
    what = rule_words(alert.rule, alert.key, texts)
    body = texts.say("Alert %(id)s. %(link)s", id=alert_id, link=link)
    if include_patient_data:
        title = title_words(alert.title, texts)
        what = texts.say("pump %(pump)s: %(title)s", pump=alert.pump_id, title=title)
        found = explained(alert.explanation, alert.said, texts)
        body = f"{on_the_clock(found.text, zone, texts)} {body}"
    urgency = priority_words(priority, texts).upper()
    return PageText(
        title=texts.say("Pumpwatch %(priority)s%(again)s: %(what)s", priority=urgency, again=again, what=what),
        body=body,
    )


def address_of_alert(public_url: str, alert_id: UUID) -> str:
    """Where the board shows an alert to who signs in."""
    return f"{public_url.rstrip('/')}/alerts/{alert_id}"


def board_for_the_pump(public_url: str, texts: Texts = ENGLISH) -> str:
    """Where the board is, at the end of a page about an alarm that stands in no record yet."""
    return texts.say("%(url)s for the pump.", url=f"{public_url.rstrip('/')}/")


def short_id(alert: OpenAlert) -> str:
    """The first digits of the alert's id: enough to say on the telephone."""
    return str(alert.alert_id)[:8]


def _again(occasion: Occasion, texts: Texts) -> str:
    """Why this is not the first page of the alert, in brackets; nothing for the first."""
    if occasion.step:
        return texts.say(" (nobody has acknowledged)")
    match occasion.kind:
        case OccasionKind.PRIORITY:
            return texts.say(" (now more urgent)")
        case OccasionKind.RETURNED:
            return texts.say(" (returned)")
        case OccasionKind.EXPIRED:
            return texts.say(" (acknowledgement expired; the problem continues)")
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
