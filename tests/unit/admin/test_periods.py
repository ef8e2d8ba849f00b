"""What a change of the registry does to the periods that are there, and why it is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.admin.registry.model import EVER, FOREVER, Implantation, Membership, Pairing, RegistryError
from services.admin.registry.periods import (
    PairingPlan,
    plan_explantation,
    plan_implantation,
    plan_move,
    plan_pairing,
    plan_re_implantation,
    plan_re_pairing,
    plan_unpairing,
    shown,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def paired(pump: str, since: datetime, until: datetime = FOREVER, number: int = 1) -> Pairing:
    return Pairing(number, "h-1", pump, since, until)


FIRST = paired("p-1", EVER)
PAST, NOW_P2 = paired("p-1", EVER, ago(10)), paired("p-2", ago(9), number=2)


@pytest.mark.parametrize(
    ("before", "pump", "since", "until", "plan"),
    [
        ([], "p-1", None, None, PairingPlan((EVER, FOREVER))),
        ([], "p-1", ago(3), None, PairingPlan((ago(3), FOREVER))),
        ([PAST], "p-2", None, None, PairingPlan((NOW, FOREVER))),
        ([FIRST], "p-1", None, None, PairingPlan(None)),
        ([FIRST], "p-1", ago(3), None, PairingPlan(None, (replace(FIRST, since=ago(3)),))),
        ([FIRST], "p-2", None, None, PairingPlan((NOW, FOREVER), (replace(FIRST, until=NOW),))),
        ([FIRST], "p-2", ago(3), None, PairingPlan((ago(3), FOREVER), (replace(FIRST, until=ago(3)),))),
        ([PAST, NOW_P2], "p-1", ago(9.5), None, PairingPlan((ago(9.5), FOREVER), (replace(NOW_P2, until=ago(9)),))),
        ([PAST, NOW_P2], "p-3", ago(10), ago(9), PairingPlan((ago(10), ago(9)))),
        ([replace(PAST, until=EVER)], "p-2", ago(99), None, PairingPlan((ago(99), FOREVER))),
    ],
)
def test_a_handheld_is_paired(before, pump, since, until, plan):
    assert plan_pairing(before, pump, since, until, NOW) == plan


@pytest.mark.parametrize(
    ("before", "pump", "since", "until", "says"),
    [
        ([], "p-1", NOW + timedelta(1), None, "2026-11-23 12:00:00Z is in the future: expected a time up to now, "),
        ([], "p-1", ago(1), NOW + timedelta(1), "is in the future"),
        ([], "p-1", ago(1), ago(2), "it would end at 2026-11-20 12:00:00Z, and begin at 2026-11-21 12:00:00Z"),
        ([PAST, NOW_P2], "p-1", ago(11), None, "it is paired with pump p-1 from ever until 2026-11-12 12:00:00Z"),
        ([PAST, NOW_P2], "p-2", ago(11), None, "it is paired with pump p-1 from ever"),
        ([PAST, NOW_P2], "p-3", ago(9.5), ago(8), "p-2 from 2026-11-13 12:00:00Z until now: expected a time in which"),
    ],
)
def test_a_pairing_that_cannot_be_is_refused(before, pump, since, until, says):
    with pytest.raises(RegistryError, match="^.*" + says.replace("?", ".")):
        plan_pairing(before, pump, since, until, NOW)


def test_a_pairing_ends_and_its_end_is_taken_back():
    assert plan_unpairing([PAST, NOW_P2], ago(1), NOW) == replace(NOW_P2, until=ago(1))
    assert plan_re_pairing([PAST, replace(NOW_P2, until=ago(1))]) == NOW_P2
    for before, at, says in (
        ([PAST], NOW, "paired with no pump"),
        ([NOW_P2], NOW + timedelta(1), "is in the future"),
        ([NOW_P2], ago(9), "with pump p-2 began at 2026-11-13 12:00:00Z: expected an end after that"),
    ):
        with pytest.raises(RegistryError, match=says):
            plan_unpairing(before, at, NOW)
    for before, says in (([], "it was never paired"), ([PAST, NOW_P2], "it is paired with pump p-2")):
        with pytest.raises(RegistryError, match=f"no end of a pairing to take back: {says}"):
            plan_re_pairing(before)


UNKNOWN = Implantation(1, EVER, implanted=True, patient_ref=None)
KNOWN = Implantation(1, EVER, implanted=True, patient_ref="A-17")
OUT = Implantation(2, ago(10), implanted=False, patient_ref=None)


@pytest.mark.parametrize(
    ("known", "patient", "since", "began"),
    [
        ([UNKNOWN], "A-17", None, None),
        ([UNKNOWN], "A-17", ago(3), ago(3)),
        ([UNKNOWN], None, ago(3), ago(3)),
        ([KNOWN, OUT], "B-2", None, NOW),
        ([KNOWN, OUT], None, ago(3), ago(3)),
    ],
)
def test_a_pump_is_implanted(known, patient, since, began):
    assert plan_implantation(known, patient, since, NOW) == began


@pytest.mark.parametrize(
    ("known", "patient", "since", "says"),
    [
        ([UNKNOWN], "Ann Smith", None, "patient reference 'Ann Smith' is not allowed: expected 1 to 64"),
        ([UNKNOWN], None, None, "it is implanted since ever: expected --patient, or --from"),
        ([KNOWN], "B-2", ago(3), "it is in patient A-17 since ever: explant it first"),
        ([KNOWN, OUT], "B-2", ago(10), "it is explanted since 2026-11-12 12:00:00Z: expected a time after that"),
        ([KNOWN, OUT], "B-2", NOW + timedelta(1), "is in the future"),
    ],
)
def test_an_implantation_that_cannot_be_is_refused(known, patient, since, says):
    with pytest.raises(RegistryError, match=says):
        plan_implantation(known, patient, since, NOW)


def test_a_pump_is_explanted_and_that_is_taken_back():
    assert plan_explantation([KNOWN], ago(10), NOW) == ago(10)
    assert plan_re_implantation([KNOWN, OUT]) == OUT
    later = replace(KNOWN, since=ago(1))
    for known, says in (([KNOWN, OUT], "it is explanted since"), ([later], "it is implanted since 2026-11-21")):
        with pytest.raises(RegistryError, match=says):
            plan_explantation(known, ago(1), NOW)
    with pytest.raises(RegistryError, match="no explantation to take back: it is implanted since ever"):
        plan_re_implantation([KNOWN])


def test_a_pump_goes_to_another_clinic():
    known = [Membership("north", ago(20), FOREVER)]
    plan_move(known, "south", ago(3), NOW)
    for clinic, since, says in (
        ("north", ago(3), "it is with clinic north since"),
        ("south", ago(20), "it is with clinic north since 2026-11-02 12:00:00Z: expected a time after that"),
        ("south", NOW + timedelta(1), "is in the future"),
    ):
        with pytest.raises(RegistryError, match=says):
            plan_move(known, clinic, since, NOW)


def test_a_pairing_that_never_held_does_not_hold():
    assert not replace(FIRST, until=EVER).holds
    assert FIRST.holds
    assert not PAST.holds
    assert shown(ago(0.5)) == "2026-11-22 00:00:00Z"
