"""PURE. How much is in the reservoir, of all that is known of it: which number counts, and why.

Source: docs/domain.md section 1, row "low-reservoir alarm": the pump computes its volume and senses nothing, so it is
blind to over-infusion; section 1, what follows: a computed and a measured volume do not stand in for each other
(INF).

A measured level, less what was programmed to flow since, holds against computed ones until a refill; the newest
measured one counts. Where the pump computes less than that, the lower counts: what is too low is told too early, what
is too high too late. A volume that is more than the pump holds counts as what it holds.

What was programmed to flow: the profile of each therapy in its time, and the boluses that are known to be delivered.
For the time before the first therapy that is known, the fastest of those known; where none is, nothing is taken off.

Failure modes: a measured volume that was read wrong holds until the next one or the refill; a bolus of unknown
outcome is not taken off; a refill that nobody enters makes a level of before it seem to hold (volume_fall tells that
the volume rose).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.events import ReadingBasis
from services.alerts.facts.model import DRAWN_OFF, Flow, PumpFacts, Reading, Refill
from services.alerts.model import EvidenceValue
from services.alerts.said.model import Sentence, Volume, sentence, sentence_in_words
from services.texts.model import Texts, msgid

_DAY: Final = timedelta(days=1)
_SHOWN_ML: Final = 0.05
"""Less than this is not written down: "0.0 mL"."""
_LEFT: Final = {
    "computed": msgid("%(left)s left, computed by the pump %(at)s"),
    "measured": msgid("%(left)s left, measured %(at)s"),
    "refill": msgid("%(left)s left, after the refill %(at)s"),
}


@dataclass(frozen=True, slots=True)
class Level:
    """The volume that counts at `at`, what it rests on, and the other number where there are two."""

    volume_ml: float
    basis: str
    """`computed`, `measured` or `refill`."""
    told_ml: float
    told_at: datetime
    """What was read or filled, and when."""
    at: datetime
    other: Level | None = None
    """What does not count, as it is higher."""

    @property
    def evidence(self) -> dict[str, EvidenceValue]:
        """Both numbers, by where they come from."""
        found: dict[str, EvidenceValue] = {"volume_ml": self.shown_ml, "basis": self.basis}
        for each in (self, self.other) if self.other else ():
            found[f"{each.basis}_ml"] = each.told_ml
        return found

    @property
    def shown_ml(self) -> float:
        """The volume as it is told. It sinks all the time; to a tenth, it changes with what is read."""
        return self.volume_ml if self.at == self.told_at else round(self.volume_ml, 1)

    @property
    def said(self) -> Sentence:
        """Where the number comes from: "1.8 mL left, measured 22 Nov 2026 11:00 UTC"."""
        flowed, left = self.told_ml - self.volume_ml, Volume(self.volume_ml)
        if self.basis != "measured" or flowed < _SHOWN_ML:
            return sentence(_LEFT[self.basis], left=left, at=self.told_at)
        return sentence(
            "%(left)s left: %(told)s measured %(at)s, less %(flowed)s programmed to flow since",
            left=left,
            told=Volume(self.told_ml),
            at=self.told_at,
            flowed=Volume(flowed),
        )

    @property
    def other_said(self) -> tuple[Sentence, ...]:
        """What the other number is, and why it does not count; nothing where there is none."""
        if self.other is None:
            return ()
        if self.other.basis == "computed":
            return (
                sentence(
                    "The pump computed %(told)s %(at)s; what was measured counts until a refill.",
                    told=Volume(self.other.told_ml),
                    at=self.other.told_at,
                ),
            )
        return (sentence("By what was measured it is more (%(words)s); the lower counts.", words=self.other.said),)

    def in_words(self, texts: Texts) -> str:
        """`said` in a language. Moments stay in UTC: they are put on the clinic's clock later."""
        return sentence_in_words(self.said, texts)

    def other_in_words(self, texts: Texts) -> str:
        """`other_said` in a language, to follow a sentence."""
        return "".join(f" {sentence_in_words(each, texts)}" for each in self.other_said)


def level_of(facts: PumpFacts, now: datetime) -> Level | None:
    """The level that counts now. None: nothing was read, and no refill is known."""
    reading, refill = facts.reading, facts.refill
    if refill is not None and (reading is None or not _is_after(reading, refill)):
        filled_ml = held_ml(refill.filled_ml, facts)
        return Level(filled_ml, "refill", filled_ml, refill.observed_at, refill.observed_at)
    if reading is None:
        return None
    volume_ml = held_ml(reading.volume_ml, facts)
    told = Level(volume_ml, reading.basis.value, volume_ml, reading.observed_at, reading.observed_at)
    measured = facts.measured_reading
    if measured is None:
        return told
    measured_ml = held_ml(measured.volume_ml, facts)
    left_ml = max(0.0, measured_ml - flowed_ml(facts, measured.observed_at, now))
    held = Level(left_ml, "measured", measured_ml, measured.observed_at, now)
    if reading.basis is ReadingBasis.MEASURED:
        return held
    lower, higher = (told, held) if told.volume_ml < held.volume_ml else (held, told)
    return Level(lower.volume_ml, lower.basis, lower.told_ml, lower.told_at, lower.at, higher)


def held_ml(volume_ml: float, facts: PumpFacts) -> float:
    """A volume, or what the pump holds where it is more."""
    return min(volume_ml, facts.size_ml)


def flowed_ml(facts: PumpFacts, since: datetime, until: datetime) -> float:
    """What was programmed to flow between two moments, the later one `now`, in mL. 0 where no therapy is known."""
    if facts.therapy is None:
        return 0.0
    newest = Flow(facts.therapy.observed_at, facts.therapy.daily_ml, facts.therapy.bolus_ml)
    flows, total, end = (newest, *facts.earlier_flows), 0.0, until
    for flow in flows:
        start = min(end, max(since, flow.since))
        total += flow.daily_ml * ((end - start) / _DAY)
        end = start
    if end > since:
        total += max(flow.daily_ml for flow in flows) * ((end - since) / _DAY)
    return total + max(flow.bolus_ml for flow in flows) * _delivered(facts, (until - since) / _DAY)


def _delivered(facts: PumpFacts, days: float) -> float:
    """Boluses known to be delivered in the last days; of a window that began before that, its share."""
    whole = int(days)
    counts = [window.delivered for window in facts.windows[: whole + 1]]
    return sum(counts[:whole]) + (days - whole) * sum(counts[whole:])


def _is_after(reading: Reading, refill: Refill) -> bool:
    """Tell whether a reading is of after the refill, and not of what was drawn off at it."""
    drawn_off = DRAWN_OFF if reading.basis is ReadingBasis.MEASURED else timedelta(0)
    return reading.observed_at > refill.observed_at and reading.observed_at >= refill.observed_at + drawn_off
