"""PURE. Alerts about a one-off event: one thing that happened, which stays as it was until a person has dealt with it.

A condition such as "the pump is stalled" ends by itself, and its alert with it. What was left over at a refill on
2 March does not change any more; its alert would come back each time its acknowledgement expires. The key of such a
condition names the event ("refill@2026-03-02T09:00:00Z"), and its alert can be **resolved**: it closes, and the same
event never opens another (services.alerts.lifecycle.reconcile). The next refill is another event, with its own alert.
"""

from __future__ import annotations

from services.alerts.errors import Refused
from services.alerts.model import KEY_SIGN, AlertState, OpenAlert, Reason, Transition, TransitionKind
from services.alerts.wording import ALARM_SIGN
from services.people.model import Actor
from services.texts.model import msgid


def is_one_off(key: str) -> bool:
    """Tell whether an alert with this key can be resolved."""
    return KEY_SIGN in key


def counted_as(rule: str, key: str) -> str:
    """What an alert counts under in figures: its rule and key, where the key is no device and no moment."""
    is_of_device = rule in ("device_silent", "certificate") or (rule == "clock" and not key.startswith(ALARM_SIGN))
    return f"{rule}/{'device' if is_of_device else key.partition(KEY_SIGN)[0]}"


def resolve(alert: OpenAlert, by: Actor) -> Transition | None:
    """A person has dealt with it, whoever took it before. None: the same person has said so already.

    Raises:
        Refused: It ends by itself, or it is closed.
    """
    if not is_one_off(alert.key):
        raise Refused(
            msgid("this alert ends by itself when its condition does; acknowledge it, or write down what was done")
        )
    if alert.state is AlertState.CLOSED:
        if alert.resolved_by_id == by.id:
            return None
        if alert.resolved_by:
            raise Refused(msgid("%(who)s has already resolved this alert"), who=alert.resolved_by)
        raise Refused(msgid("this alert is closed"))
    return Transition(TransitionKind.CLOSED, Reason.PERSON_RESOLVED, alert, None, AlertState.CLOSED, alert.priority)
