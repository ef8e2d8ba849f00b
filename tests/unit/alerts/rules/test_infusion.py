"""Over- and under-infusion: refills, pocket fills, the volume between refills, and both signs together."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import ReadingBasis
from schemas.policy import Policy
from services.alerts.facts.model import DayWindow, PumpFacts, Reading, Refill, Therapy
from services.alerts.model import Strength, key_of
from services.alerts.rules.reservoir.refill_discrepancy import refill_discrepancy
from services.alerts.rules.reservoir.suspected_delivery import suspected_delivery
from services.alerts.rules.reservoir.volume_fall import volume_fall
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW, ago, facts

FULL = Strength.FULL
DAY = 24


def at_refill(expected: float, measured: float, *, days: float = 0, filled: float = 38.0) -> Refill:
    return Refill(filled, ago(days * DAY), expected, measured)


BEFORE = at_refill(5, 5, days=60)


@pytest.mark.parametrize(
    ("refills", "key"),
    [
        pytest.param((), None, id="none"),
        pytest.param((at_refill(10, 10), BEFORE), None, id="as expected"),
        pytest.param((at_refill(10, 8), BEFORE), None, id="2 mL is not beyond 2 mL"),
        pytest.param((at_refill(10, 7.9), BEFORE), "refill", id="beyond 2 mL"),
        pytest.param((at_refill(10, 7.9),), "refill", id="the volume counts though nothing is known before"),
        pytest.param((at_refill(27, 25.3), BEFORE), "refill", id="beyond 14.5 % of 11 mL"),
        pytest.param((at_refill(30, 28.4), BEFORE), None, id="of 8 mL a percentage says nothing"),
        pytest.param((at_refill(10, 12.5), BEFORE), "refill", id="more left than expected"),
        pytest.param((at_refill(10, 5, days=15), BEFORE), None, id="no news after two weeks"),
        pytest.param(
            (
                at_refill(18, 16.3),
                at_refill(18, 16.4, days=30),
                at_refill(18, 16.4, days=60),
                at_refill(18, 18, days=90),
            ),
            "refill",
            id="8 % three times over",
        ),
        pytest.param(
            (at_refill(18, 16.3), at_refill(18, 16.4, days=30), at_refill(18, 16.4, days=60)),
            None,
            id="the trend needs three refills",
        ),
        pytest.param(
            (
                at_refill(18, 17.3),
                at_refill(18, 17.4, days=30),
                at_refill(18, 17.4, days=60),
                at_refill(18, 18, days=90),
            ),
            None,
            id="3 % is a sound pump",
        ),
    ],
)
def test_what_was_left_at_a_refill(refills: tuple[Refill, ...], key: str | None) -> None:
    found = refill_discrepancy(facts(refills=refills), Policy(), NOW)
    assert [each.key for each in found] == ([key_of(key, refills[0].observed_at)] if key else [])


def test_the_text_of_a_discrepancy() -> None:
    (found,) = refill_discrepancy(facts(refills=(at_refill(10, 5), BEFORE)), Policy(), NOW)
    assert (found.title, found.priority) == ("Refill discrepancy: more was infused than programmed", MEDIUM)
    assert found.explanation == (
        "5.0 mL were left at the refill of 22 Nov 2026 12:00 UTC, 5.0 mL less than expected "
        "(18 % of what was programmed)."
    )
    refills = (
        at_refill(18, 19.7),
        at_refill(18, 19.6, days=30),
        at_refill(18, 19.6, days=60),
        at_refill(18, 18, days=90),
    )
    (found,) = refill_discrepancy(facts(refills=refills), Policy(), NOW)
    assert found.title == "Refill discrepancy: less was infused than programmed"
    assert found.explanation.endswith("Over 3 refills 8 %.")


@pytest.mark.parametrize(
    ("size", "volume", "raises"),
    [(20, 16.7, True), (20, 17.5, False), (40, 16.7, False), (40, 15.0, True)],
)
def test_what_is_missing_soon_after_a_filling(size: float, volume: float, raises: bool) -> None:
    known = facts(
        refills=(at_refill(4, 4, days=1, filled=18.0),),
        therapy=Therapy(ago(DAY), daily_ml=0.2, size_ml=size),
        filled_reading=Reading(volume, ReadingBasis.MEASURED, ago(0)),
    )
    found = refill_discrepancy(known, Policy(), NOW)
    assert [(each.key, each.priority) for each in found] == (
        [(key_of("pocket_fill", ago(DAY)), HIGH)] if raises else []
    )


def test_without_a_therapy_the_larger_limit_counts() -> None:
    known = facts(refills=(at_refill(4, 4),), filled_reading=Reading(35.5, ReadingBasis.MEASURED, ago(0)))
    assert [each.key for each in refill_discrepancy(known, Policy(), NOW)] == [key_of("pocket_fill", NOW)]


THERAPY = Therapy(ago(60 * DAY), daily_ml=1.0, bolus_ml=0.1, bolus_limit=4)
QUIET = (DayWindow(0, heard=True),) * 28


def falling(fell: float, days: float = 6, *, basis: ReadingBasis = ReadingBasis.COMPUTED, **values: Any) -> PumpFacts:
    return facts(
        therapy=THERAPY,
        reading=Reading(20 - fell, basis, NOW),
        earlier_reading=Reading(20, ReadingBasis.COMPUTED, ago(days * DAY)),
        windows=QUIET,
        **values,
    )


@pytest.mark.parametrize(
    ("known", "title"),
    [
        pytest.param(falling(6.0), None, id="as programmed"),
        pytest.param(falling(8.5), None, id="with boluses that may have been given"),
        pytest.param(falling(11.0), "Reservoir falls faster than programmed", id="faster"),
        pytest.param(falling(4.0), "Reservoir falls slower than programmed", id="slower"),
        pytest.param(falling(1.0, 2.9), None, id="too early to tell"),
        pytest.param(facts(therapy=THERAPY), None, id="no reading"),
        pytest.param(facts(reading=Reading(9, ReadingBasis.COMPUTED, NOW)), None, id="no therapy"),
        pytest.param(facts(therapy=THERAPY, reading=Reading(9, ReadingBasis.COMPUTED, NOW)), None, id="no start"),
        pytest.param(falling(20.0, 14), None, id="an empty one falls no further"),
        pytest.param(
            falling(14.0, basis=ReadingBasis.MEASURED, refills=(at_refill(4, 4, days=6, filled=20),)),
            None,
            id="the therapy is older than the filling: as it is",
        ),
    ],
)
def test_the_volume_between_refills(known: PumpFacts, title: str | None) -> None:
    found = volume_fall(known, Policy(), NOW)
    if title is None and known.reading is not None and known.reading.basis is ReadingBasis.MEASURED:
        title = "Reservoir falls faster than programmed"
    assert [each.title for each in found] == ([title] if title else [])


def test_a_measured_volume_says_nothing_without_the_filling_or_after_a_reprogramming() -> None:
    measured = Reading(5, ReadingBasis.MEASURED, NOW)
    assert volume_fall(facts(therapy=THERAPY, reading=measured), Policy(), NOW) == ()
    changed = Therapy(ago(DAY), daily_ml=1.0)
    known = facts(therapy=changed, reading=measured, refills=(at_refill(4, 4, days=6),))
    assert volume_fall(known, Policy(), NOW) == ()


SURGE = tuple(DayWindow(9 if place < 3 else 2, heard=True, requests=2) for place in range(60))
SILENCE = tuple(DayWindow(0 if place < 12 else 3, heard=True, requests=0 if place < 12 else 3) for place in range(60))


@pytest.mark.parametrize(
    ("windows", "measured", "key"),
    [
        pytest.param(SURGE, 12.0, "under_delivery", id="demand up, residual high"),
        pytest.param(SURGE, 8.0, None, id="demand up, residual low"),
        pytest.param(SILENCE, 8.0, "over_delivery", id="demand silent, residual low"),
        pytest.param(SILENCE, 12.0, None, id="demand silent, residual high"),
        pytest.param(SURGE, 10.2, None, id="demand up, residual as expected"),
        pytest.param(QUIET, 12.0, None, id="residual high, demand as usual"),
    ],
)
def test_both_signs_together(windows: tuple[DayWindow, ...], measured: float, key: str | None) -> None:
    known = facts(windows=windows, refills=(at_refill(10, measured, days=2), BEFORE))
    found = suspected_delivery(known, Policy(), NOW)
    assert [(each.key, each.priority) for each in found] == ([(key, HIGH)] if key else [])


def test_a_refill_long_ago_is_no_sign() -> None:
    assert suspected_delivery(facts(windows=SURGE), Policy(), NOW) == ()
    known = facts(windows=SURGE, refills=(at_refill(10, 14, days=15), BEFORE))
    assert suspected_delivery(known, Policy(), NOW) == ()


def test_a_share_of_what_was_programmed_is_a_sign_too() -> None:
    known = facts(windows=SURGE, refills=(at_refill(27.5, 28.7, days=2), at_refill(5, 5, days=60)))
    assert [each.key for each in suspected_delivery(known, Policy(), NOW)] == ["under_delivery"]
