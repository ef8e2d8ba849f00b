"""The alert worker as one process: evaluate, send, and say how it is. What people see is `pumpwatch web`.

Guarantees: `run` returns when it is told to stop, after sends under way were recorded; while the database
is away the process stays up and /readyz says so; a bug ends the process with its traceback, for the
supervisor to start it anew.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry

from schemas.paths import SQL_FOLDER
from services.alerts.audit.anchoring import keep_anchoring
from services.alerts.clock import utc_now
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.delivery.persons.push import PushChannel
from services.alerts.delivery.persons.sender import PersonalSender
from services.alerts.delivery.receipts.watch import ReceiptWatch
from services.alerts.delivery.webhooks.resend import Replays
from services.alerts.evaluation.worker import Worker, reload_policy_files
from services.alerts.health.drill.watch import DrillWatch
from services.alerts.health.hand_over.watch import HandOverWatch
from services.alerts.health.http import LIMITS, create_health_app
from services.alerts.health.looks import keep_looking
from services.alerts.health.ping import keep_pinging
from services.alerts.health.proof.watch import ProofWatch
from services.alerts.metrics import Metrics
from services.alerts.outage.bypass import Bypass
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.resources import Resources
from services.alerts.settings import AlertsSettings
from services.people.links.signing import Links
from services.runtime.backoff import backoff_seconds
from services.runtime.database import UNAVAILABLE, Pool, open_pool, plainly
from services.runtime.http.server import serve
from services.runtime.migrate import pending
from services.runtime.signals import stop_signal
from services.texts.catalogue import read_all

_POOL_CONNECTIONS = 12
"""The loops and the sends under way, and what asks for /readyz."""

_RECEIPTS_SECONDS = 3.0
"""Pushover wants no receipt asked for more often than every 5 s; each page has a pause of its own."""

_REPLAYS_SECONDS = 2.0
"""Somebody who asks for a replay waits for it, and no alert does."""

log = structlog.get_logger()


async def run(settings: AlertsSettings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        services.runtime.http.server.AddressInUseError: The HTTP address cannot be bound.
    """
    with stop_signal() as stop:
        await run_until(stop, settings)


async def run_until(stop: asyncio.Event, settings: AlertsSettings) -> None:
    """Run until `stop` is set, or until a part of the service fails for good."""
    read_all()
    registry = CollectorRegistry()
    metrics = Metrics.on(registry)
    host = settings.worker_name or socket.gethostname()
    async with AsyncExitStack() as stack:
        pool = await open_pool(
            settings.database_url.get_secret_value(),
            password=settings.database_password,
            application_name="pumpwatch-alerts",
            max_size=_POOL_CONNECTIONS,
        )
        stack.callback(pool.terminate)
        resources = Resources(
            pool,
            PolicyFolder(settings.policy_folder, host=host),
            settings,
            metrics,
            utc_now,
            worker_id=f"{host}-{uuid4().hex[:8]}",
            links=Links(settings.link_key_files),
        )
        await reload_policy_files(resources)
        channel = Channels(settings.send_timeout_seconds, settings.sends_at_once, push_channel(settings))
        bypass = Bypass(resources, channel) if settings.mqtt_url else None
        app = create_health_app(resources, registry, (lambda: bypass.paged) if bypass else tuple)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(serve(app, host=settings.http_host, port=settings.http_port, limits=LIMITS)),
                group.create_task(_work(resources, channel, bypass)),
            ]
            if bypass is not None:
                tasks.append(group.create_task(bypass.run()))
            tasks.append(group.create_task(keep_pinging(resources)))
            log.info("alerts_started", health=f"http://{settings.http_host}:{settings.http_port}/readyz")
            await stop.wait()
            log.info("alerts_stopping")
            for task in tasks:
                task.cancel()
    log.info("alerts_stopped")


async def _work(resources: Resources, channel: Channels, bypass: Bypass | None) -> None:
    await channel.warm_up()
    await wait_until_migrated(resources.pool)
    worker = Worker(resources, bypass)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        group.create_task(keep_anchoring(resources))
        await worker.policies_known.wait()  # without them a page would have no address
        group.create_task(Dispatcher(resources, channel).run())
        group.create_task(PersonalSender(resources, channel).run())
        group.create_task(ProofWatch(resources).run())
        group.create_task(HandOverWatch(resources).run())
        group.create_task(DrillWatch(resources, channel).run())
        receipts = ReceiptWatch(resources, channel)
        group.create_task(
            keep_looking(
                resources.pool,
                receipts.look_once,
                task="receipts of pages",
                failed="receipts_not_asked_for",
                every_seconds=_RECEIPTS_SECONDS,
            )
        )
        group.create_task(
            keep_looking(
                resources.pool,
                Replays(resources, channel).look_once,
                task="replays of webhooks",
                failed="webhook_replays_failed",
                every_seconds=_REPLAYS_SECONDS,
            )
        )


def push_channel(settings: AlertsSettings) -> PushChannel:
    """What sends to browsers. A service of pushes may ask about us at the board's address."""
    key = settings.push_key.get_secret_value() if settings.push_key else None
    contact = settings.public_url if settings.public_url.startswith("https://") else "mailto:root@localhost"
    return PushChannel(key, contact, settings.send_timeout_seconds)


async def wait_until_migrated(pool: Pool) -> None:
    """Return when the database is there and has every migration that this release knows."""
    attempt = 0
    while True:
        try:
            async with pool.acquire() as connection:
                names = await pending(connection, SQL_FOLDER)
            if not names:
                return
            log.warning("waiting_for_migrations", pending=names)
        except UNAVAILABLE as error:
            log.warning("waiting_for_database", error=plainly(error))
        attempt += 1
        await asyncio.sleep(backoff_seconds(attempt, first_seconds=0.2, longest_seconds=5.0))
