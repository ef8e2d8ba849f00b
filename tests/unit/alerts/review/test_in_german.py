"""The review sheet in German: on the page as on paper, with a decimal comma and every letter, and still one page."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from schemas.parts.languages import Language
from schemas.policy import Policy
from services.alerts.web.review.figures import figures_of
from services.alerts.web.review.model import Stored
from services.alerts.web.review.paper import draw
from services.alerts.web.review.parts import Part, Sheet
from services.alerts.web.review.words import sheet_of
from services.texts.catalogue import texts_in
from tests.unit.alerts.review.on_paper import places_of, squeezed, text_of
from tests.unit.alerts.review.stored import FULL, LONGEST, PERIOD, PUMP, USUAL, sheet_with

GERMAN = texts_in(Language.GERMAN)


def german(stored: Stored) -> Sheet:
    return sheet_of(PUMP, stored, figures_of(stored, PERIOD, 1.0), PERIOD, Policy(), GERMAN)


def part(sheet: Sheet, name: str) -> Part:
    [found] = [each for each in sheet.parts if each.name == name]
    return found


def test_its_words_and_numbers_are_german() -> None:
    made = german(USUAL)
    assert made.heading == "Therapieübersicht: Pumpe pump-1, north"
    assert made.period == "17. März 2026 00:00 bis 13. Apr. 2026 15:00 (Europe/Berlin): 4 weeks."
    assert made.heard.startswith("An 26 von 28 Tagen war nichts zu hören")
    [refill] = part(made, "refills").rows
    assert refill == ("6. Apr. 01:00", "2,00 mL", "3,50 mL", "+1,50 mL", "+9,4 %", "18,00 mL")
    [alarm] = part(made, "alarms").rows
    assert (alarm[0], alarm[-1]) == ("Motorstillstand", "12,0 h")
    [alert] = part(made, "alerts").rows
    assert alert[1:4] == ("Motorstillstand", "hoch", "Łucja Żółć, 26. März 00:14 (14 min später)")


def test_no_title_head_or_explanation_is_left_in_english() -> None:
    for of_english, of_german in zip(sheet_with(FULL).parts, german(FULL).parts, strict=True):
        assert of_english.title != of_german.title
        assert of_english.counts != of_german.counts
        assert not {*of_english.lines} & {*of_german.lines}
        same = {each for each in of_english.heads if each} & {*of_german.heads}
        assert same <= {"Bolus", "Alarm"}, of_german.name


def test_on_paper_it_says_the_same_with_every_letter() -> None:
    made = german(USUAL)
    content = draw(made)
    text = squeezed(text_of(content))
    assert "\u25ca" not in text
    for each in (made.heading, made.period, made.heard, made.foot, *(part.title for part in made.parts)):
        assert squeezed(each) in text


def test_a_reader_aloud_is_told_the_language_and_a_list_of_files_the_pump() -> None:
    reader = PdfReader(io.BytesIO(draw(german(USUAL))))
    assert reader.trailer["/Root"]["/Lang"] == "de"  # type: ignore[index]
    assert reader.metadata is not None
    assert reader.metadata.title == "Therapieübersicht, Pumpe pump-1"


@pytest.mark.parametrize("stored", [FULL, LONGEST], ids=["full", "longest"])
def test_whatever_stands_on_it_it_is_one_page(stored: Stored) -> None:
    content = draw(german(stored))
    assert "Pumpwatch ist kein Medizinprodukt" in " ".join(text_of(content).split())
    assert min(places_of(content)) > 20, "nothing is written below the page"
