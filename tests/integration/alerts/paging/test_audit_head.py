"""Whatever somebody does to the head of the audit trail, people are paged, and the trail says that it was touched."""

from __future__ import annotations

import pytest

from tests.alerts_world import Story, verify_undated
from tests.stack import Database

STALLS = [(0, "alarm motor_stall raised"), (5, "alarm motor_stall cleared"), (90, "alarm motor_stall raised")]


@pytest.fixture
async def story(database: Database) -> Story:
    return Story(database.pool, database.dsn)


async def faults(story: Story) -> list[str]:
    async with story.pool.acquire() as connection:
        return [fault.fault for fault in (await verify_undated(connection)).faults]


async def test_an_untouched_head_is_whole(story: Story) -> None:
    await story.run(STALLS)
    assert await faults(story) == []


@pytest.mark.parametrize(
    "touched",
    [
        "UPDATE audit_heads SET clinic_seq = clinic_seq - 1",
        "UPDATE audit_heads SET clinic_seq = clinic_seq + 7",
        "UPDATE audit_heads SET clinic_seq = 9223372036854775807",
        "UPDATE audit_heads SET row_hash = 'x'",
        "UPDATE audit_heads SET (clinic_seq, row_hash) = (SELECT clinic_seq, row_hash FROM alert_transitions LIMIT 1)",
        "DELETE FROM audit_heads",
    ],
)
async def test_people_are_paged_and_the_trail_shows_it(story: Story, touched: str) -> None:
    await story.run(STALLS[:2])
    await story.pool.execute(touched)
    await story.run_more(STALLS[2:])
    assert (await story.trail())[-1].startswith("90 pump_alarm")
    assert (await story.pages())[-1].startswith("90 nurse")
    numbers = [row[0] for row in await story.pool.fetch("SELECT clinic_seq FROM alert_transitions ORDER BY clinic_seq")]
    assert numbers == list(range(1, len(numbers) + 1))
    only_the_number = (
        "row_hash" not in touched and "DELETE" not in touched
    )  # then nothing of the trail is other than it was
    assert await faults(story) == ([] if only_the_number else ["does not follow from the row before it"])
