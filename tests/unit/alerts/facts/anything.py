"""Whatever a device may send, and whatever an earlier release let in: facts of any pump."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from services.alerts.facts.from_rows import bolus_volume_ml
from services.alerts.facts.model import (
    AlarmEvent,
    Contact,
    DayWindow,
    Demand,
    DeviceClock,
    Flow,
    PumpFacts,
    Reading,
    Refill,
    RefusedAlarm,
    Report,
    Therapy,
    Visit,
    VisitKind,
)
from tests.unit.alerts.rules.builders import NOW

moments = st.one_of(
    st.timedeltas(timedelta(days=-400), timedelta(days=1)).map(lambda span: NOW + span),
    st.sampled_from([NOW, NOW - timedelta(days=400), NOW + timedelta(days=1), datetime(2026, 12, 1, tzinfo=UTC)]),
)
FAR = datetime(9999, 12, 31, tzinfo=UTC)
# Wider than the wire is now: what stands in a database was let in by the release of its day.
spans = st.timedeltas(timedelta(days=-365 * 8_000), timedelta(days=365 * 2_100))
volumes = st.floats(0, 100, allow_nan=False)
amounts = st.one_of(volumes, st.sampled_from([0.0, -0.0, 5e-324, 1e-6, 100.0]))
doses = st.one_of(st.floats(0, allow_infinity=False), st.sampled_from([0.0, 5e-324, 1e308]))
dates = st.one_of(st.none(), st.dates(), st.sampled_from([date.min, date.max, date(2026, 12, 1)]))
counts = st.integers(0, 600)

therapies = st.builds(
    Therapy,
    observed_at=moments,
    daily_ml=amounts,
    bolus_ml=st.builds(bolus_volume_ml, doses, doses),
    bolus_limit=st.integers(0, 96),
    size_ml=amounts,
    refill_due=dates,
    drugs=st.lists(st.text(min_size=1, max_size=60), max_size=3).map(tuple),
    concentrations=st.lists(amounts, max_size=3).map(tuple),
)
readings = st.builds(Reading, volumes, st.sampled_from(ReadingBasis), moments)
alarms = st.builds(
    AlarmEvent,
    code=st.sampled_from(AlarmCode),
    state=st.sampled_from(AlarmState),
    observed_at=moments,
    received_at=moments,
    device_id=st.sampled_from(["pump-1", "hand-1"]),
    seq=st.one_of(st.none(), st.integers(0, 2**53)),
    event_id=st.uuids(),
    detail=st.one_of(st.none(), st.text(max_size=200)),
)
newest_first = st.lists(st.builds(Refill, volumes, moments, volumes, volumes), max_size=4).map(
    lambda refills: tuple(sorted(refills, key=lambda each: each.observed_at, reverse=True))
)
facts = st.builds(
    PumpFacts,
    pump_id=st.just("pump-1"),
    clinic_id=st.just("north"),
    alarms=st.lists(alarms, max_size=6).map(tuple),
    reading=st.one_of(st.none(), readings),
    earlier_reading=st.one_of(st.none(), readings),
    first_reading=st.one_of(st.none(), readings),
    measured_reading=st.one_of(st.none(), readings),
    earlier_flows=st.lists(st.builds(Flow, moments, amounts, amounts), max_size=7).map(tuple),
    filled_reading=st.one_of(st.none(), readings),
    refills=newest_first,
    programmed_low_ml=st.one_of(st.none(), volumes),
    therapy=st.one_of(st.none(), therapies),
    reprogrammed_at=st.one_of(st.none(), moments),
    demand=st.builds(Demand, counts, counts, counts, counts, counts, st.one_of(st.none(), moments)),
    windows=st.lists(
        st.builds(DayWindow, counts, st.booleans(), counts, counts, counts, counts), min_size=1, max_size=4
    ).map(lambda days: tuple(itertools.islice(itertools.cycle(days), 112))),
    reports=st.lists(
        st.builds(Report, st.sampled_from(Complaint), st.one_of(st.none(), st.integers(0, 10)), moments), max_size=3
    ).map(tuple),
    requests_heard_at=st.none() | moments,
    refused_alarms=st.lists(
        st.builds(
            RefusedAlarm,
            st.sampled_from(AlarmCode),
            st.sampled_from(AlarmState),
            moments,
            spans,
            st.sampled_from(["pump-1", "hand-1"]),
            st.none() | st.integers(0, 2**53),
            st.uuids(),
        ),
        max_size=4,
    ).map(lambda each: tuple(sorted(each, key=lambda one: (one.received_at, one.event_id)))),
    contacts=st.lists(
        st.builds(
            Contact,
            st.sampled_from(["pump-1", "hand-1"]),
            st.lists(moments, max_size=20).map(lambda each: tuple(sorted(each))),
            st.lists(moments, max_size=14).map(lambda each: tuple(itertools.pairwise(sorted(each)))),
            st.none() | st.builds(DeviceClock, spans, st.booleans()),
        ),
        max_size=2,
    ).map(tuple),
    visit=st.none() | st.builds(Visit, st.sampled_from(VisitKind), st.dates(), moments | st.just(FAR), moments),
)
