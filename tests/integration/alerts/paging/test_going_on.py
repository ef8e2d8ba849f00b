"""A page goes on until a person answers: timelines (tests.alerts_world), with the repeats that they make."""

from __future__ import annotations

import pytest

from tests.alerts_world import Step, Story
from tests.integration.alerts.timelines import OPENED_STALL, RECOVERED, STALL, case
from tests.stack import Database

UNANSWERED = [
    case(
        "nobody ever answers: the last step again every five minutes",
        [(0, STALL), *((minute, "tick") for minute in range(1, 31))],
        [OPENED_STALL],
        [
            "0 nurse opened",
            "10 doctor step:1",
            *(f"{10 + 5 * again} doctor step:{1 + again}" for again in range(1, 5)),
        ],
    ),
    case(
        "nobody answers a medium one: again every half hour",
        [(0, "alarm other raised"), *((minute, "tick") for minute in range(5, 95, 5))],
        ["0 pump_alarm opened medium"],
        ["0 nurse opened", "30 nurse step:1", "60 nurse step:2", "90 nurse step:3"],
    ),
    case(
        "somebody answers a repeat: silence",
        [(0, STALL), (10, "tick"), (15, "tick"), (18, "ack Ann"), (20, "tick"), (60, "tick")],
        [OPENED_STALL, "18 pump_alarm acknowledged high"],
        ["0 nurse opened", "10 doctor step:1", "15 doctor step:2"],
    ),
    case(
        "it ends between repeats, and what returns begins anew",
        [
            (0, STALL),
            (10, "tick"),
            (15, "tick"),
            (16, RECOVERED),
            (30, "tick"),
            (40, STALL),
            (50, "tick"),
            (55, "tick"),
        ],
        [OPENED_STALL, "16 pump_alarm cleared high", "40 pump_alarm returned high"],
        [
            "0 nurse opened",
            "10 doctor step:1",
            "15 doctor step:2",
            "40 nurse returned",
            "50 doctor step:1",
            "55 doctor step:2",
        ],
    ),
    case(
        "what flaps goes on with its repeats",
        [(0, STALL), (10, "tick"), (12, RECOVERED), (14, STALL), (15, "tick"), (19, "tick"), (20, "tick")],
        [OPENED_STALL, "12 pump_alarm cleared high", "14 pump_alarm returned high"],
        ["0 nurse opened", "10 doctor step:1", "15 doctor step:2", "20 doctor step:3"],
    ),
    case(
        "a worker that was away for two hours repeats once and not twenty times",
        [(0, STALL), (10, "tick"), (130, "tick"), (131, "tick"), (135, "tick")],
        [OPENED_STALL],
        ["0 nurse opened", "10 doctor step:1", "130 doctor step:2", "135 doctor step:3"],
    ),
]


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
@pytest.mark.parametrize(("steps", "trail", "pages"), UNANSWERED)
async def test_timeline(database: Database, steps: list[Step], trail: list[str], pages: list[str], rough: bool) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run(steps)
    assert await story.trail() == trail
    assert await story.pages() == pages
