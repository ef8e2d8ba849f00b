"""PURE. What an alert is about, as a person would part alerts: by its rule, and by the sign that the rule saw."""

from __future__ import annotations

from typing import Final

from schemas.parts.subject import Subject
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.wording import ALARM_SIGN

_NAMES: Final = frozenset(each.value for each in Subject)


def subject_of(rule: str, key: str) -> Subject | None:
    """What an alert is about; None: another release of Pumpwatch raised it, and this one does not know."""
    if rule == "clock" and key.startswith(ALARM_SIGN):
        return Subject.ALARM_WITH_WRONG_CLOCK
    name = counted_as(rule, key)
    return Subject(name) if name in _NAMES else None
