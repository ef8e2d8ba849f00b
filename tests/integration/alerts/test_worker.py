"""Workers: several at once, woken by NOTIFY, killed in between, and a database that goes away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.policy import Priority
from services.alerts.clock import utc_now
from services.alerts.evaluation.evaluate import evaluate_pumps
from services.alerts.evaluation.store import take_queue
from services.alerts.evaluation.worker import Worker
from services.alerts.policies import policies_of
from services.alerts.resources import Resources
from tests.alerts_world import POLICY, T0, Story, enrol, resources_for, stall, verify_undated
from tests.stack import Database, eventually


def worker_for(database: Database, **more: Any) -> Worker:
    return Worker(resources_for(database.pool, database.dsn, POLICY, **more))


async def counts(database: Database) -> tuple[int, int, int, int]:
    row = await database.pool.fetchrow(
        "SELECT (SELECT count(*) FROM alerts), (SELECT count(*) FROM alert_transitions), "
        "(SELECT count(*) FROM deliveries), (SELECT count(*) FROM evaluation_queue)"
    )
    assert row is not None
    return tuple(row)


async def test_four_workers_at_once_raise_each_alert_once(database: Database) -> None:
    """They get overlapping pumps of several clinics in different order, and none deadlocks."""
    names = await enrol(database, 60, clinics=5)
    async with database.pool.acquire() as connection:
        for name in names:  # the same pumps in many entries, each in another order
            await connection.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", [name, *names[::-1]])
    await stall(database, names, entries=100)
    workers = [worker_for(database) for _ in range(4)]

    async def drain(worker: Worker) -> None:
        while await worker.queue_once():
            await worker.sweep_once()

    await asyncio.gather(*(drain(worker) for worker in workers))
    assert await counts(database) == (60, 60, 60, 0)
    async with database.pool.acquire() as connection:
        report = await verify_undated(connection)
    assert (report.rows, report.faults, len(report.heads)) == (60, (), 5)


async def test_a_second_worker_waits_for_the_pump_and_then_sees_what_the_first_decided(database: Database) -> None:
    names = await enrol(database, 1)
    await stall(database, names)
    policies = policies_of(POLICY)
    async with database.pool.acquire() as first, database.pool.acquire() as second:
        began = first.transaction()
        await began.start()
        one = await evaluate_pumps(first, names, policies, T0, public_url="")

        async def other():
            async with second.transaction():
                return await evaluate_pumps(second, names, policies, T0, public_url="")

        waiting = asyncio.create_task(other())

        async def is_waiting() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
            return bool(await database.pool.fetchval(query, database.name))

        await eventually(is_waiting, 5)
        await began.commit()
        two = await waiting
    assert (len(one.changes), len(two.changes)) == (1, 0)
    assert (await counts(database))[0] == 1


async def test_a_transaction_that_dies_leaves_the_queue_and_nothing_else(database: Database) -> None:
    names = await enrol(database, 3)
    await stall(database, names)
    async with database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        entries = await take_queue(connection, 10)
        outcome = await evaluate_pumps(connection, entries.pump_ids, policies_of(POLICY), T0, public_url="")
        assert len(outcome.changes) == 3
        await transaction.rollback()
    assert await counts(database) == (0, 0, 0, 1)
    await worker_for(database).queue_once()
    assert await counts(database) == (3, 3, 3, 0)


async def test_an_alarm_waits_for_no_routine_work(database: Database) -> None:
    """As after an outage: thousands of pumps have reported, and then one of them stalls."""
    names = await enrol(database, 3_000)
    async with database.pool.acquire() as connection:
        await connection.executemany("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", [([n],) for n in names])
        await connection.execute("INSERT INTO evaluation_queue (pump_ids, urgent) VALUES ($1, true)", names[-1:])
    await stall(database, names[-1:], entries=0)
    running = asyncio.create_task(worker_for(database, sweep_seconds=3_600).run())

    async def is_raised() -> bool:
        return (await counts(database))[0] == 1

    await eventually(is_raised, 20)
    assert (await counts(database))[3] > 1_000
    running.cancel()
    await asyncio.wait({running})


async def test_the_sweep_finds_what_no_queue_entry_names(database: Database) -> None:
    names = await enrol(database, 7)
    await stall(database, names, entries=0)
    worker = worker_for(database, sweep_slice_pumps=3)
    assert [await worker.sweep_once() for _ in range(4)] == [3, 3, 1, 0]
    assert (await counts(database))[0] == 7
    later = worker_for(database, clock=lambda: T0 + timedelta(seconds=61))
    assert await later.sweep_once() == 7


async def beat(database: Database, name: str, *hours: float) -> None:
    await database.pool.executemany(
        "INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id) "
        "VALUES ($1, $2, gen_random_uuid(), $2, $1)",
        [(name, T0 + timedelta(hours=each)) for each in hours],
    )


async def test_a_silence_is_found_when_its_limit_passes_and_not_when_the_sweep_comes_by(database: Database) -> None:
    (name,) = await enrol(database, 1)
    await beat(database, name, *range(-96, 1, 12))
    now = T0

    def at(hours: float) -> None:
        nonlocal now
        now = T0 + timedelta(hours=hours)

    worker = worker_for(database, clock=lambda: now, sweep_seconds=3600)

    async def looks(hours: float) -> int:
        """How often somebody looks at this moment, though the sweep has just been."""
        at(hours)
        await database.pool.execute("UPDATE pump_evaluations SET evaluated_at = $1", now)
        looked = 0
        while await worker.sweep_once():
            looked += 1
        return looked

    assert await worker.sweep_once() == 1
    assert await looks(47.9) == 0
    await beat(database, name, 12, 24)  # heard: the clock stays where it was, and rings for nothing
    assert (await looks(48.1), (await counts(database))[0]) == (1, 0)
    assert await looks(71.9) == 0
    assert (await looks(72.1), (await counts(database))[0]) == (1, 1)
    assert await looks(72.2) == 0


async def test_a_pump_that_is_gone_from_the_registry_keeps_nobody_busy(database: Database) -> None:
    await enrol(database, 1)
    await database.pool.execute("INSERT INTO pump_evaluations VALUES ('pump-gone', $1, $1)", T0)
    await worker_for(database).sweep_once()
    assert await database.pool.fetchval("SELECT due_at FROM pump_evaluations WHERE pump_id = 'pump-gone'") is None


async def test_a_retired_pump_is_forgotten_once_its_alerts_are_closed(database: Database) -> None:
    names = await enrol(database, 2)
    await stall(database, names[:1])
    await worker_for(database).queue_once()
    await database.pool.execute("UPDATE devices SET retired_at = $1", T0)
    await worker_for(database, clock=lambda: T0 + timedelta(hours=1)).sweep_once()
    assert await database.pool.fetchval("SELECT state FROM alerts") == "closed"
    await worker_for(database, clock=lambda: T0 + timedelta(hours=2)).sweep_once()
    assert await database.pool.fetchval("SELECT count(*) FROM pump_evaluations") == 0


async def test_a_pump_that_moves_to_another_clinic_leaves_no_alert_behind(database: Database) -> None:
    names = await enrol(database, 1, clinics=2)
    await stall(database, names)
    await worker_for(database).queue_once()
    await database.pool.execute("UPDATE devices SET clinic_id = 'clinic-1'")
    await database.pool.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", names)
    await worker_for(database).queue_once()
    rows = await database.pool.fetch("SELECT clinic_id, state FROM alerts ORDER BY clinic_id")
    assert [tuple(row) for row in rows] == [("clinic-0", "closed"), ("clinic-1", "active")]
    assert await database.pool.fetchval("SELECT reason FROM alert_transitions WHERE kind = 'closed'") == "pump_moved"


async def test_an_alert_with_nobody_to_tell_stands_and_is_counted(database: Database) -> None:
    names = await enrol(database, 1)
    await stall(database, names)
    registry = CollectorRegistry()
    resources = resources_for(database.pool, database.dsn, registry=registry)
    await Worker(resources).queue_once()
    assert not resources.pages_written.is_set()
    assert (await counts(database))[:3] == (1, 1, 0)
    labels = {"priority": Priority.HIGH.value}
    assert registry.get_sample_value("pumpwatch_alerts_without_contact_total", labels) == 1


async def test_deliveries_that_are_not_needed_any_more_are_cancelled(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    await stall(database, [story.pump_id])
    worker = story.new_worker()
    await worker.queue_once()
    assert await database.pool.fetchval("SELECT state FROM deliveries") == "due"
    story.now = T0 + timedelta(minutes=1)
    async with database.pool.acquire() as connection:
        await story.insert(connection, ["alarm", "motor_stall", "cleared"], story.now)
    await story.queue()
    await worker.queue_once()
    assert await database.pool.fetchval("SELECT state FROM deliveries") == "cancelled"


def slow_resources(database: Database) -> Resources:
    """Of a process that polls once a minute."""
    more: dict[str, Any] = {"worker_id": "test", "poll_seconds": 60, "escalation_seconds": 60}
    return resources_for(database.pool, database.dsn, POLICY, clock=utc_now, **more)


async def test_notify_wakes_it(database: Database) -> None:
    """The poll is a minute away, so only the notification can be the reason."""
    names = await enrol(database, 1)
    resources = slow_resources(database)
    running = asyncio.create_task(Worker(resources).run())
    try:
        await eventually(lambda: resources.health.listening, 10)
        await stall(database, names, notify=True)

        async def raised() -> bool:
            return (await counts(database))[0] == 1

        await eventually(raised, 5)
        assert (
            await database.pool.fetchval("SELECT service FROM worker_heartbeats WHERE worker_id = 'test'") == "alerts"
        )
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_lost_listener_listens_again(database: Database) -> None:
    names = await enrol(database, 1)
    resources = slow_resources(database)
    running = asyncio.create_task(Worker(resources).run())
    try:
        await eventually(lambda: resources.health.listening, 10)
        await database.pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN%'",
            database.name,
        )
        await eventually(lambda: not resources.health.listening, 5)
        await eventually(lambda: resources.health.listening, 5)
        await stall(database, names, notify=True)

        async def raised() -> bool:
            return (await counts(database))[0] == 1

        await eventually(raised, 5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_audit_trail_shows_a_changed_and_a_missing_row(database: Database) -> None:
    names = await enrol(database, 4)
    await stall(database, names)
    await worker_for(database).queue_once()
    async with database.pool.acquire() as connection:
        with pytest.raises(Exception, match="append-only"):
            await connection.execute("UPDATE alert_transitions SET actor = 'somebody' WHERE clinic_seq = 2")
        await connection.execute("ALTER TABLE alert_transitions DISABLE TRIGGER append_only")
        await connection.execute("UPDATE alert_transitions SET actor = 'somebody' WHERE clinic_seq = 2")
        changed = await verify_undated(connection, "clinic-0")
        assert [(fault.clinic_seq, fault.fault) for fault in changed.faults] == [
            (2, "was changed after it was written")
        ]
        await connection.execute("DELETE FROM alert_transitions WHERE clinic_seq >= 2")
        missing = await verify_undated(connection)
        assert [fault.fault for fault in missing.faults] == ["the trail ends at row 1, and its head says 4"]
