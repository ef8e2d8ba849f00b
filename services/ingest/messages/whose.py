"""PURE. What the registry knows of a device: its clinic, and the pump that its events are about at each moment.

A pump's events are about itself. A handheld's are about the pump that it was paired with when they were observed, and
not about the one that it is paired with now (docs/decisions/0019-identity-has-periods.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

ALWAYS: Final = float("-inf")
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Pairing:
    """A handheld with a pump from `since` (inclusive) to `until` (exclusive), in seconds since 1970."""

    pump_id: str
    since: float = ALWAYS
    until: float = NEVER


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the registry knows of a device."""

    clinic_id: str
    pump_id: str | None
    """The pump that events are about from `since` on; None for a handheld that is not paired now."""
    since: float = ALWAYS
    """In seconds since 1970; before, `pairings` say."""
    pairings: tuple[Pairing, ...] = ()
    """Every one that a handheld ever had, in the order of their beginnings."""
    pumps: tuple[str, ...] = ()
    """The pumps that a handheld was ever paired with, where they are several: an event may be stored for any."""

    @classmethod
    def of_pairings(cls, clinic_id: str, pairings: Sequence[Pairing]) -> Self:
        """Of a handheld, with every pairing that it ever had, in the order of their beginnings."""
        held = [each for each in pairings if each.since < each.until]
        now = held[-1] if held and held[-1].until == NEVER else None
        pumps = tuple(sorted({each.pump_id for each in pairings}))
        return cls(
            clinic_id,
            now.pump_id if now else None,
            now.since if now else NEVER,
            tuple(pairings),
            pumps if len(pumps) > 1 else (),
        )

    @property
    def is_unpaired(self) -> bool:
        """Whether a handheld never had a pump."""
        return self.pump_id is None and not self.pairings

    def pump_at(self, moment: float) -> str | None:
        """The pump that an event of this moment, in seconds since 1970, is about; None: no pairing held then."""
        if moment >= self.since:
            return self.pump_id
        return next((each.pump_id for each in reversed(self.pairings) if each.since <= moment < each.until), None)


def enrolment(
    clinic_id: str,
    pump_id: str | None,
    pumps: Sequence[str] | None,
    begins: Sequence[float] | None,
    ends: Sequence[float] | None,
) -> Enrolment:
    """Build one from the columns of the view `registry`, whose lists are null for a pump."""
    if pumps is None or begins is None or ends is None:
        return Enrolment(clinic_id, pump_id)
    return Enrolment.of_pairings(clinic_id, [Pairing(*each) for each in zip(pumps, begins, ends, strict=True)])
