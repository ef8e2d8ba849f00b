"""Lives of bench.detection that mean nothing: each is what its name says, and nothing else about the pump changes."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from bench.detection.fleet import Patient
from bench.detection.lives import LIVES, arrivals, live
from bench.detection.watch import rates, watched
from schemas import events as wire

PATIENT = Patient(10, 6, 150)  # 4 requests a day
PUMP = PATIENT.pump_id
STAYS = "stays of 3 to 14 days without uploads"
DECLINE = "demand halves after a change of therapy"


def kinds(stream):
    return Counter((device, event.kind) for _, device, event in stream)


def boluses(stream):
    return [(at, event) for at, _, event in stream if isinstance(event, wire.Bolus)]


def prescriptions(stream):
    return [(at, event.bolus) for at, _, event in stream if isinstance(event, wire.Therapy) and event.bolus]


@pytest.mark.parametrize("name", LIVES)
def test_a_life_comes_in_order_and_again_the_same(name):
    stream = arrivals(name, PATIENT)
    assert stream == sorted(stream, key=lambda arrival: arrival[0])
    again = arrivals(name, PATIENT)
    assert [(at, device, event.kind) for at, device, event in stream] == [(at, d, each.kind) for at, d, each in again]
    assert len({event.event_id for _, _, event in stream}) == len(stream)


def test_an_ordinary_life_is_the_patients_own():
    assert arrivals("ordinary", PATIENT) == PATIENT.events
    opened = Counter(
        "/".join(each)
        for _, opened in watched(PATIENT.history(), ((event, False) for event in PATIENT.events))
        for each in opened
    )
    assert live("ordinary", PATIENT) == opened


def test_bursty_days_have_three_times_the_usual_once_a_month():
    by_day = Counter(at.date() for at, _ in boluses(arrivals("bursty days", PATIENT)))
    usual = Counter(at.date() for at, _ in boluses(PATIENT.events))
    more = {day: count for day, count in (by_day - usual).items() if count}
    assert 2 <= len(more) <= 10
    assert sum(more.values()) / len(more) == pytest.approx(2 * PATIENT.rate, rel=0.5)


def test_during_a_stay_nothing_is_uploaded_and_afterwards_all_or_nothing():
    stream = arrivals(STAYS, PATIENT)
    devices = sorted(at for at, _, event in stream if event.kind not in ("therapy", "refill"))
    gaps = [later - earlier for earlier, later in pairwise(devices)]
    away = [gap for gap in gaps if gap > timedelta(days=1)]
    assert away
    assert all(timedelta(days=2.4) < gap < timedelta(days=14.6) for gap in away)
    late = Counter(at for at, _, event in stream if at - event.observed_at > timedelta(hours=12))
    assert late, "some stays end with one upload"
    assert all(count > 10 for count in late.values())
    assert len(stream) < len(PATIENT.events), "and of some nothing ever comes"


def test_at_the_limit_no_day_has_more_than_is_allowed():
    stream = arrivals("at the limit", PATIENT)
    assert kinds(stream) == kinds(PATIENT.events)
    given = [at for at, event in boluses(stream) if event.outcome is wire.BolusOutcome.DELIVERED]
    assert all(later - earlier >= timedelta(days=1) for earlier, later in zip(given, given[4:], strict=False))
    refused = sum(event.outcome is wire.BolusOutcome.DENIED_LIMIT for _, event in boluses(stream))
    assert refused > 0.05 * len(boluses(stream))
    assert {bolus.limit_per_24h for _, bolus in prescriptions(stream)} == {4}


def test_demand_halves_when_a_bolus_is_twice_as_large():
    stream = arrivals(DECLINE, PATIENT)
    doses = [bolus.dose_mcg for _, bolus in prescriptions(stream)]
    assert doses == sorted(doses)
    assert set(doses) == {10.0, 20.0}
    changes = next(at for at, bolus in prescriptions(stream) if bolus.dose_mcg == 20.0)
    after = [event for at, event in boluses(stream) if at >= changes]
    assert {event.dose_mcg for event in after} == {20.0}
    assert len(after) == pytest.approx(0.5 * sum(at >= changes for at, _ in boluses(PATIENT.events)), rel=0.2)
    assert [each for each in boluses(stream) if each[0] < changes] == [
        each for each in boluses(PATIENT.events) if each[0] < changes
    ]


def test_abroad_the_hours_of_the_handheld_move_and_its_clock_says_so():
    at_home = {event.event_id: event.observed_at for _, _, event in PATIENT.events}
    moved = [
        (device, event.observed_at - at_home[event.event_id], event.observed_at.utcoffset() or timedelta(0))
        for _, device, event in arrivals("travel over 8 time zones", PATIENT)
        if event.observed_at != at_home[event.event_id]
    ]
    assert len(moved) > 50
    assert {abs(by) for _, by, _ in moved} == {timedelta(hours=8)}
    assert all(by == -offset for _, by, offset in moved), "on the clock abroad it is the same hour as at home"
    assert PUMP not in {device for device, _, _ in moved}


def test_of_two_handhelds_each_tells_what_was_asked_with_it():
    stream = arrivals("two handhelds", PATIENT)
    assert [at for at, _ in boluses(stream)] == [at for at, _ in boluses(PATIENT.events)]
    counts = kinds(stream)
    handhelds = sorted({device for device, _ in counts} - {PUMP})
    assert len(handhelds) == 2
    for device in handhelds:
        assert counts[device, wire.EventKind.STATUS] == PATIENT.days
        assert counts[device, wire.EventKind.BOLUS] == pytest.approx(len(PATIENT.presses) / 2, rel=0.2)


def test_an_upload_is_looked_at_once_when_all_of_it_is_there():
    at, device, bolus = next(each for each in PATIENT.events if isinstance(each[2], wire.Bolus))
    upload = [(at, device, bolus.model_copy(update={"event_id": PATIENT.events[n][2].event_id})) for n in range(3)]
    looks = watched(PATIENT.history(), [(upload[0], True), (upload[1], True), (upload[2], False)])
    assert [when for when, _ in looks if when == at] == [at]


def test_rates_are_by_rule_and_of_1000_days():
    false = Counter({"bolus_demand/drift": 2, "device_silent/pump-1": 1, "device_silent/handheld-1": 1})
    assert rates(false, 2000) == {"bolus_demand/drift": 1.0, "device_silent": 1.0, "all": 2.0}
    assert rates(false, 0) == {}
