"""A pump's page in German: the same numbers as in English, and no English word beside what devices told."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from schemas.events import Complaint
from schemas.parts.languages import Language
from schemas.policy import Policy
from services.alerts.facts.model import Contact, DeviceCertificate, DeviceClock, Refill, Report, Therapy
from services.alerts.web.pump.page import PumpPage, pump_page
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH
from tests.unit.alerts.pump.programmed import BERLIN, PROGRAMMED
from tests.unit.alerts.rules.builders import NOW, ago, alarm, facts, reading, windows

GERMAN = texts_in(Language.GERMAN)
HOUR = timedelta(hours=1)
FULL = facts(
    therapy=Therapy(
        ago(100), daily_ml=0.5, bolus_ml=0.1, bolus_limit=5, refill_due=date(2027, 1, 2), drugs=("Morphine",)
    ),
    reading=reading(12.0, 0),
    refills=(Refill(18, ago(24 * 30), 2.0, 3.5), Refill(18, ago(24 * 60), 4.0, 2.5), Refill(18, ago(9999), 2.0, 2.0)),
    alarms=(alarm("motor_stall raised", 3),),
    reports=(Report(Complaint.PAIN, 7, ago(1)), Report(Complaint.ALARM_HEARD, None, ago(2))),
    contacts=(
        Contact("pump-1", (ago(500),), clock=DeviceClock(11 * HOUR)),
        Contact("hand-1", (ago(1),), clock=DeviceClock(-5 * HOUR)),
        Contact("hand-2", (ago(1),), clock=DeviceClock(72 * HOUR, refused=True)),
        Contact("hand-3", ()),
    ),
    certificates=(DeviceCertificate("hand-1", NOW + 48 * HOUR), DeviceCertificate("pump-1", NOW - HOUR)),
    windows=windows(1, None, None, 1, None, *[0] * 60),
)
NO_WORD = re.compile(r"[^A-Za-zÄÖÜäöüß]+")


def lines_of(page: PumpPage) -> dict[str, str]:
    tables = (page.therapy, page.lasts, page.alarms, page.devices, page.reports)
    return {line.name: line.value for table in tables for line in table}


def test_its_lines_are_german_with_a_decimal_comma() -> None:
    page = pump_page(FULL, PROGRAMMED, Policy(), BERLIN, NOW, texts=GERMAN)
    lines = lines_of(page)
    assert lines["Flussrate"] == "0,5 mL am Tag"
    assert lines["Bolus"] == "je 500 mcg, höchstens 4 in 24 h, Mindestabstand 4 h"
    assert lines["Alarmgrenze"] == "4,0 mL"
    assert lines["Gebuchte Nachfüllung"] == "2. Jan. 2027, nach dem Gerät: nach den Daten oben zu spät"
    assert lines["Motorstillstand"] == "seit So 22. Nov. 2026, 10:00"
    assert lines["Handgerät hand-3"] == "hat sich nie oder lange nicht gemeldet"
    assert page.level == "Noch 12,0 mL, von der Pumpe berechnet 22 Nov 2026 12:00 UTC."
    assert [each.difference for each in page.refills] == ["1,5 mL mehr", "1,5 mL weniger", "wie erwartet"]
    assert page.gaps[0] == "Do 19. Nov., 13:00 bis Sa 21. Nov., 13:00 (2 Tage)"


def test_no_line_is_left_in_english() -> None:
    """Of every name and value that English and German share, only figures, units and names of things remain."""
    bare = replace(PROGRAMMED, bolus_dose_mcg=None, low_reservoir_ml=None, refill_due=None)
    for programmed in (PROGRAMMED, bare):
        said = [
            lines_of(pump_page(FULL, programmed, Policy(), BERLIN, NOW, texts=texts)) for texts in (ENGLISH, GERMAN)
        ]
        english, german = ({*each, *each.values()} for each in said)
        words = {word for text in english & german for word in NO_WORD.split(text)}
        assert words <= {"", "Bolus", "Morphine", "Reservoir", "clonidine", "mL"}
