"""Timelines of the rules beyond alarm, level and surge: plainly and roughly, as in test_timelines."""

from __future__ import annotations

import pytest

from services.runtime.database import Pool
from tests.alerts_world import Step, Story
from tests.integration.alerts.timelines import DAY, HOUR, case
from tests.stack import Database


@pytest.fixture(scope="module")
def shared(shared_database: Database) -> tuple[Pool, str]:
    return shared_database.pool, shared_database.dsn


def daily(text: str, newest: float, oldest: float) -> list[Step]:
    """The same on every day from so many days ago to so many, uploaded at once."""
    days = range(int(oldest - newest))
    return [(0, "; ".join(f"{text} @{-DAY * (newest + day) - 600:g}" for day in days))]


CASES = [
    case(
        "a stall that does not recover stays one alert, and the next contact is told, and again",
        [(0, "alarm motor_stall raised"), (25 * HOUR, "tick"), (30 * HOUR, "tick")],
        ["0 pump_alarm opened high"],
        ["0 nurse opened", "1500 doctor step:1", "1800 doctor step:2"],
    ),
    case(
        "an announced replacement grows urgent two weeks before the pump stops: a second page",
        [(0, "alarm elective_replacement raised"), (75 * DAY, "tick"), (76 * DAY, "tick"), (77 * DAY, "tick")],
        ["0 pump_alarm opened medium", "109440 pump_alarm priority_raised high"],
        ["0 nurse opened", "108000 nurse step:1", "109440 nurse priority:high", "110880 doctor step:1"],
    ),
    case(
        "a severe report pages, and is over after two days",
        [(0, "report pain 9"), (49 * HOUR, "tick")],
        ["0 patient_report opened medium", "2940 patient_report closed medium"],
        ["0 nurse opened"],
    ),
    case("a report that is uploaded three days late pages nobody", [(72 * HOUR, "report pain 9 @0")], [], []),
    case(
        "a milder report stands on the board",
        [(0, "report pain 4")],
        ["0 patient_report opened low"],
        [],
    ),
    case(
        "a refill with 5 mL less than expected, until it is no news any more",
        [(0, "refill 38 10 10 @-86400"), (5, "refill 38 10 5"), (15 * DAY, "tick")],
        ["5 infusion opened medium", "21600 infusion closed medium"],
        ["5 nurse opened"],
    ),
    case(
        "the next refill as expected ends it",
        [(0, "refill 38 10 5"), (5 * DAY, "refill 38 30 30")],
        ["0 infusion opened medium", "7200 infusion closed medium"],
        ["0 nurse opened"],
    ),
    case(
        "the refill before arrives after the one that shows the discrepancy",
        [(0, "refill 38 27 25.2"), (60, "refill 38 5 5 @-80000")],
        ["60 infusion opened medium"],
        ["60 nurse opened"],
    ),
    case(
        "three millilitres are missing five hours after a filling",
        [(0, "refill 18 4 4"), (300, "level 15 measured")],
        ["300 infusion opened high"],
        ["300 nurse opened"],
    ),
    case(
        "the residual that is measured at the refill is no pocket fill",
        [(0, "level 4 measured"), (1, "refill 18 4 4"), (2, "level 4 measured @2"), (9, "level 17.9")],
        [],
        [],
    ),
    case(
        "a forecast becomes a low level: one alert, whose page is repeated; a refill ends it",
        [
            (0, "therapy of morphine 0.3 14; level 5"),
            (9 * DAY, "level 1.9"),
            (9 * DAY + 60, "refill 38 1.9 1.9; therapy of morphine 0.3 90"),
        ],
        ["0 low_reservoir opened medium", "13020 low_reservoir closed medium"],
        ["0 nurse opened", "12960 nurse step:1"],
    ),
    case(
        "an earlier appointment ends a forecast",
        [(0, "therapy of morphine 0.3 14; level 5"), (60, "therapy of morphine 0.3 9")],
        ["0 low_reservoir opened medium", "60 low_reservoir closed medium"],
        ["0 nurse opened"],
    ),
    case(
        "an overdue refill stands on the board until the level is low",
        [(0, "therapy of morphine 0.3 -5; level 9"), (HOUR, "level 1.9")],
        ["0 low_reservoir opened low", "60 low_reservoir priority_raised medium"],
        ["60 nurse priority:medium"],
    ),
    case(
        "baclofen makes a low reservoir urgent",
        [(0, "therapy of baclofen 0.3 5; level 1.9")],
        ["0 low_reservoir opened high"],
        ["0 nurse opened"],
    ),
    case(
        "a device that is heard daily is missed after three days, and found again",
        [
            *((day * DAY, "status") for day in range(9)),
            (11 * DAY, "tick"),
            (11 * DAY + 5, "tick"),
            (12 * DAY, "status"),
        ],
        ["15845 device_silent opened low", "17280 device_silent closed low"],
        [],
    ),
    case(
        "a patient who asked twice a day asks for nothing any more: told once a heartbeat says that no clock is behind",
        [*daily("bolus delivered x2", 8, 60), *daily("status", 1, 8), (1, "status"), (DAY, "bolus delivered x2")],
        ["1 bolus_demand opened medium", "1440 bolus_demand closed medium"],
        ["1 nurse opened"],
    ),
    case(
        "the limit refused a request on five of seven days",
        [
            *daily("bolus delivered x4", 0, 28),
            *((1 + day, f"bolus denied_limit x1 @{-DAY * day - 5 * HOUR}") for day in range(5)),
        ],
        ["5 bolus_limit opened low"],
        [],
    ),
    case(
        "a month of twice as many requests",
        [*daily("bolus delivered x2", 28, 80), *daily("bolus delivered x4", 0, 28), (1, "status")],
        ["0 bolus_demand opened medium"],
        ["0 nurse opened"],
    ),
    case(
        "the volume falls faster than programmed",
        [(0, "therapy of morphine 0.3 10 @-20000; level 18 @-8640"), (1, "level 10")],
        ["1 infusion opened medium"],
        ["1 nurse opened"],
    ),
    case(
        "a reprogramming between two readings explains the fall",
        [
            (0, "therapy of morphine 0.3 10 @-20000; level 18 @-8640; therapy of morphine 1.3 3 @-7000"),
            (1, "level 10"),
        ],
        [],
        [],
    ),
    case(
        "demand up and residual high: a high page of its own",
        [
            *daily("bolus delivered x2", 3, 60),
            (1, "refill 38 10 10 @-80000"),
            (2, "bolus denied_lockout x12"),
            (3, "refill 38 8 12"),
        ],
        ["2 bolus_demand opened medium", "3 infusion opened high", "3 infusion opened medium"],
        ["2 nurse opened", "3 nurse opened", "3 nurse opened"],
    ),
]


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
@pytest.mark.parametrize(("steps", "trail", "pages"), CASES)
async def test_timeline(
    shared: tuple[Pool, str], steps: list[Step], trail: list[str], pages: list[str], rough: bool
) -> None:
    pool, dsn = shared
    story = Story(pool, dsn, rough=rough)
    try:
        await story.run(steps)
        assert sorted(await story.trail()) == sorted(trail)
        assert await story.pages() == pages
    finally:
        await story.cleanup()
