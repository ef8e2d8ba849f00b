"""PURE. How many dead letters of one device are kept on one day: a device must not be able to fill the disk.

Guarantee: what is not kept has a receipt all the same, and is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.topics import is_device_id

NOBODY: Final = ""
"""Who speaks where the topic names no device: all of these share one quota."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The most dead letters of a device on a UTC day, in number and in bytes of payload, topic and detail."""

    letters: int
    size_bytes: int


DEFAULT_QUOTA: Final = Quota(letters=5_000, size_bytes=20_000_000)


@dataclass(frozen=True, slots=True)
class Used:
    """What a device has used of its quota, in the same units."""

    letters: int = 0
    size_bytes: int = 0

    def and_one_of(self, size_bytes: int) -> Used:
        """The same with one more dead letter of so many bytes."""
        return Used(self.letters + 1, self.size_bytes + size_bytes)


class Refused(Protocol):
    """What is looked at of a rejection."""

    @property
    def topic(self) -> str:
        """Where its message was published."""

    @property
    def payload(self) -> bytes:
        """What would be kept."""

    @property
    def detail(self) -> str:
        """What was wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of some dead letters are kept, and what each speaker's then are."""

    is_kept: tuple[bool, ...]
    kept: Mapping[str, Used]
    """More than before, of each who speaks."""
    not_kept: Mapping[str, Used]


def speaker(topic: str) -> str:
    """The device that a topic names, though nobody may know it and the rest may be wrong; else `NOBODY`."""
    levels = topic.split("/", 3)
    return levels[2] if len(levels) > 2 and is_device_id(levels[2]) else NOBODY


def judge(letters: Iterable[Refused], used: Mapping[str, Used], quota: Quota) -> Verdict:
    """Decide for each of these, in their order, whether it is kept.

    Args:
        letters: None of them is kept already.
        used: What those who speak have used on this day; who is missing has used nothing.
        quota: Of each.
    """
    verdicts: list[bool] = []
    kept: dict[str, Used] = {}
    not_kept: dict[str, Used] = {}
    for letter in letters:
        who = speaker(letter.topic)
        size_bytes = len(letter.payload) + len(letter.topic) + len(letter.detail)
        before, more = used.get(who, Used()), kept.get(who, Used()).and_one_of(size_bytes)
        fits = (
            before.letters + more.letters <= quota.letters and before.size_bytes + more.size_bytes <= quota.size_bytes
        )
        verdicts.append(fits)
        if fits:
            kept[who] = more
        else:
            not_kept[who] = not_kept.get(who, Used()).and_one_of(size_bytes)
    return Verdict(tuple(verdicts), kept, not_kept)
