"""Readers of a database with two clinics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from services.devstack.servers.postgres import DatabaseServer
from tests.contract.grafana.boards import Readers
from tests.contract.grafana.clinic_data import seed
from tests.stack import clone_database, execute_at


@pytest.fixture(scope="module")
async def readers(timescaledb: DatabaseServer, database_template: str) -> AsyncIterator[Readers]:
    mark = uuid4().hex[:8]
    database = f"pumpwatch_grafana_{mark}"
    dsn = await clone_database(timescaledb, database_template, database)
    roles = [f"pw_{mark}_{name}" for name in ("north", "everybody", "nobody")]
    owner = await asyncpg.connect(dsn)
    await seed(owner)
    for role, clinic in zip(roles, ("north", None, "absent"), strict=True):
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE pumpwatch_reader")
        if clinic != "absent":
            await owner.execute("INSERT INTO clinic_readers VALUES ($1, $2)", role, clinic)
    views = await owner.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'dashboard' ORDER BY 1")
    connections = [
        await asyncpg.connect(
            dsn,
            user=role,
            password="secret",
            server_settings={"default_transaction_read_only": "on", "statement_timeout": "5000", "timezone": "UTC"},
        )
        for role in roles
    ]
    north, everybody, nobody = connections
    yield Readers(north, everybody, nobody, tuple(row["viewname"] for row in views))
    for connection in (*connections, owner):
        await connection.close()
    await execute_at(timescaledb.dsn(), f"DROP DATABASE {database} WITH (FORCE)", f"DROP ROLE {', '.join(roles)}")
