"""What an alert is after something happened to it, and what a page is about."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from services.alerts.model import (
    PAGING_KINDS,
    AlertState,
    Condition,
    Occasion,
    OccasionKind,
    OpenAlert,
    Page,
    Reason,
    Transition,
    TransitionKind,
)
from tests.unit.alerts.rules.builders import HIGH, LOW, MEDIUM, NOW, OPENED_HIGH, ago, alert, condition, occasion

Kind, State = TransitionKind, AlertState
CHANGED = condition(priority=MEDIUM, title="Low", explanation="1.9 mL left.", evidence={"ml": 1.9}, since=ago(0.5))
TAKEN = alert(state=State.ACKNOWLEDGED, acknowledged_by="Ann", acknowledgement_expires_at=ago(-8))
CLEARED = alert(state=State.CLEARED, ended_at=ago(0.2))


def change(
    kind: TransitionKind,
    of: OpenAlert | None,
    to_state: AlertState = State.ACTIVE,
    found: Condition | None = CHANGED,
    reason: Reason = Reason.CONDITION_CHANGED,
) -> Transition:
    return Transition(kind, reason, of, found, to_state, found.priority if found else HIGH)


def text_of(found: OpenAlert) -> tuple[str, str, object]:
    return found.title, found.explanation, found.evidence


def test_it_opens_with_one_page() -> None:
    new = OpenAlert.opened_by(CHANGED, alert_id=UUID(int=7), clinic_id="north", pump_id="pump-1")
    found = new.after(change(Kind.OPENED, None, reason=Reason.CONDITION_BEGAN), 5, NOW)
    assert found.pages == (Page(Kind.OPENED, 5, NOW, MEDIUM, None),)
    assert (found.state, found.priority, found.since, found.ended_at) == (State.ACTIVE, MEDIUM, ago(0.5), None)
    assert text_of(found) == text_of(new)


def test_what_is_refreshed_has_the_new_text_and_no_page_and_needs_no_place_in_the_trail() -> None:
    found = alert().after(change(Kind.REFRESHED, alert()), None, NOW)
    assert text_of(found) == (CHANGED.title, CHANGED.explanation, CHANGED.evidence)
    assert (found.pages, found.since) == ((OPENED_HIGH,), ago(1))


def test_what_rises_pages_at_its_new_priority() -> None:
    low = alert(priority=LOW)
    found = low.after(change(Kind.PRIORITY_RAISED, low), 6, NOW)
    assert (found.priority, found.pages) == (
        MEDIUM,
        (OPENED_HIGH, Page(Kind.PRIORITY_RAISED, 6, NOW, MEDIUM, State.ACTIVE)),
    )
    assert found.peak is HIGH


@pytest.mark.parametrize("flapped", [False, True])
def test_what_returns_begins_anew(flapped: bool) -> None:
    reason = Reason.CONDITION_FLAPPED if flapped else Reason.CONDITION_RETURNED
    found = CLEARED.after(change(Kind.RETURNED, CLEARED, reason=reason), 8, NOW)
    assert (found.state, found.since, found.ended_at) == (State.ACTIVE, ago(0.5), None)
    assert found.pages[-1] == Page(Kind.RETURNED, 8, NOW, MEDIUM, State.CLEARED, flapped)


@pytest.mark.parametrize(
    ("of", "to_state", "ended_at"),
    [
        pytest.param(alert(), State.CLEARED, NOW, id="cleared"),
        pytest.param(alert(), State.CLOSED, NOW, id="closed"),
        pytest.param(CLEARED, State.CLOSED, ago(0.2), id="closed after it had cleared"),
    ],
)
def test_what_is_over_ended_once(of: OpenAlert, to_state: AlertState, ended_at: datetime) -> None:
    kind = Kind.CLEARED if to_state is State.CLEARED else Kind.CLOSED
    found = of.after(change(kind, of, to_state, None), 9, NOW)
    assert (found.state, found.ended_at, found.since) == (to_state, ended_at, ago(1))
    assert (text_of(found), found.pages) == (text_of(of), of.pages)


def test_who_had_it_is_forgotten_when_the_acknowledgement_expires() -> None:
    found = TAKEN.after(change(Kind.ACKNOWLEDGEMENT_EXPIRED, TAKEN), 9, NOW)
    assert (found.state, found.acknowledged_by, found.acknowledgement_expires_at) == (State.ACTIVE, None, None)
    assert found.pages[-1] == Page(Kind.ACKNOWLEDGEMENT_EXPIRED, 9, NOW, MEDIUM, State.ACKNOWLEDGED)


def test_who_has_it_keeps_it_while_it_is_refreshed_and_when_it_closes() -> None:
    for transition in (
        change(Kind.REFRESHED, TAKEN, State.ACKNOWLEDGED),
        change(Kind.CLOSED, TAKEN, State.CLOSED, None),
    ):
        found = TAKEN.after(transition, 9, NOW)
        assert (found.acknowledged_by, found.acknowledgement_expires_at) == ("Ann", ago(-8))


@pytest.mark.parametrize("kind", sorted(PAGING_KINDS))
def test_what_pages_must_stand_in_the_trail(kind: TransitionKind) -> None:
    with pytest.raises(ValueError, match=f"must be audited: {kind}"):
        alert().after(change(kind, alert()), None, NOW)


@pytest.mark.parametrize(
    ("kind", "found", "since"),
    [
        pytest.param(Kind.REFRESHED, condition(since=ago(0.5)), ago(1), id="it goes on"),
        pytest.param(Kind.REFRESHED, condition(since=ago(3)), ago(3), id="it began earlier than was known"),
        pytest.param(Kind.RETURNED, condition(since=ago(0.5)), ago(0.5), id="it returned"),
        pytest.param(Kind.CLOSED, None, ago(1), id="it is over"),
    ],
)
def test_since_when_it_is_so(kind: TransitionKind, found: Condition | None, since: datetime) -> None:
    assert change(kind, alert(), found=found).since_of(alert()) == since


@pytest.mark.parametrize(
    ("why", "text"),
    [
        (Occasion(OccasionKind.OPENED), "opened"),
        (Occasion(OccasionKind.OPENED, step=1), "opened/step:1"),
        (Occasion(OccasionKind.PRIORITY, "high"), "priority:high"),
        (Occasion(OccasionKind.PRIORITY, "high:12", 1), "priority:high:12/step:1"),
        (Occasion(OccasionKind.RETURNED, "8"), "returned:8"),
        (Occasion(OccasionKind.EXPIRED, "9", 2), "expired:9/step:2"),
    ],
)
def test_an_occasion_in_one_word(why: Occasion, text: str) -> None:
    assert str(why) == text
    assert occasion(text) == why


def test_another_step_of_the_same_episode() -> None:
    assert occasion("returned:8").at_step(2) == occasion("returned:8/step:2")
    assert occasion("returned:8/step:2").at_step(0) == occasion("returned:8")
