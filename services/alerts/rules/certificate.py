"""PURE. The certificate by which a device logs in at the broker ends soon, or has ended.

Source: docs/decisions/0029-certificates.md; the limits are INF. A device whose certificate has ended is refused at its
next connection, and is silent from then on: this tells of it before, while it can be renewed.

Failure modes: a renewed certificate that nobody has put into the device counts as one that it has; what is not written
down is not watched (`pumpwatch certificates register`). Such a device is missed as any that is silent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from schemas.policy import CertificatePolicy, Policy
from services.alerts.facts.model import DeviceCertificate, PumpFacts
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.said.model import sentence
from services.texts.model import msgid

_SAID: Final = {
    ("pump", True): msgid(
        "The certificate by which the pump %(id)s logs in ended on %(at)s: the broker refuses it from its next "
        "connection on, and nothing of it is heard any more."
    ),
    ("pump", False): msgid(
        "The certificate by which the pump %(id)s logs in ends on %(at)s; from then on the broker refuses it."
    ),
    ("handheld", True): msgid(
        "The certificate by which the handheld %(id)s logs in ended on %(at)s: the broker refuses it from its next "
        "connection on, and nothing of it is heard any more."
    ),
    ("handheld", False): msgid(
        "The certificate by which the handheld %(id)s logs in ends on %(at)s; from then on the broker refuses it."
    ),
}
"""By the device, and whether its certificate has ended."""
_RENEW: Final = sentence("Have it renewed (pumpwatch certificates renew) and put into the device.")


def certificate(facts: PumpFacts, policy: Policy, now: datetime) -> tuple[Condition, ...]:
    """One condition for each device whose last certificate ends within `warn_days`, until a later one is known."""
    rule = policy.certificate
    warned = timedelta(days=rule.warn_days)
    return tuple(
        _ending(each, each.ends_at - warned, rule, now, "pump" if each.device_id == facts.pump_id else "handheld")
        for each in facts.certificates
        if each.ends_at - now <= warned
    )


def _ending(each: DeviceCertificate, since: datetime, rule: CertificatePolicy, now: datetime, words: str) -> Condition:
    ended = each.ends_at <= now
    return Condition(
        rule=RuleName.CERTIFICATE,
        key=each.device_id,
        priority=rule.ended_priority if ended else rule.priority,
        strength=Strength.FULL,
        since=each.ends_at if ended else since,
        title=f"The certificate of the {words} {'has ended' if ended else 'ends soon'}",
        said=(sentence(_SAID[words, ended], id=each.device_id, at=each.ends_at), _RENEW),
        evidence={"ends_at": each.ends_at.isoformat(), "ended": ended},
    )
