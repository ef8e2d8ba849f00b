"""Enrol the fleet in Pumpwatch's registry, as an operator would with real devices.

Guarantees: one transaction, one statement for each table; what is there already stays as it is. A fleet that was
enrolled by an earlier run keeps its first day, so that a run re-sends the same lives and gives no pump a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from services.runtime.database import Connection, load_queries
from services.simulator.patients.model import PumpSpec

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def enrol_fleet(
    connection: Connection,
    specs: Sequence[PumpSpec],
    *,
    clinic_id: str,
    clinic_name: str,
    life_starts_at: datetime,
) -> datetime:
    """Enrol clinic, pumps, handhelds and pairings. Returns the fleet's first day, perhaps an earlier one."""
    pumps = [spec.pump_id for spec in specs]
    paired = [(spec.handheld.handheld_id, spec.pump_id) for spec in specs if spec.handheld is not None]
    handhelds = [handheld_id for handheld_id, _ in paired]
    kinds = ["pump"] * len(pumps) + ["handheld"] * len(handhelds)
    async with connection.transaction():
        await connection.execute(QUERIES["enrol_clinic"], clinic_id, clinic_name)
        await connection.execute(QUERIES["enrol_devices"], [*pumps, *handhelds], kinds, clinic_id, life_starts_at)
        await connection.execute(
            QUERIES["pair_handhelds"], handhelds, [pump_id for _, pump_id in paired], life_starts_at
        )
        first: datetime | None = await connection.fetchval(QUERIES["first_enrolment"], pumps)
    if first is None or first >= life_starts_at:
        return life_starts_at
    return first.astimezone(life_starts_at.tzinfo).replace(hour=0, minute=0, second=0, microsecond=0)
