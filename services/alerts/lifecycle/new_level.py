"""PURE. A person says that the level of demand that an alert tells of is the new one.

A surge that goes on stays an alert until demand has fallen: Pumpwatch cannot know that a patient is well with more.
Somebody who does may accept the level. The alert closes, and from then on the level is what is usual
(services.alerts.rules.demand.days); a further change is an alert of its own.
"""

from __future__ import annotations

from services.alerts.errors import Refused
from services.alerts.model import AlertState, OpenAlert, Reason, RuleName, Transition, TransitionKind
from services.people.model import Actor
from services.texts.model import msgid


def is_about_a_level(rule: str) -> bool:
    """Tell whether the level that an alert of this rule tells of can be accepted."""
    return rule == RuleName.BOLUS_DEMAND


def accept(alert: OpenAlert, by: Actor) -> Transition | None:
    """A person accepts the level, whoever took the alert before. None: the same person has said so already.

    Raises:
        Refused: The alert is about something else, or is over.
    """
    if not is_about_a_level(alert.rule):
        raise Refused(msgid("this alert is not about a level of demand; acknowledge it, or write down what was done"))
    if alert.accepted_by is not None:
        if alert.accepted_by_id == by.id:
            return None
        raise Refused(msgid("%(who)s has already accepted this level"), who=alert.accepted_by)
    if alert.state in (AlertState.CLEARED, AlertState.CLOSED):
        raise Refused(msgid("this alert is over: there is no level to accept any more"))
    return Transition(TransitionKind.CLOSED, Reason.PERSON_ACCEPTED, alert, None, AlertState.CLOSED, alert.priority)
