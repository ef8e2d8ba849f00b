"""`pumpwatch web`: the board and the API as a process of their own, so that nobody who reads holds up who pages.

Guarantees: it decides nothing and pages nobody; where this machine is short of time, the worker goes first; while the
database is away it stays up, and shows what the worker has paged without it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, suppress

import structlog

from services.alerts.web.api import create_app
from services.alerts.web.dependencies import Web
from services.alerts.web.identity.pool import open_web_pool
from services.alerts.web.links.desk import AnswerDesk
from services.alerts.web.live.open_pages import OpenPages
from services.alerts.web.settings import WebSettings
from services.alerts.web.store import tell_who_asks
from services.alerts.web.workers import WorkerAnswers
from services.runtime.database import FAILED, Pool, borrow, plainly
from services.runtime.http.kept import Kept
from services.runtime.http.limits import Limits
from services.runtime.http.server import serve
from services.runtime.signals import stop_signal
from services.texts.catalogue import read_all

_POOL_CONNECTIONS = 4
"""What people read is worth few of the database's processes at once: they share its time with what pages."""
_STATEMENT_SECONDS = 10.0
_NICE = 10
_BOARD_SECONDS = 1.0
"""So long what a board shows is kept for others who may see and do the same."""
_HEALTH_SECONDS = 2.0
"""So long what is known of the installation is kept for everybody: with thousands of open alerts it costs most."""

log = structlog.get_logger()


async def run(settings: WebSettings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        services.runtime.http.server.AddressInUseError: The HTTP address cannot be bound.
    """
    with suppress(OSError):
        os.nice(_NICE)
    with stop_signal() as stop:
        await run_until(stop, settings)


async def run_until(stop: asyncio.Event, settings: WebSettings) -> None:
    """Run until `stop` is set."""
    read_all()
    token = settings.worker_token.get_secret_value() if settings.worker_token else None
    limits = Limits(settings.most_connections, settings.request_within_seconds, settings.answer_within_seconds)
    async with AsyncExitStack() as stack:
        pool = await open_web_pool(
            settings.database_url.get_secret_value(),
            password=settings.database_password,
            max_size=_POOL_CONNECTIONS,
            command_timeout_seconds=_STATEMENT_SECONDS,
        )
        stack.callback(pool.terminate)
        desk = AnswerDesk(settings.link_key_files, settings.worker_url, token, settings.state_folder)
        web = Web(
            pool,
            settings,
            WorkerAnswers(settings.worker_url, token),
            boards=Kept(_BOARD_SECONDS),
            health=Kept(_HEALTH_SECONDS),
            open_pages=OpenPages(settings.most_connections // 2, _BOARD_SECONDS),
            desk=desk,
        )
        app = create_app(web)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    serve(
                        app,
                        host=settings.http_host,
                        port=settings.http_port,
                        limits=limits,
                        proxies=settings.trusted_proxies,
                    )
                ),
                group.create_task(_keep_up(web, pool)),
                group.create_task(desk.keep_recording(pool, web.kept, web.clock)),
            ]
            log.info("web_started", board=f"http://{settings.http_host}:{settings.http_port}/")
            await stop.wait()
            log.info("web_stopping")
            for task in tasks:
                task.cancel()
    log.info("web_stopped")


async def _keep_up(web: Web, pool: Pool) -> None:
    """Read policies again as they change."""
    while True:
        try:
            async with borrow(pool, within_seconds=_STATEMENT_SECONDS) as connection:
                await tell_who_asks(connection, None)
                await web.kept.load(connection)
        except FAILED as error:
            log.warning("policies_not_read", error=plainly(error))
        await asyncio.sleep(web.settings.policy_poll_seconds)
