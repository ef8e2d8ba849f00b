"""Enrol the fleet in Pumpwatch's registry, as an operator would with real devices.

Guarantees: one transaction, one statement for each table; what is there already stays as it is. A fleet that was
enrolled by an earlier run keeps its first day, so that a run re-sends the same lives and gives no pump a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.runtime.database import Connection
from services.simulator import store
from services.simulator.patients.model import PumpSpec


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
    pump_of = {spec.handheld.handheld_id: spec.pump_id for spec in specs if spec.handheld is not None}
    async with connection.transaction():
        await store.enrol_clinic(connection, clinic_id, clinic_name)
        await store.enrol_devices(
            connection, clinic_id, pumps=pumps, handhelds=list(pump_of), enrolled_at=life_starts_at
        )
        await store.pair_handhelds(connection, pump_of, life_starts_at)
        first = await store.first_enrolment(connection, pumps)
    if first is None or first >= life_starts_at:
        return life_starts_at
    return first.astimezone(life_starts_at.tzinfo).replace(hour=0, minute=0, second=0, microsecond=0)
