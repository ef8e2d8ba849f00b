"""PURE. What a person fills in to silence pages: from the fields to what is asked for.

Guarantee: what is asked for holds the alert that the form was opened from, or is refused and says why; a field that is
left out has the value that the form shows first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import PagingPolicy, Priority
from services.alerts.delivery.mute import SilenceKind, SilenceRequest, covers
from services.alerts.errors import Refused
from services.alerts.web.inputs import LONGEST_TEXT, is_words
from services.texts.model import ENGLISH, Texts, msgid

_MOST_HOURS: Final = 24 * 366
_SHOWN_FOR: Final = timedelta(hours=1)
"""A preview that is older than this is shown again."""
SCOPES: Final = ("rule", "pump", "clinic")


@dataclass(frozen=True, slots=True)
class Opened:
    """The alert that the form was opened from."""

    clinic_id: str
    pump_id: str
    rule: str
    priority: Priority


def first_values(alert: Opened, paging: PagingPolicy) -> dict[str, str]:
    """What the form shows before anybody has typed: a silence that holds this alert, and that the policy allows."""
    high = alert.priority is Priority.HIGH
    longest = paging.silence_high_longest_hours if high else paging.silence_longest_hours
    return {
        "reason": "",
        "hours": f"{min(1.0, longest):g}",
        "begins_in_hours": "0",
        "scope": "rule",
        "kind": SilenceKind.SILENCE.value,
        "includes_high": "1" if high else "0",
    }


def faults_of(typed: Mapping[str, str], texts: Texts = ENGLISH) -> tuple[str, ...]:
    """What cannot be read in the fields, a sentence each."""
    faults = []
    if not is_words(typed["reason"].strip()):
        faults.append(texts.say("Give the reason (at most %(count)s characters).", count=LONGEST_TEXT))
    if _hours(typed["hours"]) is None:
        faults.append(texts.say("Give for how many hours, as a number such as 1.5."))
    if _hours(typed["begins_in_hours"] or "0") is None:
        faults.append(texts.say("Give in how many hours it begins, as a number such as 0 or 24."))
    if typed["scope"] not in SCOPES or typed["kind"] not in list(SilenceKind) or typed["includes_high"] not in _YES_NO:
        faults.append(texts.say("Choose what is silenced, and why, from the lists."))
    return tuple(faults)


_YES_NO: Final = ("1", "0")


def asked_for(typed: Mapping[str, str], alert: Opened, at: datetime) -> SilenceRequest:
    """What the fields ask for, counted from `at`; only for fields without `faults_of`.

    Raises:
        Refused: It would not hold the alert that the form was opened from.
    """
    span, wait = _hours(typed["hours"]), _hours(typed["begins_in_hours"] or "0")
    assert span is not None and wait is not None, "faults_of was not asked"  # noqa: S101, PT018
    asked = SilenceRequest(
        alert.clinic_id,
        SilenceKind(typed["kind"]),
        typed["reason"].strip(),
        at + wait,
        at + wait + span,
        pump_id=None if typed["scope"] == "clinic" else alert.pump_id,
        rule=None if typed["scope"] == "pump" else alert.rule,
        includes_high=typed["includes_high"] == "1",
    )
    if not covers(asked, pump_id=alert.pump_id, rule=alert.rule, priority=alert.priority):
        raise Refused(
            msgid("it would not hold this alert, which is high: hold high alerts too, and for this pump only")
        )
    return asked


def when_shown(text: str, now: datetime) -> datetime | None:
    """The moment from which a preview counted; None: it was not shown, or too long ago, and must be shown again."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None and timedelta(0) <= now - at <= _SHOWN_FOR else None


def _hours(text: str) -> timedelta | None:
    try:
        hours = float(text.replace(",", "."))
    except ValueError:
        return None
    return timedelta(hours=hours) if math.isfinite(hours) and 0 <= hours <= _MOST_HOURS else None
