"""Which visit is booked, whether the reservoir lasts until it, until when a drug is good, and by when to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from schemas.policy import DrugStability, ForecastBy, LowReservoirPolicy, Policy
from services.alerts.facts.model import DayWindow, PumpFacts, Refill, Therapy, Visit, VisitKind
from services.alerts.model import Condition, Strength
from services.alerts.rules.reservoir.booked import booked
from services.alerts.rules.reservoir.low_reservoir import low_reservoir
from services.alerts.rules.reservoir.refill_dates import refill_dates
from services.alerts.rules.reservoir.stability import stability_of
from tests.unit.alerts.facts.anything import facts as any_facts
from tests.unit.alerts.refills.pumps import DAY, ahead, pump, visit
from tests.unit.alerts.rules.builders import NOW, ago, facts, reading

POLICY = Policy()
WORST = Policy(low_reservoir=LowReservoirPolicy(forecast_by=ForecastBy.WORST_CASE))


def warned(found: PumpFacts, policy: Policy = POLICY, now: datetime = NOW) -> list[Condition]:
    return [each for each in low_reservoir(found, policy, now) if each.strength is Strength.FULL]


# Which visit is booked.


@pytest.mark.parametrize(
    ("known", "days", "by_board"),
    [
        pytest.param(pump(), None, False, id="nobody booked one"),
        pytest.param(facts(), None, False, id="nothing is known"),
        pytest.param(pump(due_days=20), 20, False, id="the device has a date"),
        pytest.param(pump(visit=visit(12)), 12, True, id="the board has one"),
        pytest.param(pump(due_days=20, visit=visit(12)), 12, True, id="both: the board counts"),
        pytest.param(pump(due_days=20, visit=visit(33, VisitKind.MOVED)), 33, True, id="moved past the device's"),
        pytest.param(pump(due_days=20, visit=visit(12, VisitKind.CANCELLED)), 20, False, id="cancelled"),
        pytest.param(
            pump(due_days=80, visit=visit(0, VisitKind.DONE, 1)), 80, False, id="done: the next by the device"
        ),
        pytest.param(pump(due_days=9, visit=visit(0, VisitKind.DONE, 1)), None, False, id="done: the device's is that"),
        pytest.param(pump(due_days=80, visit=visit(5), refill=Refill(18, ago(3))), 80, False, id="refilled early"),
        pytest.param(pump(visit=visit(-3), refill=Refill(18, ago(24))), None, False, id="refilled late"),
        pytest.param(pump(visit=visit(60), refill=Refill(18, ago(3))), 60, True, id="another refill, long before"),
        pytest.param(pump(visit=visit(5), refill=Refill(18, ago(72))), 5, True, id="booked after the refill"),
    ],
)
def test_which_visit_counts(known: PumpFacts, days: int | None, by_board: bool) -> None:
    found = booked(known)
    assert (None if found is None else (found.on, found.by_board)) == (
        None if days is None else (ahead(days).date(), by_board)
    )


# Whether it warns.


@pytest.mark.parametrize(
    ("known", "policy", "warns"),
    [
        pytest.param(pump(due_days=20), POLICY, False, id="sensibly booked: by worst case 20 days, by own use 25"),
        pytest.param(pump(due_days=21), WORST, True, id="the same by worst case"),
        pytest.param(pump(due_days=27), POLICY, True, id="later than by own use"),
        pytest.param(pump(due_days=27, boluses=0), POLICY, False, id="nobody asks for a bolus"),
        pytest.param(pump(9.0, due_days=27, boluses=0), POLICY, True, id="later than without a bolus"),
        pytest.param(pump(16.0, due_days=50), POLICY, False, id="more than four weeks ahead: not yet"),
        pytest.param(pump(16.0, due_days=50), WORST, True, id="the same by worst case: at once"),
        pytest.param(pump(due_days=21, days=13), POLICY, True, id="too little is known: the worst case"),
        pytest.param(pump(due_days=20, visit=visit(27)), POLICY, True, id="the visit was moved too far"),
        pytest.param(pump(due_days=27, visit=visit(20)), POLICY, False, id="an earlier visit was booked"),
    ],
)
def test_a_visit_after_the_reservoir_may_be_low_warns(known: PumpFacts, policy: Policy, warns: bool) -> None:
    assert bool(warned(known, policy)) is warns


def test_the_words_by_own_use() -> None:
    (found,) = warned(pump(due_days=27))
    assert found.title == "Reservoir may be low before the refill"
    assert found.explanation.endswith(
        "By this patient's own use the reservoir may reach the alarm level on 16 Dec 2026, "
        "before the refill booked for 19 Dec 2026."
    )
    assert found.evidence["low_at"] == "2026-12-16T06:00:00+00:00"


def test_the_words_while_it_learns_and_on_the_very_day() -> None:
    (found,) = warned(pump(due_days=21, days=3))
    assert found.explanation.endswith(
        "If every bolus is used, the reservoir reaches the alarm level on 12 Dec 2026, "
        "before the refill booked for 13 Dec 2026. Too little is known yet of this patient's own use."
    )
    late_in_the_day = Visit(VisitKind.BOOKED, date(2026, 12, 12), datetime(2026, 12, 12, 20, tzinfo=UTC), ago(48))
    (found,) = warned(pump(visit=late_in_the_day), WORST)
    assert (
        "reaches the alarm level on 12 Dec 2026 12:00 UTC, before the refill booked for 12 Dec 2026."
        in found.explanation
    )


def test_a_warning_by_own_use_is_held_while_it_would_hold_a_day_later() -> None:
    """The newest day changes the date a little at every look: an alert does not come and go with it."""
    strengths = [
        [each.strength for each in low_reservoir(pump(visit=visit(days)), POLICY, NOW)] for days in (27, 24, 23, 22)
    ]
    assert strengths == [[Strength.FULL], [Strength.FULL], [Strength.HOLDING], []]


@pytest.mark.parametrize("days", [28, 3])
def test_four_weeks_ahead_an_alert_does_not_come_and_go_either(days: int) -> None:
    """Known or still learning: at 28 days it begins, and at 29 it is over."""
    daily = 0.4009 if days == 28 else 0.5
    found = {
        ahead_days: [
            each.strength
            for each in low_reservoir(
                pump(2.0 + daily * (ahead_days + 1.2 * (days == 28)), due_days=60, days=days), POLICY, NOW
            )
        ]
        for ahead_days in (27.5, 28.5, 29.5)
    }
    assert found == {27.5: [Strength.FULL], 28.5: [Strength.HOLDING], 29.5: []}


def test_demand_that_rises_warns_of_a_visit_that_was_sensible() -> None:
    steady = pump(due_days=20)
    rising = replace(steady, windows=(DayWindow(4, True, delivered=4),) * 7 + steady.windows[7:])
    assert warned(replace(steady, visit=visit(22))) == []
    assert warned(replace(rising, visit=visit(22)))


# Until when a drug is good.


def filled(
    *drugs: str, strengths: tuple[float, ...] = (), refills: int = 2, since: datetime | None = None
) -> PumpFacts:
    therapy = Therapy(ago(90 * DAY), 0.3, drugs=drugs, concentrations=strengths)
    return facts(
        therapy=therapy, refills=tuple(Refill(18, ago(DAY * (1 + 40 * n))) for n in range(refills)), since=since
    )


@pytest.mark.parametrize(
    ("known", "days", "words"),
    [
        pytest.param(facts(), None, "", id="no therapy"),
        pytest.param(filled(), None, "", id="no drug"),
        pytest.param(filled("Morphine 20 mg/mL"), 90, "morphine", id="morphine"),
        pytest.param(filled("LIORESAL"), 180, "baclofen", id="a brand of baclofen"),
        pytest.param(filled("fentanyl"), None, "", id="a drug that the policy does not name"),
        pytest.param(filled("ziconotide", strengths=(25.0,)), 84, "ziconotide, undiluted", id="undiluted"),
        pytest.param(filled("Prialt", strengths=(5.0,)), 40, "ziconotide, diluted", id="diluted"),
        pytest.param(
            filled("ziconotide", strengths=(25.0,), refills=1, since=ago(30)), 14, "ziconotide, first fill",
            id="new pump",
        ),
        pytest.param(
            filled("ziconotide", strengths=(25.0,), refills=1), 84, "ziconotide, undiluted", id="since when?"
        ),
        pytest.param(filled("morphine", refills=1, since=ago(30)), 90, "morphine", id="no difference at first"),
        pytest.param(filled("baclofen", "morphine"), 30, "baclofen and morphine", id="a mixture"),
        pytest.param(
            filled("morphine", "bupivacaine", "clonidine"), 90, "morphine, bupivacaine and clonidine", id="of three"
        ),
        pytest.param(
            filled("morphine", "bupivacaine"), 90, "morphine; nothing is known of bupivacaine", id="a part is unknown"
        ),
        pytest.param(
            filled("morphine", "ziconotide", strengths=(1e4, 25.0)), 40, "ziconotide, diluted", id="mixed is diluted"
        ),
        pytest.param(
            filled("baclofen", "morphine", "clonidine"), 90, "morphine; nothing is known of clonidine",
            id="a mixture counts as a whole or not at all",
        ),
    ],
)  # fmt: skip
def test_how_long_a_fill_is_good(known: PumpFacts, days: int | None, words: str) -> None:
    found = stability_of(known, POLICY)
    assert (None if found is None else (found.days, found.words)) == (None if days is None else (days, words))
    if found is not None:
        assert found.until == ago(DAY) + timedelta(days=found.days)


def test_without_a_refill_nobody_knows_until_when() -> None:
    found = stability_of(filled("morphine", refills=0), POLICY)
    assert found is not None
    assert found.until is None


def test_a_clinic_sets_its_own_days() -> None:
    own = Policy(drug_stability=(DrugStability(drugs=("hydromorphone",), days=100),))
    found = stability_of(filled("hydromorphone"), own)
    assert found is not None
    assert found.days == 100
    assert stability_of(filled("morphine"), own) is None


@pytest.mark.parametrize("half", [{"diluted_days": 40}, {"undiluted_mcg_per_ml": (25.0,)}])
def test_diluted_days_need_the_strengths_that_are_not(half: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="go together"):
        DrugStability(drugs=("ziconotide",), days=84, **half)


# All of it.


def test_the_dates_of_a_pump() -> None:
    known = replace(pump(), refills=(Refill(18, ago(80 * DAY)),))
    known = replace(known, therapy=replace(known.therapy, drugs=("morphine",)))  # type: ignore[type-var]
    found = refill_dates(known, POLICY, NOW)
    assert found.by_worst_case == NOW + timedelta(days=20)
    assert found.by_own_use is not None
    assert abs(found.by_own_use - ahead(25)) < timedelta(hours=2)
    assert found.by_programme == NOW + timedelta(days=10 / 0.3)
    assert found.sure is not None
    assert found.by_worst_case < found.sure < found.by_own_use
    assert found.good_until == found.come_by == ahead(10)
    assert refill_dates(known, WORST, NOW).sure == found.by_worst_case


def test_a_flow_next_to_nothing_has_no_date_and_an_unknown_level_none() -> None:
    slow = refill_dates(facts(therapy=Therapy(NOW, 1e-6), reading=reading(9)), POLICY, NOW)
    assert (slow.by_programme, slow.come_by) == (None, None)
    unknown = refill_dates(facts(therapy=Therapy(NOW, 0.3)), POLICY, NOW)
    assert (unknown.level, unknown.by_own_use, unknown.come_by) == (None, None, None)
    assert unknown.use is not None
    assert refill_dates(facts(reading=reading(9)), POLICY, NOW).sure is None


@given(any_facts)
@settings(max_examples=200, deadline=None)
def test_whatever_is_stored_dates_are_in_order(known: PumpFacts) -> None:
    found = refill_dates(known, POLICY, NOW)
    far = datetime.max.replace(tzinfo=UTC)
    worst, sure, own, programme = (
        each or far for each in (found.by_worst_case, found.sure, found.by_own_use, found.by_programme)
    )
    second = timedelta(seconds=1)
    assert worst <= sure + second if sure < far - second else True
    assert sure <= own or sure - own < second
    assert own <= programme
