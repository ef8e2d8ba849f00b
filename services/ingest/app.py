"""Open what ingest needs, run it, and close it in order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Final

import stamina
import structlog
from prometheus_client import CollectorRegistry

from schemas.paths import SQL_FOLDER
from schemas.topics import RESERVED_PREFIX, is_device_id, is_reserved_id
from services.ingest.api import build_api
from services.ingest.metrics import IngestMetrics
from services.ingest.pipeline import ALARM_WRITERS, Pipeline
from services.ingest.settings import IngestSettings
from services.ingest.storage import store
from services.ingest.storage.around import LOCK_WAIT_SECONDS
from services.ingest.storage.registry import RegistryCache
from services.runtime.database import (
    FAILED,
    UNAVAILABLE,
    Pool,
    borrow,
    ensure_writable,
    meaning_in_words,
    open_pool,
    plainly,
)
from services.runtime.garbage import collect_garbage_rarely
from services.runtime.http.callers import Said, is_loopback
from services.runtime.http.server import serve
from services.runtime.migrate import pending
from services.runtime.mqtt import broker_address
from services.runtime.signals import stop_signal

_CHECK_TIMEOUT_SECONDS: Final = 3.0
_BEAT_SECONDS: Final = 5.0
_IN_GENERAL: Final = {"broker": "not connected to the broker", "database": "what came in cannot be stored yet"}
"""What a stranger is told of the pipeline's faults: no address."""
# Shorter than the second try of a write: else it would wait for the rows of the first, whose network is gone.
_IDLE_IN_TRANSACTION_SECONDS: Final = 3.0

log = structlog.get_logger()


async def run(settings: IngestSettings, *, lifeline: int | None = None) -> None:
    """Run one ingest process until SIGTERM or SIGINT; what was taken in by then is stored and acknowledged.

    Args:
        settings: What the operator set.
        lifeline: The reading end of a pipe; when it closes, that is a SIGTERM (services/ingest/workers.py).
    """
    collect_garbage_rarely()
    # The default hook logs each try; the writer says once that trying begins, and once that it ends.
    stamina.instrumentation.set_on_retry_hooks(())
    with stop_signal(lifeline=lifeline) as stop:
        dsn = settings.database_url.get_secret_value()
        address = broker_address(
            settings.mqtt_url.get_secret_value(),
            ca_file=settings.mqtt_ca_file,
            cert_file=settings.mqtt_cert_file,
            key_file=settings.mqtt_key_file,
            password_file=settings.mqtt_password_file,
        )
        if is_device_id(settings.client_id) and not is_reserved_id(settings.client_id):
            mend = (
                f"a name with a / in it, or one that begins with {RESERVED_PREFIX}; "
                "see docs/operating/devices/certificates.md"
            )
            log.warning("client_id_may_be_a_devices", client_id=settings.client_id, mend=mend)
        async with AsyncExitStack() as stack:
            pool, alarms_pool = [
                await open_pool(
                    dsn,
                    password=settings.database_password,
                    application_name="pumpwatch-ingest",
                    max_size=size,
                    connect_timeout_seconds=_CHECK_TIMEOUT_SECONDS,
                    idle_in_transaction_seconds=_IDLE_IN_TRANSACTION_SECONDS,
                    lock_wait_seconds=LOCK_WAIT_SECONDS,
                )
                for size in (settings.writers + 3, ALARM_WRITERS)
            ]
            stack.push_async_callback(_close_pool, pool)
            stack.push_async_callback(_close_pool, alarms_pool)
            metrics = CollectorRegistry()
            registry = RegistryCache(
                enrol_into=settings.enrolment_clinic_id if settings.enrolment == "auto" else None,
                max_age_seconds=settings.registry_max_age_seconds,
            )
            pipeline = Pipeline(settings, address, pool, alarms_pool, registry, IngestMetrics.on(metrics))

            async def missing() -> dict[str, Said]:
                found = {part: Said(why, _IN_GENERAL[part]) for part, why in pipeline.faults.items()}
                return found | await _database_faults(pool)

            api = build_api(
                pipeline,
                metrics,
                missing,
                gateway_token=settings.gateway_token,
                body_within_seconds=settings.http_body_within_seconds,
                trusts_everybody=settings.gateway_token is None and is_loopback(settings.http_host),
            )
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(serve(api, host=settings.http_host, port=settings.http_port)),
                    group.create_task(registry.watch(dsn, settings.database_password)),
                    group.create_task(_beat(pipeline, pool, settings.client_id)),
                ]
                await pipeline.run(stop)
                for helper in helpers:
                    helper.cancel()
    log.info("stopped")


async def _beat(pipeline: Pipeline, pool: Pool, client_id: str) -> None:
    """Say every few seconds that events are taken; the alert service pages when that stops."""
    while True:
        if not pipeline.faults:
            with suppress(*UNAVAILABLE):
                async with borrow(pool, within_seconds=_CHECK_TIMEOUT_SECONDS) as connection:
                    await store.record_heartbeat(connection, client_id)
        await asyncio.sleep(_BEAT_SECONDS)


async def _close_pool(pool: Pool) -> None:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_SECONDS):
            await pool.close()
    except UNAVAILABLE:
        pool.terminate()


async def _database_faults(pool: Pool) -> dict[str, Said]:
    try:
        async with borrow(pool, within_seconds=_CHECK_TIMEOUT_SECONDS) as connection:
            lacking = await pending(connection, SQL_FOLDER)
            await ensure_writable(connection)
    except FAILED as error:
        return {"database": Said(plainly(error), meaning_in_words(error))}
    if not lacking:
        return {}
    text = f"not applied: {', '.join(lacking)}: run `pumpwatch migrate`"
    return {"migrations": Said(text, "not all are applied: run `pumpwatch migrate`")}
