"""PURE. Until when what was filled in is good: the policy's days for the drug or the mixture, from the newest refill.

Source: docs/domain.md section 1, row "drug in the pump". A mixture counts by the entry that names exactly its drugs;
where none does, by the shortest of its drugs', each as diluted.

The first fill of a pump that is new to a drug is the one refill that is known of a patient whose implantation is.

Failure modes: a pump that changes to another drug later is new to that one, and nobody can tell from its refills; a
drug that the policy does not name has no limit, which is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import DrugStability, Policy
from services.alerts.facts.model import PumpFacts
from services.alerts.rules.drug_names import is_called
from services.alerts.said.model import Sentence, Value, Words, sentence, value_in_words
from services.texts.model import ENGLISH, Texts, msgid

_FIRST_FILL: Final = msgid("%(drug)s, first fill")
_DILUTED: Final = msgid("%(drug)s, diluted")
_UNDILUTED: Final = msgid("%(drug)s, undiluted")


@dataclass(frozen=True, slots=True)
class Stability:
    """How long a fill is good, and by which drugs; `until` None: no refill is known."""

    days: int
    until: datetime | None
    why: Value
    """Why so many days, in no language yet."""

    @property
    def words(self) -> str:
        """Why in English: "morphine", "ziconotide, first fill", "morphine; nothing is known of bupivacaine"."""
        return self.in_words(ENGLISH)

    def in_words(self, texts: Texts) -> str:
        """Why in the language of `texts`; a drug is called as the policy has it, or as the device told it."""
        return value_in_words(self.why, texts)


def stability_of(facts: PumpFacts, policy: Policy) -> Stability | None:
    """How long what is in the pump is good. None: the policy says nothing of any of its drugs."""
    therapy, refill = facts.therapy, facts.refill
    if therapy is None or not therapy.drugs:
        return None
    is_first = facts.since is not None and len(facts.refills) == 1
    strengths = (*therapy.concentrations, *(0.0,) * len(therapy.drugs))
    drugs = tuple(zip(therapy.drugs, strengths, strict=False))
    found = _of_mixture(therapy.drugs, policy, is_first) or _of_each(drugs, policy, is_first)
    if found is None:
        return None
    days, why = found
    return Stability(days, refill.observed_at + timedelta(days=days) if refill else None, why)


def _of_mixture(drugs: Sequence[str], policy: Policy, is_first: bool) -> tuple[int, Value] | None:
    """By the entry of several drugs, each of them in the pump, and nothing else."""
    for entry in policy.drug_stability:
        pairs = [(said, drug) for said in drugs for drug in entry.drugs if is_called(said, drug, policy.brand_names)]
        named, told = {drug for _, drug in pairs}, {said for said, _ in pairs}
        if len(entry.drugs) > 1 and named == set(entry.drugs) and told == set(drugs):
            return _days(entry, is_diluted=False, is_first=is_first), Words(entry.drugs)
    return None


def _of_each(drugs: Sequence[tuple[str, float]], policy: Policy, is_first: bool) -> tuple[int, Value] | None:
    """By the drug that is good for the shortest time."""
    found: list[tuple[int, Value]] = []
    unknown: list[str] = []
    for said, mcg_per_ml in drugs:
        entry = next(
            (
                each
                for each in policy.drug_stability
                if len(each.drugs) == 1 and is_called(said, each.drugs[0], policy.brand_names)
            ),
            None,
        )
        if entry is None:
            unknown.append(said)
            continue
        can_be_diluted = bool(entry.undiluted_mcg_per_ml)
        is_diluted = can_be_diluted and (len(drugs) > 1 or mcg_per_ml not in entry.undiluted_mcg_per_ml)
        is_shorter = is_first and entry.first_fill_days is not None
        how = _FIRST_FILL if is_shorter else _DILUTED if is_diluted else _UNDILUTED if can_be_diluted else None
        why: Value = entry.drugs[0] if how is None else Sentence(how, {"drug": entry.drugs[0]})
        found.append((_days(entry, is_diluted=is_diluted, is_first=is_first), why))
    if not found:
        return None
    days, why = min(found, key=lambda each: (each[0], value_in_words(each[1])))
    if unknown:
        why = sentence("%(why)s; nothing is known of %(drugs)s", why=why, drugs=Words(tuple(unknown)))
    return days, why


def _days(entry: DrugStability, *, is_diluted: bool, is_first: bool) -> int:
    days = entry.diluted_days if is_diluted and entry.diluted_days is not None else entry.days
    return min(days, entry.first_fill_days) if is_first and entry.first_fill_days is not None else days
