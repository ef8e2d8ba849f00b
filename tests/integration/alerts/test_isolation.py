"""Whatever goes wrong with one pump stays with that pump: the others are paged, and its clinic is told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from schemas.policy import Policy, Priority
from services.alerts.delivery import group_pages as gather
from services.alerts.evaluation import evaluate as evaluation
from services.alerts.evaluation import worker
from services.alerts.lifecycle import store as lifecycle
from services.alerts.policies import policies_of
from services.devstack.pages import PageCollector
from services.runtime.database import Connection
from tests.alerts_pages import dispatcher_for
from tests.alerts_world import Story, contact, resources_for, route
from tests.stack import Database

_MINUTE = timedelta(minutes=1)
Break = Callable[[Connection, pytest.MonkeyPatch, str], Any]


def raises_for(pump_id: str, function: Callable[..., Any], which: Callable[..., str]) -> Callable[..., Any]:
    """The same function, but that it fails for one pump."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if which(*arguments) == pump_id:
            raise OverflowError("date value out of range")
        return function(*arguments, **named)

    return wrapped


def breaks(module: Any, name: str, which: Callable[..., str]) -> Break:
    async def broken(connection: Connection, monkeypatch: pytest.MonkeyPatch, pump_id: str) -> None:
        monkeypatch.setattr(module, name, raises_for(pump_id, getattr(module, name), which))

    return broken


def refuses(table: str, condition: str) -> Break:
    """The database itself refuses what is written about the pump."""

    async def broken(connection: Connection, monkeypatch: pytest.MonkeyPatch, pump_id: str) -> None:
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {condition.format(pump_id)} THEN RAISE 'no'; END IF; RETURN NEW; END $$"
        )
        await connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )

    return broken


async def a_therapy_that_no_release_wrote(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, pump_id: str
) -> None:
    await connection.execute(
        "INSERT INTO therapies (pump_id, observed_at, event_id, received_at, device_id, drugs, profile, "
        "reservoir_size_ml) VALUES ($1, now(), gen_random_uuid(), now(), $1, '[{}]', '[]', 20)",
        pump_id,
    )


OF_ALERT = "(SELECT pump_id FROM alerts a WHERE a.alert_id = NEW.alert_id) = '{}'"
STEPS: dict[str, Break] = {
    "facts": a_therapy_that_no_release_wrote,
    "rules": breaks(evaluation, "evaluate", lambda facts, *_: facts.pump_id),
    "transitions": breaks(evaluation, "decide", lambda facts, *_: facts.pump_id),
    "open alerts": breaks(lifecycle, "open_alert", lambda row: row["pump_id"]),
    "alerts": refuses("alerts", "NEW.pump_id = '{}'"),
    "audit": refuses("alert_transitions", OF_ALERT),
    "who is told": breaks(evaluation, "due_deliveries", lambda alert, *_: alert.pump_id),
    "text": breaks(evaluation, "page_text", lambda alert, *_: alert.pump_id),
    "deliveries": refuses("deliveries", OF_ALERT),
    "when next": breaks(evaluation, "silent_from", lambda facts, *_: facts.pump_id),
}


@pytest.fixture
def stories(database: Database) -> tuple[Story, list[Story]]:
    """A pump that something is wrong with, and others."""
    bad, *others = (Story(database.pool, database.dsn) for _ in range(5))
    return bad, others


async def all_stall(database: Database, bad: Story, others: list[Story]) -> None:
    """Every pump stalls, and all are evaluated together, the bad one in the middle."""
    async with database.pool.acquire() as connection:
        for story in (bad, *others):
            await story.enrol()
            await story.insert(connection, ["alarm", "motor_stall", "raised"], story.now)
        pumps = sorted(story.pump_id for story in (bad, *others))
        await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", pumps)


async def due(connection: Connection, clinic_id: str) -> list[str]:
    rows = await connection.fetch("SELECT title FROM deliveries WHERE clinic_id = $1 ORDER BY title", clinic_id)
    return [row["title"] for row in rows]


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_fails_for_one_pump_pages_for_the_others_and_tells_of_the_one(
    step: str, stories: tuple[Story, list[Story]], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, others = stories
    async with database.pool.acquire() as connection:
        await all_stall(database, bad, others)
        if step == "open alerts":  # there must be one
            await bad.new_worker().queue_once()
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", [bad.pump_id])
        await STEPS[step](connection, monkeypatch, bad.pump_id)
        with monkeypatch.context():
            await bad.new_worker().queue_once()
            await bad.new_worker().escalate_once()
        for story in others:
            assert await due(connection, story.clinic_id) == ["Pumpwatch HIGH: pump alarm"]
        notified = await due(connection, bad.clinic_id)
        assert "Pumpwatch HIGH: a pump cannot be judged" in notified
        again = await connection.fetchval(
            "SELECT due_at FROM pump_evaluations WHERE pump_id = $1 AND failures > 0", bad.pump_id
        )
        assert again > bad.now


async def test_once_the_pump_can_be_judged_again_its_alarm_is_paged_and_the_alert_about_it_ends(
    stories: tuple[Story, list[Story]], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, others = stories
    await all_stall(database, bad, others)
    async with database.pool.acquire() as connection:
        with monkeypatch.context() as broken:
            await STEPS["rules"](connection, broken, bad.pump_id)
            await bad.new_worker().queue_once()
            for _ in range(3):  # as often as it is due, and later each time
                bad.now = await connection.fetchval(
                    "SELECT due_at FROM pump_evaluations WHERE pump_id = $1", bad.pump_id
                )
                assert await bad.new_worker().sweep_once() == 1
            query = "SELECT failures FROM pump_evaluations WHERE pump_id = $1"
            assert await connection.fetchval(query, bad.pump_id) == 4
        bad.now = await connection.fetchval("SELECT due_at FROM pump_evaluations WHERE pump_id = $1", bad.pump_id)
        assert await bad.new_worker().sweep_once() == 1
        assert await connection.fetchval(query, bad.pump_id) == 0
        trail = [line.split(" ", 1)[1] for line in await bad.trail()]
        assert trail == [
            "pump_unjudged opened high",
            "pump_alarm opened high",
            "pump_unjudged cleared high",
        ] or trail == [
            "pump_unjudged opened high",
            "pump_unjudged cleared high",
            "pump_alarm opened high",
        ]


async def test_an_alert_that_cannot_be_looked_at_holds_up_no_other_step(
    stories: tuple[Story, list[Story]], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, others = stories
    await all_stall(database, bad, others)
    await bad.new_worker().queue_once()
    for story in (bad, *others):
        story.now += bad.policy.routes[Priority.HIGH].steps[1].after_minutes * _MINUTE
    async with database.pool.acquire() as connection:
        await breaks(worker, "due_deliveries", lambda alert, *_: alert.pump_id)(connection, monkeypatch, bad.pump_id)
        await others[0].new_worker().escalate_once()
        for story in (bad, *others):  # the bad one too: only looking failed
            assert "Pumpwatch HIGH (nobody has acknowledged): pump alarm" in await due(connection, story.clinic_id)


async def test_entries_of_the_queue_that_nobody_can_have_written_hold_up_none(
    stories: tuple[Story, list[Story]], database: Database
) -> None:
    bad, others = stories
    async with database.pool.acquire() as connection:
        odd: list[list[str | None]] = [[None], [], ["", "nobody", "\u202e"], [None, *(["x" * 10_000] * 3)]]
        for pumps in odd:
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", pumps)
        await all_stall(database, bad, others)
        evaluator = bad.new_worker()
        while await evaluator.queue_once():
            pass
        for story in (bad, *others):
            assert await due(connection, story.clinic_id) == ["Pumpwatch HIGH: pump alarm"]


async def test_a_page_that_nobody_can_send_holds_up_no_other(
    stories: tuple[Story, list[Story]],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    page_collector: PageCollector,
) -> None:
    bad, others = stories
    policy = Policy(contacts=(contact("nurse", page_collector.url),), routes={Priority.HIGH: route((0, "nurse"))})
    await all_stall(database, bad, others)
    await bad.new_worker().queue_once()
    resources = resources_for(bad.pool, bad.dsn, policy, clock=lambda: bad.now, send_timeout_seconds=2)
    dispatcher = dispatcher_for(resources)
    mute = raises_for(bad.pump_id, lambda *_, **__: None, lambda *_, **__: "")
    monkeypatch.setattr(
        "services.alerts.delivery.dispatch.mute_of", lambda *_, pump_id, **__: mute() if pump_id else None
    )
    async with database.pool.acquire() as connection:
        await connection.execute("ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS deliveries_priority_check")
        await connection.execute("UPDATE deliveries SET priority = 'loud' WHERE clinic_id = $1", bad.clinic_id)
        await dispatcher.send_due()
        await page_collector.wait_for(len(others))
        states = {row["clinic_id"]: row for row in await connection.fetch("SELECT * FROM deliveries")}
        assert states[bad.clinic_id]["state"] == "failed"
        assert states[bad.clinic_id]["last_error"] == "a fault of Pumpwatch: ValueError"
        assert {states[story.clinic_id]["state"] for story in others} == {"sent"}


async def test_a_group_that_cannot_be_put_together_goes_out_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = [Story(database.pool, database.dsn) for _ in range(6)]
    async with database.pool.acquire() as connection:
        for story in stories:
            await story.enrol()
            await connection.execute(
                "UPDATE devices SET clinic_id = $1 WHERE device_id = $2", stories[0].clinic_id, story.pump_id
            )
            await story.insert(connection, ["level", "1.5"], story.now)
            await story.queue()
        await stories[0].new_worker().queue_once()
        waiting = "SELECT count(*) FROM deliveries WHERE together AND state = 'due'"
        assert await connection.fetchval(waiting) == len(stories)
        monkeypatch.setattr(gather, "group_text", raises_for("", lambda *_: None, lambda *_: ""))
        policies = policies_of(stories[0].policy)
        later = stories[0].now + _MINUTE
        await gather.group_pages_once(connection, policies, later, public_url="https://pw.example.org", environment={})
        assert await connection.fetchval(waiting) == 0
        assert await connection.fetchval("SELECT count(*) FROM deliveries WHERE state = 'due'") == len(stories)
