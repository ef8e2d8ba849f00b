"""PURE. When each device of a pump was heard, and since when it is silent, against how long it may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from schemas.policy import DeviceSilentPolicy
from services.alerts.facts.clocks import UPLOAD
from services.alerts.facts.model import Contact, PumpFacts
from services.alerts.model import RuleName
from services.alerts.rules.device_silent import allowed_silence
from services.alerts.web.pictures.frame import LEFT, RIGHT, WIDTH, Mark, days, place
from services.alerts.wording import age
from services.texts.model import ENGLISH, Texts, msgid

_SHOWN: Final = timedelta(days=28)
_LANE: Final = 38
_NAMES: Final = {True: msgid("pump %(id)s"), False: msgid("handheld %(id)s")}
_LAST_HEARD: Final = {
    True: msgid("The pump %(id)s was last heard %(at)s."),
    False: msgid("The handheld %(id)s was last heard %(at)s."),
}
"""Whether it is the pump."""
_MOST_PAUSES: Final = 20


@dataclass(frozen=True, slots=True)
class Lane:
    """One device: its name, where its line stands, and what is on it, in units of the picture."""

    name: str
    at: float
    heard: tuple[float, ...]
    silent_from: float
    """From here on nothing was heard."""
    overdue_from: float | None
    """From here on it should have been; None: it is still in time."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A line of the table behind the picture: the newest pauses of a device, on the clinic's clock."""

    name: str
    began: str
    ended: str
    lasted: str


@dataclass(frozen=True, slots=True)
class HeartbeatChart:
    """What is drawn, in units of the picture."""

    summary: tuple[str, ...]
    lanes: tuple[Lane, ...]
    days: tuple[Mark, ...]
    rows: tuple[Pause, ...]
    """The newest first."""
    zone: str
    height: int
    bottom: int
    width: ClassVar = WIDTH
    left: ClassVar = LEFT
    right: ClassVar = RIGHT


def shows_heartbeats(rule: str) -> bool:
    """Tell whether silence is what an alert rests on."""
    return rule == RuleName.DEVICE_SILENT


def heartbeat_chart(
    facts: PumpFacts, rule: DeviceSilentPolicy, until: datetime, zone: ZoneInfo, texts: Texts = ENGLISH
) -> HeartbeatChart | None:
    """Draw when the pump and its handhelds were heard; None where none ever was.

    Args:
        facts: As of `until`.
        rule: Of the clinic's policy.
        until: The right side of the picture.
        zone: The clinic's.
        texts: Of whoever looks.
    """
    heard = [(contact, contact.last_at) for contact in facts.contacts if contact.last_at is not None]
    if not heard:
        return None
    first = min(min(_moments(contact)) for contact, _ in heard)
    began = max(min(first, until - timedelta(days=1)), min(until - _SHOWN, *(last for _, last in heard)))
    lanes, said, rows = [], [], []
    for index, (contact, last) in enumerate(heard):
        is_pump = contact.device_id == facts.pump_id
        name = texts.say(_NAMES[is_pump], id=contact.device_id)
        allowed = allowed_silence(contact, rule)
        overdue = last + allowed < until
        lanes.append(
            Lane(
                name=name,
                at=index * _LANE + 30,
                heard=tuple(sorted({place(at, began, until) for at in _moments(contact) if began <= at <= until})),
                silent_from=place(min(last, until), began, until),
                overdue_from=place(max(began, last + allowed), began, until) if overdue else None,
            )
        )
        said.append(_said(contact.device_id, last, allowed, until if overdue else None, zone, texts, is_pump=is_pump))
        rows += [(later, _pause(name, earlier, later, zone, texts)) for earlier, later in _pauses(contact)]
    bottom = len(lanes) * _LANE + 14
    newest = sorted(rows, key=lambda row: row[0], reverse=True)[:_MOST_PAUSES]
    return HeartbeatChart(
        summary=tuple(said),
        lanes=tuple(lanes),
        days=days(began, until, zone, texts),
        rows=tuple(row for _, row in newest),
        zone=zone.key,
        height=bottom + 24,
        bottom=bottom,
    )


def _said(
    device_id: str,
    last: datetime,
    allowed: timedelta,
    overdue_at: datetime | None,
    zone: ZoneInfo,
    texts: Texts,
    *,
    is_pump: bool,
) -> str:
    words = texts.say(_LAST_HEARD[is_pump], id=device_id, at=texts.weekday_clock(last, zone))
    if overdue_at is None:
        may = texts.say("It may be silent for %(span)s.", span=age(allowed, texts))
    else:
        spans = {"span": age(allowed, texts), "silent": age(overdue_at - last, texts)}
        may = texts.say("It may be silent for %(span)s, and has been for %(silent)s.", **spans)
    return f"{words} {may}"


def _moments(contact: Contact) -> list[datetime]:
    return sorted({*contact.heard_at, *(at for pause in contact.pauses for at in pause)})


def _pauses(contact: Contact) -> Iterator[tuple[datetime, datetime]]:
    for earlier, later in pairwise(_moments(contact)):
        if later - earlier >= UPLOAD:
            yield earlier, later


def _pause(name: str, began: datetime, ended: datetime, zone: ZoneInfo, texts: Texts) -> Pause:
    return Pause(
        name,
        texts.weekday_clock(began, zone),
        texts.weekday_clock(ended, zone),
        age(ended - began, texts),
    )
