"""A clinic's pages are in its language and on its clock, and another clinic's beside it are in their own."""

from __future__ import annotations

from datetime import timedelta

from schemas.parts.paging import PagingPolicy, QuietHours
from schemas.policy import Language, Policy
from services.alerts.delivery.page_text import board_for_the_pump
from services.alerts.delivery.persons.page_links import address_in
from services.alerts.evaluation.worker import Worker
from services.texts.catalogue import texts_in
from tests.alerts_world import POLICY, Story, resources_for
from tests.stack import Database

BERLIN = QuietHours(begins="22:00", ends="06:00", timezone="Europe/Berlin")


def german(**more: object) -> Policy:
    return POLICY.model_copy(update={"language": Language.GERMAN, **more})


async def two(database: Database, **more: object) -> tuple[Story, Story]:
    """A clinic in German and one in English, whose pumps stall at the same time, evaluated by one worker."""
    first, second = (Story(database.pool, database.dsn) for _ in range(2))
    first.policy = german(clinic_id=first.clinic_id, **more)
    second.policy = POLICY.model_copy(update={"clinic_id": second.clinic_id, **more})
    for story in (first, second):
        await story.enrol()
    policies = (first.policy, second.policy)
    resources = resources_for(database.pool, database.dsn, *policies, clock=lambda: first.now)
    worker = Worker(resources)
    for story in (first, second):
        async with database.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, code, state) "
                "VALUES ($1, $2, gen_random_uuid(), $2, $1, 'motor_stall', 'raised')",
                story.pump_id,
                story.now,
            )
        await story.queue()
    while await worker.queue_once():
        pass
    return first, second


async def pages(story: Story) -> list[tuple[str, str]]:
    rows = await story.pool.fetch(
        "SELECT d.title, d.body FROM deliveries d JOIN alerts a USING (alert_id) WHERE a.clinic_id = $1 ORDER BY 1, 2",
        story.clinic_id,
    )
    return [(row["title"], row["body"]) for row in rows]


async def test_each_clinic_reads_its_own_language(database: Database) -> None:
    in_german, in_english = await two(database)
    [(title, body)] = await pages(in_german)
    assert title == "Pumpwatch HOCH: Pumpenalarm"
    assert (body.startswith("Alarm "), " Öffnen: http" in body) == (True, True)
    [(title, body)] = await pages(in_english)
    assert title == "Pumpwatch HIGH: pump alarm"
    assert (body.startswith("Alert "), " Open http" in body) == (True, True)


async def test_with_patient_data_a_moment_in_it_is_on_the_clinics_clock(database: Database) -> None:
    paging = PagingPolicy(quiet_hours=BERLIN)
    in_german, in_english = await two(database, include_patient_data=True, paging=paging)
    at = in_german.now + timedelta(hours=1)  # T0 is in winter
    [(title, body)] = await pages(in_german)
    assert title == f"Pumpwatch HOCH: Pumpe {in_german.pump_id}: Motorstillstand"
    assert f"{at:%H:%M} MEZ" in body
    [(title, body)] = await pages(in_english)
    assert title == f"Pumpwatch HIGH: pump {in_english.pump_id}: Motor stall"
    assert f"{at:%H:%M} CET" in body


def test_a_page_past_the_database_has_its_link_in_either_language() -> None:
    """Where the link goes into the text is found whichever language the text is in."""
    for language in Language:
        texts = texts_in(language)
        ending = board_for_the_pump("https://pw.example.org", texts)
        body = texts.say("Clinic %(clinic)s. %(why)s Open %(board)s", clinic="north", why="x.", board=ending)
        assert address_in(body, "https://pw.example.org") == ending
