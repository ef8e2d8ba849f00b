"""A page says why in its clinic's language, and goes out in English where that cannot be said."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.parts.languages import Language
from schemas.parts.paging import PagingPolicy, QuietHours
from services.alerts.said.explained import Explained, explained
from services.texts.catalogue import texts_in
from tests.alerts_world import POLICY, Story
from tests.stack import Database

GERMAN = texts_in(Language.GERMAN)
BERLIN = QuietHours(begins="22:00", ends="06:00", timezone="Europe/Berlin")
IN_GERMAN = "Motorstillstand seit 2. März 2026 10:00 MEZ. "
IN_ENGLISH = "Motor stall since 2. März 2026 10:00 MEZ. "
STORED = "Motor stall since 2 Mar 2026 09:00 UTC."


def german(database: Database, *, rough: bool = False) -> Story:
    story = Story(database.pool, database.dsn, rough=rough)
    more = {"language": Language.GERMAN, "include_patient_data": True, "paging": PagingPolicy(quiet_hours=BERLIN)}
    story.policy = POLICY.model_copy(update={"clinic_id": story.clinic_id, **more})
    return story


async def bodies(story: Story) -> list[str]:
    rows = await story.pool.fetch(
        "SELECT d.body FROM deliveries d JOIN alerts a USING (alert_id) WHERE a.pump_id = $1 "
        "ORDER BY d.created_at, d.step",
        story.pump_id,
    )
    return [row["body"] for row in rows]


async def stored(story: Story) -> Any:
    return await story.pool.fetchrow(
        "SELECT explanation, said, updated_at FROM alerts WHERE pump_id = $1", story.pump_id
    )


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
async def test_the_explanation_is_in_the_clinics_language_and_stored_in_english(
    database: Database, rough: bool
) -> None:
    story = german(database, rough=rough)
    await story.run([(0, "alarm motor_stall raised"), (11, "tick")])
    first, second = await bodies(story)
    assert (first.startswith(IN_GERMAN), second.startswith(IN_GERMAN)) == (True, True)
    row = await stored(story)
    assert row["explanation"] == STORED
    assert explained(STORED, row["said"], GERMAN).language is Language.GERMAN
    [detail] = await story.pool.fetch(
        "SELECT detail ->> 'explanation' AS explanation, detail -> 'said' AS said FROM alert_transitions t "
        "JOIN alerts a USING (alert_id) WHERE a.pump_id = $1 AND t.kind = 'opened'",
        story.pump_id,
    )
    assert (detail["explanation"], detail["said"]) == (STORED, row["said"])


@pytest.mark.parametrize(
    "said",
    [None, "null", "[]", "7", '{"text": "x"}', '[{"text": "of a later release", "values": {"x": {"new": 1}}}]',
     '[{"text": "%(alarm)s since %(at)s.", "values": {"alarm": "Low reservoir", "at": 7}}]'],
)  # fmt: skip
async def test_whatever_is_stored_of_it_the_page_goes_out(database: Database, said: str | None) -> None:
    story = german(database)
    await story.run([(0, "alarm motor_stall raised")])
    await story.pool.execute("UPDATE alerts SET said = $2::jsonb WHERE pump_id = $1", story.pump_id, said)
    await story.run_more([(11, "tick")])
    first, second = await bodies(story)
    assert (first.startswith(IN_GERMAN), second.startswith(IN_ENGLISH)) == (True, True)


async def test_an_alert_from_before_is_written_anew_only_when_what_it_says_changes(database: Database) -> None:
    story = german(database)
    await story.run([(0, "alarm motor_stall raised")])
    await story.pool.execute("UPDATE alerts SET said = NULL WHERE pump_id = $1", story.pump_id)
    before = await stored(story)
    await story.run_more([(2, "status"), (3, "tick")])
    assert await stored(story) == before
    await story.run_more([(4, "alarm pump_stopped raised")])
    row = await stored(story)
    assert row["updated_at"] > before["updated_at"]
    assert explained(row["explanation"], row["said"], GERMAN) == Explained(
        "Motorstillstand seit 2 Mar 2026 09:00 UTC. Pumpe gestoppt seit 2 Mar 2026 09:04 UTC.", Language.GERMAN
    )


async def test_what_ends_or_is_acknowledged_keeps_what_it_said(database: Database) -> None:
    story = german(database)
    await story.run([(0, "alarm motor_stall raised"), (1, "ack Ann"), (2, "alarm motor_stall cleared"), (3, "tick")])
    row = await stored(story)
    assert explained(row["explanation"], row["said"], GERMAN).language is Language.GERMAN
