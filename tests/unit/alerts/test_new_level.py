"""A person accepts a level of demand as the new one: which alerts, by whom, and what follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.alerts.errors import Refused
from services.alerts.lifecycle.new_level import accept, is_about_a_level
from services.alerts.lifecycle.reconcile import reconcile
from services.alerts.model import AlertState, Reason, RuleName, TransitionKind
from tests.signed_in import somebody
from tests.unit.alerts.rules.builders import MEDIUM, NOW, ago, alert, condition

DEMAND: dict[str, Any] = {"rule": RuleName.BOLUS_DEMAND.value, "key": "attempts_24h", "priority": MEDIUM}
HOLDS: dict[str, Any] = DEMAND | {"rule": RuleName.BOLUS_DEMAND}


def test_the_levels_that_can_be_accepted_are_those_of_demand() -> None:
    assert {rule for rule in RuleName if is_about_a_level(rule)} == {RuleName.BOLUS_DEMAND}


BY_BEN = {"accepted_by": "Ben", "accepted_by_id": "test:Ben"}


@pytest.mark.parametrize("key", ["attempts_24h", "drift", "silent"])
@pytest.mark.parametrize("state", [AlertState.ACTIVE, AlertState.ACKNOWLEDGED])
def test_it_closes(key: str, state: AlertState) -> None:
    made = accept(alert(**DEMAND | {"key": key}, state=state, acknowledged_by="Ben"), somebody("Ann"))
    assert made is not None
    assert (made.kind, made.reason, made.to_state) == (
        TransitionKind.CLOSED,
        Reason.PERSON_ACCEPTED,
        AlertState.CLOSED,
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "not about a level of demand"),
        (DEMAND | {"state": AlertState.CLOSED}, "this alert is over"),
        (DEMAND | {"state": AlertState.CLEARED}, "this alert is over"),
        (
            DEMAND | {"state": AlertState.CLOSED, "accepted_by": "Ben", "accepted_by_id": "test:Ben"},
            "Ben has already accepted",
        ),
    ],
)
def test_what_cannot_be_accepted(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        accept(alert(**changes), somebody("Ann"))


def test_accepting_twice_changes_nothing() -> None:
    assert (
        accept(alert(**DEMAND, state=AlertState.CLOSED, accepted_by="Ann", accepted_by_id="test:Ann"), somebody("Ann"))
        is None
    )


@pytest.mark.parametrize(("accepted_by", "kind"), [(None, TransitionKind.RETURNED), ("Ann", TransitionKind.OPENED)])
def test_a_further_change_minutes_after_the_acceptance_is_another_alert(
    accepted_by: str | None, kind: TransitionKind
) -> None:
    """The one before would flap, and nobody would be told again."""
    closed = alert(**DEMAND, state=AlertState.CLOSED, ended_at=ago(0.05), notified=MEDIUM, accepted_by=accepted_by)
    [made] = reconcile([condition(**HOLDS)], [closed], NOW, flapping=timedelta(minutes=10))
    assert made.kind is kind
