"""Tests of TimescaleDB Community, which no Debian package holds, run where one is named; the summary says if not."""

from __future__ import annotations

import os

import pytest

from tests.spread import SUMMARY

COMMUNITY = "test_community.py"
collect_ignore = [] if os.environ.get("TEST_COMMUNITY_DATABASE_URL") else [COMMUNITY]


def pytest_configure(config: pytest.Config) -> None:
    if collect_ignore:
        config.stash.setdefault(SUMMARY, {})["community"] = (
            f"not run: integration/{COMMUNITY} (name a server in TEST_COMMUNITY_DATABASE_URL)"
        )
