"""Keys of programs: shown once, kept as a digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.http.keys import CHANCE_BYTES, KeptKey, id_in, key_of, opens

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CHANCE = st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES)


def kept(digest: bytes, *, ends: timedelta = timedelta(days=1), revoked: datetime | None = None) -> KeptKey:
    return KeptKey("a" * 12, digest, "north", ("system/*.rs",), NOW + ends, revoked)


@given(CHANCE, CHANCE)
def test_a_key_opens_for_itself_alone(chance: bytes, other: bytes) -> None:
    key = key_of(chance)
    assert id_in(key.text) == key.key_id
    assert key.digest.hex() not in key.text
    assert opens(key.text, kept(key.digest), NOW)
    assert opens(key_of(other).text, kept(key.digest), NOW) == (chance == other)


def test_a_key_that_is_over_or_revoked_opens_nothing() -> None:
    key = key_of(bytes(CHANCE_BYTES))
    assert not opens(key.text, kept(key.digest, ends=timedelta(0)), NOW)
    assert not opens(key.text, kept(key.digest, revoked=NOW), NOW)


@pytest.mark.parametrize(
    "text", ["", "pwk_", "pwk_" + "a" * 12, "pwk_aaaaaaaaaaaa_" + "a" * 42, "x", "pwk_A_" + "a" * 43]
)
def test_what_is_no_key_has_no_name(text: str) -> None:
    assert id_in(text) is None


def test_a_key_needs_all_its_chance() -> None:
    with pytest.raises(ValueError, match="expected 40 bytes"):
        key_of(b"short")
