"""A site for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.certificates.world import Site, enrolled
from tests.stack import Database


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> Site:
    """Three pumps in the registry, and an authority."""
    await enrolled(database)
    folder = tmp_path / "operator"
    folder.mkdir()
    made = Site(database, folder, tmp_path / "authority")
    assert made.certificates("authority", str(made.authority)).startswith(str(made.authority))
    return made
