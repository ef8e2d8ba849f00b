"""PURE. One turn ends and another begins: who gives a rota to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.people.rota.model import Rota
from services.people.rota.turns import LOOKS_AHEAD, next_change, on_call, shifts

EARLY: Final = timedelta(hours=1)
"""So long before their turn somebody may take over what is open."""
_A_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Of one rota. `leaving` had it until `begins`, `coming` has it from then until `ends`; None: nobody."""

    begins: datetime
    ends: datetime
    leaving: UUID | None
    coming: UUID | None


def last_hand_over(rota: Rota, now: datetime, within: timedelta) -> HandOver | None:
    """The newest change of person that is no older than `within`; None: it was the same person all that time."""
    turns = shifts(rota, now - within, now + _A_MOMENT)
    if len(turns) < 2:
        return None
    return HandOver(turns[-1].begins, _end_after(rota, now), turns[-2].person_id, turns[-1].person_id)


def hand_over_to_accept(rota: Rota, now: datetime, within: timedelta) -> HandOver | None:
    """The one that is to be accepted now: the next if it is near, else the last. None: there is none to accept."""
    ahead = next_change(rota, now, looks=EARLY)
    if ahead is not None:
        return HandOver(ahead.begins, _end_after(rota, ahead.begins), on_call(rota, now), ahead.person_id)
    return last_hand_over(rota, now, within)


def _end_after(rota: Rota, moment: datetime) -> datetime:
    """When somebody else has it, as far as it is looked ahead."""
    ahead = next_change(rota, moment)
    return ahead.begins if ahead is not None else moment + LOOKS_AHEAD
