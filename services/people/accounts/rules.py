"""PURE. What a sign-in name and a password may be, and the codes by which a person chooses a password.

A code has 256 bits of chance, so its plain SHA-256 tells nobody the code; a password is kept as Argon2id
(services/people/accounts/passwords.py).
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from typing import Final

from services.texts.model import ENGLISH, Texts

CHANCE_BYTES: Final = 32
CODE_LASTS: Final = timedelta(hours=72)
SHORTEST: Final = 12
LONGEST: Final = 200
_SIGN_IN: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


def sign_in_of(text: str) -> str | None:
    """A sign-in name as it is kept, from what somebody typed; None: it cannot be one."""
    name = text.strip().lower()
    return name if _SIGN_IN.fullmatch(name) else None


def fault_of_password(password: str, sign_in: str, texts: Texts = ENGLISH) -> str | None:
    """Why a password cannot be chosen, as a sentence; None: it can. A long one is all that is asked."""
    if len(password) < SHORTEST:
        return texts.say("Choose at least %(count)s characters; a few words are good.", count=SHORTEST)
    if len(password) > LONGEST:
        return texts.say("Choose at most %(count)s characters.", count=LONGEST)
    if len(set(password)) < SHORTEST // 3:
        return texts.say("Choose one in which fewer characters repeat.")
    if sign_in in password.lower() and len(password) < len(sign_in) + SHORTEST // 2:
        return texts.say("Choose one that is more than your sign-in name.")
    return None


def code_of(chance: bytes) -> str:
    """Text of `CHANCE_BYTES` bytes of chance: of a session, or of a set-up code."""
    if len(chance) != CHANCE_BYTES:
        msg = f"expected {CHANCE_BYTES} bytes of chance, not {len(chance)}"
        raise ValueError(msg)
    return base64.urlsafe_b64encode(chance).decode().rstrip("=")


def digest_of(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).digest()
