"""Ingest's HTTP against its published description: no 500, and no status, form or header that is not described."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.ingest_world import TOKEN, enrol, ingest_settings, unique
from tests.integration.described.running import Run, faults

TAKES_WHAT_IT_CAN = ("negative_data_rejection",)
"""Unknown fields of an event are passed over, and of an array what can be stored is: the receipt says so."""


@pytest.fixture
async def run(run_service, database, broker) -> Run:
    pump = unique("described")
    await enrol(database.pool, [pump])
    service = await run_service("ingest", ingest_settings(database.dsn, broker))
    return Run(service.url, "ingest", names={"device_id": pump}, without=TAKES_WHAT_IT_CAN)


@pytest.mark.slow
@pytest.mark.parametrize("token", [TOKEN, "wrong"])
async def test_a_gateway_is_answered_as_it_is_described(run: Run, token: str, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert await faults(replace(run, headers=headers, phases="examples,fuzzing", examples=25), tmp_path) == ""


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_however_long_it_asks(run: Run, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert await faults(replace(run, headers=headers, examples=300, deterministic=False), tmp_path) == ""
