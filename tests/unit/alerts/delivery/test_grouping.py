"""Whether pages that wait go out one by one or as one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.policy import PagingPolicy, Priority
from services.alerts.delivery.grouping import GroupDecision, WaitingPages, decide_group, group_text, waits_for_others
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW

PAGING = PagingPolicy()
WAIT, SINGLY, TOGETHER = GroupDecision


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("count", "first", "last", "group", "expected"),
    [
        pytest.param(1, 4, 4, None, WAIT, id="one, just now"),
        pytest.param(1, 5, 5, None, SINGLY, id="one"),
        pytest.param(4, 9, 5, None, SINGLY, id="a few"),
        pytest.param(5, 9, 5, None, TOGETHER, id="many"),
        pytest.param(300, 29, 0, None, WAIT, id="many, and more coming"),
        pytest.param(300, 30, 0, None, TOGETHER, id="many, more coming, long enough"),
        pytest.param(1, 20, 20, 200, WAIT, id="one group has just gone"),
        pytest.param(2, 200, 100, 300, TOGETHER, id="what followed a group goes together"),
        pytest.param(1, 200, 200, 300, SINGLY, id="one that followed a group"),
        pytest.param(2, 10, 10, 400, SINGLY, id="a group went long ago"),
    ],
)
def test_decisions(count: int, first: float, last: float, group: float | None, expected: GroupDecision) -> None:
    waiting = WaitingPages(count, NOW - seconds(first), NOW - seconds(last), NOW - seconds(group) if group else None)
    assert decide_group(waiting, PAGING, NOW) is expected


@pytest.mark.parametrize("priority", Priority)
def test_a_high_page_waits_for_nobody(priority: Priority) -> None:
    assert waits_for_others(priority) is (priority is not HIGH)


def test_the_page_for_many_names_nobody() -> None:
    first = group_text("low_reservoir", MEDIUM, 300, 0, "https://pw.example.org/", "clinic_id=north")
    assert first.title == "Pumpwatch MEDIUM: 300 alerts: low reservoir"
    assert first.body == "300 alerts of one kind at once. Open https://pw.example.org/?clinic_id=north"
    assert "(nobody has acknowledged)" in group_text("low_reservoir", MEDIUM, 300, 1, "x", "").title
