"""PURE. Codes that a person types in, and links of a drill: made of chance, and kept as their digest.

A code is short, so it is good for minutes and a few tries only; its digest is of one channel.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final
from uuid import UUID

CODE_BYTES: Final = 5
LINK_BYTES: Final = 32
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that are read as others."""
_SEPARATORS: Final = re.compile(r"[\s-]")


def code_of(chance: bytes) -> str:
    """A code of 8 letters and digits in two groups, of `CODE_BYTES` bytes of chance."""
    number = int.from_bytes(chance[:CODE_BYTES])
    letters = "".join(_LETTERS[number >> (5 * place) & 31] for place in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def digest_of_code(code: str, channel_id: UUID) -> bytes:
    """What is kept of a code, however it was typed."""
    typed = _SEPARATORS.sub("", code).upper()
    return hashlib.sha256(channel_id.bytes + typed.encode("utf-8", "replace")).digest()


def is_code(typed: str, channel_id: UUID, digest: bytes | None, until: datetime | None, now: datetime) -> bool:
    """Whether that is the code that was sent over this channel, and good now."""
    if digest is None or until is None or now >= until:
        return False
    return hmac.compare_digest(digest_of_code(typed, channel_id), digest)


def link_of(chance: bytes) -> str:
    """What the link of a drill ends in, of `LINK_BYTES` bytes of chance."""
    return base64.urlsafe_b64encode(chance[:LINK_BYTES]).decode().rstrip("=")


def digest_of_link(text: str) -> bytes:
    """What is kept of it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
