"""PURE. The signed part of a link: what it is about, whose it is, and until when it is good.

Guarantees: HMAC with SHA-256, and a key of its own for each purpose, so a link for one thing opens nothing else; a
token that was changed, cut or made with a key that is not kept is told from one that was good and is over. The first
key signs, and every key is good, so that a key can be replaced without a link failing that somebody has on the phone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer, want_bytes

from services.texts.model import msgid

VALID_FOR: Final = timedelta(hours=24)
"""INF: longer than a shift, so that a page that waits on a phone can be answered; a page that repeats has a new one."""
_SKEW: Final = timedelta(minutes=2)
"""So far may the clock of who reads be behind that of who signed."""
_LONGEST: Final = 300
_ID_BYTES: Final = 16


class Purpose(StrEnum):
    """What a link is for; each has a signature of its own."""

    ALERT = "alert"
    """To take one alert."""
    ALARM = "alarm"
    """To take one alarm that was paged past the database: by the id of its event, as there is no alert yet."""
    HEARD = "heard"
    """To say that a test page was heard."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link may do: once, for one person."""

    purpose: Purpose
    about: UUID
    """Of the alert, or of the event."""
    person_id: UUID
    delivery_id: UUID
    """Of the page that it came with. Used once: a page has one link."""


class LinkForgedError(ValueError):
    """It was not made here, or something of it is missing."""


class LinkExpiredError(ValueError):
    """It was good for so many hours and is over."""

    def __init__(self, hours: float) -> None:
        super().__init__(f"this link was good for {hours:g} hours")
        self.hours = hours


def sign(link: Link, keys: Sequence[str], at: datetime) -> str:
    """The token of a link, which holds only signs that may stand in an address.

    Args:
        link: What it may do.
        keys: The first one signs.
        at: From when on it is good.

    Raises:
        ValueError: There is no key.
    """
    signed = _serializer(link.purpose, keys, at).dumps((link.about, link.person_id, link.delivery_id))
    return want_bytes(signed).decode()


def read(
    token: str,
    keys: Sequence[str],
    now: datetime,
    purposes: Sequence[Purpose] = (Purpose.ALERT, Purpose.ALARM),
    valid_for: timedelta = VALID_FOR,
) -> Link:
    """What a token says.

    Args:
        token: As it came.
        keys: Those that are good.
        now: When it is read.
        purposes: For which it may be.
        valid_for: How long a link is good.

    Raises:
        LinkForgedError: It was not made here for one of these purposes, or is not whole.
        LinkExpiredError: It is over.
    """
    if len(token) <= _LONGEST and token.isascii():
        for purpose in purposes if keys else ():
            try:
                ids, signed_at = _serializer(purpose, keys, now).loads(token, return_timestamp=True)
            except BadData:
                continue
            if not -_SKEW <= now - signed_at.astimezone(UTC) <= valid_for:
                raise LinkExpiredError(valid_for / timedelta(hours=1))
            return Link(purpose, *ids)
    msg = msgid("this link is not whole, or was not made here")
    raise LinkForgedError(msg)


class _Ids:
    """Three ids as 48 bytes: a text message is short."""

    @staticmethod
    def dumps(ids: Sequence[UUID]) -> bytes:
        return b"".join(each.bytes for each in ids)

    @staticmethod
    def loads(packed: bytes) -> tuple[UUID, ...]:
        if len(packed) != 3 * _ID_BYTES:
            msg = f"expected three ids, not {len(packed)} bytes"
            raise ValueError(msg)
        return tuple(UUID(bytes=packed[start : start + _ID_BYTES]) for start in range(0, len(packed), _ID_BYTES))


def _serializer(purpose: Purpose, keys: Sequence[str], at: datetime) -> URLSafeTimedSerializer:
    if not keys:
        msg = "expected at least one key to sign links with"
        raise ValueError(msg)

    class At(TimestampSigner):
        """Signs at a moment that is given, not at that of a clock."""

        def get_timestamp(self) -> int:
            return int(at.timestamp())

    return URLSafeTimedSerializer(
        list(reversed(keys)),  # the library signs with the last one
        salt=f"pumpwatch.link.{purpose}",
        serializer=_Ids,
        signer=At,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
