"""Which addresses of browsers are taken: those of services of pushes that are known, and nothing inside."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.delivery.persons.push_address import PushAddressError, is_push, read_subscription, read_url

KEY = base64.urlsafe_b64encode(b"\x04" + bytes(64)).decode().rstrip("=")
SECRET = base64.urlsafe_b64encode(bytes(16)).decode().rstrip("=")
CHROME = "https://fcm.googleapis.com/fcm/send/abc?x=1"


def subscription(endpoint: object = CHROME, p256dh: object = KEY, auth: object = SECRET) -> str:
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}})


@pytest.mark.parametrize(
    "endpoint", [CHROME, "https://web.push.apple.com/Qx", "https://wns2-x.notify.windows.com/w/?t=B"]
)
def test_what_a_browser_gives_is_kept_and_read_again(endpoint: str) -> None:
    address = read_subscription(subscription(endpoint))
    assert read_url(address.url) == address
    assert is_push(address.url)
    assert KEY not in repr(address)


def test_what_is_no_browsers_is_told() -> None:
    assert not is_push(None)
    assert not is_push("ntfy://x")
    assert read_subscription(subscription("https://127.0.0.1:8443/p"), ["127.0.0.1:8443"]).host == "127.0.0.1:8443"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        subscription(7),
        subscription(auth=None),
        subscription("http://fcm.googleapis.com/x"),
        subscription("https://10.0.0.1/inside"),
        subscription("https://fcm.googleapis.com.evil.example/x"),
        subscription("https://evilfcm.googleapis.com@10.0.0.1/x"),
        subscription("https://me@fcm.googleapis.com/x"),
        subscription("https://fcm.googleapis.com/x#y"),
        subscription("https://fcm.googleapis.com/x\r\nHost: y"),
        subscription("https://fcm.googleapis.com/" + "x" * 2000),
        subscription("https://[fcm.googleapis.com/x"),
        subscription("https:///x"),
        subscription(p256dh="AAAA"),
        subscription(auth="no base64!"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(PushAddressError, match="expected"):
        read_subscription(text)


@given(st.text())
def test_whatever_was_kept_is_an_address_or_refused(rest: str) -> None:
    with pytest.raises(PushAddressError):
        read_url(f"webpush://{rest}")
