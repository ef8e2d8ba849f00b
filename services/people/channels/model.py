"""PURE. A person's own channels, as they see them: everything but the address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from schemas.line_text import refusal
from schemas.parts.paging import QuietHours
from services.texts.line_words import refusal_phrase
from services.texts.model import msgid
from services.texts.phrase import phrase

MOST_CHANNELS: Final = 8
LONGEST_NAME: Final = 60
LONGEST_URL: Final = 2000
CODE_LASTS: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5
"""A code is good for so many tries; then another one must be sent."""
MOST_AN_HOUR: Final = 10
"""Codes and tests of one person: each may cost somebody money."""
USUAL_KINDS: Final = frozenset(
    {"ntfy", "ntfys", "pover", "mailto", "mailtos", "twilio", "tgram", "signal", "signals", "matrix", "matrixs"}
)
"""Kinds of addresses that a person may give. Others could be made to speak to any server inside (a web hook)."""
PUSH: Final = "webpush"
_OF_SITES: Final = "webhook+"
"""How signed webhooks begin, which no setting lets a person give: they name files of the site's secrets."""
_SILENT: Final = frozenset({"mailto", "mailtos"})
_SHOWN: Final = 4
_HIDDEN: Final = 8
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,30})://.")
_WORDS: Final = {
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "pover": "Pushover",
    "mailto": "mail",
    "mailtos": "mail",
    "twilio": "SMS by Twilio",
    "tgram": "Telegram",
    "signal": "Signal",
    "signals": "Signal",
    "matrix": "Matrix",
    "matrixs": "Matrix",
    PUSH: "this browser",
}


class Purpose(StrEnum):
    """What is sent over a person's channel and is no page; stored in `channel_messages.purpose`."""

    CODE = "code"
    TEST = "test"
    DRILL = "drill"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One channel of a person: what is known of it, without its address."""

    channel_id: UUID
    name: str
    shown: str
    rings: bool
    verified_at: datetime | None
    last_sent_at: datetime | None = None
    failing_since: datetime | None = None
    last_error: str | None = None
    proven_at: datetime | None = None
    drill_sent_at: datetime | None = None
    """When the last drill went out that was not answered; None: there is none."""
    code_until: datetime | None = None
    """Until when the code is good that was sent last; None: none was, or it was used."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a person hears the drill, and when nothing that can wait; by their own clock."""

    timezone: str = "UTC"
    drill_weekday: int = 2
    """1: Monday."""
    drill_at: str = "11:00"
    quiet_begins: str | None = None
    quiet_ends: str | None = None

    @property
    def quiet(self) -> QuietHours | None:
        """As a policy has them; None: never quiet."""
        if self.quiet_begins is None or self.quiet_ends is None:
            return None
        return QuietHours(begins=self.quiet_begins, ends=self.quiet_ends, timezone=self.timezone)


def kind_of(url: str) -> str | None:
    """The kind of an address, as it begins; None: it is no address."""
    found = _SCHEME.match(url.lower())
    return found[1] if found else None


def rings(url: str) -> bool:
    """Whether a phone can ring for what is sent there."""
    return kind_of(url) not in _SILENT


def shown(url: str) -> str:
    """All of an address that a page may show: its kind in words, and its last characters if enough are hidden."""
    kind = kind_of(url) or ""
    words = _WORDS.get(kind, kind)
    rest = url.partition("://")[2]
    if kind == PUSH or len(rest) < _SHOWN + _HIDDEN:
        return words
    return f"{words} ...{rest[-_SHOWN:]}"


def fault_of_name(name: str, others: list[str]) -> str | None:
    """Why a channel cannot have a name; None: it can."""
    if why := refusal_phrase(name):
        return phrase("This cannot be the name of a channel: it %(why)s.", why=why)
    if not name or len(name) > LONGEST_NAME:
        return phrase(
            "Give the channel a name of one line and at most %(most)s characters, such as 'my phone'.",
            most=LONGEST_NAME,
        )
    if name in others:
        return phrase("You have a channel of the name %(name)s already: give this one another.", name=name)
    if len(others) >= MOST_CHANNELS:
        return phrase("You have %(count)s channels, which is the most: remove one first.", count=MOST_CHANNELS)
    return None


def fault_of_url(url: str, kinds: frozenset[str]) -> str | None:
    """Why nobody may give such an address; None: it may be one. Nothing of it is said but how it begins."""
    kind = kind_of(url)
    if kind is None or refusal(url) or len(url) > LONGEST_URL:
        return msgid(
            "Expected an address on one line that begins with its kind, such as ntfys://ntfy.example.org/topic."
        )
    taken = sorted(each for each in kinds if not each.startswith(_OF_SITES))
    if kind not in taken:
        return phrase(
            "Addresses of the kind %(kind)s:// cannot be used here. Expected one of: %(taken)s.",
            kind=kind,
            taken=", ".join(taken),
        )
    return None
