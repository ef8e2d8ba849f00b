"""PURE. How the board says things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from schemas.parts.paging import PERSON
from services.alerts.delivery.mute import Silence, SilenceRequest
from services.alerts.model import Occasion, OccasionKind
from services.alerts.web.read_models import Delivery, HistoryEntry
from services.alerts.wording import age, capitalised, listed, rule_words

_KINDS: Final = {
    "opened": "Opened",
    "priority_raised": "Became more urgent",
    "priority_lowered": "Became less urgent",
    "acknowledged": "Acknowledged",
    "acknowledgement_expired": "Acknowledgement expired; the problem continues",
    "returned": "Came back",
    "cleared": "Ended, not yet seen by anyone",
    "closed": "Closed",
    "commented": "Comment",
    "acted": "Done",
    "passed_on": "Passed on",
}
_HELD: Final = {"silence": "silenced", "maintenance": "maintenance", "quiet_hours": "quiet hours"}
_REASONS: Final = {
    "condition_ended": "the condition has ended",
    "person_saw_it": "a person has seen it",
    "condition_flapped": "it had ended only a moment before, so nobody was told again",
    "pump_retired": "the pump is no longer watched",
    "pump_moved": "the pump went to another clinic",
    "pump_explanted": "the pump was explanted",
    "pump_implanted": "the pump was implanted in another patient",
}


@dataclass(frozen=True, slots=True)
class Notified:
    """One line about who was told, perhaps with a time and words before it; `tone` is good, waiting or bad."""

    text: str
    tone: str
    at: datetime | None = None
    lead: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of an alert's history."""

    at: datetime
    head: str
    text: str
    tone: str


def clock(at: datetime, now: datetime) -> str:
    """A time of day in UTC, with the date unless it is today's; scripts show the reader's own zone instead."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    return at.strftime("%H:%M UTC" if at.date() == now.date() else "%-d %b %H:%M UTC")


def since_words(at: datetime, now: datetime) -> str:
    """How long ago something began."""
    span = age(now - at)
    return span if span == "just now" else f"{span} ago"


_SENT_WITHIN: Final = timedelta(seconds=10)
"""Pages are gathered for 5 s; after 10 s an alarm goes past the database."""
_MUST_PAGE: Final = frozenset({"high", "medium"})
"""A policy that pages nobody for these has probably forgotten it; for the others a board may be enough."""


def notified(deliveries: Sequence[Delivery], state: str, priority: str, now: datetime) -> tuple[Notified, ...]:
    """Who was told of an alert, in a few lines; a person who was told many times stands there once.

    That nobody was reached is said when a page has failed, or is not out after a time in which it should have been.
    """
    if not deliveries:
        if priority not in _MUST_PAGE:
            return (Notified("Nobody is paged for this priority.", "waiting"),)
        text = "Nobody was told: the policy names no contact for this priority."
        return (Notified(text, "bad" if state == "active" else "waiting"),)
    lines = []
    newest: dict[tuple[str, str], Delivery] = {}
    for delivery in deliveries:
        newest[delivery.contact, delivery.channel] = delivery
    held = all(each.state == "due" and each.held_by for each in deliveries)
    late = any(each.last_error or each.state == "failed" or now - each.created_at > _SENT_WITHIN for each in deliveries)
    if state == "active" and not held and late and not any(each.state == "sent" for each in deliveries):
        lines.append(Notified("Nobody reached yet.", "bad"))
    lines += [_line(each) for each in newest.values()]
    return tuple(lines)


def _line(delivery: Delivery) -> Notified:
    who = f"{delivery.contact.removeprefix(PERSON)} by {delivery.channel}"
    match delivery.state:
        case "sent" if delivery.sent_at and delivery.bypassed:
            return Notified(f"Told while the database was away: {who}", "good", delivery.sent_at)
        case "sent" if delivery.sent_at and delivery.grouped:
            return Notified(f"Told, in one page with others: {who}", "good", delivery.sent_at)
        case "due" if delivery.held_by:
            why = _HELD.get(delivery.held_by, delivery.held_by)
            return Notified(f"Not telling {who} yet ({why})", "waiting", delivery.due_at, ", until")
        case "sent" if delivery.receipt_said == "answered" and delivery.receipt_said_at:
            return Notified(f"Answered in the app: {who}", "good", delivery.receipt_said_at)
        case "sent" if delivery.receipt_said == "arrived" and delivery.receipt_said_at:
            return Notified(f"On the phone: {who}", "good", delivery.receipt_said_at)
        case "sent" if delivery.sent_at:
            return Notified(f"Told: {who}", "good", delivery.sent_at)
        case "failed":
            return Notified(f"Could not tell {who}: {delivery.last_error or 'unknown error'}", "bad")
        case "cancelled":
            return Notified(f"No longer needed: {who}", "waiting")
        case _ if delivery.last_error:
            tries = "try" if delivery.attempts == 1 else "tries"
            words = f"Still trying {who}: {delivery.last_error} ({delivery.attempts} {tries})"
            return (
                Notified(words, "bad", delivery.due_at, ", next") if delivery.state == "due" else Notified(words, "bad")
            )
        case _:
            return Notified(f"Telling {who} now", "waiting")


def silence_words(silence: Silence | SilenceRequest) -> str:
    """What a silence is about: "every alert of pump-1", "device silent in north"."""
    what = rule_words(silence.rule) if silence.rule else "every alert"
    where = f"of {silence.pump_id}" if silence.pump_id else f"in {silence.clinic_id}"
    high = "" if silence.includes_high else ", except high ones"
    return f"{what} {where}{high}"


def timeline(history: Sequence[HistoryEntry], deliveries: Sequence[Delivery]) -> tuple[TimelineEntry, ...]:
    """Everything that happened to one alert, the newest first."""
    entries = []
    for delivery in deliveries:
        line = _line(delivery)
        at = delivery.sent_at or delivery.created_at
        entries.append(TimelineEntry(at, line.text, _why(delivery.why), line.tone))
    entries += [_transition_entry(entry) for entry in history]
    return tuple(sorted(entries, key=lambda entry: entry.at, reverse=True))


def _transition_entry(entry: HistoryEntry) -> TimelineEntry:
    head = _KINDS.get(entry.kind, capitalised(entry.kind.replace("_", " ")))
    if entry.reason == "person_resolved":
        head = "Resolved"
    if entry.reason == "person_accepted":
        head = "Accepted as the new level"
    if entry.kind in ("opened", "priority_raised", "priority_lowered", "returned"):
        head += f", {entry.priority}"
    if entry.actor != "pumpwatch":
        head += f" by {entry.detail.get('name') or entry.actor}"
    parts = [
        str(text)
        for text in (entry.detail.get("explanation"), entry.detail.get("note"), _REASONS.get(entry.reason))
        if text
    ]
    return TimelineEntry(entry.at, head, capitalised(listed(parts) if len(parts) > 1 else "".join(parts)), "event")


def _why(occasion: Occasion) -> str:
    if occasion.step:
        return "Because nobody had acknowledged."
    match occasion.kind:
        case OccasionKind.PRIORITY:
            return "Because it became more urgent."
        case OccasionKind.RETURNED:
            return "Because it came back."
        case OccasionKind.EXPIRED:
            return "Because the acknowledgement had expired."
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
