"""The life of an alert, as a table: state and condition in, transition out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Priority
from schemas.topics import DRILL
from services.alerts.errors import Refused
from services.alerts.lifecycle.one_off import counted_as, resolve
from services.alerts.lifecycle.reconcile import acknowledge, reconcile, retire
from services.alerts.model import (
    AlertState,
    Condition,
    OpenAlert,
    Reason,
    RuleName,
    Strength,
    Transition,
    TransitionKind,
    key_of,
)
from tests.signed_in import somebody
from tests.unit.alerts.rules.builders import (
    HIGH,
    LOW,
    MEDIUM,
    NOW,
    OPENED_HIGH,
    ago,
    alert,
    condition,
    page,
)

Kind, State = TransitionKind, AlertState
OPENED_MEDIUM = page(Kind.OPENED, 1, 1, MEDIUM, None)
HOLDING = condition(strength=Strength.HOLDING)
MEDIUM_ALERT: dict[str, Any] = {"priority": MEDIUM, "pages": (OPENED_MEDIUM,)}
TAKEN: dict[str, Any] = {"state": State.ACKNOWLEDGED, "acknowledged_by": "Ann"}


@pytest.mark.parametrize(
    ("open_alert", "holds", "expected"),
    [
        pytest.param(None, None, None, id="nothing"),
        pytest.param(None, HOLDING, None, id="what lingers opens nothing"),
        pytest.param(None, condition(), (Kind.OPENED, Reason.CONDITION_BEGAN, State.ACTIVE, HIGH), id="opens"),
        pytest.param(alert(), condition(), None, id="unchanged"),
        pytest.param(alert(), HOLDING, None, id="held open"),
        pytest.param(
            alert(),
            None,
            (Kind.CLEARED, Reason.CONDITION_ENDED, State.CLEARED, HIGH),
            id="high and unseen: stays listed",
        ),
        pytest.param(
            alert(clinic_id=DRILL),
            None,
            (Kind.CLOSED, Reason.CONDITION_ENDED, State.CLOSED, HIGH),
            id="a drill, which nobody has to see: closes",
        ),
        pytest.param(
            alert(**MEDIUM_ALERT),
            None,
            (Kind.CLOSED, Reason.CONDITION_ENDED, State.CLOSED, MEDIUM),
            id="medium and unseen: closes",
        ),
        pytest.param(
            alert(priority=MEDIUM, pages=(OPENED_HIGH,)),
            None,
            (Kind.CLEARED, Reason.CONDITION_ENDED, State.CLEARED, MEDIUM),
            id="once high and unseen: stays listed",
        ),
        pytest.param(
            alert(**MEDIUM_ALERT),
            condition(),
            (Kind.PRIORITY_RAISED, Reason.CONDITION_WORSENED, State.ACTIVE, HIGH),
            id="worse",
        ),
        pytest.param(
            alert(),
            condition(priority=MEDIUM),
            (Kind.PRIORITY_LOWERED, Reason.CONDITION_EASED, State.ACTIVE, MEDIUM),
            id="eased",
        ),
        *(
            pytest.param(
                alert(),
                condition(**{name: value}),
                (Kind.REFRESHED, Reason.CONDITION_CHANGED, State.ACTIVE, HIGH),
                id=f"new {name}",
            )
            for name, value in [
                ("title", "Pump stopped"),
                ("explanation", "Otherwise."),
                ("evidence", {"pump_stopped": "now"}),
                ("since", ago(5)),
            ]
        ),
        pytest.param(alert(), condition(since=ago(0.5)), None, id="a later beginning is no news"),
        pytest.param(alert(**TAKEN), None, (Kind.CLOSED, Reason.CONDITION_ENDED, State.CLOSED, HIGH), id="taken, over"),
        pytest.param(alert(**TAKEN), condition(), None, id="taken, unchanged"),
        pytest.param(alert(**TAKEN), HOLDING, None, id="taken, held open"),
        pytest.param(
            alert(**TAKEN),
            condition(title="Pump stopped"),
            (Kind.REFRESHED, Reason.CONDITION_CHANGED, State.ACKNOWLEDGED, HIGH),
            id="taken, new text",
        ),
        pytest.param(
            alert(**TAKEN),
            condition(priority=LOW, title="Pump stopped"),
            (Kind.REFRESHED, Reason.CONDITION_CHANGED, State.ACKNOWLEDGED, HIGH),
            id="taken, eased: keeps the priority it was taken at",
        ),
        pytest.param(
            alert(**TAKEN, **MEDIUM_ALERT),
            condition(),
            (Kind.PRIORITY_RAISED, Reason.CONDITION_WORSENED, State.ACTIVE, HIGH),
            id="taken, worse: somebody is needed again",
        ),
        pytest.param(
            alert(**TAKEN, acknowledgement_expires_at=NOW),
            condition(priority=MEDIUM),
            (Kind.ACKNOWLEDGEMENT_EXPIRED, Reason.CONDITION_PERSISTS, State.ACTIVE, MEDIUM),
            id="taken too long ago",
        ),
        pytest.param(
            alert(**TAKEN, acknowledgement_expires_at=NOW + timedelta(seconds=1)),
            condition(),
            None,
            id="taken long ago",
        ),
        pytest.param(
            alert(**TAKEN, acknowledgement_expires_at=NOW),
            HOLDING,
            (Kind.ACKNOWLEDGEMENT_EXPIRED, Reason.CONDITION_PERSISTS, State.ACTIVE, HIGH),
            id="taken too long ago, and nobody knows better",
        ),
        pytest.param(alert(acknowledgement_expires_at=NOW), HOLDING, None, id="nobody has it: nothing expires"),
        pytest.param(alert(state=State.CLEARED), None, None, id="cleared stays"),
        pytest.param(alert(state=State.CLEARED), HOLDING, None, id="cleared does not come back by lingering"),
        pytest.param(
            alert(state=State.CLEARED),
            condition(),
            (Kind.RETURNED, Reason.CONDITION_RETURNED, State.ACTIVE, HIGH),
            id="comes back",
        ),
        pytest.param(
            alert(state=State.CLOSED),
            condition(),
            (Kind.OPENED, Reason.CONDITION_BEGAN, State.ACTIVE, HIGH),
            id="closed is closed: another opens",
        ),
        pytest.param(alert(state=State.CLOSED), None, None, id="closed is closed, and over"),
    ],
)
def test_one_alert(open_alert: OpenAlert | None, holds: Condition | None, expected: tuple[object, ...] | None) -> None:
    found = reconcile([holds] if holds else [], [open_alert] if open_alert else [], NOW)
    assert [(each.kind, each.reason, each.to_state, each.priority) for each in found] == (
        [expected] if expected else []
    )
    for each in found:
        assert each.alert is (None if each.kind is Kind.OPENED else open_alert)
        assert each.from_state == (each.alert.state if each.alert else None)


ENDED: dict[str, Any] = {"ended_at": NOW - timedelta(minutes=9), "notified": HIGH}


@pytest.mark.parametrize(
    ("open_alert", "holds", "reason"),
    [
        (alert(state=State.CLEARED, **ENDED), condition(), Reason.CONDITION_FLAPPED),
        (alert(state=State.CLOSED, **ENDED), condition(), Reason.CONDITION_FLAPPED),
        (alert(state=State.CLOSED, **ENDED), condition(priority=MEDIUM), Reason.CONDITION_FLAPPED),
        pytest.param(
            alert(state=State.CLEARED, **ENDED | {"notified": None}),
            condition(),
            Reason.CONDITION_RETURNED,
            id="untold",
        ),
        pytest.param(
            alert(state=State.CLEARED, **ENDED | {"notified": MEDIUM}),
            condition(),
            Reason.CONDITION_RETURNED,
            id="worse",
        ),
        pytest.param(
            alert(state=State.CLEARED, **ENDED | {"ended_at": NOW - timedelta(minutes=10)}),
            condition(),
            Reason.CONDITION_RETURNED,
            id="late",
        ),
        pytest.param(
            alert(state=State.CLOSED, acknowledged_by="Ann", **ENDED),
            condition(),
            Reason.CONDITION_BEGAN,
            id="somebody had it",
        ),
        pytest.param(alert(state=State.CLOSED, **ENDED), HOLDING, None, id="lingering"),
    ],
)
def test_flapping(open_alert: OpenAlert, holds: Condition, reason: Reason | None) -> None:
    found = reconcile([holds], [open_alert], NOW, flapping=timedelta(minutes=10))
    assert [each.reason for each in found] == ([reason] if reason else [])


def test_a_closed_alert_gives_way_to_an_open_one() -> None:
    open_alert = alert(alert_id=UUID(int=8))
    assert reconcile([condition()], [alert(state=State.CLOSED, **ENDED), open_alert], NOW) == ()


def test_alerts_are_told_apart_by_rule_and_key() -> None:
    conditions = [condition(key="memory"), condition(rule=RuleName.LOW_RESERVOIR, key="infusion")]
    found = reconcile(conditions, [alert()], NOW)
    assert [each.kind for each in found] == [Kind.CLEARED, Kind.OPENED, Kind.OPENED]


@given(
    st.sampled_from([State.ACTIVE, State.ACKNOWLEDGED, State.CLEARED]),
    st.sampled_from(Priority),
    st.sampled_from(Priority),
    st.sampled_from(Strength),
    st.booleans(),
)
def test_deciding_again_changes_nothing(
    state: AlertState, had: Priority, now_priority: Priority, strength: Strength, expired: bool
) -> None:
    """Whatever happened, the same facts right afterwards do not make it happen again."""
    before = alert(
        state=state,
        priority=had,
        pages=(page(Kind.OPENED, 1, 1, had, None),),
        acknowledgement_expires_at=NOW if expired else None,
    )
    holds = condition(priority=now_priority, strength=strength)
    (change,) = reconcile([holds], [before], NOW) or (None,)
    if change is None:
        return
    after = alert(state=change.to_state, priority=change.priority)
    assert reconcile([holds], [after], NOW) == ()


def test_a_retired_pump_closes_everything() -> None:
    found = retire([alert(), alert(state=State.CLEARED), alert(state=State.CLOSED)], Reason.PUMP_RETIRED)
    assert {(each.kind, each.to_state, each.reason) for each in found} == {
        (Kind.CLOSED, State.CLOSED, Reason.PUMP_RETIRED)
    }
    assert len(found) == 2


def test_acknowledging() -> None:
    taken = acknowledge(alert(), somebody("Ann"))
    assert taken is not None
    assert (taken.kind, taken.to_state, taken.reason) == (Kind.ACKNOWLEDGED, State.ACKNOWLEDGED, Reason.PERSON_TOOK_IT)
    seen = acknowledge(alert(state=State.CLEARED), somebody("Ann"))
    assert seen is not None
    assert (seen.kind, seen.to_state, seen.reason) == (Kind.CLOSED, State.CLOSED, Reason.PERSON_SAW_IT)


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.CLOSED])
def test_acknowledging_again_changes_nothing(state: AlertState) -> None:
    assert (
        acknowledge(alert(state=state, acknowledged_by="Ann", acknowledged_by_id="test:Ann"), somebody("Ann")) is None
    )


@pytest.mark.parametrize(
    ("state", "message"),
    [(State.ACKNOWLEDGED, "Ann has already acknowledged this alert"), (State.CLOSED, "this alert is closed")],
)
def test_acknowledging_what_somebody_else_has(state: AlertState, message: str) -> None:
    with pytest.raises(Refused, match=message):
        acknowledge(alert(state=state, acknowledged_by="Ann", acknowledged_by_id="test:Ann"), somebody("Bob"))


def test_two_who_have_the_same_name_are_two() -> None:
    with pytest.raises(Refused, match="Ann has already acknowledged this alert"):
        acknowledge(
            alert(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledged_by_id="person:1"), somebody("Ann")
        )


def test_a_name_that_was_typed_before_persons_had_accounts_is_nobodys() -> None:
    with pytest.raises(Refused, match="Ann has already acknowledged this alert"):
        acknowledge(alert(state=State.ACKNOWLEDGED, acknowledged_by="Ann"), somebody("Ann"))


BY_BEN: dict[str, Any] = {"resolved_by": "Ben", "resolved_by_id": "test:Ben"}
HAPPENED: dict[str, Any] = {"key": key_of("refill", ago(5))}


def test_what_a_person_resolved_never_comes_back_and_the_next_one_does() -> None:
    resolved = alert(**HAPPENED, state=State.CLOSED, ended_at=ago(0.01), resolved_by="Ann")
    flapping = timedelta(minutes=30)
    assert reconcile([condition(**HAPPENED)], [resolved], NOW, flapping=flapping) == ()
    assert reconcile([condition(**HAPPENED, priority=HIGH)], [resolved], NOW + timedelta(days=9)) == ()
    (opened,) = reconcile([condition(key=key_of("refill", ago(1)))], [resolved], NOW)
    assert opened.kind is Kind.OPENED
    assert retire([resolved], Reason.PUMP_RETIRED) == ()


@pytest.mark.parametrize("state", [State.ACTIVE, State.ACKNOWLEDGED, State.CLEARED])
def test_resolving(state: AlertState) -> None:
    transition = resolve(alert(**HAPPENED, state=state, acknowledged_by="Ben"), somebody("Ann"))
    assert transition is not None
    assert (transition.kind, transition.reason, transition.to_state) == (
        Kind.CLOSED,
        Reason.PERSON_RESOLVED,
        State.CLOSED,
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "ends by itself"),
        (HAPPENED | {"state": State.CLOSED}, "this alert is closed"),
        (
            HAPPENED | {"state": State.CLOSED, "resolved_by": "Ben", "resolved_by_id": "test:Ben"},
            "Ben has already resolved",
        ),
    ],
)
def test_what_cannot_be_resolved(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        resolve(alert(**changes), somebody("Ann"))


def test_resolving_twice_changes_nothing() -> None:
    assert (
        resolve(alert(**HAPPENED, state=State.CLOSED, resolved_by="Ann", resolved_by_id="test:Ann"), somebody("Ann"))
        is None
    )


def test_a_key_names_the_moment_in_utc() -> None:
    at = datetime(2026, 3, 2, 10, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert key_of("refill", at) == "refill@2026-03-02T09:00:30Z"
    assert counted_as("infusion", key_of("refill", at)) == "infusion/refill"
    assert counted_as("device_silent", "handheld-1") == "device_silent/device"


HALF_A_DAY = {("pump_alarm", "infusion"): timedelta(hours=12)}


def calm_next(before: OpenAlert, found: Condition | None, now: datetime = NOW) -> Transition | None:
    transitions = reconcile([found] if found else [], [before], now, calm=HALF_A_DAY)
    assert len(transitions) <= 1
    return transitions[0] if transitions else None


@pytest.mark.parametrize("taken", [{}, TAKEN], ids=["active", "taken"])
def test_where_a_condition_must_be_gone_for_a_while_the_alert_ends_when_it_was(taken: dict[str, Any]) -> None:
    first = calm_next(alert(**MEDIUM_ALERT, **taken), None)
    assert first is not None
    assert (first.kind, first.reason, first.to_state, first.calm_since) == (
        Kind.REFRESHED,
        Reason.CONDITION_CALM,
        State.ACKNOWLEDGED if taken else State.ACTIVE,
        NOW,
    )
    calm = alert(**MEDIUM_ALERT, **taken).after(first, None, NOW)
    assert (calm.title, calm.acknowledged_by) == (alert().title, alert(**taken).acknowledged_by)
    assert calm_next(calm, None, NOW + timedelta(hours=11, minutes=59)) is None
    over = calm_next(calm, None, NOW + timedelta(hours=12))
    assert over is not None
    assert (over.kind, over.reason) == (Kind.CLOSED, Reason.CONDITION_ENDED)


@pytest.mark.parametrize("found", [HOLDING, condition()], ids=["lingers", "full"])
@pytest.mark.parametrize("taken", [{}, TAKEN], ids=["active", "taken"])
def test_a_condition_that_is_seen_again_begins_the_while_anew(found: Condition, taken: dict[str, Any]) -> None:
    calm = alert(**taken, calm_since=ago(11))
    again = calm_next(calm, found)
    assert again is not None
    assert (again.kind, again.calm_since) == (Kind.REFRESHED, None)
    assert calm.after(again, None, NOW).calm_since is None
    assert calm_next(replace(calm, calm_since=None), found) is None


def test_only_what_is_named_must_be_gone_for_a_while() -> None:
    [ended] = reconcile([], [alert(**MEDIUM_ALERT, key="battery")], NOW, calm=HALF_A_DAY)
    assert ended.kind is Kind.CLOSED


def test_what_is_cleared_does_not_calm() -> None:
    assert calm_next(alert(state=State.CLEARED, calm_since=ago(1)), HOLDING) is None
    assert calm_next(alert(state=State.CLEARED), None) is None
