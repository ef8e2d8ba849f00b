"""What a pump's page says of the pump: every number by what it is known, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events import Complaint
from schemas.policy import Policy
from services.alerts.facts.model import (
    Contact,
    DeviceCertificate,
    DeviceClock,
    PumpFacts,
    Refill,
    Report,
    Therapy,
)
from services.alerts.web.pump.model import Programmed
from services.alerts.web.pump.page import Line, PumpPage, pump_page
from tests.unit.alerts.facts.anything import facts as any_facts
from tests.unit.alerts.pump.programmed import BERLIN, PROGRAMMED
from tests.unit.alerts.rules.builders import NOW, ago, alarm, facts, reading, windows

THERAPY = Therapy(ago(100), daily_ml=0.4)


def page(found: PumpFacts, programmed: Programmed | None = None, **policy: Any) -> PumpPage:
    return pump_page(found, programmed, Policy.model_validate(policy), BERLIN, NOW)


def named(lines: tuple[Line, ...]) -> dict[str, str]:
    return {line.name: line.value for line in lines}


def test_the_therapy_in_force_with_its_doses() -> None:
    said = page(facts(therapy=THERAPY), PROGRAMMED)
    assert named(said.therapy) == {
        "Programmed": "Wed 18 Nov 2026, 09:00",
        "Morphine": "8 mg a day, at 20 mg in 1 mL",
        "clonidine": "20 mcg a day, at 50 mcg in 1 mL",
        "Flow": "0.4 mL a day",
        "Bolus": "500 mcg each, at most 4 in 24 h, 4 h apart",
        "Reservoir": "holds 40 mL",
        "Alarm level": "4.0 mL",
        "Next refill": "24 Dec 2026, as the device tells",
    }
    assert said.profile == ()


def test_what_is_not_programmed_is_said() -> None:
    bare = replace(PROGRAMMED, bolus_dose_mcg=None, low_reservoir_ml=None, refill_due=None)
    lines = named(page(facts(), bare, low_reservoir={"level_ml": 3}).therapy)
    assert lines["Bolus"] == "none"
    assert lines["Alarm level"] == "3.0 mL, of the clinic's policy"
    assert lines["Next refill"] == "no date was told"
    assert named(page(facts(), replace(PROGRAMMED, bolus_lockout_minutes=0)).therapy)["Bolus"] == (
        "500 mcg each, at most 4 in 24 h"
    )
    assert page(facts()).therapy == ()


def test_a_flow_that_changes_over_the_day() -> None:
    steps = ({"from": "00:00", "rate_ml_per_day": 0.2}, {"from": "08:30", "rate_ml_per_day": 0.55})
    assert page(facts(), replace(PROGRAMMED, profile=steps)).profile == (
        ("00:00", "0.2 mL a day"), ("08:30", "0.55 mL a day"),
    )  # fmt: skip


def test_the_level_and_refills_with_what_was_left_over() -> None:
    refills = (Refill(20, ago(5), 2.0, 3.5), Refill(18, ago(900), 4.0, 2.5), Refill(18, ago(1800), 2.0, 2.01))
    said = page(facts(refills=refills, reading=reading(19.7, 2)))
    assert said.level == "19.7 mL left, computed by the pump 22 Nov 2026 10:00 UTC."
    assert [each.difference for each in said.refills] == ["1.5 mL more", "1.5 mL less", "as expected"]
    assert said.refills[0].at == "Sun 22 Nov 2026, 08:00"
    assert page(facts()).level == "No level is known."


def test_how_long_it_lasts_by_whose_use_and_whether_the_visit_comes_first() -> None:
    therapy = Therapy(
        ago(100), daily_ml=0.5, bolus_ml=0.1, bolus_limit=5, refill_due=date(2027, 1, 2), drugs=("Morphine",)
    )
    refills = (Refill(18, ago(24 * 30), 2.0, 2.0),)
    said = page(facts(therapy=therapy, refills=refills, reading=reading(12.0, 0), windows=windows(*[0] * 60)))
    lasts = {line.name: line for line in said.lasts}
    assert lasts["By the programme alone"].value == "alarm level on 12 Dec 2026"
    assert lasts["If every bolus is used"].value == "alarm level on 2 Dec 2026"
    assert lasts["The drug is good until"].value == "21 Jan 2027 (morphine)"
    assert lasts["Refill booked"] == Line(
        "Refill booked", "2 Jan 2027, as the device tells: too late by the dates above", bad=True
    )
    soon = page(facts(therapy=replace(therapy, refill_due=date(2026, 11, 25)), reading=reading(12.0, 0)))
    assert {line.name: line.value for line in soon.lasts}["Refill booked"] == "25 Nov 2026, as the device tells"
    assert page(facts()).lasts == ()


def test_alarms_that_stand_and_what_the_patient_said() -> None:
    reports = (Report(Complaint.PAIN, 7, ago(1)), Report(Complaint.ALARM_HEARD, None, ago(2)))
    said = page(facts(alarms=(alarm("motor_stall raised", 3),), reports=reports))
    assert said.alarms == (Line("Motor stall", "since Sun 22 Nov 2026, 10:00", bad=True),)
    assert [each.value for each in said.reports] == ["pain, 7 of 10", "a pump alarm heard"]


def test_devices_that_are_late_wrong_or_about_to_be_refused() -> None:
    hours = timedelta(hours=1)
    contacts = (
        Contact("pump-1", (ago(500),), clock=DeviceClock(11 * hours)),
        Contact("hand-1", (ago(1),), clock=DeviceClock(-5 * hours)),
        Contact("hand-2", (ago(1),), clock=DeviceClock(72 * hours, refused=True)),
        Contact("hand-3", ()),
    )
    ends = (DeviceCertificate("hand-1", NOW + 48 * hours), DeviceCertificate("pump-1", NOW - hours))
    pump, first, second, third = page(facts(contacts=contacts, certificates=ends)).devices
    assert pump.value == (
        "last heard Sun 01 Nov 2026, 17:00; may be silent for 16 days, and is overdue; its certificate ended "
        "Sun 22 Nov 2026, 12:00"
    )
    assert first == Line(
        "Handheld hand-1",
        "last heard Sun 22 Nov 2026, 12:00; may be silent for 16 days; its clock is 5 h ahead; its certificate ends "
        "Tue 24 Nov 2026, 13:00",
    )
    assert second.value.endswith("its clock is 3 days behind; what it sends is refused for that")
    assert third.value == "was never heard, or not for a long time"
    assert [each.bad for each in (pump, second, third)] == [True, True, True]


def test_days_of_which_nothing_is_known() -> None:
    said = page(facts(windows=windows(1, None, None, 1, None)))
    assert said.gaps == (
        "Thu 19 Nov, 13:00 to Sat 21 Nov, 13:00 (2 days)", "Tue 17 Nov, 13:00 to Wed 18 Nov, 13:00 (1 day)",
    )  # fmt: skip
    anew = facts(windows=windows(1, None, None, 1, None), since=ago(40))
    assert page(anew).gaps == ("Fri 20 Nov, 13:00 to Sat 21 Nov, 13:00 (1 day)",), "not before the implantation"
    old = facts(windows=windows(1, None, None, 1, None))
    enrolled = pump_page(old, None, Policy(), BERLIN, NOW, watched_since=ago(90))
    assert enrolled.gaps == said.gaps[:1], "not before anybody watched it"


@given(any_facts, st.sampled_from([None, PROGRAMMED]))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_of_everything_that_can_be_stored_there_is_a_page(found: PumpFacts, programmed: Programmed | None) -> None:
    page(found, programmed)
