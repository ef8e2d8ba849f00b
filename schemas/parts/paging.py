"""PURE. The part of a clinic's policy that says who is told, when and how (schemas/policy.py has the whole)."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from schemas.line_text import LineText
from schemas.parts.local_time import TimeOfDay, ZoneName
from schemas.policy_part import Part, Priority

PERSON: Final = "person:"
"""How the contact of a person is called where a policy holds (services/people/rota/effective.py): kept for these."""


class Channel(Part):
    """One way to reach a contact: an Apprise URL, `mllp(s)://host:port`, `webhook+https://host/path#secret=FILE`, or
    `env:NAME` for one kept out of the file.
    """

    name: Annotated[LineText, Field(min_length=1, max_length=60)]
    url: Annotated[LineText, Field(min_length=3, max_length=500)]

    @field_validator("url")
    @classmethod
    def _has_a_scheme(cls, url: str) -> str:
        if not url.startswith("env:") and "://" not in url:
            msg = "expected an Apprise URL such as 'mailto://...', 'mllp://host:port', or 'env:NAME_OF_A_VARIABLE'"
            raise ValueError(msg)
        return url


class Contact(Part):
    """Who can be told: by `channels` of its own, or else a `person`, whoever is on call by a `rota`, or `everybody`.

    Exactly one of these four. A person, a rota or everybody stands for the clinic's persons, each with their own
    verified channels in their order. Where nobody is found, the clinic's administrators are told.
    """

    name: Annotated[LineText, Field(min_length=1, max_length=60)]
    channels: tuple[Channel, ...] = ()
    all_channels_at_once: bool = False
    """False: the first channel, and the next one only when it fails. Only beside `channels`."""
    person: Annotated[LineText, Field(min_length=1, max_length=64)] | None = None
    """What the person signs in with."""
    rota: Annotated[LineText, Field(min_length=1, max_length=60)] | None = None
    """The name of a rota of the clinic."""
    everybody: bool = False
    """Every responder and administrator of the clinic."""

    @property
    def stands_for_persons(self) -> bool:
        """Whether it has no channels of its own."""
        return not self.channels

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name.startswith(PERSON):
            msg = f"{name!r} begins with {PERSON!r}, as only persons are called; expected another name"
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = (bool(self.channels), self.person is not None, self.rota is not None, self.everybody)
        if sum(kinds) != 1:
            named = ("channels", "person", "rota", "everybody: true")
            found = ", ".join(name for name, is_given in zip(named, kinds, strict=True) if is_given) or "none of them"
            msg = f"expected channels (at least one), or else one of person, rota or everybody: true; got {found}"
            raise ValueError(msg)
        if self.all_channels_at_once and not self.channels:
            msg = "all_channels_at_once is for a contact with channels; persons set the order of their own"
            raise ValueError(msg)
        return self


class EscalationStep(Part):
    """Who is told when an alert has been unacknowledged for this long."""

    after_minutes: Annotated[float, Field(ge=0, le=1440)]
    contacts: Annotated[tuple[LineText, ...], Field(min_length=1)]


class Route(Part):
    """What happens to alerts of one priority: steps in order, the first usually after 0 minutes."""

    steps: tuple[EscalationStep, ...] = ()
    repeat_minutes: Annotated[float, Field(ge=0, le=1440)] | None = None
    """The last step goes out again so long after it was told, and again, until somebody acknowledges. Left out: 5 for
    high, 30 for medium, never for low and info. 0: never (docs/decisions/0014-a-page-goes-on.md; INF)."""

    @field_validator("repeat_minutes")
    @classmethod
    def _is_never_or_some_minutes(cls, minutes: float | None) -> float | None:
        if minutes is not None and 0 < minutes < 1:
            msg = f"{minutes:g} is too often: expected at least 1 minute, or 0 for never"
            raise ValueError(msg)
        return minutes


class QuietHours(Part):
    """When nobody is woken for what can wait (low and info only): pages wait until the end."""

    begins: TimeOfDay
    ends: TimeOfDay
    timezone: ZoneName = "UTC"
    """An IANA name, such as Europe/Berlin."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.begins == self.ends:
            msg = f"begins and ends are both {self.begins}: expected two different times"
            raise ValueError(msg)
        return self


class PagingPolicy(Part):
    """How pages go out, beside who gets them (docs/domain.md section 4, alarm fatigue). The figures are INF."""

    quiet_hours: QuietHours | None = None
    """None: a page of low priority goes out at any hour. High and medium always do."""
    flapping_minutes: Annotated[float, Field(ge=0, le=1440)] = 10.0
    """A condition that returns within this long, after a page that nobody acknowledged, is the same alert and pages
    again only when it is more urgent. 0: every return pages."""
    group_from: Annotated[int, Field(ge=2, le=1000)] = 5
    """So many pages of one rule and priority for one contact at once become one page. High ones never do: each is a
    patient of its own."""
    group_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    """A page that is not high waits until this long after the last one like it, for more of the kind."""
    group_longest_seconds: Annotated[float, Field(ge=0, le=300)] = 30.0
    """It waits no longer than this in all."""
    group_interval_minutes: Annotated[float, Field(ge=0, le=240)] = 5.0
    """After one page for many, the next of the kind go out together, not before this."""
    next_channel_after_attempts: Annotated[int, Field(ge=1, le=20)] = 2
    """A contact's next channel is used once this many tries on one channel have failed, or one failed for good."""
    tell_who_has_it: tuple[Priority, ...] = (Priority.HIGH,)
    """When somebody takes an alert of these priorities, whoever else was told of it gets one short message with the
    name. Empty: nobody does."""
    silence_longest_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 168.0
    silence_high_longest_hours: Annotated[float, Field(gt=0, le=72)] = 4.0
    """High alerts can be silenced for one named pump only, and no longer than this (docs/domain.md section 8
    item 10)."""
    coverage_days: Annotated[int, Field(ge=0, le=90)] = 14
    """So many days before a time in which a high alarm would reach nobody, the administrators are told. 0: never. Only
    where a contact is a person, a rota or everybody."""
    coverage_within_minutes: Annotated[float, Field(ge=0, le=1440)] = 15.0
    """Within so many minutes somebody should be reached by a high alarm (INF)."""
    hand_over_within_minutes: Annotated[float, Field(ge=0, le=1440)] = 60.0
    """Whoever comes on call by a rota takes over what is open within so many minutes, or whoever left and the
    administrators are told (INF). 0: nobody waits for it. Only where a contact is a rota."""
