"""Cookies, the tokens of forms, and where a sign-in goes on to."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.alerts.web.identity.browser import (
    attempt_cookie,
    csrf_of,
    form_cookie,
    is_csrf_of,
    own_path,
    session_cookie,
    sign_in_path,
)

BOARD = "https://pw.example.org"
PARTS = [*"/\\:@?#.%&=;a \t\r\n", "//", "http:", "javascript:", "evil.example", "\u2028", "\ud800"]
ODD = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


def test_with_tls_no_other_host_can_set_the_cookie() -> None:
    assert (session_cookie(BOARD), form_cookie(BOARD)) == ("__Host-pumpwatch", "__Host-pumpwatch-form")
    assert (session_cookie("http://127.0.0.1:8081"), form_cookie("http://127.0.0.1:8081")) == (
        "pumpwatch",
        "pumpwatch-form",
    )


@given(st.text(), st.text())
def test_a_form_shows_the_token_of_its_own_session_and_that_does_not_tell_the_sessions(one: str, other: str) -> None:
    assert is_csrf_of(one, csrf_of(one))
    assert is_csrf_of(one, csrf_of(other)) == (one == other)
    assert not is_csrf_of(one, other)
    assert len(one) < 4 or one not in csrf_of(one)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/alerts/7?a=b&c=%20", "/alerts/7?a=b&c=%20"),
        ("/", "/"),
        ("", "/"),
        ("alerts", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/\t/evil.example", "/"),
        ("/sign-out", "/"),
        ("/sign-in?back=/", "/"),
        ("/" + "x" * 500, "/"),
        ("/[", "/%5B"),
    ],
)
def test_after_a_sign_in_a_browser_goes_to_a_page_of_this_board(text: str, path: str) -> None:
    assert own_path(text) == path


@given(st.one_of(ODD, ODD.map(lambda text: f"/{text}")))
@example("//[")
@example("/\x00/evil.example")
def test_no_way_of_writing_it_leads_elsewhere(text: str) -> None:
    path = own_path(text)
    assert urlsplit(urljoin(f"{BOARD}/sign-in", path)).netloc == "pw.example.org"
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isascii()


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        ("/", "", "/sign-in"),
        ("/alerts/7", "", "/sign-in?back=/alerts/7"),
        ("/", "a=b&c=d", "/sign-in?back=/%3Fa%3Db%26c%3Dd"),
    ],
)
def test_the_sign_in_page_knows_where_it_goes_on_to(path: str, query: str, where: str) -> None:
    assert sign_in_path(path, query) == where


def test_on_the_way_to_the_provider_the_browser_keeps_a_cookie_of_its_own() -> None:
    names = {session_cookie(BOARD), form_cookie(BOARD), attempt_cookie(BOARD)}
    assert len(names) == 3
    assert attempt_cookie(BOARD) == "__Host-pumpwatch-oidc"
