"""What the alert service counts, on an injected registry. No pump, patient or alert is ever a label.

Every value of a closed vocabulary stands at 0 from the start: `increase()` does not see a series appear. Not so for
transitions: most combinations of rule, kind and reason cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.policy import Priority

_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


TRIGGERS: Final = ("urgent", "queue", "sweep", "escalation")
TASKS: Final = (*TRIGGERS, "heartbeat", "measure", "upkeep", "watch", "coverage", "dispatch")
DELIVERY_RESULTS: Final = ("sent", "retry", "permanent", "given_up")
"""What `services.alerts.delivery.send_outcome` says of one try, and that no further one is made."""

ANCHOR_RESULTS: Final = ("left", "failed")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Every metric of the service."""

    evaluated: Counter
    evaluation_seconds: Histogram
    unjudged: Counter
    queue_oldest_seconds: Gauge
    sweep_oldest_seconds: Gauge
    transitions: Counter
    without_contact: Counter
    unreached: Gauge
    deliveries: Counter
    delivery_seconds: Histogram
    database_failures: Counter
    listening: Gauge
    policy_files_broken: Gauge
    upkeep_overdue_seconds: Gauge
    audit_anchors: Counter
    certificate_expires_seconds: Gauge
    drill_missed: Gauge
    drill_passed_timestamp: Gauge
    drill_page_seconds: Gauge
    on_call: Gauge
    coverage_gap_seconds: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> Self:
        """Register every metric on `registry`."""
        metrics = cls(
            evaluated=Counter(
                "pumpwatch_alerts_pumps_evaluated",
                "Pumps put through the rules.",
                ["trigger"],
                registry=registry,
            ),
            evaluation_seconds=Histogram(
                "pumpwatch_alerts_evaluation_seconds",
                "One transaction of evaluation.",
                ["trigger"],
                buckets=_FAST,
                registry=registry,
            ),
            unjudged=Counter(
                "pumpwatch_alerts_pumps_not_judged",
                "Evaluations of one pump that failed by an error of Pumpwatch; it is told of and tried again.",
                registry=registry,
            ),
            queue_oldest_seconds=Gauge(
                "pumpwatch_alerts_queue_oldest_seconds",
                "Age of the oldest pump that waits to be evaluated.",
                registry=registry,
            ),
            sweep_oldest_seconds=Gauge(
                "pumpwatch_alerts_sweep_oldest_seconds",
                "Longest time that an enrolled pump has not been evaluated.",
                registry=registry,
            ),
            transitions=Counter(
                "pumpwatch_alerts_transitions",
                "What happened to alerts.",
                ["rule", "kind", "reason"],
                registry=registry,
            ),
            without_contact=Counter(
                "pumpwatch_alerts_without_contact",
                "Alerts that opened with nobody in the policy to be told.",
                ["priority"],
                registry=registry,
            ),
            unreached=Gauge(
                "pumpwatch_alerts_unreached",
                "Active alerts of which somebody should have been told and nobody was.",
                registry=registry,
            ),
            deliveries=Counter(
                "pumpwatch_alerts_deliveries",
                "Attempts to send a page.",
                ["result"],
                registry=registry,
            ),
            delivery_seconds=Histogram(
                "pumpwatch_alerts_delivery_seconds",
                "From the decision to page until the channel took the page.",
                buckets=_FAST,
                registry=registry,
            ),
            database_failures=Counter(
                "pumpwatch_alerts_database_failures",
                "Times that the database was away or refused.",
                ["task"],
                registry=registry,
            ),
            listening=Gauge(
                "pumpwatch_alerts_listening",
                "1 while database notifications are heard.",
                registry=registry,
            ),
            policy_files_broken=Gauge(
                "pumpwatch_alerts_policy_files_broken",
                "Policy files that cannot be used as they are.",
                registry=registry,
            ),
            upkeep_overdue_seconds=Gauge(
                "pumpwatch_alerts_database_upkeep_overdue_seconds",
                "For how long the database should have done what it does by itself: sums, columns, jobs.",
                registry=registry,
            ),
            audit_anchors=Counter(
                "pumpwatch_alerts_audit_anchors",
                "Signed ends of the audit trail, left outside the database or not.",
                ["result"],
                registry=registry,
            ),
            certificate_expires_seconds=Gauge(
                "pumpwatch_alerts_certificate_expires_seconds",
                "Until the broker's certificate, the devices' authority or the list of revoked ones ends, or -Inf.",
                ["certificate"],
                registry=registry,
            ),
            drill_missed=Gauge(
                "pumpwatch_drill_missed",
                "1 while the last drill did not come through.",
                registry=registry,
            ),
            drill_passed_timestamp=Gauge(
                "pumpwatch_drill_passed_timestamp_seconds",
                "When a drill came through last, in seconds since 1970; 0: none did.",
                registry=registry,
            ),
            drill_page_seconds=Gauge(
                "pumpwatch_drill_page_seconds",
                "From the alarm of the last drill to its page.",
                registry=registry,
            ),
            on_call=Gauge(
                "pumpwatch_on_call",
                "1 where somebody is on call by the rota who can be reached.",
                ["clinic", "rota"],
                registry=registry,
            ),
            coverage_gap_seconds=Gauge(
                "pumpwatch_coverage_gap_seconds",
                "Until a time in which a high alarm would reach nobody, 0 in it, +Inf if none is in sight.",
                ["clinic"],
                registry=registry,
            ),
        )
        _start(metrics.evaluated, TRIGGERS)
        _start(metrics.evaluation_seconds, TRIGGERS)
        _start(metrics.without_contact, Priority)
        _start(metrics.deliveries, DELIVERY_RESULTS)
        _start(metrics.database_failures, TASKS)
        _start(metrics.audit_anchors, ANCHOR_RESULTS)
        return metrics

    def tell_ahead(self, ahead: Iterable[tuple[str, float, Mapping[str, bool]]]) -> None:
        """By clinic: seconds until a time in which nobody would be told, and whether each rota reaches somebody now."""
        self.on_call.clear()
        self.coverage_gap_seconds.clear()
        for clinic_id, seconds, reached in ahead:
            self.coverage_gap_seconds.labels(clinic_id).set(seconds)
            for rota, is_reached in reached.items():
                self.on_call.labels(clinic_id, rota).set(is_reached)


def _start(metric: Counter | Histogram, values: Iterable[str]) -> None:
    for value in values:
        metric.labels(value)
