"""What goes on: refusals at a steady share, a surge that stays, and a level that a person accepts as the new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from schemas.policy import Policy
from services.alerts.facts.model import AcceptedLevel, DayWindow, PumpFacts
from services.alerts.model import Condition, Strength
from services.alerts.rules.demand.bolus_demand import bolus_demand
from services.alerts.rules.demand.bolus_limit import bolus_limit
from services.alerts.rules.demand.days import ACCEPTED_DAYS, days_of, level_of
from services.alerts.rules.demand.demand_drift import demand_drift
from services.alerts.rules.demand.demand_silent import demand_silent
from services.alerts.rules.demand.surge import going_on
from services.simulator.patients.handheld import poisson
from tests.unit.alerts.rules.builders import FACTS, NOW, ago, demand

FULL, HOLDING = Strength.FULL, Strength.HOLDING
DAY = timedelta(days=1)
Rule = Callable[[PumpFacts, Policy, datetime], tuple[Condition, ...]]


def day(count: int | None) -> DayWindow:
    return DayWindow(count or 0, count is not None, count or 0, count or 0)


def facts_at(days: Sequence[DayWindow], index: int, **values: Any) -> PumpFacts:
    """What is known at the end of day `index`, which is `NOW` for the last of `days` (oldest first)."""
    return replace(FACTS, windows=tuple(reversed(days[max(0, index - 111) : index + 1])), **values)


def at(days: Sequence[DayWindow], index: int) -> datetime:
    return NOW - (len(days) - 1 - index) * DAY


def level(days: Sequence[DayWindow], index: int) -> AcceptedLevel | None:
    """What a person accepts at the end of day `index`."""
    return level_of(facts_at(days, index), Policy().bolus_demand, at(days, index))


def life(
    rule: Rule, key: str, days: Sequence[DayWindow], first: int, accepted: int | None = None
) -> tuple[list[int], list[int]]:
    """The days on which an alert opens, and on which it closes, looked at once a day from day `first` on.

    A person accepts the level at the end of day `accepted`: an alert that is open closes then.
    """
    opened, closed, is_open = [], [], False
    for index in range(first, len(days)):
        known = facts_at(days, index)
        if accepted is not None and index > accepted:
            known = replace(known, accepted=level(days, accepted))
        found = {each.key: each.strength for each in rule(known, Policy(), at(days, index))}
        if is_open and key not in found:
            is_open = False
            closed.append(index)
        elif not is_open and found.get(key) is FULL:
            is_open = True
            opened.append(index)
        if index == accepted and is_open:
            is_open = False
            closed.append(index)
    return opened, closed


def chance(seed: int, *runs: tuple[int, float]) -> list[DayWindow]:
    """Oldest first: (how many days, the mean of each)."""
    draw = Random(seed)
    return [day(poisson(draw, mean)) for many, mean in runs for _ in range(many)]


# Limit and refusals -------------------------------------------------------------------------------------------------


def limit_day(*, reached: bool) -> DayWindow:
    return DayWindow(4, heard=True, requests=5, delivered=4, refused=int(reached), refused_at_limit=int(reached))


def share_day(draw: Random, share: float, requests: int) -> DayWindow:
    refused = sum(draw.random() < share for _ in range(requests))
    return DayWindow(requests, heard=True, requests=requests, delivered=requests - refused, refused=refused)


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9])
def test_the_limit_on_a_steady_share_of_days_opens_about_once_in_180_days(share: float) -> None:
    counts = []
    for patient in range(16):
        draw = Random(f"{patient}/{share}")
        days = [limit_day(reached=draw.random() < share) for _ in range(30 + 180)]
        counts.append(len(life(bolus_limit, "limit_days", days, 30)[0]))
    assert sum(counts) / len(counts) <= 1.5
    assert share < 0.5 or min(counts) >= 1


@pytest.mark.parametrize("requests", [3, 8])
@pytest.mark.parametrize("share", [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9])
def test_a_steady_share_of_requests_refused_opens_about_once_in_180_days(share: float, requests: int) -> None:
    counts = []
    for patient in range(10):
        draw = Random(f"{patient}/{share}")
        days = [share_day(draw, share, requests) for _ in range(30 + 180)]
        counts.append(len(life(bolus_limit, "refused_share", days, 30)[0]))
    assert sum(counts) / len(counts) <= 1.5
    assert share < 0.7 or min(counts) >= 1


@pytest.mark.parametrize(
    ("key", "refused", "calm", "within"),
    [
        pytest.param("limit_days", limit_day(reached=True), limit_day(reached=False), 10, id="the limit"),
        pytest.param("refused_share", share_day(Random(1), 1.0, 4), day(4), 10, id="every request refused"),
    ],
)
@pytest.mark.parametrize("weeks", [1, 4, 20])
def test_it_closes_when_nothing_is_refused_any_more(
    key: str, refused: DayWindow, calm: DayWindow, within: int, weeks: int
) -> None:
    days = [*[calm] * 30, *[refused] * 7 * weeks, *[calm] * 30]
    opened, closed = life(bolus_limit, key, days, 30)
    assert (len(opened), len(closed)) == (1, 1)
    assert closed[0] - (30 + 7 * weeks) < within


def test_it_closes_when_refusals_become_few() -> None:
    few = [share_day(Random(1), 0.0, 4), share_day(Random(1), 0.0, 4), DayWindow(4, True, 4, 3, 1)]
    days = [*[share_day(Random(1), 1.0, 4)] * 60, *few * 12]
    opened, closed = life(bolus_limit, "refused_share", days, 30)
    assert (len(opened), len(closed)) == (1, 1)
    assert closed[0] - 60 < 21


def test_days_of_which_nothing_is_known_do_not_count_as_quiet_ones() -> None:
    days = [*[limit_day(reached=True)] * 40, *[day(None)] * 5, limit_day(reached=False), *[day(None)] * 5]
    assert life(bolus_limit, "limit_days", days, 30) == ([30], [])
    assert len(life(bolus_limit, "limit_days", [*days, *[limit_day(reached=False)] * 12], 30)[1]) == 1


@pytest.mark.parametrize("key", ["limit_days", "refused_share"])
def test_it_is_found_as_soon_as_before(key: str) -> None:
    """Five days at the limit, or two thirds refused in a week."""
    refused = limit_day(reached=True) if key == "limit_days" else DayWindow(8, True, 8, 1, 7)
    days = [*[day(4)] * 30, *[refused] * 10]
    assert life(bolus_limit, key, days, 20)[0] == [34]


# A surge that goes on -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("usual", "factor"), [(2, 3.0), (2, 4.0), (4, 2.5), (4, 4.0), (8, 2.0), (8, 3.0)])
def test_a_surge_that_goes_on_stays_open_until_demand_falls(usual: float, factor: float) -> None:
    found = stayed = ended = 0
    for patient in range(20):
        days = chance(patient, (60, usual), (60, usual * factor), (30, usual))
        opened, closed = life(bolus_demand, "attempts_24h", days, 58)
        if any(60 <= index < 75 for index in opened):
            found += 1
            stayed += not any(60 < index < 120 for index in closed)
            ended += any(120 <= index < 120 + 10 for index in closed)
    assert found >= 14
    assert stayed >= 0.9 * found
    assert ended >= 0.9 * found


def test_exactly_three_times_as_much_for_two_months() -> None:
    days = [*[day(3)] * 60, *[day(9)] * 60, *[day(3)] * 10]
    opened, closed = life(bolus_demand, "attempts_24h", days, 30)
    assert (opened, closed) == ([61], [122])
    (found,) = bolus_demand(facts_at(days, 100), Policy(), at(days, 100))
    assert found.strength is HOLDING
    assert found.explanation == "9.0 requests a day for 41 days; usually 3.0 a day before."
    assert found.since == at(days, 100) - 41 * DAY
    assert found.evidence["usual_per_day"] == 3.01


def test_what_is_rarer_still_tells_of_the_level_before_the_surge() -> None:
    days = [*[day(3)] * 60, *[day(9)] * 6, day(20)]
    (found,) = bolus_demand(facts_at(days, 66), Policy(), NOW)
    assert found.strength is FULL
    assert "usually 3.0 a day. It has gone on for 7 days, with 10.6 a day." in found.explanation
    assert found.since == NOW - 7 * DAY


def test_a_burst_of_today_is_of_today_and_what_has_gone_on_for_ten_days_is_said_so() -> None:
    """The same burst after calm days and after ten days of four times the usual: since when, of 100 patients each."""
    dated = {}
    for name, spans in {"today": ((60, 2), (1, 2)), "ten days": ((60, 2), (10, 8))}.items():
        found: list[Condition] = []
        for patient in range(100):
            days = [*chance(patient, *spans)[:-1], day(20)]
            found += bolus_demand(facts_at(days, len(days) - 1), Policy(), NOW)
        assert len(found) == 100
        dated[name] = [(NOW - each.since) // DAY for each in found]
    assert sum(days > 3 for days in dated["today"]) <= 5
    assert sum(8 <= days <= 12 for days in dated["ten days"]) >= 90


def test_days_of_which_nothing_is_known_end_no_surge() -> None:
    days = [*[day(3)] * 60, *[day(9)] * 5, *[day(None)] * 20, *[day(9)] * 5]
    assert life(bolus_demand, "attempts_24h", days, 50) == ([61], [])


def test_few_requests_within_a_surge_end_nothing() -> None:
    """Fewer than the minimum in three days, at a patient who asked once in five days."""
    days = [*[day(1 if index % 5 == 0 else 0) for index in range(60)], *[day(5)] * 10, day(1), day(1), day(1)]
    assert life(bolus_demand, "attempts_24h", days, 50)[1] == []


@pytest.mark.parametrize("reprogrammed", [62, 66])
def test_a_reprogramming_ends_the_comparison_when_the_new_prescription_is_learned(reprogrammed: int) -> None:
    days = [*[day(3)] * 60, *[day(9)] * 40]
    held = life(bolus_demand, "attempts_24h", days[: reprogrammed + 1], 50)
    assert held == ([61], [])
    changed = at(days, reprogrammed) + timedelta(minutes=1)
    for index, expected in ((reprogrammed + 1, [HOLDING]), (reprogrammed + 16, [HOLDING]), (reprogrammed + 18, [])):
        found = bolus_demand(facts_at(days, index, reprogrammed_at=changed), Policy(), at(days, index))
        assert [each.strength for each in found] == expected


# A level that a person accepts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 3, 10, 40])
def test_a_level_that_is_accepted_does_not_come_back(after: int) -> None:
    """Accepted on the day of the surge, or later: what opens in 60 days is chance, one in 1,000 days as ever."""
    days = [*[day(3)] * 60, *[day(9)] * (2 + after), *[day(9)] * 60]
    assert life(bolus_demand, "attempts_24h", days, 50, accepted=61 + after) == ([61], [61 + after])
    came_back = 0
    for patient in range(20):
        days = chance(patient, (60, 3), (2 + after, 9), (60, 9))
        opened, _ = life(bolus_demand, "attempts_24h", days, 58, accepted=61 + after)
        came_back += any(index > 61 + after for index in opened)
    assert came_back <= 3


@pytest.mark.parametrize("later", [1, 4, 20])
def test_a_further_rise_is_another_alert(later: int) -> None:
    days = [*[day(3)] * 60, *[day(9)] * (3 + later), *[day(30)] * 3]
    opened, _ = life(bolus_demand, "attempts_24h", days, 50, accepted=62)
    assert opened[0] == 61
    assert len(opened) == 2


def test_after_an_acceptance_the_old_level_is_no_surge_and_neither_is_the_accepted_one_again() -> None:
    days = [*[day(3)] * 60, *[day(9)] * 20, *[day(3)] * 20, *[day(9)] * 4]
    assert life(bolus_demand, "attempts_24h", days, 50, accepted=65)[0] == [61]


def test_accepted_during_a_drift() -> None:
    days = [*[day(3)] * 70, *[day(4)] * 7, *[day(5)] * 7, *[day(6)] * 66]
    opened, closed = life(demand_drift, "drift", days, 60, accepted=90)
    assert (len(opened), closed) == (1, [90])
    assert life(demand_drift, "drift", days, 60)[1] != [90]
    more = [*days[:110], *[day(12)] * 20]
    assert len(life(demand_drift, "drift", more, 60, accepted=90)[0]) == 2


def test_accepted_that_nothing_is_asked_for() -> None:
    days = [*[day(3)] * 60, *[day(0)] * 30]
    opened, closed = life(demand_silent, "silent", days, 50, accepted=70)
    assert (len(opened), closed) == (1, [70])
    known = facts_at(days, 89, accepted=level(days, 70))
    assert demand_silent(known, Policy(), NOW) == ()
    again = [*days[:72], *[day(3)] * 60, *[day(0)] * 14]
    assert len(life(demand_silent, "silent", again, 50, accepted=70)[0]) == 2


def test_a_reprogramming_after_the_acceptance_begins_anew() -> None:
    days = [*[day(3)] * 60, *[day(9)] * 30]
    accepted = replace(facts_at(days, 89), accepted=level(days, 62))
    assert days_of(accepted, Policy().bolus_demand, NOW).own == 30
    both = replace(accepted, reprogrammed_at=at(days, 70))
    found = days_of(both, Policy().bolus_demand, NOW)
    assert (len(found.counts), found.own) == (19, 19)


@pytest.mark.parametrize(
    ("days", "own", "per_day"),
    [
        pytest.param([*[day(3)] * 60, *[day(9)] * 5], 5, 9.1, id="where the days change most clearly"),
        pytest.param([*[day(3)] * 20, *[day(9)] * 45], ACCEPTED_DAYS, 9.018, id="at most four weeks before"),
        pytest.param([*[day(None)] * 60, day(9)], ACCEPTED_DAYS, 9.5, id="nothing is known from before"),
        pytest.param([*[day(0)] * 65], 1, 0.5, id="nobody asked, then or now"),
    ],
)
def test_where_the_level_of_now_begins(days: list[DayWindow], own: int, per_day: float) -> None:
    found = level(days, len(days) - 1)
    assert found is not None
    assert (found.at, found.since) == (NOW, NOW - own * DAY)
    assert found.per_day == pytest.approx(per_day, abs=0.001)


def test_where_nothing_is_known_of_the_last_days_there_is_no_level() -> None:
    assert level([*[day(9)] * 60, *[day(None)] * 40], 99) is None


def test_days_before_the_level_are_scaled_until_enough_of_it_are_known() -> None:
    days = [*[day(2), day(4)] * 30, *[day(9)] * 5]
    known = replace(facts_at(days, 64), accepted=AcceptedLevel(ago(1), NOW - 5 * DAY, 9.0))
    found = days_of(known, Policy().bolus_demand, NOW)
    assert (found.own, found.counts[:9]) == (5, (9, 9, 9, 9, 9, 12, 6, 12, 6))
    assert found.known(3, 14)[:4] == [9, 9, 12, 6]
    assert found.known(0, 5) == [9] * 5
    assert found.known(10, 14)[:2] == [6, 12]
    for ages_ago in (NOW - 400 * DAY, NOW - 65 * DAY):
        old = days_of(replace(known, accepted=AcceptedLevel(ages_ago, ages_ago, 9.0)), Policy().bolus_demand, NOW)
        assert old.own == 65
        assert old.counts[5:7] == (4, 2)


def test_what_follows_the_acceptance_on_the_same_day_is_not_accepted_with_it() -> None:
    days = [*[day(2)] * 60, day(12)]
    accepted = AcceptedLevel(ago(1), ago(25), 12.5)
    (found,) = bolus_demand(replace(facts_at([*days[:-1], day(60)], 60), accepted=accepted), Policy(), NOW)
    assert found.strength is FULL
    assert bolus_demand(replace(facts_at(days, 60), accepted=accepted), Policy(), NOW) == ()


def test_too_little_is_known_for_a_surge() -> None:
    known = replace(FACTS, windows=(day(9),) * 12, demand=demand(9))
    assert going_on(days_of(known, Policy().bolus_demand, NOW), Policy().bolus_demand) is None
