"""The short form of `bench.faults`: every cell once, with a few thousand events."""

from __future__ import annotations

import pytest

from bench.faults.cells import CELLS
from bench.faults.run import run_cell

pytestmark = pytest.mark.long

EVENTS = 2_000


@pytest.mark.parametrize("cell", CELLS)
async def test_a_fault_loses_nothing_that_has_a_receipt_doubles_nothing_and_ingest_is_back(cell, ready_made, tmp_path):
    outcome = await run_cell(
        cell, events=EVENTS, strikes=1, gone_events=100, folder=tmp_path, make_server=ready_made.make_server
    )
    if outcome.not_run is not None:
        pytest.skip(f"not run: {outcome.not_run}")
    assert outcome.passed, outcome
