"""Facts from a row of the database: what is counted by days, and what an older or newer release has stored."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from services.alerts.facts.from_rows import bolus_volume_ml, daily_ml, facts_of_row, unheard, with_heard
from services.alerts.facts.model import (
    AcceptedLevel,
    Contact,
    DayWindow,
    Demand,
    DeviceClock,
    Reading,
    Refill,
    Report,
    Visit,
    VisitKind,
)
from tests.unit.alerts.facts.rows import row
from tests.unit.alerts.rules.builders import NOW, ago

WINDOWS = 30


def seconds(*hours: float) -> list[float]:
    return [ago(each).timestamp() for each in hours]


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
            refills_received_at=[ago(99)],
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
        statuses_ahead=[None, None, None],
        also_heard_at=seconds(80),
        contacts=["pump-1", "hand-1"],
        last_seen=[None, ago(4)],
        last_seen_offsets=[None, 60.0],
        refused_at=[None, None],
        refused_offsets=[None, None],
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
    assert [(each.device_id, each.heard_at) for each in facts.contacts] == [
        ("hand-1", (ago(49), ago(5), ago(4))),
        ("pump-1", (ago(7), ago(3))),
    ]


def test_a_level_that_a_person_accepted() -> None:
    known = row(accepted_at=ago(1), accepted_since=ago(25), accepted_per_day=9.0)
    assert facts_of_row(known, NOW, WINDOWS).accepted == AcceptedLevel(ago(1), ago(25), 9.0)


def test_only_the_newest_heartbeats_make_a_habit() -> None:
    hours = [50 - number for number in range(50)]
    received = [ago(each - 0.5) for each in hours]
    known = row(
        statuses_at=seconds(*hours),
        statuses_received_at=received,
        status_devices=["pump-1"] * 50,
        statuses_ahead=[None] * 50,
    )
    [contact] = facts_of_row(known, NOW, WINDOWS).contacts
    assert contact.heard_at == tuple(received[-40:])


def test_what_ingest_keeps_of_devices_beside_their_events() -> None:
    known = row(
        contacts=["pump-1", "hand-1", "hand-2"],
        last_seen=[ago(1), ago(30), None],
        last_seen_offsets=[-1800.0, 60.0, None],
        refused_at=[ago(2), ago(29), ago(9)],
        refused_offsets=[5e9, 5e9, -90_000.0],
        pause_devices=["hand-1", "hand-1"],
        paused_at=[ago(80), ago(90)],
        resumed_at=[ago(79), ago(85)],
    )
    hand_1, hand_2, pump = facts_of_row(known, NOW, WINDOWS).contacts
    assert pump == Contact("pump-1", (ago(1),))  # what was refused came before the newest that was not
    refused = DeviceClock(timedelta(seconds=5e9), refused=True)
    assert hand_1 == Contact("hand-1", (ago(30), ago(29)), ((ago(90), ago(85)), (ago(80), ago(79))), refused)
    assert hand_2 == Contact("hand-2", (ago(9),), clock=DeviceClock(timedelta(hours=-25), refused=True))


def test_a_clock_that_is_too_far_behind_for_any_heartbeat_to_be_looked_at() -> None:
    known = row(
        contacts=["pump-1"],
        last_seen=[ago(1)],
        last_seen_offsets=[90 * 86_400.0],
        refused_at=[None],
        refused_offsets=[None],
    )
    [contact] = facts_of_row(known, NOW, WINDOWS).contacts
    assert contact == Contact("pump-1", (ago(1),), clock=DeviceClock(timedelta(days=90)))
    beats = {"statuses_at": seconds(1.2), "statuses_received_at": [ago(1.2)], "status_devices": ["pump-1"]}
    [contact] = facts_of_row(known | beats | {"statuses_ahead": [None]}, NOW, WINDOWS).contacts
    assert contact.clock == DeviceClock(timedelta(0))


def test_refused_alarms_are_in_the_order_of_receipt() -> None:
    known = row(
        refused_codes=["motor_stall", "antenna_lost"],
        refused_states=["cleared", "raised"],
        refused_received_at=[ago(1), ago(2)],
        refused_alarm_offsets=[5e9, -90_000.0],
        refused_devices=["pump-1", "pump-1"],
        refused_seqs=[None, 4],
        refused_event_ids=[UUID(int=1), UUID(int=2)],
    )
    first, second = facts_of_row(known, NOW, WINDOWS).refused_alarms
    assert (first.code, first.state, first.behind, first.seq) == (
        AlarmCode.OTHER,
        AlarmState.RAISED,
        timedelta(hours=-25),
        4,
    )
    assert (second.code, second.state, second.received_at) == (AlarmCode.MOTOR_STALL, AlarmState.CLEARED, ago(1))


def test_a_heartbeat_that_is_dated_ahead_tells_the_clock() -> None:
    known = row(
        statuses_at=seconds(1), statuses_received_at=[ago(1)], status_devices=["pump-1"], statuses_ahead=[900.0]
    )
    [contact] = facts_of_row(known, NOW, WINDOWS).contacts
    assert contact.clock == DeviceClock(timedelta(minutes=-15))


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
        statuses_ahead=[None, None],
        contacts=["pump-1"],
        last_seen=[None],
        last_seen_offsets=[0.0],
        refused_at=[None],
        refused_offsets=[None],
        pause_devices=["pump-1"],
        paused_at=[ago(50)],
        resumed_at=[ago(12)],
        refused_codes=["motor_stall"],
        refused_states=["raised"],
        refused_received_at=[ago(11)],
        refused_alarm_offsets=[1e9],
        refused_devices=["pump-1"],
        refused_seqs=[None],
        refused_event_ids=[UUID(int=1)],
        accepted_at=ago(11),
        accepted_since=ago(50),
        accepted_per_day=9.0,
    )
    facts = facts_of_row(of_before, NOW, WINDOWS)
    assert (facts.reading, facts.earlier_reading, facts.demand) == (None, None, Demand())
    assert not any(window.heard for window in facts.windows)
    assert unheard(facts, of_before, NOW) == (0,)
    assert facts.contacts == (Contact("pump-1", (ago(10),)),)  # somebody had it in hand then
    assert (facts.refused_alarms, facts.accepted) == ((), None)
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
        statuses_ahead=[None, None],
    )
    facts = facts_of_row(since, NOW, WINDOWS)
    assert facts.reading == Reading(9.0, ReadingBasis.COMPUTED, ago(10))
    assert facts.demand == Demand(denied_limit=1, first_at=ago(10))
    [contact] = facts.contacts
    assert contact.heard_at == (ago(10), ago(9), ago(8), ago(7))


def test_the_first_implantation_reaches_back_as_far_as_anybody_knows() -> None:
    facts = facts_of_row(row(), NOW, WINDOWS)
    assert (facts.since, facts.implanted, facts.implantation) == (None, True, None)


def test_what_two_devices_told_of_one_press_counts_once_and_was_heard() -> None:
    told = [(at, "delivered", device) for at, device in zip(seconds(24.0005, 23.9995, 2), ("a", "b", "a"), strict=True)]
    known = row(requests_at=[at for at, *_ in told], outcomes=["delivered"] * 3, bolus_lockout_minutes=240)
    facts = facts_of_row(known, NOW, WINDOWS, told)
    assert facts.demand.delivered == 1
    assert [(window.requests, window.heard) for window in facts.windows[:3]] == [(1, True), (1, True), (0, False)]


def test_a_visit_is_of_this_patient() -> None:
    said = {"visit_kind": "moved", "visit_on": date(2026, 12, 4), "visit_begins": NOW, "visit_said_at": NOW}
    known = facts_of_row(row(**said, visit_implantation=7), NOW, WINDOWS)
    assert known.visit == Visit(VisitKind.MOVED, date(2026, 12, 4), NOW, NOW)
    assert facts_of_row(row(**said, visit_implantation=6), NOW, WINDOWS).visit is None
