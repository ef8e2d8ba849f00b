"""PURE. Signatures of Standard Webhooks 1.0.0, symmetric (`v1`): https://www.standardwebhooks.com, "Signature scheme".

What is signed is `ID.TIMESTAMP.BODY`, by HMAC-SHA256, with each secret that is in force: while one is replaced there
are two, and a receiver that knows either is content. A secret is `whsec_` and the base64 of 24 to 64 random bytes.

A file holds them on one line with a space between, the newest first.

Guarantee: what is said of secrets that cannot be used quotes nothing of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "whsec_"
MOST_SECRETS: Final = 2
CHANCE_BYTES: Final = 32
_SHORTEST_BYTES: Final = 24
_LONGEST_BYTES: Final = 64
_EXPECTED: Final = f"expected {PREFIX} and the base64 of {_SHORTEST_BYTES} to {_LONGEST_BYTES} random bytes"


class WebhookSecretError(ValueError):
    """What a file holds are no secrets that can sign; the message quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What signs."""

    key: bytes = field(repr=False)
    text: str = field(repr=False)
    """As it stands in its file."""


def read_line(line: str) -> tuple[Secret, ...]:
    """The secrets on a line, the newest first.

    Raises:
        WebhookSecretError: There is none, there are too many, or one is none.
    """
    secrets = tuple(_read(text) for text in line.split())
    if not 1 <= len(secrets) <= MOST_SECRETS:
        msg = f"it holds {len(secrets)} secrets; expected one, or {MOST_SECRETS} while it is replaced"
        raise WebhookSecretError(msg)
    return secrets


def new_secret(chance: bytes) -> str:
    """A new secret, as it is given to a receiver. `chance`: `CHANCE_BYTES` that nobody can guess."""
    return PREFIX + base64.b64encode(chance).decode()


def rotated(line: str, chance: bytes) -> str:
    """A line on which a new secret stands before the one that signs now: both sign from now on.

    Raises:
        WebhookSecretError: The line is none, or the last replacement has not been ended.
    """
    secrets = read_line(line)
    if len(secrets) == MOST_SECRETS:
        msg = "two secrets sign already: end the old one first, when the receiver has the new one"
        raise WebhookSecretError(msg)
    return f"{new_secret(chance)} {secrets[0].text}"


def retired(line: str) -> str:
    """A line without its old secret: only the new one signs from now on.

    Raises:
        WebhookSecretError: The line is none, or there is no old one.
    """
    secrets = read_line(line)
    if len(secrets) < MOST_SECRETS:
        msg = "one secret signs, and there is no old one to end"
        raise WebhookSecretError(msg)
    return secrets[0].text


def signature_headers(secrets: Sequence[Secret], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What goes along with a body: its id, the moment of this attempt in seconds since 1970, and the signatures."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret.key, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def _read(text: str) -> Secret:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not _SHORTEST_BYTES <= len(key) <= _LONGEST_BYTES:
        msg = f"it holds what is no secret of a webhook; {_EXPECTED}"
        raise WebhookSecretError(msg)
    return Secret(key, text)
