"""Whoever is on call is paged on their own channels; a hand-over loses no page and sends none to the wrong person."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from services.devstack.pages import PageCollector
from services.people.rota import edit
from services.people.rota.model import Layer, Rota
from tests.alerts_pages import dispatcher_for
from tests.alerts_world import stall
from tests.integration.people.clinic import ADA, ANN
from tests.integration.people.rota.on_call_story import MINUTE, SIX, OnCallStory
from tests.stack import Database


@pytest.fixture
async def on_call(database: Database, page_collector: PageCollector) -> OnCallStory:
    return OnCallStory(database, page_collector)


async def test_whoever_is_on_call_is_paged_and_the_next_one_after_the_hand_over(on_call: OnCallStory) -> None:
    await on_call.begin()
    dispatcher = dispatcher_for(on_call.resources)
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await dispatcher.send_due()
    assert on_call.received() == ["Ann"]
    for minutes in (5, 10):  # nobody answers: the step goes out again, at 18:00 to who has it then
        on_call.story.now = SIX + (minutes - 10) * MINUTE
        await on_call.worker.escalate_once()
        await dispatcher.send_due()
    assert on_call.received() == ["Ann", "Ann", "Bob"]
    assert await on_call.told() == ["person:ann", "person:ann", "person:bob"]


async def test_a_page_that_was_planned_before_a_hand_over_goes_out_after_it(on_call: OnCallStory) -> None:
    await on_call.begin()
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    on_call.story.now = SIX + MINUTE
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Ann"]


async def test_where_the_rota_gives_nobody_who_can_be_told_the_administrators_are_and_it_is_said(
    on_call: OnCallStory,
) -> None:
    await on_call.begin(channels=False)
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Vic"]
    await on_call.worker.say_state_once()
    said = json.loads(await on_call.database.pool.fetchval("SELECT warnings FROM worker_states"))
    why = "contact on call: rota first gives Ann, who has no verified channel; told instead: Vic."
    assert [each["words"] for each in said] == [f"{on_call.story.clinic_id}: {why}"]
    await on_call.give_channel(ANN, "Ann")
    await on_call.worker.keep_policies_once()
    on_call.story.now += 5 * MINUTE
    await on_call.worker.escalate_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Vic", "Ann"]


async def test_a_person_who_is_disabled_is_told_nothing_from_then_on(on_call: OnCallStory) -> None:
    await on_call.begin()
    await on_call.database.pool.execute("UPDATE persons SET disabled_at = now(), disabled_by = 't' WHERE name = 'Ann'")
    await on_call.worker.keep_policies_once()
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Vic"]


async def test_a_time_in_which_nobody_would_be_told_is_told_to_the_administrators_once(on_call: OnCallStory) -> None:
    await on_call.begin()
    clinic = on_call.story.clinic_id
    days = Layer(name="d", members=(ANN,), begins=date(2026, 3, 1), ends=date(2026, 3, 10), hand_over="18:00")
    async with on_call.database.pool.acquire() as connection:
        rota = Rota(clinic_id=clinic, name="first", timezone="UTC", layers=(days,))
        await edit.keep_rota(connection, rota, ADA, on_call.story.now)
    await on_call.worker.keep_policies_once()
    for hours in (0, 1, 24):
        on_call.story.now = SIX + timedelta(hours=hours)
        await on_call.worker.look_ahead_once()
        await dispatcher_for(on_call.resources).send_due()
    [page] = on_call.collector.pages
    assert (page.raw["to"], page.title) == ("Vic", "Pumpwatch LOW: a time is coming in which nobody would be told")
    times = "from 10 Mar 2026 18:00 UTC until 16 Mar 2026 18:00 UTC"
    assert page.body.startswith(f"{clinic}: {times}, a high alarm would reach")
    await on_call.worker.say_state_once()
    said = json.loads(await on_call.database.pool.fetchval("SELECT warnings FROM worker_states"))
    assert any("a high alarm would reach nobody within 15 minutes" in each["words"] for each in said)
    on_call.story.now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    await on_call.worker.look_ahead_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Vic", "Vic"]


async def test_whether_somebody_is_on_call_is_a_metric(on_call: OnCallStory) -> None:
    await on_call.begin()
    await on_call.worker.look_ahead_once()
    metrics, clinic = on_call.resources.metrics, on_call.story.clinic_id
    assert metrics.on_call.labels(clinic, "first")._value.get() == 1
    assert metrics.coverage_gap_seconds.labels(clinic)._value.get() == float("inf")
    await on_call.database.pool.execute("UPDATE person_channels SET failing_since = now()")
    await on_call.worker.keep_policies_once()
    await on_call.worker.look_ahead_once()
    assert metrics.on_call.labels(clinic, "first")._value.get() == 0
    assert metrics.coverage_gap_seconds.labels(clinic)._value.get() == 0


async def test_persons_that_cannot_be_read_leave_those_of_before_and_make_it_not_ready(on_call: OnCallStory) -> None:
    await on_call.begin()
    pool = on_call.database.pool
    await pool.execute("ALTER TABLE persons RENAME TO persons_away")
    await on_call.worker.keep_policies_once()
    assert on_call.resources.health.failing == {
        "people": "persons and rotas cannot be read; who was known last is told"
    }
    await stall(on_call.database, [on_call.story.pump_id])
    await on_call.worker.queue_once()
    await dispatcher_for(on_call.resources).send_due()
    assert on_call.received() == ["Ann"]
    await pool.execute("ALTER TABLE persons_away RENAME TO persons")
    await on_call.worker.keep_policies_once()
    assert on_call.resources.health.failing == {}
