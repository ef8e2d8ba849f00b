"""Facts begin anew with each patient, alerts end with a reason, and a pump that is in nobody is not forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.policy import Priority
from services.alerts.facts.store import load_facts
from tests.alerts_world import POLICY, T0, Step, Story, route
from tests.stack import Database

DAY = 1440
STALL = "alarm motor_stall raised"
OPENED_STALL = "0 pump_alarm opened high"


def case(name: str, steps: list[Step], trail: list[str], pages: list[str]):
    return pytest.param(steps, trail, pages, id=name)


CASES = [
    case(
        "an alarm of the patient before ends, and does not return for the next",
        [(0, STALL), (5, "implant"), (6, "status"), (60, "tick")],
        [OPENED_STALL, "5 pump_alarm closed high"],
        ["0 nurse opened"],
    ),
    case(
        "the same alarm again, a moment after the implantation: another alert, another page",
        [(0, STALL), (5, "implant"), (6, STALL)],
        [OPENED_STALL, "5 pump_alarm closed high", "6 pump_alarm opened high"],
        ["0 nurse opened", "6 nurse opened"],
    ),
    case(
        "an implantation that is entered later: what was raised since is the new patient's, and is told",
        [(0, STALL), (5, "alarm motor_stall raised"), (60, "ack Ann"), (90, "implant @3")],
        [OPENED_STALL, "60 pump_alarm acknowledged high", "90 pump_alarm closed high", "90 pump_alarm opened high"],
        ["0 nurse opened", "90 nurse opened"],
    ),
    case(
        "a log of the patient before that comes late changes nothing",
        [(0, "implant"), (10, f"{STALL} @-60; level 0.1 @-50; report pain 9 @-40")],
        [],
        [],
    ),
    case(
        "a low level of the patient before is not the new patient's, and the level since then is",
        [(0, "level 1.5"), (5, "implant"), (60, "tick"), (90, "level 1.4")],
        ["0 low_reservoir opened medium", "5 low_reservoir closed medium", "90 low_reservoir opened medium"],
        ["0 nurse opened", "90 nurse opened"],
    ),
    case(
        "what is usual is learnt anew",
        [
            *[(0, f"bolus delivered x2 @{-minutes}") for minutes in range(DAY + 600, 28 * DAY, DAY)],
            (1, "implant @-1440"),
            (2, "bolus delivered x12 @-30"),
        ],
        [],
        [],
    ),
    case(
        "a pump that says nothing after it was implanted is missed",
        [(0, "status"), (5, "implant"), (40 * DAY, "tick")],
        ["57600 device_silent opened low"],
        [],
    ),
    case(
        "explanted: its alerts end, and it is not missed",
        [(0, STALL), (1, "level 0.5"), (5, "explant"), (40 * DAY, "tick")],
        [
            OPENED_STALL,
            "1 low_reservoir opened medium",
            "5 low_reservoir closed medium",
            "5 pump_alarm closed high",
        ],
        ["0 nurse opened", "1 nurse opened"],
    ),
    case(
        "explanted, and it calls out all the same: somebody is told, until it is retired",
        [(0, "explant"), (10, STALL), (11, "level 0.1"), (20, "retire")],
        ["10 pump_alarm opened medium", "20 pump_alarm closed medium"],
        ["10 nurse opened"],
    ),
    case(
        "what an explanted pump called out ends when it is in somebody",
        [(0, "explant"), (10, STALL), (20, "implant")],
        ["10 pump_alarm opened medium", "20 pump_alarm closed medium"],
        ["10 nurse opened"],
    ),
]


@pytest.mark.parametrize(("steps", "trail", "pages"), CASES)
@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_the_story(
    database: Database, steps: list[Step], trail: list[str], pages: list[str], rough: bool
) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run(steps)
    assert sorted(await story.trail()) == sorted(trail)
    assert await story.pages() == pages


async def reasons(story: Story) -> list[str]:
    rows = await story.pool.fetch(
        "SELECT t.reason FROM alert_transitions t JOIN alerts a USING (alert_id) "
        "WHERE a.pump_id = $1 AND t.kind = 'closed' ORDER BY t.clinic_seq",
        story.pump_id,
    )
    return [row["reason"] for row in rows]


async def test_an_alert_that_ends_so_says_why(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, STALL), (5, "explant"), (6, STALL), (7, "implant"), (8, STALL), (9, "retire")])
    assert await reasons(story) == ["pump_explanted", "pump_implanted", "pump_retired"]


async def test_an_explantation_that_is_taken_back_brings_back_what_stands(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, STALL), (5, "explant")])
    await database.pool.execute("DELETE FROM implantations WHERE pump_id = $1 AND NOT implanted", story.pump_id)
    await story.run_more([(20, "status")])
    assert await story.trail() == [OPENED_STALL, "5 pump_alarm closed high", "20 pump_alarm opened high"]
    assert await story.pages() == ["0 nurse opened", "20 nurse opened"]


async def test_one_that_was_resolved_for_the_patient_before_hides_nothing(database: Database) -> None:
    """A refill of the same minute is another patient's."""
    policy = POLICY.model_copy(update={"routes": dict.fromkeys(Priority, route((0, "nurse")))})
    story = Story(database.pool, database.dsn, policy=policy)
    await story.run([(0, "therapy of morphine 0.3 14; refill 18 9 2"), (5, "resolve Ann left in the syringe")])
    assert len(await story.pages()) == 1
    await story.run_more([(10, "implant @0")])
    assert [each for each in await story.trail() if "opened" in each and each.startswith("10 ")]


async def test_the_facts_say_which_implantation_they_are_of(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "status"), (5, "explant")])
    async with database.pool.acquire() as connection:
        [before] = await load_facts(connection, [story.pump_id], T0, windows=3)
        [after] = await load_facts(connection, [story.pump_id], T0 + timedelta(minutes=5), windows=3)
    assert (before.since, before.implanted, before.implantation) == (None, True, None)
    assert (after.since, after.implanted) == (T0 + timedelta(minutes=5), False)
    assert after.implantation is not None
