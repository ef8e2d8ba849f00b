"""PURE. The patient says something with the handheld.

Source: docs/domain.md section 8 item 9 (nobody's word is lost); section 1: the beep is not to be relied on [24],
so a pump alarm that the patient hears counts as severe. The priorities are GK.

A report is news for `stays_hours`; one that is uploaded later than that pages nobody, and stands in the
record. One alert for each pump: the newest severe report, else the newest.

Failure modes: patients report what hurts, not what is wrong; a report by mistake is one too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.events import Complaint
from schemas.policy import PatientReportPolicy, Policy
from services.alerts.facts.model import PumpFacts, Report
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.said.model import Sentence, Word, sentence
from services.texts.model import msgid

KEY: Final = "report"
COMPLAINT_WORDS: Final[dict[Complaint, str]] = {
    Complaint.PAIN: msgid("pain"),
    Complaint.SIDE_EFFECT: msgid("a side effect"),
    Complaint.ALARM_HEARD: msgid("a pump alarm heard"),
    Complaint.MORE_THERAPY: msgid("a wish for more therapy"),
}


def patient_report(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """At most one condition."""
    rule = policy.patient_report
    recent = [each for each in facts.reports if now - each.observed_at <= timedelta(hours=rule.stays_hours)]
    if not recent:
        return ()
    report = max(recent, key=lambda each: (_severe(each, rule), each.observed_at))
    return (
        Condition(
            rule=RuleName.PATIENT_REPORT,
            key=KEY,
            priority=rule.severe_priority if _severe(report, rule) else rule.priority,
            strength=Strength.FULL,
            since=min(now, report.observed_at),
            title="Patient's report",
            said=(_sentence(report),),
            evidence={"complaint": report.complaint.value, "score": report.score, "reports": len(recent)},
        ),
    )


def _sentence(report: Report) -> Sentence:
    what = Word(COMPLAINT_WORDS[report.complaint])
    if report.score is None:
        return sentence("The patient reports %(what)s, %(at)s.", what=what, at=report.observed_at)
    return sentence(
        "The patient reports %(what)s, %(score)s of 10, %(at)s.", what=what, score=report.score, at=report.observed_at
    )


def _severe(report: Report, rule: PatientReportPolicy) -> bool:
    return report.complaint is Complaint.ALARM_HEARD or (report.score or 0) >= rule.severe_score
