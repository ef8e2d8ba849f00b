"""What is paged past a database that is away: what was open before is not, what ended and began anew is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.events import AlarmCode, AlarmState
from schemas.policy import Policy, Priority
from schemas.topics import DRILL
from services.alerts.facts.model import AlarmEvent, RefusedAlarm
from services.alerts.model import AlertState, Reason, Transition, TransitionKind
from services.alerts.outage.bypass_plan import (
    Cause,
    HeardAlarm,
    Trace,
    bypass_text,
    emergencies,
    follow,
    held,
    overdue,
    remembered,
)
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW, alert, condition

STALL: Cause = ("pump-1", "pump_alarm", "infusion")
OTHER: Cause = ("pump-2", "pump_alarm", "infusion")


def change(to_state: AlertState, priority: Priority = HIGH, *, opens: bool = False) -> tuple[str, Transition]:
    before = None if opens else alert()
    kind = TransitionKind.OPENED if opens else TransitionKind.REFRESHED
    holds = condition() if to_state is AlertState.ACTIVE else None
    return "pump-1", Transition(kind, Reason.CONDITION_CHANGED, before, holds, to_state, priority)


@pytest.mark.parametrize(
    ("before", "decided", "after"),
    [
        pytest.param((), [change(AlertState.ACTIVE, opens=True)], {STALL}, id="opened"),
        pytest.param((), [change(AlertState.ACTIVE, MEDIUM, opens=True)], set(), id="opened, and not high"),
        pytest.param((STALL,), [change(AlertState.ACKNOWLEDGED)], {STALL}, id="somebody has it"),
        pytest.param((STALL, OTHER), [change(AlertState.CLEARED)], {OTHER}, id="cleared"),
        pytest.param((STALL,), [change(AlertState.CLOSED)], set(), id="closed"),
        pytest.param((STALL,), [change(AlertState.ACTIVE, MEDIUM)], set(), id="eased"),
        pytest.param((STALL,), [change(AlertState.CLEARED), change(AlertState.ACTIVE)], {STALL}, id="came back"),
        pytest.param((), [("pump-1", change(AlertState.CLOSED, opens=True)[1])], set(), id="about nothing"),
    ],
)
def test_what_ends_leaves_the_memory(
    before: tuple[Cause, ...], decided: list[tuple[str, Transition]], after: set[Cause]
) -> None:
    assert remembered(before, decided) == after


def heard(*events: str) -> list[HeardAlarm]:
    """`heard("motor_stall raised", ...)`, a minute apart."""
    found = []
    for minute, text in enumerate(events):
        code, state = text.split()
        at = NOW + timedelta(minutes=minute - 10)
        event = AlarmEvent(AlarmCode(code), AlarmState(state), at, at, "pump-1", minute, UUID(int=minute + 1), None)
        found.append(HeardAlarm("north", "pump-1", event, at))
    return found


RAISED, CLEARED = "motor_stall raised", "motor_stall cleared"


@pytest.mark.parametrize(
    ("events", "known", "pages"),
    [
        pytest.param([RAISED], [], 1, id="it stalls"),
        pytest.param([RAISED], [STALL], 0, id="it was known to be stalled"),
        pytest.param([CLEARED], [STALL], 0, id="it recovers"),
        pytest.param([CLEARED, RAISED], [STALL], 1, id="it recovers and stalls again"),
        pytest.param([RAISED, RAISED], [STALL], 0, id="it says so twice"),
        pytest.param(["pump_stopped cleared", RAISED], [STALL], 0, id="another alarm of the cause ends"),
        pytest.param(["memory_error raised"], [], 0, id="not high"),
    ],
)
def test_who_is_paged_past_the_database(events: list[str], known: list[Cause], pages: int) -> None:
    assert len(emergencies(heard(*events), Policy(), NOW, known)) == pages


def refused(text: str, minute: int) -> HeardAlarm:
    code, state = text.split()
    at = NOW + timedelta(minutes=minute - 10)
    behind = timedelta(days=20_000)
    event = RefusedAlarm(AlarmCode(code), AlarmState(state), at, behind, "pump-1", minute, UUID(int=90 + minute))
    return HeardAlarm("north", "pump-1", event, at)


def test_a_high_alarm_that_will_be_refused_for_its_date_is_paged_too() -> None:
    (found,) = emergencies([refused(RAISED, 2), refused(RAISED, 1)], Policy(), NOW, ())
    assert (found.alert_id, found.rule, found.key) == (UUID(int=91), "clock", "alarm/motor_stall")
    assert bypass_text(found, 0, "https://pw", include_patient_data=False).title == (
        "Pumpwatch HIGH, not recorded: pump alarm with a wrong clock"
    )
    assert emergencies([refused(RAISED, 1), refused(CLEARED, 2)], Policy(), NOW, ()) == ()
    assert emergencies([refused("memory_error raised", 1)], Policy(), NOW, ()) == ()
    known = [("pump-1", "clock", "alarm/motor_stall")]
    assert emergencies([refused(RAISED, 1)], Policy(), NOW, known) == ()
    (proper,) = emergencies([*heard(RAISED), refused(RAISED, 1)], Policy(), NOW, ())
    assert proper.rule == "pump_alarm"


@pytest.mark.parametrize(
    ("queued_as", "trace", "left"),
    [
        pytest.param(None, Trace(), True, id="not stored"),
        pytest.param(None, Trace(stored=True, queued_as=7), True, id="stored, and waits"),
        pytest.param(7, Trace(stored=True, queued_as=7), True, id="waits still"),
        pytest.param(7, Trace(stored=True), False, id="its entry is gone: evaluated"),
        pytest.param(None, Trace(stored=True), False, id="was evaluated before anybody looked"),
        pytest.param(None, Trace(settled=True), False, id="rejected, or ended by what is stored"),
        pytest.param(None, Trace(stored=True, queued_as=7, settled=True), False, id="stored after its end"),
    ],
)
def test_an_alarm_is_followed_until_it_is_evaluated(queued_as: int | None, trace: Trace, left: bool) -> None:
    (alarm,) = heard(RAISED)
    assert (follow(replace(alarm, queued_as=queued_as), trace) is not None) is left


def test_an_alarm_keeps_the_entry_of_the_queue_that_it_came_with() -> None:
    (alarm,) = heard(RAISED)
    first = follow(alarm, Trace(stored=True, queued_as=7))
    assert first is not None
    assert first.queued_as == 7
    assert follow(first, Trace(stored=True, queued_as=5)) == first


def test_only_what_has_waited_for_long_is_overdue() -> None:
    found = emergencies(heard(RAISED), Policy(), NOW, ())
    assert overdue(found, NOW, timedelta(minutes=10)) == found
    assert overdue(found, NOW, timedelta(minutes=11)) == ()


def test_a_pump_is_left_alone_for_a_while_however_often_it_is_decided_about() -> None:
    first = held(None, 100.0)
    assert first.ends == 102
    second = held(first, 101.5)
    assert second.ends == 103.5
    for now in (103.0, 120.0):
        assert held(second, now).ends == 104
    assert held(None, 120.0).ends == 122


def test_a_page_says_why_it_stands_in_no_record() -> None:
    (found,) = emergencies(heard(RAISED), Policy(), NOW, ())
    late = bypass_text(found, 0, "https://pw", include_patient_data=False, away=False)
    assert late.body == "Clinic north. Pumpwatch could not evaluate it in time. Open https://pw/ for the pump."


def test_the_page_of_a_drill_past_the_database_says_that_it_is_one() -> None:
    (found,) = emergencies([replace(each, clinic_id=DRILL) for each in heard(RAISED)], Policy(), NOW, ())
    page = bypass_text(found, 0, "https://pw", include_patient_data=True)
    assert page.title == "Pumpwatch DRILL, not recorded: a test alarm"
    assert page.body == "No pump and no patient. The database is away. Alarms of patients would be paged like this one."
