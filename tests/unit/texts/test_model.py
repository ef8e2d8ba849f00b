"""The texts of a language: what is missing or does not fit is said in English, and nothing raises."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parts.languages import Language
from services.texts.model import ENGLISH, Texts, filled, fits, in_english, kept, msgid, values_in

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 27, 13, 3, 5, tzinfo=UTC)
GERMAN = Texts(
    Language.GERMAN,
    kept({"Told: %(who)s": ("Benachrichtigt: %(who)s",), "%(count)s pump": ("%(count)s Pumpe", "%(count)s Pumpen")}),
    lambda count: 0 if count == 1 else 1,
    months=("Jan.", "Feb.", "März", *["?"] * 7, "Nov.", "?"),
    weekdays=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    day_sign=".",
    decimal_sign=",",
    thousands_sign=".",
)


def test_a_text_is_said_with_its_values() -> None:
    assert ENGLISH.say("Told: %(who)s", who="Ann") == "Told: Ann"
    assert GERMAN.say("Told: %(who)s", who="Ann") == "Benachrichtigt: Ann"
    assert msgid("Told") == "Told"


def test_what_has_no_translation_is_said_in_english() -> None:
    assert GERMAN.say("Could not tell %(who)s", who="Ann") == "Could not tell Ann"
    assert GERMAN.plural("%(count)s day", "%(count)s days", 2) == "2 days"
    assert GERMAN.plural("%(count)s day", "%(count)s days", 1) == "1 day"


def test_a_plural_goes_by_the_number() -> None:
    assert [GERMAN.plural("%(count)s pump", "%(count)s pumps", count) for count in (0, 1, 1027)] == [
        "0 Pumpen",
        "1 Pumpe",
        "1.027 Pumpen",
    ]
    lacks = Texts(Language.GERMAN, kept({"%(count)s pump": ("%(count)s Pumpe",)}), lambda count: count)
    assert lacks.plural("%(count)s pump", "%(count)s pumps", 5) == "5 pumps"


def test_a_value_that_nobody_gives_stays_as_it_is_written() -> None:
    assert filled("%(who)s: %(what)s, 50 %%", {"who": "Ann"}) == "Ann: %(what)s, 50 %"


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_nothing_that_is_said_raises(text: str, values: dict[str, str]) -> None:
    assert isinstance(ENGLISH.say(text, **values), str)
    assert isinstance(GERMAN.plural(text, text, 3, **values), str)


@pytest.mark.parametrize(
    ("english", "other", "whether"),
    [
        ("Told: %(who)s", "Benachrichtigt: %(who)s", True),
        ("Told: %(who)s", "Benachrichtigt: %(wer)s", False),
        ("Told: %(who)s", "Benachrichtigt", False),
        ("Told", "Benachrichtigt: %(who)s", False),
        ("Told: %(who)s", "%(who)s wurde %s benachrichtigt", False),
        ("Told", "", False),
        ("Told", "  ", False),
        ("50 %%", "50 %% davon", True),
    ],
)
def test_a_translation_fits_when_it_has_the_same_values(english: str, other: str, whether: bool) -> None:
    assert fits(english, other) is whether


def test_values_are_found_by_their_names() -> None:
    assert values_in("%(who)s by %(channel)s, %% and %(who)s") == {"who", "channel"}


def test_numbers_are_written_as_people_write_them() -> None:
    assert [ENGLISH.number(5027), GERMAN.number(5027)] == ["5,027", "5.027"]
    assert [ENGLISH.decimal(1.25), GERMAN.decimal(1.75), GERMAN.decimal(-0.01)] == ["1.2", "1,8", "0,0"]
    assert [ENGLISH.shortest(1.5), GERMAN.shortest(1.5), GERMAN.shortest(12.0)] == ["1.5", "1,5", "12"]


def test_a_moment_is_written_on_the_clinics_clock_with_its_name() -> None:
    assert ENGLISH.clock(AT, AT, BERLIN) == "14:03 CET"
    assert GERMAN.clock(AT, AT, BERLIN) == "14:03 MEZ"
    assert ENGLISH.clock(AT, AT.replace(day=28), BERLIN) == "27 Nov 14:03 CET"
    assert GERMAN.clock(AT, AT.replace(day=28), BERLIN) == "27. Nov. 14:03 MEZ"
    assert ENGLISH.clock(AT, AT.replace(year=2027), BERLIN) == "27 Nov 2026 14:03 CET"
    assert GERMAN.clock(AT.replace(month=3, day=29), AT, BERLIN) == "29. März 15:03 MESZ"


def test_its_day_is_that_of_the_clinic() -> None:
    late = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert ENGLISH.clock(late, late.replace(hour=22), BERLIN) == "28 Nov 00:30 CET"
    assert ENGLISH.clock(late, late.replace(hour=23, minute=40), BERLIN) == "00:30 CET"


@pytest.mark.parametrize(
    ("zone", "name"),
    [("UTC", "UTC"), ("Asia/Dubai", "UTC+04"), ("America/Sao_Paulo", "UTC-03"), ("Europe/London", "GMT")],
)
def test_a_clock_without_a_name_is_known_by_its_distance(zone: str, name: str) -> None:
    assert ENGLISH.zone(AT.astimezone(ZoneInfo(zone))) == name


def test_other_ways_of_writing_a_moment() -> None:
    assert ENGLISH.clock_with_seconds(AT, BERLIN) == "14:03:05 CET"
    assert GERMAN.moment(AT, BERLIN) == "27. Nov. 2026 14:03 MEZ"
    assert ENGLISH.weekday_clock(AT, BERLIN) == "Fri 27 Nov 2026, 14:03"
    assert GERMAN.weekday_clock(AT, BERLIN, year=False) == "Fr 27. Nov., 14:03"
    assert [each.weekday_words(AT.date()) for each in (ENGLISH, GERMAN)] == ["Fri 27 Nov 2026", "Fr 27. Nov. 2026"]
    assert [ENGLISH.day(date(2026, 3, 1)), GERMAN.day(date(2026, 3, 1), year=False)] == ["1 Mar 2026", "1. März"]


def test_words_are_joined_as_in_a_sentence() -> None:
    assert [ENGLISH.listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_what_is_kept_cannot_be_changed() -> None:
    assert isinstance(GERMAN.messages, MappingProxyType)
    assert in_english(Language.GERMAN) is ENGLISH
