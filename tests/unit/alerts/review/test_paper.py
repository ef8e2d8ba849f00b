"""The review sheet as a PDF, read by a library that had no part in making it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from services.alerts.web.review.model import AlertLine, Drug, PumpNow, Stored
from services.alerts.web.review.paper import draw, shown
from tests.unit.alerts.review.on_paper import places_of, squeezed, text_of
from tests.unit.alerts.review.stored import (
    DAY,
    FULL,
    LONGEST,
    MORPHINE,
    PERIOD,
    USUAL,
    alarm,
    at,
    programmed,
    sheet_with,
)


def test_every_word_and_number_of_the_sheet_stands_on_it() -> None:
    made = sheet_with(USUAL)
    text = squeezed(text_of(draw(made)))
    assert squeezed(made.period) in text
    assert squeezed(made.heard) in text
    for part in made.parts:
        assert squeezed(part.title) in text
        assert squeezed(part.counts) in text
        for row in (part.heads, *part.rows):
            assert squeezed("".join(row)) in text, (part.name, row)
        for line in part.lines:
            assert squeezed(line) in text
    assert squeezed(made.foot) in text


@pytest.mark.parametrize("weeks", [1, 4, 13, 14, 26])
@pytest.mark.parametrize(("stored", "name"), [(FULL, "pump-1"), (LONGEST, "p" * 64)], ids=["full", "longest"])
def test_whatever_stands_on_it_it_is_one_page(stored: Stored, name: str, weeks: int) -> None:
    period = replace(PERIOD, since=PERIOD.until - weeks * 7 * DAY)
    content = draw(sheet_with(stored, period, PumpNow(name, name)))
    text = text_of(content)
    assert "is not a medical device: check with the pump's own log" in re.sub(r"\s+", " ", text), "the end is on it"
    assert min(places_of(content)) > 20, "nothing is written below the page"
    assert ("…" in text) is (stored is LONGEST), "only what is very long is cut"
    assert [float(each) for each in PdfReader(io.BytesIO(content)).pages[0].mediabox[2:]] == [595.2756, 841.8898]


def test_odd_text_is_text() -> None:
    odd = "<b>bold</b> & <img src='http://127.0.0.1:9/x.png'/> \u202e\x07 العربية 心 (paren\\)"
    stored = replace(
        USUAL, alerts=(AlertLine(at(9), odd, "high", "active", "Ann", at(9.1)),), alarms=(alarm(1, detail=odd),)
    )
    text = squeezed(text_of(draw(sheet_with(stored))))
    assert squeezed("<b>bold</b> & <img src='http") in text
    assert "\u25ca" in text
    assert "心" not in text


def test_what_has_no_letter_or_runs_from_right_to_left_is_a_lozenge() -> None:
    assert shown("Żółć µg Ωα Жук\n…") == "Żółć µg Ωα Жук …"
    assert shown("心a\u202eש\u0000") == "\u25caa\u25ca\u25ca\u25ca"


def test_the_same_sheet_is_the_same_file() -> None:
    assert draw(sheet_with(USUAL)) == draw(sheet_with(USUAL))


WATCHED = """
import pickle, sys
from services.alerts.web.review import paper
paper._letters()
sheet = pickle.load(sys.stdin.buffer)
def refuse(event, arguments):
    if event.startswith(("socket.", "open", "subprocess.", "os.system", "urllib.")):
        raise RuntimeError(f"{event} {arguments}")
paper.draw(sheet)  # what a library loads at its first use
sys.addaudithook(refuse)
sys.stdout.buffer.write(paper.draw(sheet))
"""


def test_while_it_draws_nothing_is_opened_and_nobody_is_asked() -> None:
    import pickle

    done = subprocess.run(
        [sys.executable, "-c", WATCHED], input=pickle.dumps(sheet_with(USUAL)), capture_output=True, check=False,
        cwd=Path(__file__).parents[4], env={"PYTHONPATH": str(Path(__file__).parents[4])}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == draw(sheet_with(USUAL))


def test_a_mixture_of_four_drugs_is_whole_and_of_eight_long_names_is_cut() -> None:
    def text_with(*names: str) -> str:
        many = replace(MORPHINE, drugs=tuple(Drug(name, 12500.0) for name in names))
        return squeezed(text_of(draw(sheet_with(replace(USUAL, therapies=(programmed(-9, many),))))))

    four = ("morphine", "bupivacaine", "clonidine", "ziconotide")
    whole = text_with(*four)
    assert all(f"{name}12.5mg/mL" in whole for name in four)
    assert all(f"3.75mg{name}" in whole for name in four)
    eight = text_with(*(f"{number} {'long name ' * 5}" for number in range(8)))
    assert "…" in eight
    assert "150mcg30min6" in eight, "and what stands beside it is there"
