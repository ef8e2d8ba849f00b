"""PURE. The page of an alert as plain text, in lines of at most 78 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.alerts.guidance.what_to_do import WhatToDo
from services.alerts.health.hand_over.model import Promise
from services.alerts.web.board.wording import Notified, timeline
from services.alerts.web.read_models import AlertView, HistoryEntry
from services.alerts.wording import age, capitalised, rule_words

_COLUMNS: Final = 78
_STATES: Final = {"active": "waiting for somebody", "cleared": "ended, not yet seen by anybody"}


@dataclass(frozen=True, slots=True)
class Opened:
    """One alert, with everything that its page says."""

    now: datetime
    alert: AlertView
    told: tuple[Notified, ...]
    guide: WhatToDo | None
    promises: tuple[Promise, ...]
    history: tuple[HistoryEntry, ...]
    zone: ZoneInfo
    """By which the clinic's people go."""


def lines_of(opened: Opened) -> Iterator[str]:
    """Everything that the page says but its pictures."""
    alert, now = opened.alert, opened.now
    yield from _wrapped(f"{alert.priority.upper()}: {alert.title}")
    yield from _wrapped(
        f"Pump {alert.pump_id} of clinic {alert.clinic_id}; {rule_words(alert.rule, alert.key)}; {_state(alert)}."
    )
    yield ""
    yield from _wrapped(alert.explanation)
    yield from _wrapped(
        f"Began {_when(alert.since, now)} by the device's clock; raised here {_when(alert.opened_at, now)}."
    )
    yield ""
    yield "WHO HAS IT, AND WHO WAS TOLD"
    for line in _people(opened):
        yield from _wrapped(line, "- ")
    yield from _what_to_do(opened)
    if opened.promises:
        yield ""
        yield "PROMISED"
    for promise in opened.promises:
        at = f"{promise.due_at.astimezone(opened.zone):%a %d %b %Y, %H:%M} ({opened.zone.key})"
        late = ", and that time is over" if promise.due_at <= now else ""
        yield from _wrapped(f"{at}{late}: {promise.words}, by {promise.made_name}", "- ")
    yield ""
    yield "WHAT HAPPENED, THE NEWEST FIRST"
    for entry in timeline(opened.history, alert.deliveries):
        yield from _wrapped(f"{_moment(entry.at)}  {entry.head}{f': {entry.text}' if entry.text else ''}", "- ")
    yield ""
    yield f"Alert {alert.alert_id}"
    yield f"Policy {alert.policy_version}; read at {_moment(now)}"


def _state(alert: AlertView) -> str:
    match alert.state:
        case "acknowledged":
            return f"taken by {alert.acknowledged_by}"
        case "closed" if alert.resolved_by:
            return f"resolved by {alert.resolved_by}"
        case "closed" if alert.accepted_by:
            return f"accepted as the new level by {alert.accepted_by}"
        case state:
            return _STATES.get(state, state)


def _people(opened: Opened) -> Iterator[str]:
    alert, now = opened.alert, opened.now
    if alert.resolved_by and alert.resolved_at:
        yield f"{alert.resolved_by} resolved it {_when(alert.resolved_at, now)}: {alert.resolution}"
    elif alert.accepted_by and alert.accepted_at:
        yield f"{alert.accepted_by} accepted it as the new level {_when(alert.accepted_at, now)}: {alert.acceptance}"
    elif alert.acknowledged_by and alert.acknowledged_at:
        ends = alert.acknowledgement_expires_at
        until = f"; until {_moment(ends)}" if ends else ""
        yield f"{alert.acknowledged_by} has it, since {_moment(alert.acknowledged_at)}{until}"
    if alert.held:
        what = "maintenance" if alert.held.kind == "maintenance" else "silenced"
        yield f"No pages: {what} by {alert.held.by} until {_moment(alert.held.until)} ({alert.held.reason})"
    for each in opened.told:
        yield _told(each)


def _told(each: Notified) -> str:
    return each.text if each.at is None else f"{each.text}{each.lead} {_moment(each.at)}"


def _what_to_do(opened: Opened) -> Iterator[str]:
    guide = opened.guide
    if guide is None:
        return
    yield ""
    yield "WHAT TO DO"
    yield from _wrapped(guide.guide.means)
    if guide.danger:
        yield from _wrapped(guide.danger, "! ")
    if guide.own_steps:
        yield f"In {opened.alert.clinic_id}:"
        yield from _steps(guide.own_steps)
        yield "Pumpwatch's own list:"
    yield from _steps(guide.guide.steps)
    yield "What Pumpwatch cannot see:"
    for each in guide.guide.cannot_see:
        yield from _wrapped(each, "- ")
    if guide.thresholds:
        yield ""
        yield "WHAT IT WAS JUDGED BY"
    for threshold in guide.thresholds:
        yield from _wrapped(f"{capitalised(threshold.words)} ({threshold.path}; {threshold.source})", "- ")
    if guide.thresholds and guide.policy_changed:
        yield from _wrapped("The clinic's policy has changed since this alert was last judged; these are of now.")
    if guide.thresholds:
        yield from _wrapped("Numbers in brackets are sources in docs/domain.md. Your clinic's procedures come first.")


def _steps(steps: tuple[str, ...]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield from _wrapped(step, f"{number}. ")


def _wrapped(text: str, lead: str = "") -> list[str]:
    return textwrap.wrap(
        text, _COLUMNS, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
    ) or [lead.rstrip()]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _when(at: datetime, now: datetime) -> str:
    span = age(now - at)
    return f"{_moment(at)} ({span if span == 'just now' else f'{span} ago'})"
