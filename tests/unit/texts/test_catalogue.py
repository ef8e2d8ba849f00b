"""The catalogues: what is in them says all that the English does; what is wrong with them leaves English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from schemas.parts.languages import Language
from services.texts.catalogue import FOLDER, path_of, read, texts_in
from services.texts.model import ENGLISH, Texts, filled, values_in

OTHERS = [language for language in Language if language is not Language.ENGLISH]
HEAD = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
TAG = re.compile(r"<[^>]+>")


def entries() -> list[tuple[Language, str, str]]:
    """Every translation, each form of a plural by itself."""
    return [
        (language, english, form)
        for language in OTHERS
        for english, forms in texts_in(language).messages.items()
        for form in forms
    ]


def test_english_is_its_own_catalogue() -> None:
    assert texts_in(Language.ENGLISH) is ENGLISH


@pytest.mark.parametrize("language", OTHERS)
def test_there_is_a_catalogue_for_each_language_and_it_is_read_once(language: Language) -> None:
    with capture_logs() as logs:
        found = read(language, FOLDER)
    assert logs == []
    assert (found.language, len(found.messages) > 300) == (language, True)
    assert texts_in(language) is texts_in(language)


def test_with_the_same_values_each_text_holds_every_one_of_them_in_both_languages() -> None:
    for language, english, other in entries():
        values = {name: f"<{name}-{number}>" for number, name in enumerate(sorted(values_in(english)))}
        for said in (filled(english, values), filled(other, values)):
            assert all(value in said for value in values.values()), (language, english, said)
            assert "%(" not in said, (language, english, said)


def test_a_translation_has_the_same_marks_of_html() -> None:
    for language, english, other in entries():
        assert sorted(TAG.findall(english)) == sorted(TAG.findall(other)), (language, english)


def test_a_translation_begins_and_ends_with_the_same_spaces() -> None:
    for language, english, other in entries():
        assert (english[:1] == " ", english[-1:] == " ") == (other[:1] == " ", other[-1:] == " "), (language, english)


def test_german_has_its_own_days_numbers_and_plurals() -> None:
    german = texts_in(Language.GERMAN)
    assert german.months[2] == "März"
    assert (german.weekdays[0], german.day_sign, german.number(1500), german.decimal(1.5)) == (
        "Mo",
        ".",
        "1.500",
        "1,5",
    )
    assert [german.form_of(count) for count in (0, 1, 2, 101)] == [1, 0, 1, 1]


def test_the_warning_that_matters_most_is_plain() -> None:
    said = texts_in(Language.GERMAN).say("Pump states are unknown; alarms may be missing. Use the backup procedure.")
    assert said == "Zustand der Pumpen unbekannt; Alarme können fehlen. Notfallverfahren anwenden."


def written(folder: Path, text: str) -> Texts:
    path = path_of(Language.GERMAN, folder)
    path.parent.mkdir()
    path.write_text(HEAD + text, encoding="utf-8")
    return read(Language.GERMAN, folder)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('msgid "Told: %(who)s"\nmsgstr "Benachrichtigt: %(wer)s"\n', "does not hold the same values"),
        ('msgid "Told: %(who)s"\nmsgstr "Benachrichtigt"\n', "does not hold the same values"),
        ('msgid "Told: %(who)s"\nmsgstr ""\n', "is not translated"),
        ('#, fuzzy\nmsgid "Told: %(who)s"\nmsgstr "Benachrichtigt: %(who)s"\n', "is fuzzy"),
    ],
)
def test_an_entry_that_does_not_fit_is_said_in_english_and_logged(tmp_path: Path, entry: str, fault: str) -> None:
    with capture_logs() as logs:
        found = written(tmp_path, entry)
    assert found.say("Told: %(who)s", who="Ann") == "Told: Ann"
    [logged] = logs
    assert (logged["event"], fault in logged["fault"]) == ("text_not_translated", True)


def test_a_plural_that_lacks_a_form_is_said_in_english(tmp_path: Path) -> None:
    with capture_logs():
        found = written(
            tmp_path,
            'msgid "%(count)s pump"\nmsgid_plural "%(count)s pumps"\nmsgstr[0] "%(count)s Pumpe"\nmsgstr[1] ""\n',
        )
    assert found.plural("%(count)s pump", "%(count)s pumps", 1) == "1 pump"


@pytest.mark.parametrize("broken", [None, b"\xff\xfe no catalogue", b'msgid "Told\nmsgstr ""\n'])
def test_without_a_catalogue_that_can_be_read_everything_is_said_in_english(
    tmp_path: Path, broken: bytes | None
) -> None:
    if broken is not None:
        path_of(Language.GERMAN, tmp_path).parent.mkdir()
        path_of(Language.GERMAN, tmp_path).write_bytes(broken)
    with capture_logs() as logs:
        found = read(Language.GERMAN, tmp_path)
    assert found.say("Told: %(who)s", who="Ann") == "Told: Ann"
    assert {each["event"] for each in logs} <= {"catalogue_not_read", "text_not_translated"}
    assert logs
