"""Whatever a device may send, and whatever an earlier release let in, every rule and every page has an answer.

An exception here would be one pump's event that ends paging for everybody.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from schemas.policy import Policy
from services.alerts.delivery.escalate import due_deliveries
from services.alerts.delivery.page_text import page_text
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
from services.alerts.lifecycle.reconcile import reconcile
from services.alerts.model import OpenAlert
from services.alerts.rules import evaluate
from services.alerts.rules.device_silent import silent_from
from tests.unit.alerts.rules.builders import NOW, occasion

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

NEVER = PumpFacts(
    "pump-1",
    "north",
    reading=Reading(5.0, ReadingBasis.COMPUTED, NOW),
    therapy=Therapy(NOW, daily_ml=0.000001, refill_due=date.max),
)


@given(facts, st.booleans())
@example(NEVER, True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_rule_has_an_answer_to_everything_that_can_be_stored(found: PumpFacts, patient_data: bool) -> None:
    policy = Policy()
    conditions = evaluate(found, policy, NOW)
    for transition in reconcile(conditions, (), NOW):
        condition = transition.condition
        assert condition is not None
        json.dumps(dict(condition.evidence), allow_nan=False)  # the database refuses NaN
        alert = OpenAlert.opened_by(condition, alert_id=UUID(int=1), clinic_id="north", pump_id="pump-1")
        page_text(alert, occasion("opened"), alert.priority, "https://x", include_patient_data=patient_data)
        list(due_deliveries(alert, policy, NOW))
    silent_from(found, policy, NOW)
