"""Sign-in names, passwords, and how fast they can be tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.accounts.pace import Pace
from services.people.accounts.rules import CHANCE_BYTES, code_of, digest_of, fault_of_password, sign_in_of
from services.people.model import Actor
from services.people.trail.model import NOBODY, Access, AccessKind

HERE, ELSEWHERE = "192.0.2.7", "203.0.113.9"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ann.Example ", "ann.example"),
        ("ann@example.org", "ann@example.org"),
        ("7", "7"),
        ("", None),
        ("ann example", None),
        ("ann\r\nbob", None),
        ("-ann", None),
        ("änn", None),
        ("a" * 65, None),
    ],
)
def test_a_sign_in_name_is_the_same_however_it_is_typed(typed: str, kept: str | None) -> None:
    assert sign_in_of(typed) == kept


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("rain on the quay", None),
        ("ann.example and rain", None),
        ("short", "Choose at least 12 characters; a few words are good."),
        ("x" * 201, "Choose at most 200 characters."),
        ("abababababababab", "Choose one in which fewer characters repeat."),
        ("ann.example1", "Choose one that is more than your sign-in name."),
    ],
)
def test_a_password_is_refused_with_what_to_choose_instead(password: str, fault: str | None) -> None:
    assert fault_of_password(password, "ann.example") == fault


@given(st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES))
def test_a_code_fits_into_an_address_and_a_cookie_and_only_its_digest_is_kept(chance: bytes) -> None:
    code = code_of(chance)
    assert len(code) == 43
    assert code.replace("-", "").replace("_", "").isalnum()
    assert len(digest_of(code)) == 32


def test_a_code_is_made_of_enough_chance() -> None:
    with pytest.raises(ValueError, match="expected 32 bytes of chance, not 8"):
        code_of(b"too few ")


def test_an_account_that_is_guessed_at_is_slower_and_never_locked() -> None:
    pace = Pace()
    for at in range(5):
        assert pace.wait_seconds("ann", HERE, float(at)) == 0
        pace.was_wrong("ann", HERE, float(at))
    assert pace.wait_seconds("ann", HERE, 5.0) == 25
    assert pace.wait_seconds("ann", ELSEWHERE, 5.0) == 25
    assert pace.wait_seconds("bob", HERE, 5.0) == 0
    assert pace.wait_seconds("ann", HERE, 30.0) == 0


def test_who_guesses_elsewhere_does_not_slow_who_signs_in_where_they_always_do() -> None:
    pace = Pace()
    pace.was_right("ann", HERE, 0.0)
    for at in range(1000):
        pace.was_wrong("ann", ELSEWHERE, float(at) / 100)
    assert pace.wait_seconds("ann", HERE, 10.0) == 0
    assert pace.wait_seconds("ann", ELSEWHERE, 10.0) > 0


def test_an_owner_who_mistypes_at_home_is_not_slowed_and_slows_nobody() -> None:
    pace = Pace()
    pace.was_right("ann", HERE, 0.0)
    for at in range(10):
        pace.was_wrong("ann", HERE, float(at))
    assert pace.wait_seconds("ann", HERE, 10.0) == 0
    assert pace.wait_seconds("ann", ELSEWHERE, 10.0) == 0


def test_the_trail_holds_the_name_of_that_day_and_nothing_of_who_is_not_known() -> None:
    assert Access(AccessKind.READ, Actor("person:1", "Ann"), more={"a": 1}).detail == {"name": "Ann", "a": 1}
    assert Access(AccessKind.SIGN_IN_FAILED, NOBODY).detail == {}
