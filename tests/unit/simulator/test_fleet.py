"""The simulated fleet: deterministic, physically plausible, and quiet unless a scenario says otherwise."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.events import MODEL_BY_KIND, AnyEvent, BolusOutcome, EventKind, ReadingBasis
from schemas.topics import parse_event_topic
from services.simulator.devices.wire import encode
from services.simulator.patients.fleet import LiveFleet, build_unit, draw_fleet, first_midnight, live_uploads, uploads
from services.simulator.patients.handheld import BolusGate
from services.simulator.patients.model import SECONDS_PER_DAY, BolusSpec, Event, FlowProfile
from services.simulator.patients.specs import draw_pump

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
DAYS = 40
START = first_midnight(NOW, DAYS, 60)


def events_of(seed: int, index: int, *, until: datetime = NOW, start: datetime = START) -> list[Event]:
    return build_unit(seed, draw_pump(seed, index), start).events_until(until)


def wire_bytes(events: list[Event]) -> bytes:
    return b"\n".join(encode(event.device_id, [event])[1] for event in events)


@given(seed=st.integers(0, 2**32), index=st.integers(1, 10_000))
@settings(max_examples=15, deadline=None)
def test_same_seed_gives_the_same_bytes(seed, index):
    assert wire_bytes(events_of(seed, index)) == wire_bytes(events_of(seed, index))


def test_another_seed_gives_other_pumps_and_other_ids():
    one, other = events_of(1, 1), events_of(2, 1)
    assert not {event.event_id for event in one} & {event.event_id for event in other}


def test_the_stream_does_not_depend_on_the_steps_in_which_it_is_taken():
    whole = events_of(3, 5)
    unit = build_unit(3, draw_pump(3, 5), START)
    steps, moment = [], START
    while moment < NOW:
        moment = min(NOW, moment + timedelta(hours=7, minutes=13))
        steps += unit.events_until(moment)
    assert wire_bytes(steps) == wire_bytes(whole)


def test_a_pump_does_not_depend_on_the_size_of_the_fleet():
    assert draw_fleet(1, 50)[:10] == draw_fleet(1, 10)


@given(seed=st.integers(0, 2**32), index=st.integers(1, 500))
@settings(max_examples=20, deadline=None)
def test_events_are_ordered_valid_and_numbered_without_gaps(seed, index):
    events = events_of(seed, index)
    assert all(a.available_at <= b.available_at for a, b in pairwise(events))
    assert all(event.observed_at <= event.available_at <= NOW for event in events)
    assert len({event.event_id for event in events}) == len(events)
    whole = build_unit(seed, draw_pump(seed, index), START).events_until(NOW + timedelta(days=2))
    for device_id in {event.device_id for event in whole}:
        seqs = sorted(event.seq for event in whole if event.device_id == device_id)
        assert seqs == list(range(len(seqs)))
    for event in events:
        topic, payload = encode(event.device_id, [event])
        parsed = MODEL_BY_KIND[event.kind].model_validate_json(payload)
        assert parsed.event_id == event.event_id
        assert parse_event_topic(topic).kind == event.kind
    _, batch = encode(events[0].device_id, events[:5])
    assert [AnyEvent.validate_json(json.dumps(item)).kind for item in json.loads(batch)] == [e.kind for e in events[:5]]


def test_therapy_comes_first():
    for index in range(1, 20):
        assert next(e for e in events_of(1, index) if e.device_id.startswith("pump")).kind is EventKind.THERAPY


@given(seed=st.integers(0, 2**32), index=st.integers(1, 500))
@example(seed=194, index=194)
@settings(max_examples=25, deadline=None)
def test_volume_is_conserved(seed, index):
    """Between two computed readings the volume falls by the programmed flow and the boluses, and by nothing else."""
    spec = draw_pump(seed, index)
    before: tuple[float, float] | None = None
    boluses = unknown = 0
    # Three days more than are looked at: a handheld out of reach tells of a bolus later than the pump's volume does.
    notified = events_of(seed, index, until=NOW + timedelta(days=3))
    for event in sorted((e for e in notified if e.observed_at <= NOW), key=lambda event: event.observed_at):
        at = event.observed_at.timestamp()
        if event.kind is EventKind.BOLUS:
            boluses += event.payload["outcome"] is BolusOutcome.DELIVERED
            unknown += event.payload["outcome"] is BolusOutcome.COMM_FAILURE
        elif event.kind is EventKind.REFILL:
            before = None
        elif event.kind is EventKind.RESERVOIR and event.payload["basis"] is ReadingBasis.COMPUTED:
            volume = float(str(event.payload["volume_ml"]))
            assert 0 <= volume <= spec.size_ml
            if before is not None:
                given_ml = spec.bolus.volume_ml if spec.bolus else 0.0
                least = flowed(spec.profile, before[0], at) + boluses * given_ml
                assert least - 0.002 <= before[1] - volume <= least + unknown * given_ml + 0.002
            before, boluses, unknown = (at, volume), 0, 0


def flowed(profile: FlowProfile, begin: float, end: float) -> float:
    """The programmed flow between two moments, minute by minute: written without the code under test."""
    midnight = START.timestamp()
    total, at = 0.0, begin
    while at < end:
        step = min(end, (at // 60 + 1) * 60)
        minute = int((at - midnight) % SECONDS_PER_DAY // 60)
        rate = [rate for start, rate in profile.steps if start <= minute][-1]
        total += rate * (step - at) / SECONDS_PER_DAY
        at = step
    return total


@given(
    presses=st.lists(st.integers(0, 6 * SECONDS_PER_DAY), max_size=200).map(sorted),
    lockout=st.integers(0, 3000),
    limit=st.integers(0, 12),
    seed=st.integers(0, 1000),
)
def test_lockout_and_limit_are_never_broken(presses, lockout, limit, seed):

    gate = BolusGate(BolusSpec(100.0, 0.01, lockout, limit), Random(seed))
    given_at: list[int] = []
    for at in presses:
        outcome, was_given = gate.ask(at, infusing=True)
        if was_given:
            assert outcome in {BolusOutcome.DELIVERED, BolusOutcome.COMM_FAILURE}
            given_at.append(at)
    assert all(b - a >= lockout * 60 for a, b in pairwise(given_at))
    for at in given_at:
        assert sum(at - SECONDS_PER_DAY < other <= at for other in given_at) <= max(limit, 0)


def test_a_pump_that_does_not_infuse_gives_nothing():

    gate = BolusGate(BolusSpec(100.0, 0.01, 60, 4), Random(1))
    answers = {gate.ask(at, infusing=False) for at in range(0, 10_000_000, 10_000)}
    assert answers == {(BolusOutcome.DENIED_OTHER, False), (BolusOutcome.COMM_FAILURE, False)}


def test_an_ordinary_fleet_is_quiet_for_120_days():
    start, refills, visits_late = first_midnight(NOW, 120, 60), 0, 0
    for spec in draw_fleet(11, 120):
        due: date | None = None
        for event in build_unit(11, spec, start).events_until(NOW):
            assert event.kind is not EventKind.ALARM, (spec.pump_id, event)
            if event.kind is EventKind.RESERVOIR:
                assert float(str(event.payload["volume_ml"])) > spec.low_ml
            elif event.kind is EventKind.THERAPY:
                due = date.fromisoformat(str(event.payload["refill_due"]))
            elif event.kind is EventKind.REFILL:
                refills += 1
                visits_late += due is None or event.observed_at.date() > due
                residual = float(str(event.payload["measured_ml"])) - float(str(event.payload["expected_ml"]))
                assert abs(residual) < 2.0  # docs/domain.md section 1 [19]: beyond that it would be abnormal
    assert refills > 100
    assert visits_late == 0


def test_a_fleet_reports_about_as_much_as_planned():
    specs = draw_fleet(1, 100)
    counts = dict.fromkeys(EventKind, 0)
    for spec in specs:
        for event in build_unit(1, spec, START).events_until(NOW):
            counts[event.kind] += 1
    pump_days = len(specs) * DAYS
    assert 9 < sum(counts.values()) / pump_days < 14
    assert 0.7 < sum(spec.handheld is not None for spec in specs) / len(specs) < 0.9
    assert all(counts[kind] > 0 for kind in EventKind if kind is not EventKind.ALARM)


def test_a_handheld_out_of_reach_uploads_its_log_at_once():
    fleet = LiveFleet(build_unit(1, spec, START) for spec in draw_fleet(1, 60))
    sent = list(live_uploads(fleet.events_until(NOW), 200))
    late = [upload for upload in sent if len(upload.events) > 1]
    assert late
    for upload in late:
        assert upload.device_id.startswith("handheld")
        assert {event.device_id for event in upload.events} == {upload.device_id}
        assert len({event.available_at for event in upload.events}) == 1


def test_a_live_fleet_gives_each_event_once_in_order():
    specs = draw_fleet(4, 8)
    fleet = LiveFleet(build_unit(4, spec, START) for spec in specs)
    taken, moment = [], START
    while moment < NOW:
        moment = max(moment, min(NOW, fleet.next_at() or NOW))
        taken += fleet.events_until(moment)
        moment += timedelta(minutes=31)
    taken += fleet.events_until(NOW)
    assert all(a.available_at <= b.available_at for a, b in pairwise(taken))
    alone = [event for spec in specs for event in build_unit(4, spec, START).events_until(NOW)]
    assert sorted(map(repr, taken)) == sorted(map(repr, alone))
    assert LiveFleet([]).next_at() is None


def test_no_events_are_no_uploads():
    assert list(live_uploads([], 10)) == list(uploads([], 10)) == []


def test_a_refill_is_due_before_the_alarm_even_with_every_bolus():
    for spec in draw_fleet(2, 200):
        left = spec.size_ml - 0.2 - spec.worst_daily_ml * (spec.refill_interval_days + 1)
        assert left > spec.low_ml + 1.0


def test_uploads_keep_order_and_size():
    events = events_of(1, 1)
    packed = list(uploads(events, 50))
    assert max(len(upload.events) for upload in packed) == 50
    for device_id in {event.device_id for event in events}:
        own = [event for upload in packed if upload.device_id == device_id for event in upload.events]
        assert own == [event for event in events if event.device_id == device_id]


def test_a_profile_that_stands_still_gets_nowhere():
    assert FlowProfile.of(((0, 0.0),)).offset_of(0.1) == SECONDS_PER_DAY


@given(
    used=st.floats(0, 0.999),
    steps=st.lists(st.tuples(st.integers(1, 1439), st.floats(0.01, 20)), max_size=5, unique_by=lambda step: step[0]),
)
def test_a_profile_and_its_inverse_agree(used, steps):
    profile = FlowProfile.of(((0, 1.0), *sorted(steps)))
    target = used * profile.daily_ml
    assert profile.used_by(int(profile.offset_of(target))) == pytest.approx(target, abs=20 / SECONDS_PER_DAY + 1e-9)
    assert profile.used_by(SECONDS_PER_DAY) == pytest.approx(profile.daily_ml)
