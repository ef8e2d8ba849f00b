"""PURE. What a change of the registry does to the periods that are there, or why it is refused.

Guarantees: periods of one handheld never overlap; nothing is dated in the future; a pairing is never taken away,
because events may be stored by it: one that proves wrong ends as it begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from services.admin.registry.model import EVER, FOREVER, Implantation, Membership, Pairing, RegistryError

PATIENT_RULE: Final = "1 to 64 of the characters A-Z a-z 0-9 . _ : / -, the first a letter or a digit"
_PATIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")


@dataclass(frozen=True, slots=True)
class PairingPlan:
    """What becomes of a handheld's pairings."""

    begin: tuple[datetime, datetime] | None
    """The new one: from, until. None: there is no new one."""
    changed: tuple[Pairing, ...] = ()
    """Those that begin or end elsewhere than before, as they are now."""


def plan_pairing(
    pairings: Sequence[Pairing], pump_id: str, since: datetime | None, until: datetime | None, now: datetime
) -> PairingPlan:
    """Pair a handheld with a pump.

    Args:
        pairings: Every one that the handheld ever had.
        pump_id: The pump.
        since: Its beginning; None: now, or EVER where it is the handheld's first.
        until: Its end; None: none, and a pairing that holds ends where this one begins.
        now: The moment of the command.

    Raises:
        RegistryError: It would overlap another one, is dated in the future, or ends before it begins.
    """
    held = [each for each in pairings if each.held]
    current = next((each for each in held if each.holds), None)
    if since is None and until is None and current is not None and current.pump_id == pump_id:
        return PairingPlan(None)
    begins = since or (now if pairings else EVER)
    ends = until or FOREVER
    _not_in_the_future(begins, now)
    if until is not None:
        _not_in_the_future(until, now)
        if until <= begins:
            msg = f"it would end at {shown(until)}, and begin at {shown(begins)}: expected an end after the beginning"
            raise RegistryError(msg)
    elif current is not None and current.pump_id == pump_id:
        changed = replace(current, since=begins)
        _no_overlap(changed.since, changed.until, [each for each in held if each != current])
        return PairingPlan(None, (changed,))
    elif current is not None:
        changed = replace(current, until=max(begins, current.since))
        _no_overlap(begins, ends, [each for each in held if each != current])
        return PairingPlan((begins, ends), (changed,))
    _no_overlap(begins, ends, held)
    return PairingPlan((begins, ends))


def plan_unpairing(pairings: Sequence[Pairing], at: datetime, now: datetime) -> Pairing:
    """End the pairing that holds, and return it as it is then.

    Raises:
        RegistryError: None holds, or it began later.
    """
    current = next((each for each in pairings if each.holds), None)
    if current is None:
        msg = "it is paired with no pump"
        raise RegistryError(msg)
    _not_in_the_future(at, now)
    if at <= current.since:
        msg = f"its pairing with pump {current.pump_id} began at {shown(current.since)}: expected an end after that"
        raise RegistryError(msg)
    return replace(current, until=at)


def plan_re_pairing(pairings: Sequence[Pairing]) -> Pairing:
    """Take back the end of the last pairing, and return it as it is then.

    Raises:
        RegistryError: There is none, or it holds.
    """
    last = max((each for each in pairings if each.held), key=lambda each: each.since, default=None)
    if last is None or last.holds:
        msg = "it was never paired" if last is None else f"it is paired with pump {last.pump_id}"
        raise RegistryError(f"there is no end of a pairing to take back: {msg}")
    return replace(last, until=FOREVER)


def plan_implantation(
    known: Sequence[Implantation], patient_ref: str | None, since: datetime | None, now: datetime
) -> datetime | None:
    """Say when a pump is implanted in a patient; None: it is the one that it is in, whose reference was not known.

    Args:
        known: What is known of the pump, in the order of time.
        patient_ref: The clinic's reference.
        since: When; None: now.
        now: The moment of the command.

    Raises:
        RegistryError: The pump is in another patient, or the date cannot be.
    """
    if patient_ref is not None and _PATIENT.fullmatch(patient_ref) is None:
        msg = f"patient reference {patient_ref[:80]!r} is not allowed: expected {PATIENT_RULE}, and no name"
        raise RegistryError(msg)
    last = known[-1]
    if last.implanted and last.patient_ref is not None:
        msg = f"it is in patient {last.patient_ref} since {shown(last.since)}: explant it first"
        raise RegistryError(msg)
    if last.implanted and since is None:
        if patient_ref is None:
            msg = f"it is implanted since {shown(last.since)}: expected --patient, or --from if it is another patient"
            raise RegistryError(msg)
        return None
    return _after(last, since or now, now)


def plan_explantation(known: Sequence[Implantation], at: datetime, now: datetime) -> datetime:
    """Say when a pump is explanted.

    Raises:
        RegistryError: It is explanted, or was implanted later.
    """
    last = known[-1]
    if not last.implanted:
        msg = f"it is explanted since {shown(last.since)}"
        raise RegistryError(msg)
    return _after(last, at, now)


def plan_re_implantation(known: Sequence[Implantation]) -> Implantation:
    """The explantation to take back.

    Raises:
        RegistryError: The pump is implanted.
    """
    if known[-1].implanted:
        msg = f"there is no explantation to take back: it is implanted since {shown(known[-1].since)}"
        raise RegistryError(msg)
    return known[-1]


def plan_move(memberships: Sequence[Membership], clinic_id: str, since: datetime, now: datetime) -> None:
    """Check that a pump may go to another clinic.

    Raises:
        RegistryError: It is there, or went to the one before later.
    """
    last = memberships[-1]
    if last.clinic_id == clinic_id:
        msg = f"it is with clinic {clinic_id} since {shown(last.since)}"
        raise RegistryError(msg)
    _not_in_the_future(since, now)
    if since <= last.since:
        msg = f"it is with clinic {last.clinic_id} since {shown(last.since)}: expected a time after that"
        raise RegistryError(msg)


def shown(at: datetime) -> str:
    """Write a moment as it may be typed again."""
    if at in {EVER, FOREVER}:
        return "ever" if at == EVER else "now"
    return at.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _after(last: Implantation, at: datetime, now: datetime) -> datetime:
    _not_in_the_future(at, now)
    if at <= last.since:
        what = "implanted" if last.implanted else "explanted"
        msg = f"it is {what} since {shown(last.since)}: expected a time after that"
        raise RegistryError(msg)
    return at


def _not_in_the_future(at: datetime, now: datetime) -> None:
    if at > now:
        msg = f"{shown(at)} is in the future: expected a time up to now, {shown(now)}"
        raise RegistryError(msg)


def _no_overlap(since: datetime, until: datetime, others: Sequence[Pairing]) -> None:
    for each in others:
        if since < each.until and each.since < until:
            msg = (
                f"it is paired with pump {each.pump_id} from {shown(each.since)} until {shown(each.until)}: "
                "expected a time in which it is paired with none"
            )
            raise RegistryError(msg)
