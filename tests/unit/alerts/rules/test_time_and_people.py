"""What time makes of alarms and bookings, silent devices, reports, and drugs that are dangerous to stop."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events import Complaint
from schemas.policy import Policy, Priority
from services.alerts.facts.from_rows import bolus_volume_ml, daily_ml
from services.alerts.facts.model import Contact, PumpFacts, Report, Therapy
from services.alerts.model import Condition, Strength
from services.alerts.rules import dangerous_drug, evaluate
from services.alerts.rules.device_silent import device_silent, silent_from
from services.alerts.rules.patient_report import patient_report
from services.alerts.rules.pump_alarm import pump_alarm
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from tests.unit.alerts.rules.builders import HIGH, INFO, LOW, MEDIUM, NOW, ago, alarm, facts, reading, refill

FULL, HOLDING = Strength.FULL, Strength.HOLDING
DAY = 24


def only(found: tuple[Condition, ...]) -> Condition:
    (condition,) = found
    return condition


@pytest.mark.parametrize(("hours", "recovered"), [(23.9, True), (24, False), (100, False)])
def test_a_stall_that_does_not_recover_asks_for_an_interrogation(hours: float, recovered: bool) -> None:
    policy = Policy(alarm_priorities={alarm("motor_stall raised", 1).code: INFO})
    found = only(pump_alarm(facts(alarms=(alarm("motor_stall raised", hours),)), policy, NOW))
    assert ("has not recovered within 24 h" in found.explanation) is not recovered
    assert found.priority is (INFO if recovered else HIGH)


@pytest.mark.parametrize(("days", "priority"), [(1, MEDIUM), (75.9, MEDIUM), (76, HIGH), (120, HIGH)])
def test_a_replacement_grows_urgent_before_the_pump_stops(days: float, priority: Priority) -> None:
    found = only(pump_alarm(facts(alarms=(alarm("elective_replacement raised", days * DAY),)), Policy(), NOW))
    assert found.priority is priority
    assert "The pump stops about" in found.explanation


def booked(volume: float, days_ahead: int | None, **values: Any) -> PumpFacts:
    due = None if days_ahead is None else (NOW + timedelta(days=days_ahead)).date()
    therapy = Therapy(ago(30 * DAY), daily_ml=0.3, bolus_ml=0.05, bolus_limit=4, refill_due=due)
    known = {"therapy": therapy, "reading": reading(volume, 0), **values}
    return facts(**known)


@pytest.mark.parametrize(
    ("known", "title", "priority"),
    [
        pytest.param(booked(7.0, 8), None, None, id="lasts with every bolus used"),
        pytest.param(booked(7.0, 14), "Reservoir may be low before the refill", MEDIUM, id="does not last"),
        pytest.param(booked(7.0, None), None, None, id="no refill is booked"),
        pytest.param(booked(7.0, -3), None, None, id="booked three days ago"),
        pytest.param(booked(7.0, -4), "Refill overdue", LOW, id="overdue"),
        pytest.param(booked(7.0, -4, refill=refill(18, 90)), None, None, id="refilled on the day"),
        pytest.param(booked(7.0, -4, refill=refill(18, 30 * DAY)), "Refill overdue", LOW, id="refilled long before"),
        pytest.param(booked(1.9, 14), "Low reservoir", MEDIUM, id="low already"),
        pytest.param(
            facts(therapy=Therapy(NOW, 0.0, refill_due=date(2027, 1, 1)), reading=reading(9)),
            None,
            None,
            id="nothing flows",
        ),
    ],
)
def test_the_booked_refill(known: PumpFacts, title: str | None, priority: Priority | None) -> None:
    found = low_reservoir(known, Policy(), NOW)
    assert [(each.title, each.priority) for each in found] == ([(title, priority)] if title else [])


def test_the_text_of_a_forecast() -> None:
    found = only(low_reservoir(booked(7.0, 14), Policy(), NOW))
    assert found.explanation == (
        "7.0 mL left, computed by the pump 22 Nov 2026 12:00 UTC; above the alarm level of 2.0 mL. "
        "If every bolus is used, the reservoir reaches the alarm level on 2 Dec 2026, "
        "before the refill booked for 6 Dec 2026. Too little is known yet of this patient's own use."
    )
    assert found.key == "reservoir"


def uploads(*hours_ago: float, device: str = "pump-1") -> tuple[Contact, ...]:
    return (Contact(device, tuple(ago(each) for each in hours_ago)),)


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        pytest.param((), None, id="no device"),
        pytest.param(uploads(*range(240, 0, -24)), None, id="daily, and heard today"),
        pytest.param(uploads(*range(312, 72, -24)), FULL, id="daily, and silent for four days"),
        pytest.param(uploads(*range(264, 71, -24)), None, id="daily, and silent for exactly three days"),
        pytest.param(uploads(*range(120, 49, -1)), FULL, id="hourly, and silent for more than two days"),
        pytest.param(uploads(*range(120, 40, -1)), None, id="hourly: two days are always allowed"),
        pytest.param(uploads(*range(1680, 335, -168)), None, id="weekly, and silent for two weeks"),
        pytest.param(uploads(100, 99, 98), None, id="still learning: sixteen days are allowed"),
        pytest.param(uploads(384), None, id="heard once, sixteen days ago"),
        pytest.param(uploads(385), FULL, id="heard once, more than sixteen days ago"),
        pytest.param(uploads(), HOLDING, id="never heard, or so long ago that nobody knows"),
        pytest.param(uploads(*(400 + minute / 60 for minute in range(20, 0, -1))), FULL, id="one upload is no habit"),
    ],
)
def test_a_silent_device(contacts: tuple[Contact, ...], expected: Strength | None) -> None:
    found = device_silent(facts(contacts=contacts), Policy(), NOW)
    assert [(each.strength, each.key, each.priority) for each in found] == (
        [(expected, "pump-1", LOW)] if expected else []
    )


def test_the_moment_from_which_a_device_is_silent() -> None:
    """Nothing is a condition one moment before it, and something is from then on: a clock may be set to it."""
    daily, weekly = uploads(*range(264, 71, -24))[0], uploads(*range(1680, 167, -168), device="hand-1")[0]
    known = facts(contacts=(daily, weekly, Contact("hand-2", ())))
    at = silent_from(known, Policy(), NOW - timedelta(hours=5))
    assert at is not None
    assert device_silent(facts(contacts=(daily, weekly)), Policy(), at - timedelta(microseconds=1)) == ()
    assert [each.key for each in device_silent(facts(contacts=(daily, weekly)), Policy(), at)] == ["pump-1"]
    later = silent_from(known, Policy(), at)
    assert later == NOW - timedelta(hours=168) + 3 * timedelta(hours=168) + timedelta(microseconds=1)
    assert silent_from(known, Policy(), later) is None


def test_the_text_of_a_silent_handheld() -> None:
    found = only(device_silent(facts(contacts=uploads(*range(312, 72, -24), device="hand-1")), Policy(), NOW))
    assert found.title == "The handheld is silent"
    assert found.explanation == (
        "The handheld hand-1 was last heard 18 Nov 2026 12:00 UTC; it is usually heard within 3 days."
    )


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ((), None),
        ((Report(Complaint.PAIN, 5, ago(1)),), LOW),
        ((Report(Complaint.MORE_THERAPY, None, ago(1)),), LOW),
        ((Report(Complaint.PAIN, 8, ago(1)),), MEDIUM),
        ((Report(Complaint.ALARM_HEARD, None, ago(1)),), MEDIUM),
        ((Report(Complaint.PAIN, 3, ago(1)), Report(Complaint.SIDE_EFFECT, 9, ago(20))), MEDIUM),
        ((Report(Complaint.PAIN, 9, ago(48.1)),), None),
    ],
)
def test_reports(reports: tuple[Report, ...], expected: Priority | None) -> None:
    found = patient_report(facts(reports=reports), Policy(), NOW)
    assert [each.priority for each in found] == ([expected] if expected else [])


def test_the_text_of_a_report() -> None:
    found = only(patient_report(facts(reports=(Report(Complaint.SIDE_EFFECT, 9, ago(2)),)), Policy(), NOW))
    assert found.explanation == "The patient reports a side effect, 9 of 10, 22 Nov 2026 10:00 UTC."


@pytest.mark.parametrize(
    ("drugs", "priority"),
    [
        ((), MEDIUM),
        (("morphine",), MEDIUM),
        (("Baclofen",), HIGH),
        (("morphine", "baclofen"), HIGH),
        (("Baclofen ",), HIGH),
        (("baclofen 2000 mcg/mL",), HIGH),
        (("BACLOFEN2000",), HIGH),
        (("morphine + baclofen",), HIGH),
        (("Lioresal (baclofen)",), HIGH),
        (("Lioresal",), HIGH),
        (("Gablofen\N{REGISTERED SIGN} 1 mg/ml",), HIGH),
        (("norbaclofenum",), MEDIUM),
        (("2000 mcg/mL",), MEDIUM),
    ],
)
def test_a_drug_that_is_dangerous_to_stop_raises_by_one_step(drugs: tuple[str, ...], priority: Priority) -> None:
    known = facts(therapy=Therapy(NOW, 0.3, drugs=drugs), reading=reading(1.5), windows=())
    (found,) = [each for each in evaluate(known, Policy(), NOW) if each.strength is FULL]
    assert found.priority is priority
    assert ("is dangerous to stop" in found.explanation) is (priority is HIGH)


@pytest.mark.parametrize(
    ("drug", "found"),
    [
        ("Clonidine HCl 1.0", "clonidine hcl"),
        ("clonidine\u00a0 hcl", "clonidine hcl"),
        ("clonidine", None),
        ("Catapres", "clonidine hcl"),
        ("baclofen", None),
    ],
)
def test_a_clinic_names_its_own_drugs_and_brands(drug: str, found: str | None) -> None:
    policy = Policy(dangerous_to_stop=("clonidine hcl",), brand_names={"catapres": "Clonidine HCl"})
    assert dangerous_drug((drug,), policy) == found


def test_the_steps_of_urgency() -> None:
    assert [each.one_step_up for each in (INFO, LOW, MEDIUM, HIGH)] == [LOW, MEDIUM, HIGH, HIGH]


@pytest.mark.parametrize(
    ("profile", "daily"),
    [
        ([], 0.0),
        ([("00:00", 0.4)], 0.4),
        ([("00:00", 0.2), ("12:00", 0.4)], 0.3),
        ([("06:00", 0.4), ("18:00", 0.2)], 0.3),
    ],
)
def test_what_a_profile_gives_in_a_day(profile: list[tuple[str, float]], daily: float) -> None:
    assert daily_ml(profile) == pytest.approx(daily)


def test_the_volume_of_a_bolus() -> None:
    assert bolus_volume_ml(100, 2_000) == 0.05
    assert bolus_volume_ml(100, 0) == 0.0
