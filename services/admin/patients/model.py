"""PURE. Whose data it is: one implantation of a pump, and the devices that reported in it. Moments are aware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.admin.registry.periods import shown

EVENT_TABLES: Final = {
    "reservoir": "reservoir_readings",
    "bolus": "bolus_requests",
    "alarm": "pump_alarms",
    "therapy": "therapies",
    "refill": "refills",
    "status": "device_statuses",
    "report": "patient_reports",
}
"""Where the events of each kind stand."""


class PatientError(ValueError):
    """It is not clear whose data is meant, or it cannot be erased now; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Implantation:
    """A pump was in one patient from `since` (inclusive) until `until` (exclusive); infinities as in the registry."""

    implantation_id: int
    pump_id: str
    number: int
    """1 is the pump's first implantation in a patient."""
    first: bool
    """It is the first entry of the pump: alerts that name no implantation belong to it."""
    patient_ref: str | None
    since: datetime
    until: datetime
    retired: bool
    """The pump is not used any more."""
    erased_at: datetime | None

    @property
    def name(self) -> str:
        """What a person types to confirm: the reference, or the pump where there is none."""
        return self.patient_ref or self.pump_id

    def said(self) -> str:
        """In words, for a person who has to choose."""
        who = f"patient {self.patient_ref}" if self.patient_ref else "a patient without a reference"
        span = f"from {shown(self.since)} until {shown(self.until)}"
        return f"pump {self.pump_id}, implantation {self.number}: {who}, {span}"


@dataclass(frozen=True, slots=True)
class Span:
    """A device reported about the patient from `since` (inclusive) until `until` (exclusive)."""

    device_id: str
    since: datetime
    until: datetime


def choose(name: str, found: Sequence[Implantation], number: int | None) -> Implantation:
    """The one implantation that is meant by a patient's reference, or by a pump and the number of an implantation.

    Raises:
        PatientError: None, or more than one.
    """
    of_pump = [each for each in found if each.pump_id == name]
    of_patient = [each for each in found if each.patient_ref == name]
    if number is not None:
        chosen = [each for each in of_pump if each.number == number]
        if not chosen:
            known = f"1 to {len(of_pump)}" if of_pump else "a pump's id: --implantation goes with one"
            msg = f"{name}: there is no implantation {number}: expected {known}"
            raise PatientError(msg)
        return chosen[0]
    meant = {each.implantation_id: each for each in (*of_patient, *of_pump)}
    if not meant:
        msg = f"{name}: expected a patient's reference or a pump, and there is none of that name"
        raise PatientError(msg)
    if len(meant) > 1:
        which = "; ".join(each.said() for each in meant.values())
        msg = f"{name} can mean more than one: expected PUMP --implantation N, of {which}"
        raise PatientError(msg)
    [one] = meant.values()
    return one


def refuse_if_it_holds(implantation: Implantation, now: datetime) -> None:
    """Nothing is taken from under the rules while they watch the patient.

    Raises:
        PatientError: The pump is in the patient still.
    """
    if implantation.until > now and not implantation.retired:
        msg = (
            f"{implantation.pump_id} is in this patient and watched: expected an implantation that is over "
            f"(`pumpwatch devices explant {implantation.pump_id}`, or retire)"
        )
        raise PatientError(msg)


def refuse_reference_in_reason(implantation: Implantation, reason: str, by: str) -> None:
    """What is written down about the erasure stays, so it may not name whom it was about.

    Raises:
        PatientError: It does.
    """
    reference = implantation.patient_ref
    if reference is not None and any(reference.casefold() in text.casefold() for text in (reason, by)):
        raise PatientError("--reason and --by stay in the audit trail: expected them without the patient's reference")
