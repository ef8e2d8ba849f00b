"""PURE. When it is night in a clinic: in its quiet hours, or from 22:00 to 07:00 where its policy has none."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from schemas.parts.paging import QuietHours
from schemas.policy import Policy
from services.alerts.delivery.mute import quiet_until
from services.texts.model import ENGLISH, Texts

_BEGINS: Final = "22:00"
_ENDS: Final = "07:00"
USUAL: Final = QuietHours(begins=_BEGINS, ends=_ENDS)
"""On the clock of UTC, for a clinic of which nothing else is known."""


def night_of(policy: Policy, zone: ZoneInfo) -> QuietHours:
    """When it is night in a clinic whose people go by this clock."""
    return policy.paging.quiet_hours or QuietHours(begins=_BEGINS, ends=_ENDS, timezone=zone.key)


def is_night(night: QuietHours, at: datetime) -> bool:
    """Tell whether a moment lies in the night."""
    return quiet_until(night, at) is not None


def night_words(night: QuietHours, texts: Texts = ENGLISH) -> str:
    """Which hours these are, as people read it."""
    return texts.say("%(begins)s to %(ends)s (%(zone)s)", begins=night.begins, ends=night.ends, zone=night.timezone)
