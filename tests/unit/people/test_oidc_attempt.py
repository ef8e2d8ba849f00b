"""An answer of the provider is good in the browser that asked, once it says what was asked for."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.oidc.attempt import LASTS, AnswerRefusedError, attempt_from, attempt_in, code_in

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
ISSUER = "https://id.example.org"
ATTEMPT = attempt_from(b"c" * 32, "/alerts?state=open", NOW)
GOOD = {"state": ATTEMPT.state, "code": "the-code", "iss": ISSUER}


@given(chance=st.binary(min_size=32, max_size=32), back=st.text(max_size=300))
def test_a_browser_brings_back_what_it_was_given(chance, back):
    try:
        back.encode()
    except UnicodeEncodeError:
        return
    attempt = attempt_from(chance, back, NOW)
    if len(attempt.cookie) < 2000:
        assert attempt_in(attempt.cookie, NOW + LASTS) == attempt
    assert re.fullmatch(r"[\w-]{43}", attempt.verifier)
    assert len({attempt.state, attempt.nonce, attempt.verifier, attempt.secret}) == 4


def test_two_sign_ins_share_nothing():
    other = attempt_from(os.urandom(32), ATTEMPT.back, NOW)
    assert {other.state, other.nonce, other.verifier}.isdisjoint({ATTEMPT.state, ATTEMPT.nonce, ATTEMPT.verifier})


def test_too_little_chance_is_refused():
    with pytest.raises(ValueError, match="expected 32 bytes"):
        attempt_from(b"short", "/", NOW)


@given(st.none() | st.text(max_size=80) | st.from_regex(r"[0-9]{1,12}\.[\w-]{43}\.[\w-]{0,20}", fullmatch=True))
def test_no_other_cookie_is_an_attempt_of_now(cookie):
    with suppress(AnswerRefusedError):
        assert abs(NOW - attempt_in(cookie, NOW).began_at) <= LASTS


def test_a_cookie_whose_path_is_no_text_is_refused():
    with pytest.raises(AnswerRefusedError):
        attempt_in(f"{int(NOW.timestamp())}.{'c' * 43}._w", NOW)


@pytest.mark.parametrize("late", [LASTS + timedelta(seconds=1), timedelta(seconds=-61)])
def test_an_attempt_ends(late):
    with pytest.raises(AnswerRefusedError, match="too long ago"):
        attempt_in(ATTEMPT.cookie, NOW + late)


def test_an_answer_to_this_attempt_has_a_code():
    assert code_in(GOOD, ATTEMPT, ISSUER, names_itself=True) == "the-code"
    assert code_in({"state": ATTEMPT.state, "code": "c"}, ATTEMPT, ISSUER, names_itself=False) == "c"


REFUSED = {
    "no state": (GOOD | {"state": ""}, "another sign-in"),
    "another state": (GOOD | {"state": attempt_from(b"d" * 32, ATTEMPT.back, NOW).state}, "another sign-in"),
    "half a character": (GOOD | {"state": "\ud800"}, "another sign-in"),
    "another issuer": (GOOD | {"iss": "https://evil.example.org"}, "another provider"),
    "a nameless issuer": ({"state": ATTEMPT.state, "code": "c"}, "another provider"),
    "no code": ({"state": ATTEMPT.state, "iss": ISSUER}, "no code"),
    "a long code": (GOOD | {"code": "c" * 4001}, "no code"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_answer_is_refused(name):
    answer, words = REFUSED[name]
    with pytest.raises(AnswerRefusedError, match=words) as refused:
        code_in(answer, ATTEMPT, ISSUER, names_itself=True)
    assert refused.value.is_forged


@pytest.mark.parametrize(
    ("error", "shown"), [("access_denied", "(access_denied)"), ("<script>\r\n", "an error that has no name")]
)
def test_why_the_provider_signed_nobody_in_is_said_without_its_words(error, shown):
    with pytest.raises(AnswerRefusedError, match=re.escape(shown)) as refused:
        code_in(GOOD | {"error": error, "error_description": "x"}, ATTEMPT, ISSUER, names_itself=True)
    assert not refused.value.is_forged
    assert "<" not in str(refused.value)
