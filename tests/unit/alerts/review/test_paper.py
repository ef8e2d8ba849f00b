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

from schemas.events import AlarmCode
from schemas.policy import Policy
from services.alerts.web.review.figures import figures_of
from services.alerts.web.review.model import (
    AlertLine,
    DeviceClockNow,
    Drug,
    Measured,
    Prescription,
    PumpNow,
    Said,
    Stored,
)
from services.alerts.web.review.paper import draw, shown
from services.alerts.web.review.parts import Sheet
from services.alerts.web.review.period import Period
from services.alerts.web.review.words import sheet_of
from tests.unit.alerts.review.stored import DAY, MORPHINE, PERIOD, PUMP, alarm, at, heard, press, programmed, refill


def sheet(stored: Stored, period: Period = PERIOD, pump: PumpNow = PUMP) -> Sheet:
    return sheet_of(pump, stored, figures_of(stored, period, 1.0), period, Policy())


def text_of(content: bytes) -> str:
    [page] = PdfReader(io.BytesIO(content)).pages
    return page.extract_text()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


USUAL = Stored(
    requests=(press(1.5), press(1.6, "denied_lockout"), press(8.15, "comm_failure")),
    therapies=(programmed(-9),),
    refills=(refill(20, 2.0, 3.5), refill(-40, 2.0, 2.0)),
    reports=(Said(at(1.5), "pain", 7),),
    alarms=(alarm(1), alarm(1.5, "cleared")),
    heard=heard(1.5, 8.15),
    measured=(Measured(at(9), 9.5, 10.0),),
    alerts=(AlertLine(at(9), "Motor stall", "high", "closed", "Łucja Żółć", at(9.01), at(10)),),
    clocks=(DeviceClockNow("pump-1", at(9), at(9) - at(8)),),
)
LONG = "W" * 200
FULL = Stored(
    therapies=tuple(
        programmed(day, Prescription(tuple(Drug("W" * 60, 1234.5) for _ in range(8)), (("00:00", 0.3),) * 48, day))
        for day in range(1, 25)
    ),
    refills=tuple(refill(27 - 3 * each, 2.0, 3.5 + each) for each in range(9)),
    reports=tuple(Said(at(day), complaint, 7) for day in range(27) for complaint in
                  ("pain", "side_effect", "alarm_heard", "more_therapy", "a_new_kind")),
    alarms=tuple(alarm(20 + each / 10, code=code, detail=LONG, state=state) for each in range(60) for code, state in
                 (("motor_stall", "cleared" if each % 2 else "raised"), ("other", "raised"))),
    refused_alarms=dict.fromkeys(AlarmCode, 99999),
    heard=heard(1, 3, 6, 9, 12, 15, 18, 21, 24),
    measured=tuple(Measured(at(27 - each), 9.5, 10.0) for each in range(20)),
    alerts=tuple(AlertLine(at(27 - each), LONG, "medium", "active", LONG, at(28)) for each in range(27)),
    clocks=tuple(DeviceClockNow("W" * 64, at(9), at(9) - at(1), refused=True) for _ in range(9)),
)  # fmt: skip


def test_every_word_and_number_of_the_sheet_stands_on_it() -> None:
    made = sheet(USUAL)
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
def test_whatever_stands_on_it_it_is_one_page(weeks: int) -> None:
    period = replace(PERIOD, since=PERIOD.until - weeks * 7 * DAY)
    content = draw(sheet(FULL, period, PumpNow("p" * 64, "c" * 64)))
    text = text_of(content)
    assert "is not a medical device: check with the pump's own log" in re.sub(r"\s+", " ", text), "the end is on it"
    assert "…" in text
    assert [float(each) for each in PdfReader(io.BytesIO(content)).pages[0].mediabox[2:]] == [595.2756, 841.8898]


def test_odd_text_is_text() -> None:
    odd = "<b>bold</b> & <img src='http://127.0.0.1:9/x.png'/> \u202e\x07 العربية 心 (paren\\)"
    stored = replace(
        USUAL, alerts=(AlertLine(at(9), odd, "high", "active", "Ann", at(9.1)),), alarms=(alarm(1, detail=odd),)
    )
    text = squeezed(text_of(draw(sheet(stored))))
    assert squeezed("<b>bold</b> & <img src='http") in text
    assert "\u25a1" in text
    assert "心" not in text


def test_what_has_no_letter_or_runs_from_right_to_left_is_an_empty_box() -> None:
    assert shown("Żółć µg Ωα Жук\n…") == "Żółć µg Ωα Жук …"
    assert shown("心a\u202eש\u0000") == "\u25a1a\u25a1\u25a1\u25a1"


def test_the_same_sheet_is_the_same_file() -> None:
    assert draw(sheet(USUAL)) == draw(sheet(USUAL))


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
        [sys.executable, "-c", WATCHED], input=pickle.dumps(sheet(USUAL)), capture_output=True, check=False,
        cwd=Path(__file__).parents[4], env={"PYTHONPATH": str(Path(__file__).parents[4])}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == draw(sheet(USUAL))


def test_a_prescription_of_many_drugs_is_cut_and_never_runs_into_the_next_column() -> None:
    many = replace(MORPHINE, drugs=tuple(Drug(f"drug-{each}", 100.0) for each in range(8)))
    text = text_of(draw(sheet(replace(USUAL, therapies=(programmed(-9, many),)))))
    assert "drug-0" in text
    assert "drug-7 100 mcg/mL" not in text
