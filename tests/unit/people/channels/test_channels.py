"""What a person's channel may be, what of it is shown, and which code opens it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.channels.codes import (
    CODE_BYTES,
    LINK_BYTES,
    code_of,
    digest_of_code,
    digest_of_link,
    is_code,
    link_of,
)
from services.people.channels.model import (
    MOST_CHANNELS,
    USUAL_KINDS,
    Hours,
    fault_of_name,
    fault_of_url,
    kind_of,
    rings,
    shown,
)

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ntfys://ntfy.example.org/a-long-secret-topic", "ntfy ...opic"),
        ("NTFYS://ntfy.example.org/a-long-secret-topic", "ntfy ...opic"),
        ("ntfy://short", "ntfy"),
        ("pover://user@token12345", "Pushover ...2345"),
        ("webpush://fcm.googleapis.com/x#a.b", "this browser"),
        ("slack://aaaa/bbbb/cccc", "slack ...cccc"),
        ("no address", ""),
    ],
)
def test_a_page_shows_the_kind_and_at_most_the_last_four_characters(url: str, expected: str) -> None:
    assert shown(url) == expected


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60))
def test_what_is_shown_never_holds_more_than_four_characters_of_an_address(rest: str) -> None:
    said = shown(f"ntfys://{rest}")
    assert said == "ntfy" or (said == f"ntfy ...{rest[-4:]}" and len(rest) >= 12)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ntfys://ntfy.example.org/topic", None),
        ("mailto://me:pass@example.org", None),
        ("json://10.0.0.1/inside", "json:// cannot be used"),
        ("env:SECRET_OF_THE_WORKER", "begins with its kind"),
        ("file:///etc/passwd", "file:// cannot be used"),
        ("mllp://10.0.0.1:2575", "mllp:// cannot be used"),
        ("webpush://10.0.0.1/x", "webpush:// cannot be used"),
        ("ntfys://a\r\nb", "one line"),
        ("ntfys://" + "a" * 2000, "one line"),
        ("ntfys://", "begins with its kind"),
        ("", "begins with its kind"),
    ],
)
def test_an_address_is_of_a_kind_that_is_taken_here(url: str, words: str | None) -> None:
    fault = fault_of_url(url, USUAL_KINDS)
    assert fault is None if words is None else words in (fault or "")
    assert "passwd" not in (fault or "")


def test_no_setting_lets_a_person_give_a_signed_webhook() -> None:
    """It would name a file of the site's secrets, and speak to any server inside."""
    fault = fault_of_url("webhook+https://h/#secret=/etc/passwd", USUAL_KINDS | {"webhook+https"})
    assert fault is not None
    assert fault.startswith("Addresses of the kind webhook+https:// cannot be used here. Expected one of: mailto,")
    assert "webhook" not in fault.partition("Expected one of")[2]


def test_a_name_is_one_line_of_its_own_and_channels_are_few() -> None:
    assert fault_of_name("my phone", ["mail"]) is None
    assert "one line" in (fault_of_name("", []) or "")
    assert "one line" in (fault_of_name("a\r\nb", []) or "")
    assert "one line" in (fault_of_name("x" * 61, []) or "")
    assert "already" in (fault_of_name("mail", ["mail"]) or "")
    assert "remove one" in (fault_of_name("new", [str(each) for each in range(MOST_CHANNELS)]) or "")


def test_no_phone_rings_for_a_mail() -> None:
    assert [rings(url) for url in ("mailto://a@b.example", "ntfy://host/topic", "pover://a@b")] == [False, True, True]
    assert kind_of("mailtos://x") == "mailtos"


def test_a_code_is_taken_however_it_is_typed_and_over_its_channel_alone() -> None:
    channel, other, until = uuid4(), uuid4(), NOW + timedelta(minutes=15)
    code = code_of(bytes(range(CODE_BYTES)))
    digest = digest_of_code(code, channel)
    for typed in (code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
        assert is_code(typed, channel, digest, until, NOW)
    assert not is_code(code, other, digest, until, NOW)
    assert not is_code(code, channel, digest, until, until)
    assert not is_code(code, channel, None, None, NOW)
    assert not is_code("\ud800", channel, digest, until, NOW)


@given(st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES), st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES))
def test_codes_of_other_chances_are_other_codes_without_letters_that_are_misread(one: bytes, two: bytes) -> None:
    assert (code_of(one) == code_of(two)) is (one == two)
    assert not set(code_of(one)) & set("01IO")
    assert len(code_of(one)) == 9


def test_a_link_is_of_256_bits_and_kept_as_its_digest() -> None:
    link = link_of(bytes(LINK_BYTES))
    assert len(link) == 43
    assert digest_of_link(link) != digest_of_link(link_of(b"\x01" * LINK_BYTES))


def test_quiet_hours_are_those_of_a_policy() -> None:
    assert Hours().quiet is None
    quiet = Hours("Europe/Berlin", quiet_begins="22:00", quiet_ends="07:00").quiet
    assert quiet is not None
    assert (quiet.begins, quiet.ends, quiet.timezone) == ("22:00", "07:00", "Europe/Berlin")
