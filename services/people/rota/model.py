"""PURE. The rota of a clinic: whose turn it is by layers, and what was changed for some days.

A **layer** is a list of persons who take turns of so many days, each from the same time of day; it may be limited to
some hours and weekdays. Of several layers **the first that has somebody decides**. A **change** puts a person in
somebody's place from one moment to another. All times of layers are the clinic's local time
(services/people/rota/local_time.py says what that means when clocks change); changes are moments.

Nothing here reads a clock, a setting or the database. Two persons on call at once are two rotas.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field, ValidationInfo, model_validator

from schemas.line_text import LineText
from schemas.parts.local_time import TimeOfDay, ZoneName
from schemas.policy_part import Part

MOST_MEMBERS: Final = 100
MOST_LAYERS: Final = 20
LONGEST_CHANGE: Final = timedelta(days=400)


def _known_person(value: object, info: ValidationInfo) -> object:
    """A file names persons by what they sign in with; `context["people"]` maps that, and their id as text, to the id.

    Without a context any id is taken: the database has it from here.
    """
    known: Mapping[str, UUID] | None = (info.context or {}).get("people")
    if known is None or isinstance(value, UUID):
        return value
    found = known.get(value) if isinstance(value, str) else None
    if found is None:
        msg = f"nobody of this clinic signs in as {value!r}; expected one of {', '.join(sorted(known)) or 'none yet'}"
        raise ValueError(msg)
    return found


PersonId = Annotated[UUID, BeforeValidator(_known_person)]


class Weekday(StrEnum):
    """Of the clinic's date."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @classmethod
    def of(cls, day: date) -> Weekday:
        """The weekday of a date."""
        return list(cls)[day.weekday()]


class Hours(Part):
    """When a layer holds: from one time of day to another, on some weekdays."""

    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1)] = tuple(Weekday)
    """On which days it begins."""
    begins: TimeOfDay
    ends: TimeOfDay
    """At or before `begins`: on the next day. The same time is a whole day."""

    @property
    def ends_next_day(self) -> bool:
        """Whether it goes across midnight."""
        return self.ends <= self.begins


class Turns(StrEnum):
    """What the length of a turn is counted in."""

    DAYS = "days"
    WEEKS = "weeks"


class Layer(Part):
    """Persons who take turns."""

    name: Annotated[LineText, Field(min_length=1, max_length=60)]
    members: Annotated[tuple[PersonId, ...], Field(min_length=1, max_length=MOST_MEMBERS)]
    """In the order of their turns; a person may stand in it more than once."""
    begins: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))]
    """The day on which the first turn begins. Every hand-over is on its weekday, if turns are weeks."""
    hand_over: TimeOfDay = "08:00"
    every: Annotated[int, Field(ge=1, le=366)] = 1
    turns: Turns = Turns.WEEKS
    """A turn lasts `every` days or weeks."""
    ends: date | None = None
    """The layer is over on this day, at `hand_over`. None: it goes on."""
    hours: Annotated[tuple[Hours, ...], Field(max_length=20)] = ()
    """When it holds. Empty: always. Outside of them the next layer decides."""

    @property
    def turn_days(self) -> int:
        """How many days a turn lasts."""
        return self.every * (7 if self.turns is Turns.WEEKS else 1)

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends is not None and self.ends <= self.begins:
            msg = f"ends ({self.ends}) must be after begins ({self.begins})"
            raise ValueError(msg)
        return self


class ChangeKind(StrEnum):
    """Why somebody else has it."""

    OVERRIDE = "override"
    """"I take Tuesday": `person_id` has it, whoever would."""
    SWAP = "swap"
    """One half of an exchange: `person_id` has it where `instead_of` would."""
    ABSENCE = "absence"
    """"I am out, B has it": wherever `instead_of` would have it, also by a change of another kind."""


class Change(Part):
    """A person has it from one moment to another."""

    change_id: UUID
    kind: ChangeKind
    person_id: PersonId
    instead_of: PersonId | None = None
    begins: AwareDatetime
    ends: AwareDatetime
    made_at: AwareDatetime
    made_with: UUID | None = None
    """The change made together with this one: the other half of a swap."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.begins < self.ends <= self.begins + LONGEST_CHANGE:
            msg = (
                f"expected an end after the begin, within {LONGEST_CHANGE.days} days; got {self.begins} to {self.ends}"
            )
            raise ValueError(msg)
        if (self.kind is ChangeKind.OVERRIDE) is not (self.instead_of is None):
            expected = "nobody, as it takes the place of whoever has it" if self.instead_of else "in whose place it is"
            msg = f"instead_of: of a change of kind {self.kind} expected {expected}"
            raise ValueError(msg)
        if self.instead_of == self.person_id:
            msg = "a person cannot stand in for themselves; expected somebody else"
            raise ValueError(msg)
        return self

    def holds_at(self, moment: datetime) -> bool:
        """Tell whether it holds at a moment: from its begin until just before its end."""
        return self.begins <= moment < self.ends


class Definition(Part):
    """What a rota says by itself, as it stands in a file."""

    name: Annotated[LineText, Field(min_length=1, max_length=60)]
    timezone: ZoneName
    """An IANA name, such as Europe/Berlin."""
    layers: Annotated[tuple[Layer, ...], Field(max_length=MOST_LAYERS)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [layer.name for layer in self.layers]
        if len(names) != len(set(names)):
            msg = f"layers must have different names; got {', '.join(names)}"
            raise ValueError(msg)
        return self


class Rota(Definition):
    """One rota of a clinic, with what was changed in it. `clinic_id` and `name` tell it from every other."""

    clinic_id: Annotated[LineText, Field(min_length=1, max_length=64)]
    changes: tuple[Change, ...] = ()
    """In the order in which they were made."""

    @property
    def persons(self) -> frozenset[UUID]:
        """Everybody who may be on call by it."""
        by_layers = {person for layer in self.layers for person in layer.members}
        return frozenset(by_layers | {change.person_id for change in self.changes})

    def with_changes(self, *changes: Change) -> Self:
        """The same rota with these changes beside its own."""
        ordered = sorted((*self.changes, *changes), key=lambda change: (change.made_at, change.change_id))
        return self.model_copy(update={"changes": tuple(ordered)})


def swapped(
    mine: tuple[UUID, datetime, datetime],
    theirs: tuple[UUID, datetime, datetime],
    ids: tuple[UUID, UUID],
    made_at: datetime,
) -> tuple[Change, Change]:
    """Two changes by which two persons exchange spans of time; each is (person, begin, end).

    Raises:
        pydantic.ValidationError: A span has no length, or both persons are the same.
    """
    return _half(mine, theirs[0], ids[0], ids[1], made_at), _half(theirs, mine[0], ids[1], ids[0], made_at)


def _half(
    given: tuple[UUID, datetime, datetime], taker: UUID, change_id: UUID, made_with: UUID, made_at: datetime
) -> Change:
    giver, begins, ends = given
    return Change(
        change_id=change_id,
        kind=ChangeKind.SWAP,
        person_id=taker,
        instead_of=giver,
        begins=begins,
        ends=ends,
        made_at=made_at,
        made_with=made_with,
    )
