"""PURE. How the board says things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from schemas.parts.paging import PERSON
from services.alerts.delivery.mute import Silence, SilenceRequest
from services.alerts.model import Occasion, OccasionKind
from services.alerts.said.explained import Explained, explained
from services.alerts.web.read_models import Delivery, HistoryEntry
from services.alerts.wording import ago, capitalised, priority_words, rule_words
from services.texts.model import ENGLISH, Texts, msgid

_KINDS: Final = {
    "opened": msgid("Opened"),
    "priority_raised": msgid("Became more urgent"),
    "priority_lowered": msgid("Became less urgent"),
    "acknowledged": msgid("Acknowledged"),
    "acknowledgement_expired": msgid("Acknowledgement expired; the problem continues"),
    "returned": msgid("Came back"),
    "cleared": msgid("Ended, not acknowledged"),
    "closed": msgid("Closed"),
    "commented": msgid("Comment"),
    "acted": msgid("Done"),
    "passed_on": msgid("Passed on"),
}
_HELD: Final = {"silence": msgid("silenced"), "maintenance": msgid("maintenance"), "quiet_hours": msgid("quiet hours")}
_REASONS: Final = {
    "condition_ended": msgid("the condition has ended"),
    "person_saw_it": msgid("a person has acknowledged it"),
    "condition_flapped": msgid("it had ended only a moment before, so nobody was told again"),
    "pump_retired": msgid("the pump is no longer watched"),
    "pump_moved": msgid("the pump went to another clinic"),
    "pump_explanted": msgid("the pump was explanted"),
    "pump_implanted": msgid("the pump was implanted in another patient"),
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
    explanation: Explained | None = None
    """What of `text` is the explanation of then; it may be in English where the rest is not."""
    more: str = ""
    """The rest of `text` where there is an explanation."""


def since_words(at: datetime, now: datetime, texts: Texts = ENGLISH) -> str:
    """How long ago something began."""
    return ago(now - at, texts)


_SENT_WITHIN: Final = timedelta(seconds=10)
"""Pages are gathered for 5 s; after 10 s an alarm goes past the database."""
_MUST_PAGE: Final = frozenset({"high", "medium"})
"""A policy that pages nobody for these has probably forgotten it; for the others a board may be enough."""


def notified(
    deliveries: Sequence[Delivery], state: str, priority: str, now: datetime, texts: Texts = ENGLISH
) -> tuple[Notified, ...]:
    """Who was told of an alert, in a few lines; a person who was told many times stands there once.

    That nobody was reached is said when a page has failed, or is not out after a time in which it should have been.
    """
    if not deliveries:
        if priority not in _MUST_PAGE:
            return (Notified(texts.say("Nobody is paged for this priority."), "waiting"),)
        text = texts.say("Nobody was told: the policy names no contact for this priority.")
        return (Notified(text, "bad" if state == "active" else "waiting"),)
    lines = []
    newest: dict[tuple[str, str], Delivery] = {}
    for delivery in deliveries:
        newest[delivery.contact, delivery.channel] = delivery
    held = all(each.state == "due" and each.held_by for each in deliveries)
    late = any(each.last_error or each.state == "failed" or now - each.created_at > _SENT_WITHIN for each in deliveries)
    if state == "active" and not held and late and not any(each.state == "sent" for each in deliveries):
        lines.append(Notified(texts.say("Nobody reached yet."), "bad"))
    lines += [_line(each, texts) for each in newest.values()]
    return tuple(lines)


def _line(delivery: Delivery, texts: Texts) -> Notified:
    name = delivery.contact.removeprefix(PERSON)
    who = texts.say("%(name)s by %(channel)s", name=name, channel=delivery.channel)
    match delivery.state:
        case "sent" if delivery.sent_at and delivery.bypassed:
            return Notified(texts.say("Told while the database was away: %(who)s", who=who), "good", delivery.sent_at)
        case "sent" if delivery.sent_at and delivery.grouped:
            return Notified(texts.say("Told, in one page with others: %(who)s", who=who), "good", delivery.sent_at)
        case "due" if delivery.held_by:
            why = texts.say(_HELD.get(delivery.held_by, delivery.held_by))
            words = texts.say("Not telling %(who)s yet (%(why)s)", who=who, why=why)
            return Notified(words, "waiting", delivery.due_at, texts.say(", until"))
        case "sent" if delivery.receipt_said == "answered" and delivery.receipt_said_at:
            return Notified(texts.say("Confirmed in the app: %(who)s", who=who), "good", delivery.receipt_said_at)
        case "sent" if delivery.receipt_said == "arrived" and delivery.receipt_said_at:
            return Notified(texts.say("On the phone: %(who)s", who=who), "good", delivery.receipt_said_at)
        case "sent" if delivery.sent_at:
            return Notified(texts.say("Told: %(who)s", who=who), "good", delivery.sent_at)
        case "failed":
            why = delivery.last_error or texts.say("unknown error")
            return Notified(texts.say("Could not tell %(who)s: %(why)s", who=who, why=why), "bad")
        case "cancelled":
            return Notified(texts.say("No longer needed: %(who)s", who=who), "waiting")
        case _ if delivery.last_error:
            words = texts.plural(
                "Still trying %(who)s: %(why)s (%(count)s try)",
                "Still trying %(who)s: %(why)s (%(count)s tries)",
                delivery.attempts,
                who=who,
                why=delivery.last_error,
            )
            if delivery.state == "due":
                return Notified(words, "bad", delivery.due_at, texts.say(", next"))
            return Notified(words, "bad")
        case _:
            return Notified(texts.say("Telling %(who)s now", who=who), "waiting")


def silence_words(silence: Silence | SilenceRequest, texts: Texts = ENGLISH) -> str:
    """What a silence is about: "every alert of pump-1", "device silent in north"."""
    what = rule_words(silence.rule, texts=texts) if silence.rule else texts.say("every alert")
    if silence.pump_id:
        words = texts.say("%(what)s of %(pump)s", what=what, pump=silence.pump_id)
    else:
        words = texts.say("%(what)s in %(clinic)s", what=what, clinic=silence.clinic_id)
    return words if silence.includes_high else texts.say("%(what)s, except high ones", what=words)


def timeline(
    history: Sequence[HistoryEntry], deliveries: Sequence[Delivery], texts: Texts = ENGLISH
) -> tuple[TimelineEntry, ...]:
    """Everything that happened to one alert, the newest first."""
    entries = []
    for delivery in deliveries:
        line = _line(delivery, texts)
        at = delivery.sent_at or delivery.created_at
        entries.append(TimelineEntry(at, line.text, _why(delivery.why, texts), line.tone))
    entries += [_transition_entry(entry, texts) for entry in history]
    return tuple(sorted(entries, key=lambda entry: entry.at, reverse=True))


def _transition_entry(entry: HistoryEntry, texts: Texts) -> TimelineEntry:
    head = texts.say(_KINDS[entry.kind]) if entry.kind in _KINDS else capitalised(entry.kind.replace("_", " "))
    if entry.reason == "person_resolved":
        head = texts.say("Resolved")
    if entry.reason == "person_accepted":
        head = texts.say("Accepted as the new level")
    if entry.kind in ("opened", "priority_raised", "priority_lowered", "returned"):
        head += f", {priority_words(entry.priority, texts)}"
    if entry.actor != "pumpwatch":
        head = texts.say("%(what)s by %(who)s", what=head, who=entry.detail.get("name") or entry.actor)
    reason = texts.say(_REASONS[entry.reason]) if entry.reason in _REASONS else None
    parts = [str(text) for text in (entry.detail.get("note"), reason) if text]
    more, explanation = capitalised(texts.listed(parts)), entry.detail.get("explanation")
    if not explanation:
        return TimelineEntry(entry.at, head, more, "event")
    found = explained(str(explanation), entry.said, texts)
    return TimelineEntry(entry.at, head, capitalised(texts.listed([found.text, *parts])), "event", found, more)


def _why(occasion: Occasion, texts: Texts) -> str:
    if occasion.step:
        return texts.say("Because nobody had acknowledged.")
    match occasion.kind:
        case OccasionKind.PRIORITY:
            return texts.say("Because it became more urgent.")
        case OccasionKind.RETURNED:
            return texts.say("Because it came back.")
        case OccasionKind.EXPIRED:
            return texts.say("Because the acknowledgement had expired.")
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
