"""Run the simulator: enrol, publish the history, then live.

Guarantees: `observed_at` is never in the future, except by the scenario `clock_skew`; what was published has its
receipt when `run` returns, unless the drain time is over (`counts.outstanding` says how much was not). Faults that
waiting cannot cure are raised; a broker or ingest that is away is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from services.runtime.mqtt import BrokerAddress, broker_address
from services.runtime.signals import stop_signal
from services.simulator.devices.outbox import Counts
from services.simulator.devices.publisher import Publisher
from services.simulator.enrol import enrol_fleet
from services.simulator.patients.clock import SimulatedClock
from services.simulator.patients.fleet import LiveFleet, Upload, live_uploads, uploads
from services.simulator.patients.scenarios import Scenario
from services.simulator.patients.unit import Unit
from services.simulator.settings import SimulatorSettings
from services.simulator.simulation import Simulation, prepare, write_truth

_PROGRESS_EVERY_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; made every second and at each change of phase."""

    phase: str
    """`enrolled`, `history`, `live` or `drained`."""
    simulated_at: datetime
    counts: Counts
    events_per_second: float
    """Events whose receipt came, a second, since the last progress of the phase."""
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What a run did."""

    pumps: int
    handhelds: int
    history_events: int
    history_seconds: float
    live_events: int
    live_seconds: float
    counts: Counts
    scenarios: tuple[Scenario, ...]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def broker_of(settings: SimulatorSettings) -> BrokerAddress:
    """The broker that the settings name.

    Raises:
        ValueError: The URL cannot be used.
        OSError: A TLS file cannot be used.
    """
    return broker_address(
        settings.mqtt_url.get_secret_value(),
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
        password_file=settings.mqtt_password_file,
    )


async def run(
    settings: SimulatorSettings,
    *,
    now: Callable[[], datetime] = utc_now,
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> SimulationSummary:
    """Simulate until the duration is over, `stop` is set, or SIGTERM or SIGINT comes.

    Args:
        settings: What and where.
        now: The wall clock.
        on_progress: Called every second; left out, progress is logged.
        stop: Ends the live phase; left out, signals do.
    """
    simulation = prepare(settings, now())
    if settings.database_url is not None:
        simulation = await _enrol(settings, settings.database_url.get_secret_value(), simulation)
    if settings.truth_file is not None:
        write_truth(settings.truth_file, simulation.scenarios)
    password = settings.device_password
    publisher = Publisher(
        broker_of(settings),
        connections=settings.connections,
        device_password=password.get_secret_value() if password else None,
        window_events=settings.window_events,
        resend_after_seconds=settings.resend_after_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    with stop_signal() if stop is None else contextlib.nullcontext(stop) as stopped:
        async with publisher:
            runner = _Runner(settings, simulation, publisher, stopped, now, on_progress or _log_progress)
            return await runner.run()


class _Runner:
    """The phases of one run."""

    def __init__(
        self,
        settings: SimulatorSettings,
        simulation: Simulation,
        publisher: Publisher,
        stopped: asyncio.Event,
        now: Callable[[], datetime],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._settings, self._simulation, self._publisher = settings, simulation, publisher
        self._stopped, self._now, self._on_progress = stopped, now, on_progress
        self._phase, self._simulated_at = "enrolled", simulation.life_starts_at
        self._reported_at, self._reported = time.monotonic(), 0
        self._history_events, self._history_seconds, self._live_seconds = 0, 0.0, 0.0

    async def run(self) -> SimulationSummary:
        ticker = asyncio.create_task(self._tick())
        try:
            self._report("enrolled")
            await _first(asyncio.ensure_future(self._phases()), self._stopped)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_seconds):
                    await self._publisher.drained()
            self._report("drained")
        finally:
            ticker.cancel()
        counts, simulation = self._publisher.counts, self._simulation
        return SimulationSummary(
            pumps=len(simulation.specs),
            handhelds=sum(spec.handheld is not None for spec in simulation.specs),
            history_events=self._history_events or counts.published,
            history_seconds=self._history_seconds,
            live_events=counts.published - (self._history_events or counts.published),
            live_seconds=self._live_seconds,
            counts=counts,
            scenarios=simulation.scenarios,
        )

    async def _phases(self) -> None:
        begun = time.monotonic()
        self._phase = "history"
        units = await self._publish_history()
        self._history_events = self._publisher.counts.published
        self._history_seconds = time.monotonic() - begun
        if not self._settings.live:
            return
        self._report("live")
        log.info("live_phase_began", history_events=self._history_events, seconds=round(self._history_seconds, 1))
        begun = time.monotonic()
        try:
            await self._publish_live(units)
        finally:
            self._live_seconds = time.monotonic() - begun

    async def _publish_history(self) -> list[Unit]:
        """Publish what could be uploaded before the live phase, pump by pump, and wait for the receipts."""
        simulation, until = self._simulation, self._simulation.clock.starts_at
        units = []
        for unit in simulation.units(self._settings.seed):
            events = unit.events_until(until)
            units.append(unit)
            if simulation.life_starts_at < simulation.history_from:
                events = [event for event in events if event.available_at >= simulation.history_from]
            for upload in uploads(events, self._settings.batch_events):
                await self._publish(upload)
            await asyncio.sleep(0)
        self._simulated_at = until
        await self._publisher.drained()
        return units

    async def _publish_live(self, units: list[Unit]) -> None:
        """Follow the simulated clock. It begins when the history is through, so that no scenario is missed."""
        planned = self._simulation.clock
        clock = SimulatedClock(planned.starts_at, self._now(), planned.speed)
        fleet = LiveFleet(units)
        duration = self._settings.duration_seconds
        ends = None if duration is None else clock.wall_starts_at + timedelta(seconds=duration)
        while True:
            wall = self._now()
            self._simulated_at = clock.at(wall)
            for upload in live_uploads(fleet.events_until(self._simulated_at), self._settings.batch_events):
                await self._publish(upload)
            if ends is not None and wall >= ends:
                return
            next_at = fleet.next_at()
            wait = clock.seconds_until(next_at, self._now()) if next_at else _PROGRESS_EVERY_SECONDS
            if ends is not None:
                wait = min(wait, (ends - wall).total_seconds())
            await asyncio.sleep(min(max(wait, 0.001), _PROGRESS_EVERY_SECONDS))

    async def _publish(self, upload: Upload) -> None:
        await self._publisher.publish(upload.device_id, upload.events)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_SECONDS)
            self._report(self._phase)

    def _report(self, phase: str) -> None:
        self._phase = phase
        counts, at = self._publisher.counts, time.monotonic()
        settled = counts.published - counts.outstanding
        rate = (settled - self._reported) / max(at - self._reported_at, 1e-3)
        self._reported_at, self._reported = at, settled
        self._on_progress(Progress(phase, self._simulated_at, counts, rate, self._simulation.scenarios))


async def _enrol(settings: SimulatorSettings, database_url: str, simulation: Simulation) -> Simulation:
    connection = await asyncpg.connect(
        database_url, password=settings.database_password, timeout=10, command_timeout=30
    )
    try:
        first = await enrol_fleet(
            connection,
            simulation.specs,
            clinic_id=settings.clinic_id,
            clinic_name=settings.clinic_name,
            life_starts_at=simulation.life_starts_at,
        )
    finally:
        await connection.close()
    if first == simulation.life_starts_at:
        return simulation
    log.info("fleet_known", life_starts_at=first.isoformat())
    return prepare(settings, simulation.clock.wall_starts_at, first)


async def _first(work: asyncio.Future[None], stopped: asyncio.Event) -> None:
    """Wait for the work, or for the stop, which cancels it."""
    stop = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        stop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def _log_progress(progress: Progress) -> None:
    log.info(
        "simulation_progress",
        phase=progress.phase,
        simulated_at=progress.simulated_at.isoformat(timespec="seconds"),
        published=progress.counts.published,
        stored=progress.counts.stored,
        duplicates=progress.counts.duplicates,
        rejected=progress.counts.rejected,
        outstanding=progress.counts.outstanding,
        events_per_second=round(progress.events_per_second),
    )
