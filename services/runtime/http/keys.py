"""PURE. Keys of programs: made of chance, shown once, and kept as their digest.

A key has 256 bits of chance, so its plain SHA-256 tells nobody the key; what makes the digest of a password slow is for
secrets that people choose.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

CHANCE_BYTES: Final = 40
"""Of which the first make the key's name, and 32 the secret."""
_ID_BYTES: Final = 8
_KEY: Final = re.compile(r"pwk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key, and what is kept of it."""

    key_id: str
    text: str
    """Shown once."""
    digest: bytes


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What is kept of a key."""

    key_id: str
    digest: bytes
    clinic_id: str | None
    scopes: tuple[str, ...]
    expires_at: datetime
    revoked_at: datetime | None


def key_of(chance: bytes) -> NewKey:
    """Make a key of `CHANCE_BYTES` bytes of chance."""
    if len(chance) != CHANCE_BYTES:
        msg = f"expected {CHANCE_BYTES} bytes of chance, not {len(chance)}"
        raise ValueError(msg)
    key_id = base64.b32encode(chance[:_ID_BYTES]).decode().lower()[:12]
    secret = base64.urlsafe_b64encode(chance[_ID_BYTES:]).decode().rstrip("=")
    text = f"pwk_{key_id}_{secret}"
    return NewKey(key_id, text, digest_of(text))


def id_in(text: str) -> str | None:
    """The name of what looks like a key; None: it does not."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def digest_of(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def opens(text: str, kept: KeptKey, now: datetime) -> bool:
    """Whether a key is the one that is kept, and good now; the time it takes does not tell how much of it was right."""
    is_same = hmac.compare_digest(digest_of(text), kept.digest)
    return is_same and kept.revoked_at is None and now < kept.expires_at
