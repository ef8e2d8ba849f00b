"""PURE. The volumes of a review sheet in words: what was left at refills, and what was measured between them.

Guarantee: a difference always has its sign, and what nobody told is said to be not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.alerts.web.review.figures import Figures, Residual
from services.alerts.web.review.model import Measured
from services.alerts.web.review.parts import NOTHING, Part, Place, WallClock, part_of
from services.texts.model import Texts


def refills_part(figures: Figures, least_ml: float, clock: WallClock) -> Part:
    """What was expected to be left at each refill, and what was."""
    say = clock.texts.say
    return part_of(
        "refills",
        say("Refills"),
        say(
            "What the pump expected to be left, and what was; + is more. Share: of what it computed to give since the "
            "refill before, where that was %(least)s mL or more.",
            least=clock.texts.shortest(least_ml),
        ),
        Place.LEFT,
        (say("When"), say("Expected"), say("Left"), say("Difference"), say("Share"), say("Filled in")),
        [_refill(each, clock) for each in figures.residuals],
        () if figures.residuals else (say("No refill was received."),),
        clock.texts,
    )


def _refill(each: Residual, clock: WallClock) -> tuple[str, ...]:
    texts = clock.texts
    return (
        clock.short(each.at),
        _ml(each.expected_ml, texts),
        _ml(each.measured_ml, texts),
        f"{_signed(each.difference_ml, 2, texts)} mL",
        texts.say("not known") if each.percent is None else f"{_signed(each.percent, 1, texts)} %",
        _ml(each.filled_ml, texts),
    )


def _ml(volume_ml: float, texts: Texts) -> str:
    return f"{texts.decimal(volume_ml, 2)} mL"


def _signed(value: float, digits: int, texts: Texts) -> str:
    return f"{value + 0.0:+.{digits}f}".replace(".", texts.decimal_sign)


def measured_part(measured: Sequence[Measured], clock: WallClock) -> Part:
    """What somebody measured, beside what the pump computed."""
    texts, say = clock.texts, clock.texts.say
    rows = [
        (
            clock.short(each.at),
            _ml(each.volume_ml, texts),
            *(
                (say("not known"), NOTHING)
                if each.computed_ml is None
                else (_ml(each.computed_ml, texts), f"{_signed(each.volume_ml - each.computed_ml, 2, texts)} mL")
            ),
        )
        for each in measured
    ]
    return part_of(
        "measured",
        say("Levels measured, beside computed"),
        say("The level that somebody measured, and the last that the pump computed in the 24 hours before."),
        Place.RIGHT,
        (say("When"), say("Measured"), say("Computed"), say("Difference")),
        rows,
        () if rows else (say("No measured level was received."),),
        texts,
    )
