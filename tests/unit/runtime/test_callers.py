"""Who asks by HTTP, and from where, whatever the headers hold."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.http.callers import (
    Credentials,
    Said,
    comes_from_elsewhere,
    credentials_of,
    holds_token,
    is_addressed_here,
    is_loopback,
    is_plain_address,
    is_trusted,
)

PUBLIC = "https://pw.example.org"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("Bearer secret", Credentials(None, "secret")),
        ("bearer  secret ", Credentials(None, "secret")),
        (basic("Ann:secret"), Credentials("Ann", "secret")),
        (basic("Ann:se:cret"), Credentials("Ann", "se:cret")),
        (basic(" :secret"), Credentials(None, "secret")),
        (basic("Ann"), None),
        ("Basic !!", None),
        ("Basic /w==", None),
        ("Basic \u00ff", None),
        ("Digest x", None),
    ],
)
def test_credentials(header: str, expected: Credentials | None) -> None:
    assert credentials_of(header) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://127.0.0.1:8081", "host": "127.0.0.1:8081"}, False),
        ({"origin": "https://pw.example.org", "host": "10.0.0.7:8081"}, False),
        ({"origin": "https://evil.example", "host": "127.0.0.1:8081"}, True),
        ({"origin": "null", "host": "127.0.0.1:8081"}, True),
        ({"origin": "http://[", "host": "127.0.0.1:8081"}, True),
        ({"origin": "http://[", "host": "["}, True),
        ({"origin": "", "host": ""}, True),
    ],
)
def test_forms_of_other_sites(headers: dict[str, str], expected: bool) -> None:
    assert comes_from_elsewhere(headers, PUBLIC) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8081", True),
        ("localhost", True),
        ("[::1]:8081", True),
        ("pw.example.org", True),
        ("evil.example:8081", False),
        ("", False),
        ("[", False),
    ],
)
def test_requests_for_this_machine(host: str, expected: bool) -> None:
    assert is_addressed_here(host, PUBLIC) is expected


@pytest.mark.parametrize(
    ("host", "expected"), [("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)]
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("public", ["", "[", "http://[", "pw.example.org"])
def test_a_public_address_that_is_none_lets_nobody_pass(public: str) -> None:
    assert not is_addressed_here("", public)
    assert not is_addressed_here("evil.example", public)
    assert is_addressed_here("127.0.0.1", public)
    assert comes_from_elsewhere({"origin": "https://evil.example", "host": "127.0.0.1"}, public)


def test_the_token_comes_as_bearer_or_as_password() -> None:
    assert holds_token("Bearer s3cret", "s3cret")
    assert holds_token(basic("Ann:s3cret"), "s3cret")
    for wrong in ("", "Bearer", "Bearer s3cre", "Bearer S3cret", basic("s3cret:Ann"), "Basic AA==", "s3cret"):
        assert not holds_token(wrong, "s3cret")


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/", b"", True),
        ("/alerts/\u00e4\u5f35", b"clinic_id=%C3%A4%20b&x=%FF", True),
        ("/\0", b"", False),
        ("/a\x7fb", b"", False),
        ("/a\u2028b", b"", False),
        ("/", b"clinic_id=%00", False),
        ("/", b"%0a=1", False),
        ("/", b"x=%C2%85", False),
    ],
)
def test_an_address_holds_no_control_characters(path: str, query: bytes, expected: bool) -> None:
    assert is_plain_address(path, query) is expected


@given(st.text(), st.text(), st.text(), st.binary())
def test_no_header_is_too_odd_to_be_judged(one: str, other: str, public: str, query: bytes) -> None:
    comes_from_elsewhere({"origin": one, "host": other}, public)
    is_addressed_here(one, public)
    is_plain_address(other, query)
    holds_token(f"Basic {one}", "token")
    holds_token(f"Bearer {one}", "token")
    credentials_of(one)


def test_a_stranger_is_told_the_general_words() -> None:
    said = Said("the role pw_ingest has no password", "the database refuses the login")
    assert said.to(trusted=False) == "the database refuses the login"
    assert said.to(trusted=True) == "the role pw_ingest has no password"


@pytest.mark.parametrize(
    ("headers", "token", "trusted"),
    [
        ({"host": "127.0.0.1:8082"}, None, True),
        ({"host": "evil.example"}, None, False),
        ({"host": "evil.example", "authorization": "Bearer s3cret"}, "s3cret", True),
        ({"host": "127.0.0.1:8082", "authorization": "Bearer other"}, "s3cret", False),
        ({"host": "127.0.0.1:8082"}, "s3cret", False),
    ],
)
def test_who_may_be_told_everything(headers: dict[str, str], token: str | None, trusted: bool) -> None:
    assert is_trusted(headers, token, "https://pw.example.org") is trusted
