"""PURE. Shifts as an iCalendar file (RFC 5545), for people's calendars, and back from one.

Guarantees: what was written is read as the same shifts; a file that cannot be read is a `CalendarError` with every
fault (the first 20), its line and what was expected. An event is a shift of one person: whom it names stands in
X-PUMPWATCH-PERSON, or else in its summary, as what they sign in with or are called. Times without a zone are the
rota's; local times are what services/people/rota/local_time.py says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID, uuid5

import icalendar

from schemas.yaml_lines import visible
from services.people.rota.local_time import first_moment
from services.people.rota.model import Change, ChangeKind, Rota
from services.people.rota.people import Member
from services.people.rota.turns import Shift, shifts

MOST_EVENTS: Final = 1_000
_MOST_FAULTS: Final = 20
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2200
_PERSON: Final = "X-PUMPWATCH-PERSON"
_REPEATS: Final = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_NEEDED: Final = frozenset({"DTSTART", "DTEND", "DURATION", "SUMMARY", "STATUS", _PERSON})
_BEGINS: Final = re.compile(r"BEGIN:(\S+)\s*", re.IGNORECASE)
_ENDS: Final = re.compile(r"END:(\S+)\s*", re.IGNORECASE)
_PROPERTY: Final = re.compile(r"[A-Za-z0-9-]+")


class CalendarError(ValueError):
    """The calendar cannot be used; the message names each fault, its line and what was expected."""


class _FaultError(ValueError):
    def __init__(self, line: int, fault: str) -> None:
        super().__init__(fault)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Event:
    """The lines of one event, unfolded, each with its number in the file; the first is its BEGIN."""

    lines: tuple[tuple[int, str], ...]

    def line_of(self, name: str) -> int:
        """The line of a property, or of the event."""
        found = (number for number, text in self.lines if text.upper().startswith((f"{name}:", f"{name};")))
        return next(found, self.lines[0][0])


def shifts_as_ical(rota: Rota, made: Iterable[Shift], members: Iterable[Member], now: datetime) -> bytes:
    """A calendar with an event for each shift that somebody has."""
    by_id = {member.person_id: member for member in members}
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Pumpwatch//Rota//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", icalendar.vText(f"On call: {rota.clinic_id}, {rota.name}"))
    for shift in made:
        if shift.person_id is None:
            continue
        member = by_id.get(shift.person_id)
        event = icalendar.Event()
        about = f"{rota.clinic_id}/{rota.name}/{shift.begins.isoformat()}"
        event.add("uid", f"{uuid5(shift.person_id, about)}@pumpwatch")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", shift.begins.astimezone(UTC))
        event.add("dtend", shift.ends.astimezone(UTC))
        event.add("summary", member.name if member else str(shift.person_id))
        event.add("description", f"On call: {rota.clinic_id}, {rota.name}")
        name = member.sign_in if member and member.sign_in else str(shift.person_id)
        event.add(_PERSON, icalendar.vText(name))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def shifts_of_ical(content: bytes, name: str, people: Mapping[str, UUID], timezone: str) -> tuple[Shift, ...]:
    """The shifts of a calendar, in the order of time.

    Args:
        content: The file's bytes.
        name: What the file is called.
        people: The clinic's persons by what an event may call them.
        timezone: Of the rota.

    Raises:
        CalendarError: It is no calendar, or an event cannot be a shift: nobody is named, it repeats, has no end, or
            overlaps with another one. Each fault on a line of its own that begins with the file and the line.
    """
    faults: list[tuple[int, str]] = []
    found: list[tuple[Shift, int]] = []
    try:
        events = list(_events(content))
    except _FaultError as error:
        raise _refused(name, [(error.line, str(error))]) from error
    for event in events:
        try:
            if (shift := _shift(event, people, timezone)) is not None:
                found.append((shift, event.lines[0][0]))
        except _FaultError as error:
            faults.append((error.line, str(error)))
    found.sort(key=lambda each: (each[0].begins, each[1]))
    for (one, first), (other, second) in pairwise(found):
        if other.begins < one.ends:
            expected = "expected one person at a time"
            faults.append((max(first, second), f"overlaps with the event in line {min(first, second)}; {expected}"))
    if not faults and not found:
        faults.append((1, "has no event; expected one for each shift"))
    if faults:
        raise _refused(name, faults)
    return tuple(shift for shift, _ in found)


def changes_to(rota: Rota, wanted: Iterable[Shift], now: datetime) -> tuple[Change, ...]:
    """The overrides by which a rota gives these shifts from now on; none where it gives them already."""
    found = []
    for shift in wanted:
        begins = max(shift.begins, now)
        given = shifts(rota, begins, shift.ends)
        if shift.person_id is not None and any(each.person_id != shift.person_id for each in given):
            change = Change(
                change_id=uuid5(
                    shift.person_id, f"{rota.clinic_id}/{rota.name}/{begins.isoformat()}/{now.isoformat()}"
                ),
                kind=ChangeKind.OVERRIDE,
                person_id=shift.person_id,
                begins=begins,
                ends=shift.ends,
                made_at=now,
            )
            found.append(change)
    return tuple(found)


def names_in_calendars(members: Iterable[Member]) -> dict[str, UUID]:
    """What an event may call persons: what they sign in with, their id, or their name where only one has it."""
    members = tuple(members)
    called = [member.name for member in members]
    found = {member.name: member.person_id for member in members if called.count(member.name) == 1}
    found |= {str(member.person_id): member.person_id for member in members}
    return found | {member.sign_in: member.person_id for member in members if member.sign_in}


def _refused(name: str, faults: Iterable[tuple[int, str]]) -> CalendarError:
    ordered = sorted(faults)
    said = [f"{name}:{line}: {visible(fault, 400)}" for line, fault in ordered[:_MOST_FAULTS]]
    more = len(ordered) - _MOST_FAULTS
    return CalendarError("\n".join([*said, *([f"{name}: and {more} more faults"] if more > 0 else [])]))


def _events(content: bytes) -> Iterator[_Event]:
    """The events of a file, without what stands in other components."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _FaultError(content.count(b"\n", 0, error.start) + 1, "is not UTF-8; expected a calendar") from error
    around: list[str] = []
    own: list[tuple[int, str]] = []
    count = number = 0
    for number, line in _unfolded(text):
        if began := _BEGINS.fullmatch(line):
            around.append(began[1].upper())
        elif not around:
            raise _FaultError(number, "stands outside of a calendar; expected BEGIN:VCALENDAR")
        if around[0] != "VCALENDAR":
            raise _FaultError(number, f"is a {visible(around[0], 40)}; expected BEGIN:VCALENDAR")
        if around[1:] == ["VEVENT"]:  # and not what stands in an alarm of it
            own.append((number, line))
        if ended := _ENDS.fullmatch(line):
            if ended[1].upper() != around[-1]:
                raise _FaultError(number, f"ends {visible(ended[1], 40)}; expected END:{visible(around[-1], 40)}")
            around.pop()
            if len(around) == 1 and own:
                count += 1
                if count > MOST_EVENTS:
                    raise _FaultError(number, f"is more than {MOST_EVENTS} events")
                yield _Event(tuple(own))
                own = []
    if around or not number:
        raise _FaultError(
            max(1, number), f"ends here; expected END:{visible(around[-1], 40) if around else 'VCALENDAR'}"
        )


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with those that go on joined, and the number of the first of each."""
    held: tuple[int, str] | None = None
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in {" ", "\t"} and held:
            held = (held[0], held[1] + line[1:])
            continue
        if held:
            yield held
        held = (number, line) if line.strip() else None
    if held:
        yield held


def _shift(event: _Event, people: Mapping[str, UUID], timezone: str) -> Shift | None:
    first, held = event.lines[0][0], []
    for number, line in event.lines[1:-1]:
        found = _PROPERTY.match(line)
        if not found or ":" not in line:
            raise _FaultError(number, f"{visible(line, 60)!r} is no line of a calendar; expected NAME:value")
        name = found[0].upper()
        if name in _REPEATS:
            expected = "expected an event for each shift, or a layer of the rota for what repeats"
            raise _FaultError(number, f"{name}: the event repeats; {expected}")
        if name in _NEEDED:
            held.append(line)
    try:
        parsed = icalendar.Event.from_ical("\r\n".join(("BEGIN:VEVENT", *held, "END:VEVENT", "")))
    except (ValueError, TypeError, AttributeError) as error:  # the last two: of a parameter that stands twice
        raise _FaultError(first, f"cannot be read: {error}") from error
    for faulty, said in parsed.errors:
        raise _FaultError(event.line_of(faulty or ""), f"{faulty or 'a line'}: {said}")
    if str(parsed.get("STATUS", "")).upper() == "CANCELLED":
        return None
    begins = _moment(event, parsed, "DTSTART", timezone)
    if "DTEND" in parsed:
        ends = _moment(event, parsed, "DTEND", timezone)
    elif "DURATION" in parsed:
        ends = begins + _lasts(event, parsed)
    else:
        raise _FaultError(first, "has no end; expected DTEND or DURATION")
    if ends <= begins:
        raise _FaultError(event.line_of("DTEND"), f"ends at {ends:%Y-%m-%d %H:%M}Z; expected an end after its begin")
    return Shift(begins, ends, _person(event, parsed, people))


def _moment(event: _Event, parsed: icalendar.Component, name: str, timezone: str) -> datetime:
    line, value = event.line_of(name), getattr(parsed.get(name), "dt", None)
    if isinstance(value, date) and not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise _FaultError(line, f"{name}: the year {value.year}; expected one from {_FIRST_YEAR} to {_LAST_YEAR}")
    if isinstance(value, datetime):
        zone = getattr(value.tzinfo, "key", None if "TZID" in parsed[name].params else timezone)
        if zone is None:
            known = "expected one such as Europe/Berlin"
            raise _FaultError(line, f"{name}: no time zone {str(parsed[name].params['TZID'])!r} is known; {known}")
        return first_moment(value.date(), value.time().isoformat(), zone)
    if isinstance(value, date):
        return first_moment(value, "00:00", timezone)
    raise _FaultError(line, f"{name}: expected one time, such as 20261126T080000Z")


def _lasts(event: _Event, parsed: icalendar.Component) -> timedelta:
    value = getattr(parsed.get("DURATION"), "dt", None)
    if not isinstance(value, timedelta) or not timedelta(0) < value <= timedelta(days=400):
        raise _FaultError(event.line_of("DURATION"), "DURATION: expected a time of at most 400 days, such as PT12H")
    return value


def _person(event: _Event, parsed: icalendar.Component, people: Mapping[str, UUID]) -> UUID:
    by = _PERSON if _PERSON in parsed else "SUMMARY"
    called = str(parsed.get(by, "")).strip()
    found = people.get(called)
    if found is None:
        known = ", ".join(sorted(people)[:_MOST_FAULTS]) or "none yet"
        raise _FaultError(event.line_of(by), f"nobody of this clinic is called {called!r}; expected one of {known}")
    return found
