"""What devices wrote is shown in a form that a terminal can bear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.commands.terminal import printable, readable


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", (True, "")),
        (b'{"a":\n\t"\xc3\xbc"}', (True, '{"a":\n\t"\u00fc"}')),
        (b"\xff\x00", (False, "ff00")),
        (b"\x1b[2J", (False, "1b5b324a")),
        (b"\x00" * 33, (False, " ".join(["00000000"] * 8) + "\n00")),
    ],
)
def test_a_payload_is_text_or_hexadecimal(payload, shown):
    assert readable(payload) == shown


@given(st.text())
def test_printable_text_is_one_line_that_steers_nothing(text):
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
