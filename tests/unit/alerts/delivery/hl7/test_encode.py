"""Texts in HL7 fields, read back by python-hl7, which is not ours."""

from __future__ import annotations

import hl7
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.alerts.delivery.hl7.encode import escape, field, header, message, segment, unescape

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SPITEFUL = st.text(st.sampled_from("|^~\\&\r\n\x0b\x1c\0\t.XFSTRE0D ä\u2028\x85"), max_size=40)
HEAD = header({3: field("PUMPWATCH"), 18: field("UNICODE UTF-8")})


def spaced(text: str) -> str:
    """What is not told apart: the controls above ASCII and the line ends of Unicode are spaces."""
    return "".join(" " if "\x80" <= each <= "\x9f" or each in "\u2028\u2029" else each for each in text)


@given(texts=st.lists(ANY_TEXT | SPITEFUL, min_size=3, max_size=3))
@example(texts=["a\rOBX|9|ST|forged\r", "\\F\\|", "Ω^~\\&"])
@example(texts=["\\X0D\\", "\x1c\r\x0b", "\\"])
def test_an_independent_parser_reads_back_what_was_put_in_and_no_text_makes_a_segment(texts: list[str]) -> None:
    first, second, third = texts
    value = field("x", first, (second, "&"), third, "end")
    parsed = hl7.parse(message([HEAD, segment("ZZZ", {2: value}), segment("ZZY", {1: field("last")})]))
    assert [str(each[0]) for each in parsed] == ["MSH", "ZZZ", "ZZY"]
    (repetition,) = parsed[1][2]
    _, read_first, read_pair, read_third, _ = (
        [parsed.unescape(str(each)) for each in component] for component in repetition
    )
    assert read_first == [spaced(first)]
    assert read_pair == [spaced(second), "&"]
    assert read_third == [spaced(third)]


@given(text=ANY_TEXT | SPITEFUL)
def test_what_is_escaped_holds_no_delimiter_no_control_and_is_read_back(text: str) -> None:
    escaped = escape(text)
    assert (not set(escaped) & set("|^~&") and escaped.isprintable()) or not set(escaped) & set("|^~&\r\n\x0b\x1c\0")
    assert not any(each < " " or "\x7f" <= each <= "\x9f" for each in escaped)
    assert unescape(escaped) == spaced(text)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [("a\\.br\\b", "ab"), ("\\H\\loud\\N\\", "loud"), ("\\X41\\", "A"), ("\\X4142\\", ""), ("a\\", "a\\")],
)
def test_an_escape_that_says_nothing_to_us_is_left_out(escaped: str, text: str) -> None:
    assert unescape(escaped) == text
