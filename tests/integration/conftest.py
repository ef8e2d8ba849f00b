"""Tests of TimescaleDB Community, which no Debian package holds, run where one is named; the summary says if not."""

from __future__ import annotations

import os

import pytest

COMMUNITY = "test_community.py"
collect_ignore = [] if os.environ.get("TEST_COMMUNITY_DATABASE_URL") else [COMMUNITY]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if collect_ignore:
        terminalreporter.write_line(f"not run: integration/{COMMUNITY} (name a server in TEST_COMMUNITY_DATABASE_URL)")
