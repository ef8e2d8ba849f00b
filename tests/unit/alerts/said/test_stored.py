"""What is stored is read again and says the same; whatever else stands there, the English explanation is said."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.parts.languages import Language
from services.alerts.said.explained import Explained, explained
from services.alerts.said.model import (
    LongSpan,
    Number,
    Sentence,
    Shortest,
    Value,
    Volume,
    Word,
    Words,
    in_words,
    is_known,
    plural_sentence,
    sentence,
)
from services.alerts.said.stored import read, written
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH

GERMAN = texts_in(Language.GERMAN)
STALL = sentence(
    "%(alarm)s since %(at)s.", alarm=Word("motor stall", capital=True), at=datetime(2026, 11, 22, 10, 4, tzinfo=UTC)
)
ENGLISH_STALL = "Motor stall since 22 Nov 2026 10:04 UTC."

KEYS = [
    "text", "many", "values", "count", "moment", "day", "span_us", "ml", "number", "digits", "shortest", "long_span_us",
    "word", "words",
]  # fmt: skip

finite = st.floats(allow_nan=False, allow_infinity=False)
spans = st.timedeltas(timedelta(days=-300_000), timedelta(days=300_000))
plain: st.SearchStrategy[Value] = st.one_of(
    st.text(),
    st.integers(-(10**15), 10**15),
    st.datetimes(
        datetime(2, 1, 2), datetime(9998, 12, 30), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9))])
    ),
    st.dates(),
    spans,
    st.builds(Volume, finite),
    st.builds(Number, finite, st.integers(0, 10)),
    st.builds(Shortest, finite),
    st.builds(LongSpan, spans),
    st.builds(Word, st.text(), st.booleans()),
)
texts = st.sampled_from(["%(count)s requests in 24 h", "%(alarm)s since %(at)s.", "50 %% of %(count)s", "own words"])
names = st.sampled_from(["alarm", "at", "other"])
values: st.SearchStrategy[Value] = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: Words(tuple(each))),
        st.builds(Sentence, texts, st.dictionaries(names, inner, max_size=3)),
        st.builds(
            lambda text, count, more: plural_sentence(text, text, count, **more),
            texts,
            st.integers(0, 10**6),
            st.dictionaries(names, inner, max_size=2),
        ),
    ),
    max_leaves=4,
)
sentences = st.builds(Sentence, texts, st.dictionaries(names, values, max_size=3))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=20,
)
near_miss = st.recursive(
    st.sampled_from(
        [
            None,
            True,
            1,
            -1,
            1e300,
            10**400,
            float("nan"),
            float("inf"),
            "",
            "x",
            "2026-11-22",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00-14:00",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(sentences, min_size=1, max_size=3).map(tuple))
def test_what_is_written_is_read_again_and_says_the_same(said: tuple[Sentence, ...]) -> None:
    found = read(written(said))
    assert found == said
    assert read(json.loads(written(said) or "")) == said
    for texts_of in (ENGLISH, GERMAN):
        assert in_words(found, texts_of) == in_words(said, texts_of)


@given(st.one_of(anything, near_miss, st.lists(near_miss), st.text()))
def test_whatever_is_stored_there_is_an_explanation(stored: Any) -> None:
    for each in (stored, json.dumps(stored) if not isinstance(stored, str) else stored):
        shown = explained(ENGLISH_STALL, each, GERMAN)
        assert shown == Explained(ENGLISH_STALL, Language.ENGLISH)
        found = read(each)
        if found is not None:
            assert isinstance(in_words(found, GERMAN), str)


@given(
    st.lists(
        st.fixed_dictionaries({"text": texts, "values": st.dictionaries(names, near_miss, max_size=2)}), min_size=1
    )
)
def test_a_sentence_of_whatever_values_has_words_or_is_not_read(stored: Any) -> None:
    found = read(stored)
    if found is not None:
        assert isinstance(in_words(found, GERMAN), str)
        assert read(written(found)) == found


def test_what_is_stored_too_deep_is_not_read() -> None:
    deep: Any = "x"
    for _ in range(12):
        deep = {"text": "a", "values": {"x": deep}}
    lists: Any = "x"
    for _ in range(12):
        lists = {"words": [lists]}
    for each in ([deep], [{"text": "a", "values": {"x": lists}}], "[" * 100_000):
        assert read(each) is None


@pytest.mark.parametrize(
    "value",
    [
        {"moment": "2026-11-22T10:04:00"}, {"moment": "0001-01-01T00:00:00Z"}, {"moment": 1}, {"moment": "today"},
        {"day": "22 Nov"}, {"day": 7}, {"span_us": 10**19}, {"span_us": "1"}, {"span_us": 1.5}, {"ml": True},
        {"ml": None},
        {"number": 1}, {"number": 1, "digits": 11}, {"number": 1, "digits": 1.5}, {"number": 1, "digits": True},
        {"shortest": math.nan}, {"long_span_us": []}, {"word": 1}, {"words": "ab"}, {"of a later release": 1}, {}, [],
        None,
        True, 1.5, 10**30, {"text": 1, "values": {}}, {"text": "a"}, {"text": "a", "values": []},
        {"text": "a", "many": "b", "values": {}}, {"text": "a", "many": 1, "values": {"count": 1}},
        {"text": "a", "many": "b", "values": {"count": "1"}},
    ],
)  # fmt: skip
def test_what_this_release_does_not_write_is_not_read(value: Any) -> None:
    assert read([{"text": "a", "values": {"x": value}}]) is None


@pytest.mark.parametrize("stored", [None, "", "null", "[]", "{}", "7", [], {}, [None], "[7]", '["a"]'])
def test_nothing_that_is_stored_says_nothing(stored: Any) -> None:
    assert read(stored) is None


def test_what_no_json_has_is_not_written() -> None:
    assert written([sentence("%(x)s", x=Volume(math.nan))]) is None
    assert written([sentence("%(x)s", x=Shortest(math.inf))]) is None
    assert written([]) is None


def test_an_explanation_is_said_in_the_language_of_its_reader() -> None:
    stored = written([STALL])
    assert explained(ENGLISH_STALL, stored, GERMAN) == Explained(
        "Motorstillstand seit 22 Nov 2026 10:04 UTC.", Language.GERMAN
    )
    assert explained(ENGLISH_STALL, stored, ENGLISH) == Explained(ENGLISH_STALL, Language.ENGLISH)


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        ("What was recorded of this patient was erased.", (STALL,)),  # what is stored beside it says another thing
        ("Motor stall since 22 Nov 2026 10:05 UTC.", (STALL,)),
        ("Own words.", (sentence("Own words."),)),  # in no catalogue
        (f"{ENGLISH_STALL} Own words.", (STALL, sentence("Own words."))),
        ("Own since 7.", (sentence("%(alarm)s since %(at)s.", alarm=Word("own", capital=True), at=7),)),
        ("7 requests in 24 h", (sentence("%(count)s requests in 24 h", count=7),)),  # a plural that is stored as none
        ("1 since 7.", (plural_sentence("%(alarm)s since %(at)s.", "%(alarm)s since %(at)s.", 1, alarm=1, at=7),)),
        ("a and own since 7.", (sentence("%(alarm)s since %(at)s.", alarm=Words(("a", Word("own"))), at=7),)),
    ],
)
def test_what_cannot_be_said_for_certain_and_whole_is_said_in_english(
    explanation: str, said: tuple[Sentence, ...]
) -> None:
    assert explained(explanation, written(said), GERMAN) == Explained(explanation, Language.ENGLISH)


def test_a_list_and_a_sentence_within_one_are_looked_through() -> None:
    within = sentence("%(alarm)s since %(at)s.", alarm=Words((Word("motor stall"), STALL)), at=7)
    assert is_known([within], GERMAN)
    assert in_words([within], GERMAN) == "Motorstillstand und Motorstillstand seit 22 Nov 2026 10:04 UTC. seit 7."
