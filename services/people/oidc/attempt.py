"""PURE. One browser's way to the provider and back: what is sent along, and what must come back with it.

Guarantees: nothing is kept here meanwhile, so that nobody can fill anything by beginning; state, nonce and verifier
(PKCE, RFC 7636) come from one secret that is in the browser's own cookie, so that an answer is good in the browser that
asked and in no other; where the provider says that it names itself (RFC 9207), an answer without its name is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

LASTS: Final = timedelta(minutes=10)
SECRET_BYTES: Final = 32
_COOKIE: Final = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{0,2000})", re.ASCII)
_ERROR: Final = re.compile(r"[a-z_]{1,60}", re.ASCII)
_LONGEST_CODE: Final = 4000


class AnswerRefusedError(ValueError):
    """What the browser brought back is not used; the message is for people.

    `is_forged` tells whether no provider would have sent it for this browser.
    """

    def __init__(self, message: str, *, is_forged: bool = True) -> None:
        super().__init__(message)
        self.is_forged = is_forged


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun in one browser."""

    secret: str
    began_at: datetime
    back: str
    """Where to go on to."""

    @property
    def state(self) -> str:
        """Comes back as it was sent."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Stands in the ID token."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Shown with the code; the provider saw its digest."""
        return self._derived("verifier")

    @property
    def cookie(self) -> str:
        """What the browser keeps meanwhile."""
        return f"{int(self.began_at.timestamp())}.{self.secret}.{_text_of(self.back.encode())}"

    def _derived(self, purpose: str) -> str:
        said = f"{purpose}\n{int(self.began_at.timestamp())}\n{self.back}".encode()
        return _text_of(hmac.digest(self.secret.encode(), said, hashlib.sha256))


def attempt_from(chance: bytes, back: str, now: datetime) -> Attempt:
    """Begin, with `SECRET_BYTES` bytes of chance."""
    if len(chance) != SECRET_BYTES:
        msg = f"expected {SECRET_BYTES} bytes of chance, not {len(chance)}"
        raise ValueError(msg)
    return Attempt(_text_of(chance), now.replace(microsecond=0), back)


def attempt_in(cookie: str | None, now: datetime) -> Attempt:
    """The attempt of a browser.

    Raises:
        AnswerRefusedError: There is none, or it began too long ago.
    """
    found = _COOKIE.fullmatch(cookie or "")
    try:
        began_at = datetime.fromtimestamp(int(found[1]), UTC) if found else None
        back = base64.urlsafe_b64decode(found[3] + "=" * (-len(found[3]) % 4)).decode() if found else ""
    except (ValueError, OverflowError):
        began_at, back = None, ""
    if found is None or began_at is None or not timedelta(seconds=-60) <= now - began_at <= LASTS:
        msg = "This sign-in was not begun in this browser, or too long ago. Begin again."
        raise AnswerRefusedError(msg, is_forged=False)
    return Attempt(found[2], began_at, back)


def code_in(answer: Mapping[str, str], attempt: Attempt, issuer: str, *, names_itself: bool) -> str:
    """The code that the provider gave.

    Args:
        answer: The query with which the browser came back.
        attempt: Of this browser.
        issuer: Our provider.
        names_itself: Whether it says that its answers carry `iss`.

    Raises:
        AnswerRefusedError: It is not an answer to this attempt, or the provider signed nobody in.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(errors="surrogatepass"), attempt.state.encode()):
        msg = "This answer belongs to another sign-in. Begin again."
        raise AnswerRefusedError(msg)
    if ("iss" in answer or names_itself) and answer.get("iss") != issuer:
        msg = "This answer came from another provider than ours. Begin again, and tell whoever runs Pumpwatch."
        raise AnswerRefusedError(msg)
    if "error" in answer:
        said = answer["error"] if _ERROR.fullmatch(answer["error"]) else "an error that has no name"
        msg = f"The provider signed nobody in ({said}). Begin again, or ask whoever runs the provider."
        raise AnswerRefusedError(msg, is_forged=False)
    code = answer.get("code", "")
    if not 0 < len(code) <= _LONGEST_CODE:
        msg = "The provider's answer holds no code. Begin again."
        raise AnswerRefusedError(msg)
    return code


def _text_of(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
