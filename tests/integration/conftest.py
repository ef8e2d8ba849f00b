"""Tests of TimescaleDB Community, which no Debian package holds, run where one is named; the summary says if not."""

from __future__ import annotations

import pytest

from tests.servers.community import community_server
from tests.spread import SUMMARY

COMMUNITY = ("test_community.py", "moving/test_community.py", "patients/test_community.py")
collect_ignore = [] if community_server() else [*COMMUNITY]


def pytest_configure(config: pytest.Config) -> None:
    if collect_ignore:
        config.stash.setdefault(SUMMARY, {})["community"] = (
            f"not run: integration/{' and '.join(COMMUNITY)} (name a server in TEST_COMMUNITY_DATABASE_URL)"
        )
