"""What a backtest says in words: alerts, and pages only where somebody would have been paged."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from schemas.policy import Priority
from services.alerts.backtest.replay import ReplayedChange
from services.alerts.backtest.run import Backtest, as_json, as_lines, in_one_line
from services.alerts.model import TransitionKind
from tests.unit.alerts.rules.builders import NOW

EVERY = tuple(each.value for each in sorted(Priority, key=lambda each: -each.rank))


def opened(priority: Priority, *notified: str, rule: str = "pump_alarm", key: str = "infusion") -> ReplayedChange:
    return ReplayedChange(NOW, "pump-1", "north", rule, key, TransitionKind.OPENED, priority, notified, len(notified))


def of(*changes: ReplayedChange, nobody: tuple[str, ...] = ()) -> Backtest:
    return Backtest(3, NOW - timedelta(weeks=2), NOW, changes, nobody)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (of(*[opened(Priority.HIGH)] * 28, nobody=EVERY), "28 alerts, 0 pages: this policy names nobody"),
        (of(opened(Priority.HIGH, "ann")), "1 alert, 1 page"),
        (of(opened(Priority.HIGH, "ann", "ben"), opened(Priority.HIGH)), "2 alerts, 2 pages"),
        (
            of(opened(Priority.HIGH, "ann"), opened(Priority.LOW), nobody=EVERY[1:]),
            "2 alerts, 1 page; for 1 alert this policy names nobody (1 low)",
        ),
        (of(nobody=EVERY), "0 alerts, 0 pages: this policy names nobody"),
    ],
)
def test_it_says_in_one_line_how_many_and_for_whom_nobody_is_named(found: Backtest, said: str) -> None:
    assert in_one_line(found) == said


def test_rules_and_people_are_called_as_on_the_board() -> None:
    first = of(opened(Priority.HIGH, "person:ann"), opened(Priority.LOW, rule="device_silent", key="p-1"))
    second = of(opened(Priority.HIGH, "person:ann"), nobody=("low",))
    lines = list(as_lines(first, second))
    assert lines[1:3] == ["policy: 2 alerts, 1 page", "against: 1 alert, 1 page"]
    assert f"  pump alarm: infusion{'':12}{1:>12}{1:>12}" in lines
    assert f"  device silent{'':19}{1:>12}{0:>12}" in lines
    assert f"  ann{'':29}{1:>12}{1:>12}" in lines
    assert "only with policy: 1 alert" in lines
    assert "  22 Nov 2026 12:00 UTC  pump-1  low  device silent" in lines
    assert not any("<" in line or "person:" in line for line in lines)
    [alone, *_] = as_lines(first, None)
    assert alone.startswith("3 pumps, ")


def test_a_long_difference_says_how_much_is_left_out() -> None:
    many = of(*[opened(Priority.HIGH, key=f"k{number}") for number in range(23)])
    assert "  ... and 3 more: --json has them all" in list(as_lines(many, of()))


def test_for_programs_both_counts_are_there() -> None:
    document = json.loads(as_json(of(opened(Priority.HIGH), nobody=EVERY), None))
    assert document["policy"]["pages"] == 0
    assert document["policy"]["paging_events"] == 1
    assert document["policy"]["names_nobody_for"] == list(EVERY)
