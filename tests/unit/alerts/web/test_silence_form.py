"""What the silence form asks for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from schemas.policy import PagingPolicy, Policy, Priority
from services.alerts.delivery.mute import check_silence, covers
from services.alerts.errors import Refused
from services.alerts.web.board.silence_form import SCOPES, Opened, asked_for, faults_of, first_values, when_shown
from tests.unit.alerts.rules.builders import HIGH, LOW, MEDIUM, NOW

HOUR = timedelta(hours=1)


def opened(priority: Priority) -> Opened:
    return Opened("north", "pump-1", "pump_alarm", priority)


def typed(priority: Priority, **changes: str) -> dict[str, str]:
    return first_values(opened(priority), PagingPolicy()) | {"reason": "known"} | changes


@pytest.mark.parametrize("priority", list(Priority))
@pytest.mark.parametrize("longest", [0.25, 4.0])
def test_what_the_form_shows_first_holds_its_alert_and_is_allowed(priority: Priority, longest: float) -> None:
    paging = PagingPolicy(silence_longest_hours=longest, silence_high_longest_hours=longest)
    values = first_values(opened(priority), paging) | {"reason": "known"}
    assert faults_of(values) == ()
    asked = asked_for(values, opened(priority), NOW)
    assert covers(asked, pump_id="pump-1", rule="pump_alarm", priority=priority)
    check_silence(asked, Policy(paging=paging), NOW)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_asked_for_holds_its_alert(scope: str) -> None:
    asked = asked_for(typed(MEDIUM, scope=scope, hours="1,5", begins_in_hours=""), opened(MEDIUM), NOW)
    assert covers(asked, pump_id="pump-1", rule="pump_alarm", priority=MEDIUM)
    assert (asked.pump_id, asked.rule) == (
        None if scope == "clinic" else "pump-1",
        None if scope == "pump" else "pump_alarm",
    )
    assert (asked.begins_at, asked.ends_at) == (NOW, NOW + 1.5 * HOUR)
    assert not covers(asked, pump_id="pump-1", rule="pump_alarm", priority=HIGH)


@pytest.mark.parametrize("changes", [{"includes_high": "0"}, {"scope": "clinic"}])
def test_what_would_not_hold_its_high_alert_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Refused, match="it would not hold this alert, which is high"):
        asked_for(typed(HIGH, **changes), opened(HIGH), NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": ""}, "the reason"),
        ({"hours": ""}, "for how many hours"),
        ({"hours": "nan"}, "for how many hours"),
        ({"hours": "-1"}, "for how many hours"),
        ({"begins_in_hours": "9999"}, "in how many hours it begins"),
        ({"scope": "world"}, "from the lists"),
        ({"kind": "x"}, "from the lists"),
        ({"includes_high": "x"}, "from the lists"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, str], words: str) -> None:
    [fault] = faults_of(typed(LOW, **changes))
    assert words in fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NOW.isoformat(), NOW),
        ((NOW - HOUR).isoformat(), NOW - HOUR),
        ((NOW - 2 * HOUR).isoformat(), None),
        ((NOW + HOUR).isoformat(), None),
        ("2026-03-02T09:00:00", None),
        ("soon", None),
    ],
)
def test_a_preview_counts_for_an_hour(text: str, expected: datetime | None) -> None:
    assert when_shown(text, NOW) == expected
