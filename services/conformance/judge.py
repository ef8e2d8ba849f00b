"""PURE. What was seen in a run, requirement by requirement.

Guarantees: one finding for each requirement of the guide, in its order, whatever was observed; the same observations
give the same findings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.conformance.checks import clocks, connection, events, receipts
from services.conformance.finding import Check, Finding, Verdict
from services.conformance.observations import Observation
from services.conformance.requirements import REQUIREMENTS, Level
from services.conformance.story import Pace, tell

CHECKS: Final[dict[str, Check]] = {
    "D-01": connection.speaks_mqtt_5,
    "D-02": connection.logs_in_as_itself,
    "D-03": connection.one_connection,
    "D-04": connection.packets_fit,
    "D-05": connection.retains_nothing,
    "D-06": connection.few_aliases,
    "D-07": connection.own_topics,
    "D-08": connection.hears_receipts,
    "D-09": connection.subscribes_to_nothing_else,
    "D-10": connection.will_is_a_status,
    "D-11": connection.wills_differ,
    "D-12": connection.connects_again,
    "D-13": connection.connects_again_after_goodbye,
    "D-14": connection.backs_off,
    "D-15": connection.has_a_certificate,
    "D-20": events.qos_1,
    "D-21": events.as_the_schema_says,
    "D-22": events.ids_are_kept,
    "D-23": events.observed_at_is_kept,
    "D-24": events.content_is_kept,
    "D-25": events.numbered,
    "D-30": events.corrections_name_the_wrong_one,
    "D-40": receipts.asks_for_receipts,
    "D-41": receipts.names_messages,
    "D-42": receipts.keeps_until_receipt,
    "D-43": receipts.waits_longer,
    "D-44": receipts.publishes_again_after_connecting,
    "D-45": receipts.forgets_what_counts,
    "D-46": receipts.forgets_what_is_rejected,
    "D-47": receipts.takes_its_own_receipts_only,
    "D-48": receipts.takes_no_harm,
    "D-49": receipts.keeps_without_power,
    "D-60": events.small_enough,
    "D-61": events.kinds_in_arrays,
    "D-62": events.alarms_first,
    "D-63": events.sent_afterwards,
    "D-70": clocks.dates_are_taken,
    "D-71": clocks.clock_is_right,
    "D-72": clocks.status_with_every_upload,
    "D-73": clocks.leaves_dates_as_they_were,
}


def judge(device_id: str, pace: Pace, observations: Iterable[Observation]) -> list[Finding]:
    """Hold what was observed against each requirement.

    Args:
        device_id: The device under test.
        pace: How quick it is said to be.
        observations: In the order in which they were made.
    """
    story = tell(device_id, pace, observations)
    findings = []
    for requirement in REQUIREMENTS:
        if requirement.unseen:
            findings.append(Finding(requirement, Verdict.CANNOT_BE_SEEN, requirement.unseen))
            continue
        judged = CHECKS[requirement.number](story)
        findings.append(Finding(requirement, judged.verdict, judged.evidence))
    return findings


def broken(findings: Iterable[Finding]) -> list[Finding]:
    """Those of them by which a device does not conform: a MUST that failed."""
    return [
        finding for finding in findings if finding.verdict is Verdict.FAILED and finding.requirement.level is Level.MUST
    ]
