"""PURE. What stands beside an alert for whoever answers it: the clinic's own steps first, then Pumpwatch's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.policy import Policy
from services.alerts.guidance.catalogue import GUIDES, Guide, danger_words
from services.alerts.guidance.subject import subject_of
from services.alerts.guidance.thresholds import Threshold, thresholds_of
from services.texts.model import ENGLISH, Texts


@dataclass(frozen=True, slots=True)
class WhatToDo:
    """What is said beside one alert."""

    guide: Guide
    danger: str | None
    """What comes before all else; None: nothing does."""
    own_steps: tuple[str, ...]
    """The clinic's, from its policy."""
    thresholds: tuple[Threshold, ...]
    policy_changed: bool
    """The policy is another one by now than when the alert was last judged: so the thresholds may be."""


def what_to_do(
    rule: str,
    key: str,
    evidence: Mapping[str, object],
    policy: Policy,
    *,
    judged_by: str,
    version: str,
    texts: Texts = ENGLISH,
) -> WhatToDo | None:
    """What to do about an alert; None: this release of Pumpwatch does not know what it is about.

    Args:
        rule: Of the alert.
        key: Of the alert.
        evidence: Of the alert: `dangerous_drug` names what the pump holds, if its sudden stop can be life-threatening.
        policy: The clinic's, of now.
        judged_by: The version of the policy that the alert was last judged by.
        version: That of now.
        texts: Of whoever reads. A guide itself is a text of the catalogue, and is said where it is shown.
    """
    subject = subject_of(rule, key)
    if subject is None:
        return None
    drug = evidence.get("dangerous_drug")
    return WhatToDo(
        guide=GUIDES[subject],
        danger=danger_words(subject, drug if isinstance(drug, str) else None, texts),
        own_steps=policy.what_to_do.get(subject.value) or policy.what_to_do.get(subject.rule, ()),
        thresholds=thresholds_of(subject, policy, texts),
        policy_changed=judged_by != version,
    )
