"""A whole run: enrol, history, live; on real Mosquitto and TimescaleDB, with a stand-in for ingest."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from services.simulator.app import Progress, run
from services.simulator.enrol import enrol_fleet
from services.simulator.patients.fleet import draw_fleet, first_midnight
from services.simulator.settings import SimulatorSettings
from services.simulator.store import QUERIES
from tests.integration.simulator.ingest_of_events import Consumer, consuming

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


async def test_every_statement_prepares(database):
    async with database.pool.acquire() as connection:
        for statement in QUERIES.values():
            await connection.prepare(statement)


async def test_enrolling_twice_changes_nothing_and_keeps_the_first_day(database):
    specs = draw_fleet(1, 20)
    first_day = first_midnight(NOW, 30, 60)
    async with database.pool.acquire() as connection:
        for day in (first_day, first_day + timedelta(days=3)):
            kept = await enrol_fleet(connection, specs, clinic_id="c", clinic_name="C", life_starts_at=day)
            assert kept == first_day
            assert kept.utcoffset() == timedelta(hours=1)
        earlier = first_day - timedelta(days=3)
        kept = await enrol_fleet(connection, specs, clinic_id="c", clinic_name="C", life_starts_at=earlier)
        assert kept == earlier
        rows = await connection.fetch("SELECT device_id, kind, clinic_id, pump_id FROM registry")
    known = {row["device_id"]: (row["kind"], row["clinic_id"], row["pump_id"]) for row in rows}
    for spec in specs:
        assert known.pop(spec.pump_id) == ("pump", "c", spec.pump_id)
        if spec.handheld is not None:
            assert known.pop(spec.handheld.handheld_id) == ("handheld", "c", spec.pump_id)
    assert known == {}


def settings_for(url: str, **changes: object) -> SimulatorSettings:
    values = {"mqtt_url": url, "pumps": 12, "seed": 77, "history_days": 20, "scenarios": (), **changes}
    return SimulatorSettings.model_validate(values)


async def test_a_run_publishes_history_and_then_live_scenarios(broker, database, tmp_path):
    settings = settings_for(
        broker.url,
        database_url=database.dsn,
        scenarios="motor_stall@+0.2s,low_reservoir@+0.4s,demand_surge@+0.6s",
        truth_file=tmp_path / "truth.jsonl",
        live_lead_minutes=60,
        speed=600,
        duration_seconds=1.5,
        pumps=40,
    )
    consumer, phases = Consumer(), []
    begun = datetime.now(UTC)

    def on_progress(progress: Progress) -> None:
        phases.append(progress.phase)

    async with consuming(broker.url, consumer):
        summary = await run(settings, on_progress=on_progress)
    counts = summary.counts
    assert counts.published == counts.stored == len(consumer.events) == summary.history_events + summary.live_events
    assert summary.live_events > 0
    assert [phase for phase in dict.fromkeys(phases) if phase != "history"] == ["enrolled", "live", "drained"]
    assert all(datetime.fromisoformat(e["observed_at"]) <= datetime.now(UTC) for e in consumer.events.values())
    truth = {line["scenario"]: line for line in map(json.loads, settings_truth(settings))}
    assert set(truth) == {"motor_stall", "low_reservoir", "demand_surge"}
    alarms = {
        (consumer.device_of[key], event["code"]) for key, event in consumer.events.items() if event["kind"] == "alarm"
    }
    assert alarms == {
        (truth["motor_stall"]["pump_id"], "motor_stall"),
        (truth["low_reservoir"]["pump_id"], "low_reservoir"),
    }
    surge = truth["demand_surge"]
    pressed = [
        event
        for key, event in consumer.events.items()
        if consumer.device_of[key] == surge["device_id"]
        and event["kind"] == "bolus"
        and datetime.fromisoformat(event["observed_at"]) >= begun - timedelta(hours=6)
    ]
    assert len(pressed) >= 12
    enrolled = await database.pool.fetchval("SELECT count(*) FROM devices WHERE kind = 'pump'")
    assert enrolled == summary.pumps == 40


def settings_truth(settings: SimulatorSettings) -> list[str]:
    assert settings.truth_file is not None
    return settings.truth_file.read_text().splitlines()


async def test_a_second_run_on_another_day_sends_the_same_lives_again(broker, database):
    consumer = Consumer()
    days = [NOW, NOW + timedelta(days=2)]
    async with consuming(broker.url, consumer):
        for now in days:
            settings = settings_for(broker.url, database_url=database.dsn, live=False)
            summary = await run(settings, now=partial(_same, now), on_progress=lambda _progress: None)
    counts = summary.counts
    assert counts.duplicates > 1000
    # Two more days of 12 pumps: without the memory of the first day, everything would be new.
    assert 150 < counts.stored < 400
    seqs = sorted(e["seq"] for key, e in consumer.events.items() if consumer.device_of[key] == "pump-0001")
    assert seqs == list(range(len(seqs)))


def _same(now: datetime) -> datetime:
    return now


async def test_sigterm_ends_a_run_in_order(broker):
    consumer = Consumer()

    def on_progress(progress: Progress) -> None:
        if progress.phase == "live":
            os.kill(os.getpid(), signal.SIGTERM)

    async with consuming(broker.url, consumer):
        summary = await asyncio.wait_for(run(settings_for(broker.url), on_progress=on_progress), 20)
    assert summary.counts.outstanding == 0
    assert summary.history_events == len(consumer.events) - summary.live_events > 1000


async def test_a_stop_ends_a_run_that_nobody_answers(own_broker):
    server, stop = own_broker(), asyncio.Event()
    settings = settings_for(server.url, window_events=500, drain_seconds=0.1)

    def on_progress(progress: Progress) -> None:
        if progress.counts.outstanding > 0:
            stop.set()

    summary = await asyncio.wait_for(run(settings, stop=stop, on_progress=on_progress), 20)
    assert 0 < summary.counts.outstanding <= 500
    assert summary.counts.receipts == 0


async def test_a_database_that_is_away_is_an_error(broker):
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await run(settings_for(broker.url, database_url="postgresql://127.0.0.1:1/none"))
