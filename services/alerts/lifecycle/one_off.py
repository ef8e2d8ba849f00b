"""PURE. Alerts about one thing that happened, which stays as it was: only a person can say that it is dealt with.

A condition such as "the pump is stalled" ends by itself, and its alert with it. What was left over at a refill on
2 March does not change any more; its alert would come back each time its acknowledgement expires. The key of such a
condition names the happening ("refill@2026-03-02T09:00:00Z"), and its alert can be **resolved**: it closes, and the
same happening never opens another (services.alerts.lifecycle.reconcile). The next refill is another happening, and another alert.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from services.alerts.model import AlertState, OpenAlert, Reason, Transition, TransitionKind

_SIGN: Final = "@"  # in no id of a device


class ResolveError(ValueError):
    """The alert cannot be resolved; the message says why, for the person who tried."""


def key_of(name: str, at: datetime) -> str:
    """The key of a condition about what happened at `at`."""
    return f"{name}{_SIGN}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_happening(key: str) -> bool:
    """Tell whether an alert with this key can be resolved."""
    return _SIGN in key


def counted_as(rule: str, key: str) -> str:
    """What an alert counts under in figures: its rule and key, where the key is no device and no moment."""
    return f"{rule}/{'device' if rule == 'device_silent' else key.partition(_SIGN)[0]}"


def resolve(alert: OpenAlert, by: str) -> Transition | None:
    """A person has dealt with it, whoever took it before. None: the same person has said so already.

    Raises:
        ResolveError: It ends by itself, or it is closed.
    """
    if not is_happening(alert.key):
        msg = "this alert ends by itself when its condition does; acknowledge it, or write down what was done"
        raise ResolveError(msg)
    if alert.state is AlertState.CLOSED:
        if alert.resolved_by == by:
            return None
        msg = f"{alert.resolved_by} has already resolved this alert" if alert.resolved_by else "this alert is closed"
        raise ResolveError(msg)
    return Transition(TransitionKind.CLOSED, Reason.PERSON_RESOLVED, alert, None, AlertState.CLOSED, alert.priority)
