"""Facts from a row of the database: what is counted by days, and what an older or newer release has stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from services.alerts.facts.from_rows import bolus_volume_ml, daily_ml, facts_of_row, unheard, with_heard
from services.alerts.facts.model import Contact, DayWindow, Demand, Reading, Refill, Report
from tests.unit.alerts.rules.builders import NOW, ago

WINDOWS = 30


def seconds(*hours: float) -> list[float]:
    return [ago(each).timestamp() for each in hours]


def row(**values: Any) -> dict[str, Any]:
    """A pump of which nothing is known, but for `values`."""
    names = [
        "volume_ml",
        "basis",
        "reading_at",
        "reading_device",
        "reading_received_at",
        "first_reading_at",
        "earlier_ml",
        "earlier_at",
        "filled_reading_ml",
        "filled_reading_at",
        "therapy_at",
        "drugs",
        "profile",
        "bolus_dose_mcg",
        "bolus_limit_per_24h",
        "reservoir_size_ml",
        "programmed_low_ml",
        "refill_due",
        "changed_at",
        "refills_at",
        "refills_expected_ml",
        "refills_measured_ml",
        "refills_filled_ml",
        "codes",
        "states",
        "moments",
        "alarms_received_at",
        "device_ids",
        "seqs",
        "event_ids",
        "details",
        "requests_at",
        "outcomes",
        "latest_devices",
        "latest_received_at",
        "statuses_at",
        "statuses_received_at",
        "status_devices",
        "also_heard_at",
        "complaints",
        "scores",
        "reports_at",
        "handhelds",
        "handhelds_ever",
        "own_requests",
        "bolus_lockout_minutes",
    ]
    usual = {"pump_id": "pump-1", "clinic_id": "north", "enrolled": True}
    first = {"implantation_id": 7, "implanted": True, "since": float("-inf"), "is_anew": False}
    return dict.fromkeys(names) | usual | first | values


def implanted(hours_ago: float, **values: Any) -> dict[str, Any]:
    """A pump that was implanted in another patient so long ago."""
    return row(since=ago(hours_ago).timestamp(), is_anew=True, **values)


def test_a_pump_of_which_nothing_is_known() -> None:
    facts = facts_of_row(row(), NOW, WINDOWS)
    assert (facts.reading, facts.therapy, facts.refill, facts.alarms, facts.reports) == (None, None, None, (), ())
    assert facts.demand == Demand()
    assert facts.windows == (DayWindow(0, heard=False),) * WINDOWS
    assert facts.contacts == (Contact("pump-1", ()),)
    assert unheard(facts, row(), NOW) == ()


def test_readings_refills_and_reports() -> None:
    facts = facts_of_row(
        row(
            volume_ml=12.5,
            basis="measured",
            reading_at=ago(1),
            earlier_ml=14.0,
            earlier_at=ago(50),
            refills_at=[ago(100)],
            refills_expected_ml=[2.0],
            refills_measured_ml=[2.5],
            refills_filled_ml=[18.0],
            complaints=["pain", "of a newer release"],
            scores=[7, None],
            reports_at=[ago(2), ago(3)],
        ),
        NOW,
        WINDOWS,
    )
    assert facts.reading == Reading(12.5, ReadingBasis.MEASURED, ago(1))
    assert facts.earlier_reading == Reading(14.0, ReadingBasis.COMPUTED, ago(50))
    assert facts.filled_reading is None
    assert facts.refills == (Refill(18.0, ago(100), 2.0, 2.5),)
    assert facts.reports == (Report(Complaint.PAIN, 7, ago(2)),)


def test_an_alarm_code_of_a_newer_release_is_another_alarm_that_says_its_code() -> None:
    alarms = facts_of_row(
        row(
            codes=["motor_stall", "gear_worn"],
            states=["raised", "raised"],
            moments=[ago(2), ago(1)],
            alarms_received_at=[ago(2), ago(0.5)],
            device_ids=["pump-1", "hand-1"],
            seqs=[1, None],
            event_ids=[UUID(int=1), UUID(int=2)],
            details=["after MRI", "second gear"],
        ),
        NOW,
        WINDOWS,
    ).alarms
    assert [(each.code, each.state, each.detail) for each in alarms] == [
        (AlarmCode.MOTOR_STALL, AlarmState.RAISED, "after MRI"),
        (AlarmCode.OTHER, AlarmState.RAISED, "gear_worn"),
    ]


def test_requests_count_by_days_and_episodes() -> None:
    at = [*seconds(30, 29.97, 29.95, 2, 1), (NOW + timedelta(hours=3)).timestamp()]
    outcomes = ["denied_lockout", "denied_limit", "delivered", "delivered", "comm_failure", "delivered"]
    facts = facts_of_row(row(requests_at=at, outcomes=outcomes), NOW, WINDOWS)
    assert facts.windows[1] == DayWindow(1, True, requests=3, delivered=1, refused=2, refused_at_limit=1)
    assert facts.windows[0] == DayWindow(3, True, requests=3, delivered=2)  # one that is ahead of our clock is of today
    assert facts.demand == Demand(delivered=2, comm_failure=1, first_at=ago(2))


def test_what_was_heard_of_a_pump_makes_its_days_known() -> None:
    beats = seconds(3, 50, 24 * 40)
    known = row(
        statuses_at=beats,
        statuses_received_at=[ago(3), ago(49), ago(24 * 40)],
        status_devices=["pump-1", "hand-1", "hand-of-somebody-else"],
        also_heard_at=seconds(80),
        handhelds=["hand-1"],
        first_reading_at=seconds(120)[0],
        reading_device="hand-1",
        reading_received_at=ago(4),
        latest_devices=["pump-1", "hand-1", "hand-1"],
        latest_received_at=[ago(7), ago(6), ago(5)],
    )
    facts = facts_of_row(known, NOW, WINDOWS)
    assert [day for day, window in enumerate(facts.windows) if window.heard] == [0, 2, 3]
    assert unheard(facts, known, NOW) == (1, 4, 5)
    assert [day for day, window in enumerate(with_heard(facts, [4]).windows) if window.heard] == [0, 2, 3, 4]
    assert facts.contacts == (Contact("hand-1", (ago(49), ago(5), ago(4))), Contact("pump-1", (ago(7), ago(3))))


def test_only_the_newest_heartbeats_make_a_habit() -> None:
    hours = [50 - number for number in range(50)]
    received = [ago(each - 0.5) for each in hours]
    known = row(statuses_at=seconds(*hours), statuses_received_at=received, status_devices=["pump-1"] * 50)
    [contact] = facts_of_row(known, NOW, WINDOWS).contacts
    assert contact.heard_at == tuple(received[-40:])


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ([], 0.0),
        ([("00:00", 0.4)], 0.4),
        ([("12:00", 0.4)], 0.4),
        ([("06:00", 0.4), ("18:00", 0.2)], 0.3),
    ],
)
def test_a_profile_gives_so_much_a_day(profile: list[tuple[str, float]], expected: float) -> None:
    assert daily_ml(profile) == pytest.approx(expected)


def test_a_therapy_is_what_it_gives() -> None:
    programmed = row(
        therapy_at=ago(10),
        drugs='[{"name": "morphine", "concentration_mcg_per_ml": 1000}, {"name": "x", "concentration_mcg_per_ml": 1}]',
        profile='[{"from": "00:00", "rate_ml_per_day": 0.4}]',
        bolus_dose_mcg=50.0,
        bolus_limit_per_24h=4,
        reservoir_size_ml=20.0,
    )
    therapy = facts_of_row(programmed, NOW, WINDOWS).therapy
    assert therapy is not None
    assert (therapy.drugs, therapy.daily_ml, therapy.bolus_ml) == (("morphine", "x"), 0.4, 0.05)
    assert therapy.worst_daily_ml == pytest.approx(0.6)
    none = facts_of_row(programmed | {"drugs": "[]", "bolus_dose_mcg": None}, NOW, WINDOWS).therapy
    assert none is not None
    assert (none.drugs, none.bolus_ml) == ((), 0.0)


def test_a_bolus_is_at_most_what_a_reservoir_holds() -> None:
    assert bolus_volume_ml(1e6, 5e-324) == 100.0
    assert bolus_volume_ml(1.0, 0.0) == 0.0


def test_nothing_that_is_dense_counts_from_before_the_implantation() -> None:
    of_before = implanted(
        10,
        volume_ml=9.0,
        basis="computed",
        reading_at=ago(11),
        reading_device="pump-1",
        reading_received_at=ago(11),
        earlier_ml=9.5,
        earlier_at=ago(30),
        first_reading_at=ago(400).timestamp(),
        requests_at=seconds(50, 11),
        outcomes=["delivered", "delivered"],
        latest_devices=["pump-1"],
        latest_received_at=[ago(11)],
        statuses_at=seconds(100, 11),
        statuses_received_at=[ago(100), ago(11)],
        status_devices=["pump-1", "pump-1"],
    )
    facts = facts_of_row(of_before, NOW, WINDOWS)
    assert (facts.reading, facts.earlier_reading, facts.demand) == (None, None, Demand())
    assert not any(window.heard for window in facts.windows)
    assert unheard(facts, of_before, NOW) == (0,)
    assert facts.contacts == (Contact("pump-1", (ago(10),)),)  # somebody had it in hand then
    assert (facts.since, facts.implanted, facts.implantation) == (ago(10), True, 7)


def test_what_comes_since_the_implantation_counts_from_its_very_moment() -> None:
    since = implanted(
        10,
        volume_ml=9.0,
        basis="computed",
        reading_at=ago(10),
        reading_device="pump-1",
        reading_received_at=ago(9),
        requests_at=seconds(50, 10),
        outcomes=["delivered", "denied_limit"],
        latest_devices=["pump-1"],
        latest_received_at=[ago(8)],
        statuses_at=seconds(11, 10),
        statuses_received_at=[ago(11), ago(7)],
        status_devices=["pump-1", "pump-1"],
    )
    facts = facts_of_row(since, NOW, WINDOWS)
    assert facts.reading == Reading(9.0, ReadingBasis.COMPUTED, ago(10))
    assert facts.demand == Demand(denied_limit=1, first_at=ago(10))
    assert facts.contacts == (Contact("pump-1", (ago(10), ago(9), ago(8), ago(7))),)


def test_the_first_implantation_reaches_back_as_far_as_anybody_knows() -> None:
    facts = facts_of_row(row(), NOW, WINDOWS)
    assert (facts.since, facts.implanted, facts.implantation) == (None, True, None)


def test_what_two_devices_told_of_one_press_counts_once_and_was_heard() -> None:
    told = [(at, "delivered", device) for at, device in zip(seconds(24.0005, 23.9995, 2), ("a", "b", "a"), strict=True)]
    known = row(requests_at=[at for at, *_ in told], outcomes=["delivered"] * 3, bolus_lockout_minutes=240)
    facts = facts_of_row(known, NOW, WINDOWS, told)
    assert facts.demand.delivered == 1
    assert [(window.requests, window.heard) for window in facts.windows[:3]] == [(1, True), (1, True), (0, False)]
