"""Why a drug is good for so long, in German: on the refill board and on a pump's page, and in one language only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.parts.languages import Language
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts, Refill, Therapy
from services.alerts.rules.reservoir.stability import stability_of
from services.alerts.web.pump.page import pump_page
from services.alerts.web.refills.rows import row_of
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH
from tests.unit.alerts.pump.programmed import BERLIN, PROGRAMMED
from tests.unit.alerts.refills.pumps import DAY, pump
from tests.unit.alerts.rules.builders import NOW, ago

GERMAN = texts_in(Language.GERMAN)


def filled(*drugs: str, strengths: tuple[float, ...] = (), is_new: bool = False) -> PumpFacts:
    therapy = Therapy(ago(90 * DAY), 0.3, drugs=drugs, concentrations=strengths)
    refills = (Refill(18, ago(DAY)),) if is_new else (Refill(18, ago(DAY)), Refill(18, ago(40 * DAY)))
    return pump(therapy=therapy, refills=refills, since=ago(30) if is_new else None)


@pytest.mark.parametrize(
    ("known", "english", "german"),
    [
        pytest.param(filled("morphine"), "morphine: 90 days", "morphine: 90 Tage", id="a drug"),
        pytest.param(
            filled("ziconotide", strengths=(5.0,)), "ziconotide, diluted: 40 days", "ziconotide, verdünnt: 40 Tage",
            id="diluted",
        ),
        pytest.param(
            filled("ziconotide", strengths=(25.0,)), "ziconotide, undiluted: 84 days",
            "ziconotide, unverdünnt: 84 Tage", id="undiluted",
        ),
        pytest.param(
            filled("ziconotide", strengths=(25.0,), is_new=True), "ziconotide, first fill: 14 days",
            "ziconotide, erste Füllung: 14 Tage", id="first fill",
        ),
        pytest.param(
            filled("baclofen", "morphine"), "baclofen and morphine: 30 days", "baclofen und morphine: 30 Tage",
            id="a mixture",
        ),
        pytest.param(
            filled("morphine", "bupivacaine", "fentanyl"),
            "morphine; nothing is known of bupivacaine and fentanyl: 90 days",
            "morphine; über bupivacaine und fentanyl ist nichts bekannt: 90 Tage", id="of two nothing is known",
        ),
    ],
)  # fmt: skip
def test_why_a_drug_is_good_for_so_long(known: PumpFacts, english: str, german: str) -> None:
    said = [row_of(known, None, Policy(), "UTC", NOW, texts).good_why for texts in (ENGLISH, GERMAN)]
    assert said == [english, german]
    [line] = [
        each.value
        for each in pump_page(known, PROGRAMMED, Policy(), BERLIN, NOW, texts=GERMAN).lasts
        if each.name == "Das Medikament ist haltbar bis"
    ]
    assert line.endswith(f"({german.rpartition(': ')[0]})")


def test_of_two_drugs_that_are_good_for_as_long_the_same_is_named_in_each_language() -> None:
    found = stability_of(filled("baclofen", "hydromorphone"), Policy())
    other = stability_of(filled("hydromorphone", "baclofen"), Policy())
    assert found is not None
    assert other is not None
    assert found.until == ago(DAY) + timedelta(days=found.days)
    assert (found.words, found.in_words(GERMAN)) == (other.words, other.in_words(GERMAN))
