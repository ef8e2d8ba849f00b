"""A broker for benches: the one that other tests share keeps sessions of ingest, and there the bench refuses to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.devstack.servers.mosquitto import MosquittoServer


@pytest.fixture(scope="session")
def bench_broker(mosquitto_program: Path) -> Iterator[MosquittoServer]:
    with MosquittoServer(program=mosquitto_program) as server:
        yield server
