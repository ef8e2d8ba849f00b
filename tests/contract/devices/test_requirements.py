"""The guide's list of requirements and the program's are one: the same numbers and words, each explained once."""

from __future__ import annotations

import re
from collections import Counter

from services.conformance.judge import CHECKS
from services.conformance.requirements import REQUIREMENTS
from tests.contract.prose import ROOT_FOLDER

GUIDE = (ROOT_FOLDER / "docs" / "devices.md").read_text()
EXPLAINED, _, LISTED = GUIDE.partition("\n## 9. ")
_ROW = re.compile(r"^\| (D-\d\d) \| (MUST|SHOULD) \| ([^|]+) \| ([^|]*)\|$", re.MULTILINE)


def test_the_guide_lists_every_requirement_in_the_words_of_the_program():
    rows = [(number, level, text, unseen.strip()) for number, level, text, unseen in _ROW.findall(LISTED)]
    expected = [
        (each.number, each.level.value, each.text, f"no: {each.unseen}" if each.unseen else "yes")
        for each in REQUIREMENTS
    ]
    assert rows == expected


def test_each_is_explained_once_where_it_belongs():
    told = Counter(re.findall(r"\*\*(D-\d\d)\*\*", EXPLAINED))
    assert told == Counter(each.number for each in REQUIREMENTS)


def test_each_is_in_the_section_that_its_number_says():
    sections = {match[1]: match[2] for match in re.finditer(r"\n## (\d)\. (.*?)(?=\n## |\Z)", EXPLAINED, re.DOTALL)}
    by_tens = {"0": "1", "1": "1", "2": "2", "3": "2", "4": "3", "6": "4", "7": "5", "8": "8"}
    lost = [each.number for each in REQUIREMENTS if f"**{each.number}**" not in sections[by_tens[each.number[2]]]]
    assert lost == []


def test_each_is_checked_or_says_why_it_cannot_be():
    assert set(CHECKS) == {each.number for each in REQUIREMENTS if not each.unseen}
    assert len({each.number for each in REQUIREMENTS}) == len(REQUIREMENTS)


def test_the_report_in_the_guide_is_one_that_the_program_gives():
    """Its lines name requirements by number, level and words."""
    report = LISTED.rpartition("```\n")[0].rpartition("```\n")[2]
    told = re.findall(r"^(D-\d\d)  (passed|FAILED|not seen|not applicable) +(MUST|SHOULD) +(.+)$", report, re.MULTILINE)
    assert {("D-22", "FAILED"), ("D-42", "FAILED")} <= {(number, verdict) for number, verdict, _, _ in told}
    by_number = {each.number: each for each in REQUIREMENTS}
    for number, _, level, text in told:
        assert (by_number[number].level.value, by_number[number].text) == (level, text)
