"""The alerts of one pump, kept up by the same decision as in the service, and how what opened is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from bench.detection.fleet import T0
from schemas import events as wire
from schemas.policy import Policy
from services.alerts.evaluation.evaluate import decide
from services.alerts.facts.from_events import History
from services.alerts.lifecycle.one_off import counted_as
from services.alerts.model import AlertState, OpenAlert, TransitionKind
from services.alerts.policies import Policies, policies_of

Arrival = tuple[datetime, str, wire.Event]
"""When it arrives, of which device, and what."""

WINDOWS: Final = Policy().bolus_demand.baseline_days
_SWEEP: Final = timedelta(days=1)


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


def watched(
    history: History, arrivals: Iterable[tuple[Arrival, bool]]
) -> Iterator[tuple[datetime, list[tuple[str, str]]]]:
    """When what opened (rule, key): looked at each day, and with each request and refill by the default policy.

    An arrival that more of the same upload follows (True) is looked at with the last of them.
    """
    watch, swept, to_look = Watch(policies_of(Policy())), T0 + _SWEEP, False
    for (at, device, event), more in arrivals:
        while swept <= at:
            yield swept, watch.look(history.facts(swept, WINDOWS), swept)
            swept += _SWEEP
        history.add(event, at, device)
        to_look = to_look or event.kind in ("bolus", "refill")
        if to_look and not more:
            yield at, watch.look(history.facts(at, WINDOWS), at)
            to_look = False


def rates(false: Counter[str], pump_days: float) -> dict[str, float]:
    """Alerts in 1,000 pump-days, by rule and all together; counted as the service counts them."""
    if not pump_days:
        return {}
    merged: Counter[str] = Counter()
    for name, count in false.items():
        rule, _, key = name.partition("/")
        merged[rule if rule == "device_silent" else counted_as(rule, key)] += count
    counts = {**dict(sorted(merged.items())), "all": false.total()}
    return {name: round(1000 * count / pump_days, 2) for name, count in counts.items()}
