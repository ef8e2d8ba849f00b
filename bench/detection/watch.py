"""The alerts of one pump, kept up by the same decision as in the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from schemas.policy import Policy
from services.alerts.evaluation.evaluate import decide
from services.alerts.model import AlertState, OpenAlert, TransitionKind
from services.alerts.policies import Policies

WINDOWS: Final = Policy().bolus_demand.baseline_days


class Watch:
    """The alerts of one pump, kept up by the same decision as in the service."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self.open: dict[tuple[str, str], OpenAlert] = {}

    def look(self, facts: Any, now: datetime) -> list[tuple[str, str]]:
        """Decide; returns (rule, key) of what opened. Nobody acknowledges; what was cleared is taken as seen."""
        opened = []
        for change in list(decide(facts, list(self.open.values()), self._policies, now)):
            transition = change.transition
            if transition.kind is TransitionKind.OPENED and transition.condition is not None:
                made = transition.condition
                place = (made.rule.value, made.key)
                self.open[place] = OpenAlert(
                    uuid4(),
                    facts.clinic_id,
                    facts.pump_id,
                    made.rule.value,
                    made.key,
                    made.priority,
                    AlertState.ACTIVE,
                    made.since,
                    made.title,
                    made.explanation,
                    made.evidence,
                )
                opened.append(place)
            elif transition.alert is not None and transition.to_state in (AlertState.CLOSED, AlertState.CLEARED):
                del self.open[transition.alert.rule, transition.alert.key]
            elif transition.alert is not None and transition.alert.calm_since != transition.calm_since:
                place = (transition.alert.rule, transition.alert.key)
                self.open[place] = replace(transition.alert, calm_since=transition.calm_since)
        return opened
