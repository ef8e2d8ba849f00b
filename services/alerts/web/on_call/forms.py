"""PURE. What people type to change whose turn it is: from the fields to changes of a rota.

Guarantee: what cannot be read, or is not so any more, is a `Refused` with what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from pydantic import ValidationError

from schemas.faults.expectations import first_of
from services.alerts.errors import Refused
from services.people.rota.local_time import typed_moment
from services.people.rota.model import LONGEST_CHANGE, Change, ChangeKind, Rota, swapped
from services.people.rota.turns import Shift, shifts


def change_asked(
    rota: Rota, rota_id: UUID, typed: Mapping[str, str], person: UUID, instead_of: UUID | None, now: datetime
) -> Change:
    """An override, or (with `instead_of`) an absence, from the fields `begins` and `ends` in the rota's own time.

    Raises:
        Refused: A time cannot be read, or the end is not after the begin, or the persons are the same.
    """
    kind = ChangeKind.ABSENCE if instead_of else ChangeKind.OVERRIDE
    try:
        begins = typed_moment(typed.get("begins", ""), rota.timezone)
        ends = typed_moment(typed.get("ends", ""), rota.timezone)
        return Change(
            change_id=_id(rota_id, kind, person, begins, ends, now),
            kind=kind,
            person_id=person,
            instead_of=instead_of,
            begins=begins,
            ends=ends,
            made_at=now,
        )
    except ValidationError as error:
        raise Refused(first_of(error)) from error
    except ValueError as error:
        raise Refused(str(error)) from error


def swap_asked(
    rota: Rota, rota_id: UUID, typed: Mapping[str, str], person: UUID, now: datetime
) -> tuple[Change, Change]:
    """Two shifts that change hands: `mine`, which `person` has, and `theirs`, which somebody else has.

    Raises:
        Refused: One was not chosen, or is not the shift of who had it any more.
    """
    mine, theirs = (_chosen(typed.get(name, ""), rota, what, now) for name, what in _CHOICES)
    if mine[0] != person:
        raise Refused("the first is not a shift of yours; expected one of your own")
    ids = [_id(rota_id, ChangeKind.SWAP, *shift, now) for shift in (mine, theirs)]
    try:
        return swapped(mine, theirs, (ids[0], ids[1]), now)
    except ValidationError as error:
        raise Refused(first_of(error)) from error


_CHOICES = (("mine", "of yours"), ("theirs", "of theirs"))


def _chosen(text: str, rota: Rota, what: str, now: datetime) -> tuple[UUID, datetime, datetime]:
    try:
        person, begins, ends = text.split("/")
        found = (UUID(person), datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    except ValueError as error:
        msg = f"choose a shift {what} from the list"
        raise Refused(msg) from error
    if found[1].tzinfo is None or found[2].tzinfo is None or not _near(found[1], found[2], now):
        msg = f"choose a shift {what} from the list"
        raise Refused(msg)
    if shifts(rota, found[1], found[2]) != (Shift(found[1], found[2], found[0]),):
        msg = f"the shift {what} was changed meanwhile: look at the shifts as they are now, and choose again"
        raise Refused(msg)
    return found


def _near(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Whether it is a span that is looked at: not of a far year, and not without an end."""
    return abs(begins - now) < LONGEST_CHANGE and timedelta(0) < ends - begins < LONGEST_CHANGE


def _id(rota_id: UUID, kind: ChangeKind, *about: object) -> UUID:
    return uuid5(rota_id, f"{kind}/{'/'.join(map(str, about))}")
