"""PURE. A pump that the registry says is in nobody calls out, or somebody asks it for a bolus.

Either the registry is wrong, and a patient has a pump that nobody judges; or the pump was explanted and has not been
switched off. From here the two look the same, so somebody is told, until the registry says which it is: by `pumpwatch
devices explant --undo` in the first case, `retire` in the second (docs/decisions/0019-identity-has-periods.md).

Failure modes: a pump that is silent after it was explanted by mistake is not missed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.rules.active_alarms import active_alarms
from services.alerts.said.model import Said, Word, Words, sentence
from services.alerts.wording import ALARM_WORDS
from services.texts.model import msgid

_LATELY: Final = timedelta(days=1)


def explanted_pump(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition while an alarm stands that was raised since, or a patient asked or reported within 24 hours."""
    alarms = active_alarms(facts.alarms).values()
    reports = [report.observed_at for report in facts.reports if report.observed_at > now - _LATELY]
    said = sorted(ALARM_WORDS[alarm.code] for alarm in alarms)
    if facts.demand.first_at is not None:
        said.append(msgid("requests for a bolus"))
    if reports:
        said.append(msgid("a patient's report"))
    if not said:
        return ()
    asked_at = [] if facts.demand.first_at is None else [facts.demand.first_at]
    return (
        Condition(
            rule=RuleName.PUMP_ALARM,
            key="explanted",
            priority=policy.pump_alarms.explanted_priority,
            strength=Strength.FULL,
            since=min([now, *(alarm.since for alarm in alarms), *reports, *asked_at]),
            title="An explanted pump calls out",
            said=_said(said, facts.since),
            evidence={"said": ", ".join(said)},
        ),
    )


def _said(calls: list[str], since: datetime | None) -> Said:
    """What it calls out, each by its name, and that it is in nobody."""
    if since is None:
        registered = sentence("By the registry it is in nobody; nothing else is judged.")
    else:
        registered = sentence("By the registry it is in nobody since %(at)s; nothing else is judged.", at=since)
    return (
        sentence("It says %(calls)s.", calls=Words(tuple(Word(each) for each in calls))),
        registered,
        sentence("If a patient has it, have the registry put right at once; if nobody has, have the pump retired."),
    )
