"""Timelines of levels and refills: a measured level holds, slips are told once, what cannot be is said so.

Plainly and roughly, as in test_timelines.
"""

from __future__ import annotations

import pytest

from services.runtime.database import Pool
from tests.alerts_world import Step, Story
from tests.integration.alerts.timelines import DAY, case
from tests.stack import Database


@pytest.fixture(scope="module")
def shared(shared_database: Database) -> tuple[Pool, str]:
    return shared_database.pool, shared_database.dsn


TWENTY_DAYS_AGO = -20 * DAY


def filled(due_in_days: int = 10, rate: float = 0.4) -> Step:
    """18 mL were filled in 20 days ago, and a routine reading came an hour ago: 8 mL have flowed since."""
    at = f"@{TWENTY_DAYS_AGO}"
    return (0, f"therapy of morphine {rate} {due_in_days} {at}; refill 18 2 2 {at}; level 10 @-61")


BOTH = ["1 infusion opened medium", "1 low_reservoir opened medium"]

LEVELS = [
    case(
        "a measured level holds against computed ones until the refill",
        [
            filled(),
            (1, "level 1.0 measured @-59"),
            (2, "level 9.9"),
            (3, "level 9.9 @2"),
            (300, "refill 38 9.9 9.9; level 37.9"),
        ],
        [*BOTH, "300 infusion closed medium", "300 low_reservoir closed medium"],
        ["1 nurse opened", "1 nurse opened"],
    ),
    case(
        "an empty reservoir that was measured stays high",
        [filled(), (1, "level 0.0 measured @-59"), (2, "level 9.9")],
        ["1 infusion opened medium", "1 low_reservoir opened high"],
        ["1 nurse opened", "1 nurse opened"],
    ),
    case(
        "a measured 1.0 becomes empty by what is programmed to flow",
        [filled(), (1, "level 1.0 measured @-59"), (2, "level 9.9"), (3 * DAY, "level 8.7")],
        [*BOTH, "4320 low_reservoir priority_raised high"],
        ["1 nurse opened", "1 nurse opened", "4320 nurse priority:high", "4320 nurse step:1"],
    ),
    case(
        "a measured level sinks by the programme though no other one tells of it",
        [
            filled(18),
            (0, "level 9.5 measured"),
            *((day * DAY, f"level {10.4 - 0.4 * day:.1f}") for day in range(1, 20)),
        ],
        ["27360 low_reservoir opened medium"],
        ["27360 nurse opened"],
    ),
    case(
        "a newer measured one corrects it",
        [filled(), (1, "level 1.0 measured @-59"), (2, "level 9.9"), (9, "level 9.8 measured"), (10, "level 9.9")],
        [*BOTH, "9 infusion closed medium", "9 low_reservoir closed medium"],
        ["1 nurse opened", "1 nurse opened"],
    ),
    case(
        "a measured one of before the newest that is uploaded late changes nothing",
        [filled(), (1, "level 9.8 measured"), (2, "level 1.0 measured @-59"), (3, "level 9.9")],
        [],
        [],
    ),
    case(
        "a computed one that is lower counts",
        [filled(), (1, "level 9.5 measured"), (2, "level 1.5")],
        ["2 low_reservoir opened medium"],
        ["2 nurse opened"],
    ),
    case(
        "a measured one that is dated ahead is of the moment at which it came",
        [filled(), (1, "level 9.8 measured @600"), (30, "level 1.0 measured"), (31, "level 9.9")],
        ["30 infusion opened medium", "30 low_reservoir opened medium"],
        ["30 nurse opened", "30 nurse opened"],
    ),
    case(
        "what flowed before a reprogramming flowed by the old programme",
        [filled(8), (1, "level 8.5 measured"), (5 * DAY, "therapy of morphine 1.0 8"), (7 * DAY, "level 7")],
        [],
        [],
    ),
    case(
        "what was drawn off at the refill is no level of after it",
        [(0, "refill 18 1.9 1.9"), (2, "level 1.9 measured @2"), (9, "level 17.9")],
        [],
        [],
    ),
    case(
        "83 mL in a pump of 40 mL: told, and the forecast goes by 40",
        [(0, "therapy of morphine 1.5 28"), (1, "refill 83 2 2")],
        ["1 infusion opened medium", "1 low_reservoir opened medium"],
        ["1 nurse opened", "1 nurse opened"],
    ),
    case(
        "the entry of 83 mL is corrected on the same day",
        [(0, "therapy of morphine 0.4 90"), (1, "refill 83 2 2"), (90, "refill 38 2 2 @1")],
        ["1 infusion opened medium", "90 infusion closed medium"],
        ["1 nurse opened"],
    ),
    case(
        "83 mL are no pocket fill when 39 are found",
        [(0, "therapy of morphine 0.4 90"), (1, "refill 83 2 2"), (300, "level 39 measured")],
        ["1 infusion opened medium"],
        ["1 nurse opened", "300 nurse step:1"],
    ),
    case(
        "a volume that rises without a refill is told at once, and the refill ends it",
        [filled(), (1, "level 26"), (90, "refill 28 9.9 9.9 @0")],
        ["1 infusion opened medium", "90 infusion closed medium"],
        ["1 nurse opened"],
    ),
    case(
        "a reprogramming at the same time does not hide that the volume rose",
        [filled(), (1, "therapy of morphine 0.4 10; level 17.5")],
        ["1 infusion opened medium"],
        ["1 nurse opened"],
    ),
    case(
        "a measured level makes no rise of the computed ones after it",
        [filled(), (1, "level 9.0 measured"), (2, "level 9.9")],
        [],
        [],
    ),
]

REFILLS = [
    case(
        "one slip at a refill is told once",
        [
            (0, f"refill 38 12 12 @{-30 * DAY}; refill 38 12 12"),
            (30 * DAY, "refill 38 12 1.2"),
            (60 * DAY, "refill 38 12 12"),
            (90 * DAY, "refill 38 12 12"),
        ],
        ["43200 infusion opened medium", "86400 infusion closed medium"],
        ["43200 nurse opened"],
    ),
    case(
        "the same refill entered three times is one",
        [(0, f"refill 38 10 10 @{-60 * DAY}"), (5, "refill 38 10 5"), (6, "refill 38 10 5 @5"), (20, "refill 38 10 5")],
        ["5 infusion opened medium"],
        ["5 nurse opened"],
    ),
    case(
        "what was resolved does not come back by another entry of it",
        [
            (0, f"refill 38 10 10 @{-60 * DAY}"),
            (5, "refill 38 10 5"),
            (9, "resolve Ann the syringe was misread"),
            (20, "refill 38 10 5"),
        ],
        ["5 infusion opened medium", "9 infusion closed medium"],
        ["5 nurse opened"],
    ),
    case(
        "a second entry of one visit replaces the first, whichever is dated later",
        [(0, f"refill 38 10 10 @{-60 * DAY}"), (5, "refill 38 10 1"), (20, "refill 38 10 10 @3")],
        ["5 infusion opened medium", "20 infusion closed medium"],
        ["5 nurse opened"],
    ),
    case(
        "a second filling on the same day is a refill of its own",
        [(0, f"refill 38 10 10 @{-60 * DAY}"), (5, "refill 38 10 10"), (300, "refill 38 37.9 30")],
        ["300 infusion opened medium"],
        ["300 nurse opened"],
    ),
]


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
@pytest.mark.parametrize(("steps", "trail", "pages"), [*LEVELS, *REFILLS])
async def test_timeline(
    shared: tuple[Pool, str], steps: list[Step], trail: list[str], pages: list[str], rough: bool
) -> None:
    pool, dsn = shared
    story = Story(pool, dsn, rough=rough)
    try:
        await story.run(steps)
        assert sorted(await story.trail()) == sorted(trail)
        assert sorted(await story.pages()) == sorted(pages)
    finally:
        await story.cleanup()
