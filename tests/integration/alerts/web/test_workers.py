"""The board asks the worker what it has paged while the database is away."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.alerts.health.http import create_health_app
from services.alerts.web.workers import WorkerAnswers
from services.devstack.ports import free_port
from services.runtime.http.server import serve
from tests.alerts_world import Story
from tests.stack import Database, eventually


@pytest.mark.parametrize(("token", "said"), [("s3cret", ()), ("wrong", None), (None, None)])
async def test_a_worker_that_names_nothing_to_us_is_not_taken_for_one_that_paged_nothing(
    database: Database, token: str | None, said: tuple[()] | None
) -> None:
    resources = Story(database.pool, database.dsn).resources(api_token="s3cret")
    port = free_port()
    app = create_health_app(resources, CollectorRegistry())
    server = asyncio.create_task(serve(app, host="127.0.0.1", port=port))
    url = f"http://127.0.0.1:{port}"

    async def listens() -> bool:
        return await WorkerAnswers(url, "s3cret").paged() is not None

    await eventually(listens)
    assert await WorkerAnswers(url, token).paged() == said
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    assert await WorkerAnswers(url, token).paged() is None
