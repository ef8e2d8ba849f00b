"""The board says what a rule found in the reader's language, or in English and marked so; programs hear English."""

from __future__ import annotations

import re

from services.alerts.health.paged import PagedPast
from services.alerts.lifecycle.store import load_open_alerts
from tests.alerts_pages import client_for, without_the_database
from tests.alerts_world import Story
from tests.stack import Database

GERMAN = {"accept": "text/html", "accept-language": "de"}
STALL = [(0.0, "alarm motor_stall raised")]
SAID = re.compile(
    r'<p class="explanation">Motorstillstand seit <time datetime="2026-03-02T09:00:00\+00:00">[^<]* UTC</time>\.'
)
STORED = re.compile(r'<p class="explanation" lang="en">Motor stall since <time [^>]*>[^<]*\d\d:\d\d UTC</time>\.</p>')


async def test_a_reader_of_german_reads_it_in_german_and_another_in_english(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(STALL)
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    async with client_for(story) as client:
        for path in ("/", f"/alerts/{alert_id}"):
            in_german, in_english = [
                (await client.get(path, headers=each)).text for each in (GERMAN, {"accept": "text/html"})
            ]
            assert SAID.search(in_german), path
            assert "Motor stall since" not in in_german
            assert '<p class="explanation">Motor stall since ' in in_english
        assert re.search(r"<p>Motorstillstand seit <time [^>]*>[^<]*\d\d:\d\d UTC</time>\.</p>\s*</li>", in_german)


async def test_what_is_known_in_english_only_is_marked_as_english(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(STALL)
    await story.pool.execute("UPDATE alerts SET said = NULL")
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    async with client_for(story) as client:
        for path in ("/", f"/alerts/{alert_id}"):
            assert STORED.search((await client.get(path, headers=GERMAN)).text), path


async def test_what_was_paged_past_the_database_is_said_in_german_if_its_sentences_came_along(
    database: Database,
) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(STALL)
    async with story.pool.acquire() as connection:
        [alert] = (await load_open_alerts(connection, [story.pump_id]))[story.pump_id]
    said = PagedPast.of(alert)
    past = [
        PagedPast.model_validate_json(each.model_dump_json()) for each in (said, said.model_copy(update={"said": [7]}))
    ]
    assert past[0] == said

    class HasPaged:
        """A worker that has paged both past the database."""

        async def paged(self) -> tuple[PagedPast, ...]:
            return tuple(past)

    async with without_the_database(story, workers=HasPaged()) as client:
        page = (await client.get("/", headers=GERMAN)).text
    assert (len(SAID.findall(page)), len(STORED.findall(page))) == (1, 1)


async def test_programs_are_told_the_english_and_nothing_else(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(STALL)
    alert_id = await story.pool.fetchval("SELECT alert_id FROM alerts")
    async with client_for(story) as client:
        one = (await client.get(f"/v1/alerts/{alert_id}", headers={"accept-language": "de"})).json()
        [listed] = (await client.get("/v1/alerts")).json()["alerts"]
    assert listed == one["alert"]
    assert one["alert"]["explanation"] == "Motor stall since 2 Mar 2026 09:00 UTC."
    assert "said" not in one["alert"]
    assert [("said" in each, "said" in each["detail"]) for each in one["transitions"]] == [(False, False)]
