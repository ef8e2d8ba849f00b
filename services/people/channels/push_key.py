"""The keys of pushes to browsers (VAPID, RFC 8292), each on one line, as settings hold them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class PushKey:
    """The private key, for the worker, and the public one, for the board."""

    private: str = field(repr=False)
    public: str


def new_push_key() -> PushKey:
    """Make a pair of keys, which is of chance."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32)
    public = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PushKey(_text(private), _text(public))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
