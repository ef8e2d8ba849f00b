"""What the simulator asks Pumpwatch's registry. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))


async def enrol_clinic(connection: Connection, clinic_id: str, name: str) -> None:
    """Enter a clinic; one that is there stays as it is."""
    await connection.execute(QUERIES["enrol_clinic"], clinic_id, name)


async def enrol_devices(
    connection: Connection,
    clinic_id: str,
    *,
    pumps: Sequence[str],
    handhelds: Sequence[str],
    enrolled_at: datetime,
) -> None:
    """Enter devices into a clinic; those that are there stay as they are."""
    kinds = ["pump"] * len(pumps) + ["handheld"] * len(handhelds)
    await connection.execute(QUERIES["enrol_devices"], [*pumps, *handhelds], kinds, clinic_id, enrolled_at)


async def pair_handhelds(connection: Connection, pump_of: Mapping[str, str], paired_at: datetime) -> None:
    """Say to which pump each handheld belongs; a pair that is there stays as it is."""
    await connection.execute(QUERIES["pair_handhelds"], list(pump_of.keys()), list(pump_of.values()), paired_at)


async def first_enrolment(connection: Connection, pumps: Sequence[str]) -> datetime | None:
    """When the first of these pumps was enrolled, perhaps by an earlier run; None: none of them is."""
    first: datetime | None = await connection.fetchval(QUERIES["first_enrolment"], pumps)
    return first
