"""PURE. What stands between a browser and a session: cookies, the token of a form, and where to go after a sign-in."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import quote, urlsplit

from services.runtime.http.callers import is_one_line

FIELD: Final = "csrf"
"""The hidden field of each form; a script sends the same as a header:"""
HEADER: Final = "x-pumpwatch-csrf"
_LONGEST_PATH: Final = 500
_NOT_AFTER_A_SIGN_IN: Final = ("/sign-in", "/sign-out", "/set-up", "/static/")


def is_secure(public_url: str) -> bool:
    """Whether people reach the board by TLS, so that a cookie may ask for it."""
    return public_url.startswith("https://")


def session_cookie(public_url: str) -> str:
    """The name of the cookie that holds the session's token: with TLS one that no other host and path can set."""
    return "__Host-pumpwatch" if is_secure(public_url) else "pumpwatch"


def form_cookie(public_url: str) -> str:
    """The name of the cookie to which a form is bound before anybody is signed in."""
    return f"{session_cookie(public_url)}-form"


def attempt_cookie(public_url: str) -> str:
    """The name of the cookie that a browser keeps while it is on its way to the identity provider and back."""
    return f"{session_cookie(public_url)}-oidc"


def csrf_of(secret: str) -> str:
    """The token of the forms of one session; it does not tell the session's own."""
    return hmac.new(secret.encode(errors="surrogatepass"), b"pumpwatch form", hashlib.sha256).hexdigest()


def is_csrf_of(secret: str, token: str) -> bool:
    """Whether a form's token is that of the session; the time it takes does not tell how much of it was right."""
    return hmac.compare_digest(csrf_of(secret).encode(), token.encode(errors="surrogatepass"))


def own_path(text: str) -> str:
    """Where to go after a sign-in: a path of this board, or its first page where `text` is anything else."""
    if len(text) > _LONGEST_PATH or not is_one_line(text) or "\\" in text or not text.startswith("/"):
        return "/"
    try:
        parts, quoted = urlsplit(text), quote(text, safe="/?&=%:@!$'()*+,;~-._")
    except ValueError:  # no address, or no Unicode
        return "/"
    if text.startswith(("//", *_NOT_AFTER_A_SIGN_IN)) or parts.scheme or parts.netloc:
        return "/"
    return quoted


def sign_in_path(path: str, query: str) -> str:
    """The sign-in page, and where it goes on to."""
    back = own_path(f"{path}?{query}" if query else path)
    return "/sign-in" if back == "/" else f"/sign-in?back={quote(back, safe='/')}"
