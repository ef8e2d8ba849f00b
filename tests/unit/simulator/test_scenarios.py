"""Each scenario leaves its mark on its own pump, its line in the truth file, and everything else alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from schemas.events import AlarmCode, AlarmState, BolusOutcome, EventKind, ReadingBasis
from schemas.policy import LowReservoirPolicy
from services.simulator.patients.body import Body
from services.simulator.patients.clock import SimulatedClock
from services.simulator.patients.device_log import DeviceLog
from services.simulator.patients.fleet import build_unit, draw_fleet, first_midnight
from services.simulator.patients.model import Event, PumpSpec
from services.simulator.patients.plan import Placement, ScenarioRequestError, parse_request, plan_scenarios, suits
from services.simulator.patients.pump import Reservoir
from services.simulator.patients.scenarios import SHAPES, Effects, Scenario, ScenarioKind, make_scenario
from services.simulator.settings import SimulatorSettings
from services.simulator.simulation import prepare, write_truth

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
SEED = 5
START = first_midnight(NOW, 60, 60)
SPECS = draw_fleet(SEED, 60)
AT = NOW - timedelta(days=10)


def pump_for(kind: ScenarioKind) -> PumpSpec:
    return next(spec for spec in SPECS if suits(kind, spec) and (spec.handheld or not SHAPES[kind].of_handheld))


def lived(spec: PumpSpec, *scenarios: Scenario, until: datetime = NOW) -> list[Event]:
    return build_unit(SEED, spec, START, scenarios).events_until(until)


def alarms(events: list[Event]) -> list[tuple[object, object, datetime]]:
    return [
        (event.payload["code"], event.payload["state"], event.observed_at)
        for event in events
        if event.kind is EventKind.ALARM
    ]


def outcomes(events: list[Event], begin: datetime, end: datetime) -> Counter[object]:
    return Counter(
        event.payload["outcome"]
        for event in events
        if event.kind is EventKind.BOLUS and begin <= event.observed_at < end
    )


def test_a_scenario_leaves_other_pumps_alone():
    stall = make_scenario(ScenarioKind.MOTOR_STALL, SPECS[0], AT)
    assert lived(SPECS[1], stall) == lived(SPECS[1])


@pytest.mark.parametrize("kind", [kind for kind in ScenarioKind if kind is not ScenarioKind.LOW_RESERVOIR])
def test_nothing_changes_before_the_start(kind):
    spec = pump_for(kind)
    scenario = make_scenario(kind, spec, AT)
    before = [event for event in lived(spec, scenario) if event.available_at < AT]
    assert before == [event for event in lived(spec) if event.available_at < AT]


@pytest.mark.parametrize("kind", list(ScenarioKind))
def test_every_scenario_leaves_a_mark_and_a_line(kind, tmp_path):
    spec = pump_for(kind)
    starts_at = AT - timedelta(days=30) if "infusion" in kind else AT
    scenario = make_scenario(kind, spec, starts_at)
    # Far enough for the next refill, where a wrong flow shows.
    until = NOW + timedelta(days=160)
    assert lived(spec, scenario, until=until) != lived(spec, until=until)
    write_truth(tmp_path / "deep" / "truth.jsonl", [scenario])
    line = json.loads((tmp_path / "deep" / "truth.jsonl").read_text())
    assert (line["scenario"], line["pump_id"]) == (kind.value, spec.pump_id)
    assert datetime.fromisoformat(line["starts_at"]) == starts_at
    expected = {
        ScenarioKind.MOTOR_STALL: ("pump_alarm", "infusion"),
        ScenarioKind.LOW_RESERVOIR: ("low_reservoir", "reservoir"),
        ScenarioKind.DEMAND_SURGE: ("bolus_demand", "attempts_24h"),
    }
    assert (line["expected_rule"], line["expected_key"]) == expected.get(kind, (None, None))


def test_a_motor_stall_alarms_and_refuses_boluses():
    spec = pump_for(ScenarioKind.DEMAND_SURGE)
    events = lived(spec, make_scenario(ScenarioKind.MOTOR_STALL, spec, AT))
    assert alarms(events) == [
        (AlarmCode.MOTOR_STALL, AlarmState.RAISED, AT),
        (AlarmCode.PUMP_STOPPED, AlarmState.RAISED, AT + timedelta(hours=48)),
    ]
    assert set(outcomes(events, AT, NOW)) <= {BolusOutcome.DENIED_OTHER, BolusOutcome.COMM_FAILURE}


def test_a_stall_that_recovers_is_cleared():
    spec = SPECS[2]
    events = lived(spec, make_scenario(ScenarioKind.MOTOR_STALL_RECOVERED, spec, AT))
    assert alarms(events) == [
        (AlarmCode.MOTOR_STALL, AlarmState.RAISED, AT),
        (AlarmCode.MOTOR_STALL, AlarmState.CLEARED, AT + timedelta(minutes=40)),
    ]


@pytest.mark.parametrize("spec", SPECS[:20], ids=lambda spec: spec.pump_id)
def test_a_low_reservoir_alarms_at_its_time_and_then_runs_empty(spec):
    scenario = make_scenario(ScenarioKind.LOW_RESERVOIR, spec, AT)
    raised = alarms(lived(spec, scenario, until=NOW + timedelta(days=120)))
    assert [code for code, _, _ in raised] == [AlarmCode.LOW_RESERVOIR, AlarmCode.EMPTY_RESERVOIR]
    assert abs(raised[0][2] - AT) < timedelta(minutes=1)
    at_alarm = [
        event.payload["volume_ml"]
        for event in lived(spec, scenario)
        if event.kind is EventKind.RESERVOIR and event.observed_at == raised[0][2]
    ]
    assert at_alarm == [pytest.approx(spec.low_ml, abs=0.0015)]
    assert float(str(at_alarm[0])) <= spec.low_ml


def test_a_reservoir_that_is_to_be_low_in_the_demo_is_not_overdue_before_at_any_hour():
    pump_ids = set()
    for hour in range(72):
        now = NOW + timedelta(hours=hour)
        simulation = prepare(
            SimulatorSettings(mqtt_url="mqtt://localhost", pumps=40, scenarios=("low_reservoir@+14s",)), now
        )
        (low,) = simulation.scenarios
        spec = next(spec for spec in simulation.specs if spec.pump_id == low.pump_id)
        events = build_unit(1, spec, simulation.life_starts_at, (low,)).events_until(low.starts_at)
        due = [str(event.payload["refill_due"]) for event in events if event.kind is EventKind.THERAPY][-1]
        days = (low.starts_at - datetime.fromisoformat(f"{due}T00:00Z")) / timedelta(days=1)
        assert 0 < days < 1 + LowReservoirPolicy().overdue_days, (now, low.pump_id, due)
        pump_ids.add(low.pump_id)
    assert len(pump_ids) > 3


def test_a_low_reservoir_that_ends_is_refilled_and_cleared():
    spec = SPECS[3]
    ends_at = AT + timedelta(days=2)
    events = lived(spec, make_scenario(ScenarioKind.LOW_RESERVOIR, spec, AT, ends_at=ends_at))
    cleared = [(code, at) for code, state, at in alarms(events) if state is AlarmState.CLEARED]
    refills = [event.observed_at for event in events if event.kind is EventKind.REFILL]
    assert cleared[0][0] is AlarmCode.LOW_RESERVOIR
    assert ends_at <= refills[-1] < cleared[0][1] < ends_at + timedelta(minutes=1)


def test_a_low_reservoir_before_the_pumps_life_is_refused():
    with pytest.raises(ValueError, match="starts before"):
        build_unit(
            SEED, SPECS[0], START, [make_scenario(ScenarioKind.LOW_RESERVOIR, SPECS[0], START - timedelta(days=1))]
        )


@pytest.mark.parametrize(
    ("kind", "sign"), [(ScenarioKind.OVER_INFUSION, -1), (ScenarioKind.UNDER_INFUSION, 1)], ids=str
)
def test_a_wrong_flow_raises_no_alarm_and_shows_at_a_refill(kind, sign):
    spec = pump_for(kind)
    events = lived(spec, make_scenario(kind, spec, START), until=NOW + timedelta(days=200))
    assert alarms(events) == []
    differences = [
        float(str(event.payload["measured_ml"])) - float(str(event.payload["expected_ml"]))
        for event in events
        if event.kind is EventKind.REFILL
    ]
    assert max(sign * difference for difference in differences) > 2.0
    computed = [e for e in events if e.payload.get("basis") is ReadingBasis.COMPUTED]
    sound = [e for e in lived(spec, until=NOW + timedelta(days=200)) if e.payload.get("basis") is ReadingBasis.COMPUTED]
    assert computed == sound


def test_a_surge_is_unmistakable():
    spec = pump_for(ScenarioKind.DEMAND_SURGE)
    assert spec.handheld is not None
    assert 1.6 <= spec.handheld.attempts_per_day <= 2.4
    surge = make_scenario(ScenarioKind.DEMAND_SURGE, spec, AT, uploaded_at=AT + timedelta(hours=4))
    events = lived(spec, surge)
    during = outcomes(events, AT, AT + timedelta(hours=4))
    assert during.total() >= 16
    assert during[BolusOutcome.DENIED_LOCKOUT] >= 8
    uploaded = {
        e.available_at for e in events if e.kind is EventKind.BOLUS and AT <= e.observed_at < AT + timedelta(hours=4)
    }
    assert uploaded == {AT + timedelta(hours=4)}


def test_a_drift_rises_slowly_and_stays():
    spec = max((s for s in SPECS if s.handheld), key=lambda s: s.handheld.attempts_per_day if s.handheld else 0)
    drift = make_scenario(
        ScenarioKind.DEMAND_DRIFT, spec, START + timedelta(days=20), ends_at=START + timedelta(days=40)
    )
    events, sound = lived(spec, drift), lived(spec)
    last = (START + timedelta(days=42), START + timedelta(days=59))
    assert outcomes(events, *last).total() > 1.6 * outcomes(sound, *last).total()


def test_a_silent_device_is_silent_until_it_is_back():
    spec = SPECS[4]
    ends_at = AT + timedelta(days=3)
    silent = make_scenario(ScenarioKind.SILENT_DEVICE, spec, AT, ends_at=ends_at)
    events = [event for event in lived(spec, silent) if event.device_id == spec.pump_id]
    assert not [event for event in events if AT <= event.available_at < ends_at]
    assert len(events) == len([event for event in lived(spec) if event.device_id == spec.pump_id])
    for_good = make_scenario(ScenarioKind.SILENT_DEVICE, spec, AT)
    assert all(event.observed_at < AT for event in lived(spec, for_good) if event.device_id == spec.pump_id)


def test_on_holiday_pump_and_handheld_are_silent_and_all_comes_at_once_afterwards():
    spec = next(spec for spec in SPECS if spec.handheld)
    away = make_scenario(ScenarioKind.HOLIDAY, spec, AT - timedelta(days=5))
    assert away.ends_at == AT + timedelta(days=5)
    events, at_home = lived(spec, away), lived(spec)
    assert not [event for event in events if away.starts_at <= event.available_at < away.ends_at]
    assert sorted(e.event_id for e in events) == sorted(e.event_id for e in at_home)
    late = Counter(event.device_id for event in events if event.available_at == away.ends_at)
    assert set(late) == {event.device_id for event in at_home}
    assert min(late.values()) > 10


def test_a_skewed_clock_is_ahead_and_uploads_in_time():
    spec = SPECS[5]
    skew = make_scenario(ScenarioKind.CLOCK_SKEW, spec, AT, parameters={"ahead_minutes": 120})
    for event, sound in zip(lived(spec, skew), lived(spec), strict=True):
        ahead = timedelta(hours=2) if event.device_id == spec.pump_id and event.available_at >= AT else timedelta(0)
        assert event.observed_at == sound.observed_at + ahead
        assert event.available_at == sound.available_at


def test_duplicates_carry_the_same_id():
    spec = SPECS[6]
    twice = make_scenario(ScenarioKind.DUPLICATE_DELIVERY, spec, AT)
    times = Counter(event.event_id for event in lived(spec, twice))
    assert set(times) == {event.event_id for event in lived(spec)}
    assert sum(count == 2 for count in times.values()) >= 12


def test_reordered_delivery_loses_nothing():
    spec = SPECS[7]
    events = lived(spec, make_scenario(ScenarioKind.REORDERED_DELIVERY, spec, AT))
    assert sorted(e.event_id for e in events) == sorted(e.event_id for e in lived(spec))
    own = [event.seq for event in events if event.device_id == spec.pump_id]
    assert own != sorted(own)


def test_a_bolus_can_be_the_one_that_reaches_the_alarm_level():
    spec = pump_for(ScenarioKind.DEMAND_SURGE)
    assert spec.bolus is not None
    level = spec.low_ml + spec.bolus.volume_ml / 2
    log = DeviceLog(SEED, spec.pump_id, START)
    body = Body(spec, log, Reservoir(spec.size_ml, level, level), Effects((), Random(1)), START)
    at = int(START.timestamp())
    assert body.can_give(spec.bolus.volume_ml, at)
    for _ in range(2):
        body.give(spec.bolus.volume_ml, at)
    assert [event.kind for event in body.observed] == [EventKind.RESERVOIR, EventKind.ALARM]


def test_stalls_that_overlap_are_one_alarm():
    spec = SPECS[8]
    recovered = ScenarioKind.MOTOR_STALL_RECOVERED
    first, second = make_scenario(recovered, spec, AT), make_scenario(recovered, spec, AT + timedelta(minutes=20))
    raised = alarms(lived(spec, first, second))
    assert [(state, at - AT) for _, state, at in raised] == [
        (AlarmState.RAISED, timedelta(0)),
        (AlarmState.CLEARED, timedelta(hours=1)),
    ]


def test_a_surge_is_uploaded_in_time_even_by_a_handheld_that_is_often_out_of_reach():
    spec = pump_for(ScenarioKind.DEMAND_SURGE)
    assert spec.handheld is not None
    spec = replace(spec, handheld=replace(spec.handheld, out_of_reach_probability=1.0))
    ends_at = AT + timedelta(days=1)
    surge = make_scenario(ScenarioKind.DEMAND_SURGE, spec, AT, ends_at=ends_at, uploaded_at=ends_at)
    events = [e for e in lived(spec, surge) if e.device_id == surge.device_id and AT <= e.observed_at < ends_at]
    assert len(events) > 20
    assert {event.available_at for event in events} == {ends_at}


# Requests and plans.


def placement(*, lead: timedelta = timedelta(hours=2), speed: float = 60) -> Placement:
    return Placement(SimulatedClock(NOW - lead, NOW, speed), 8, 4)


def test_requests_are_read():
    assert parse_request(" motor_stall ").kind is ScenarioKind.MOTOR_STALL
    assert parse_request("over_infusion/pump-0007@-20d").before_now == timedelta(days=20)
    assert parse_request("low_reservoir@-90m").before_now == timedelta(minutes=90)
    assert parse_request("demand_surge@+1.5s").wall_seconds == 1.5


@pytest.mark.parametrize("text", ["", "motor stall", "motor_stall@20d", "motor_stall@+5h", "motor_stall/@-1d"])
def test_a_request_of_another_form_is_refused(text):
    with pytest.raises(ScenarioRequestError, match="expected NAME"):
        parse_request(text)


def test_an_unknown_scenario_is_refused_with_the_known_ones():
    with pytest.raises(ScenarioRequestError, match="demand_surge"):
        parse_request("meteorite")


def test_live_scenarios_come_one_after_the_other():
    names = ["motor_stall", "low_reservoir", "demand_surge", "clock_skew@-6h", "motor_stall@+30s"]
    planned = plan_scenarios([parse_request(name) for name in names], SPECS, placement(), SEED)
    stall, low, surge, skew, later = planned
    live = NOW - timedelta(hours=2)
    assert stall.starts_at == live + timedelta(minutes=8)
    assert low.starts_at == live + timedelta(minutes=12)
    assert surge.uploaded_at == surge.ends_at == live + timedelta(minutes=16)
    assert skew.starts_at == NOW - timedelta(hours=6)
    assert later.starts_at == live + timedelta(minutes=30)
    assert len({scenario.pump_id for scenario in planned}) == 5
    assert planned == plan_scenarios([parse_request(name) for name in names], SPECS, placement(), SEED)


def test_a_named_pump_is_taken():
    (planned,) = plan_scenarios([parse_request("motor_stall/pump-0003@-1d")], SPECS, placement(), SEED)
    assert (planned.pump_id, planned.starts_at) == ("pump-0003", NOW - timedelta(days=1))


def test_a_named_pump_must_exist_and_suit():
    without = next(spec for spec in SPECS if spec.handheld is None)
    for name, why in ((f"demand_surge/{without.pump_id}", "no handheld"), ("motor_stall/pump-9999", "not exist")):
        with pytest.raises(ScenarioRequestError, match=why):
            plan_scenarios([parse_request(name)], SPECS, placement(), SEED)
    with pytest.raises(ValueError, match="has none"):
        make_scenario(ScenarioKind.DEMAND_SURGE, without, AT)


def test_too_small_a_fleet_is_refused():
    with pytest.raises(ScenarioRequestError, match="use more pumps"):
        plan_scenarios([parse_request("motor_stall")] * 2, SPECS[:1], placement(), SEED)


def test_the_clock_catches_up_and_never_passes_the_wall():
    clock = SimulatedClock(NOW - timedelta(hours=1), NOW, 61)
    assert clock.at(NOW) == NOW - timedelta(hours=1)
    assert clock.at(NOW + timedelta(seconds=10)) == NOW - timedelta(hours=1) + timedelta(seconds=610)
    assert clock.at(NOW + timedelta(seconds=60)) == NOW + timedelta(seconds=60)
    assert clock.at(NOW + timedelta(days=1)) == NOW + timedelta(days=1)
    assert clock.seconds_until(NOW - timedelta(hours=1), NOW) == 0
    assert clock.seconds_until(NOW - timedelta(hours=1) + timedelta(seconds=122), NOW) == pytest.approx(2)
    assert clock.seconds_until(NOW + timedelta(hours=1), NOW) == pytest.approx(3600)


def test_the_demos_plan_fits_the_default_fleet():
    settings = SimulatorSettings(mqtt_url="mqtt://localhost", scenarios='["motor_stall@+6s", "demand_surge"]')
    simulation = prepare(settings, NOW)
    assert [scenario.kind for scenario in simulation.scenarios] == ["motor_stall", "demand_surge"]
    assert settings == SimulatorSettings(mqtt_url="mqtt://localhost", scenarios="motor_stall@+6s, demand_surge")
    assert NOW - timedelta(days=32) < simulation.life_starts_at < NOW - timedelta(days=30)
    assert settings == SimulatorSettings(mqtt_url="mqtt://localhost", scenarios=("motor_stall@+6s", "demand_surge"))
    stalled = next(simulation.units(settings.seed))
    assert stalled.spec == simulation.specs[0]
    with pytest.raises(ValueError, match="go together"):
        SimulatorSettings(mqtt_url="mqtts://localhost", mqtt_cert_file="a.crt")
    with pytest.raises(ValueError, match="meteorite"):
        SimulatorSettings(mqtt_url="mqtt://localhost", scenarios="meteorite")
