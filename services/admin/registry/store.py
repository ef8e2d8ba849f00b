"""All SQL of the registry's commands: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.admin.registry.model import (
    AlertLine,
    ChangeLine,
    Device,
    DeviceKind,
    Implantation,
    Listed,
    Membership,
    Pairing,
    Wanted,
)
from services.runtime.database import Connection, load_queries

QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))


async def add_clinic(connection: Connection, clinic_id: str, name: str) -> None:
    """Make a clinic if it is not there."""
    await connection.execute(QUERIES["add_clinic"], clinic_id, name)


async def clinic_ids(connection: Connection) -> list[str]:
    """Every clinic."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinic_ids"])]


async def enrol_devices(
    connection: Connection, device_ids: Sequence[str], kind: DeviceKind, clinic_id: str
) -> frozenset[str]:
    """Put devices into a clinic, and return those that are in it; a device that is of the other kind is not."""
    rows = await connection.fetch(QUERIES["enrol_devices"], list(dict.fromkeys(device_ids)), kind, clinic_id)
    return frozenset(row["device_id"] for row in rows)


async def lock_device(connection: Connection, device_id: str) -> Device | None:
    """A device, held until the transaction ends."""
    row = await connection.fetchrow(QUERIES["lock_device"], device_id)
    return Device(**row) if row else None


async def device_ids(connection: Connection) -> list[str]:
    """Every device, at most 20,000: to find names that are near to a wrong one."""
    return [row["device_id"] for row in await connection.fetch(QUERIES["device_ids"])]


async def retire_device(connection: Connection, device_id: str, at: datetime) -> None:
    """It is not used any more."""
    await connection.execute(QUERIES["retire_device"], device_id, at)


async def certificate_ends(connection: Connection, device_id: str, now: datetime) -> datetime | None:
    """Until when the broker lets a device in; None: it has no certificate that is known and good."""
    ends: datetime | None = await connection.fetchval(QUERIES["certificate_ends"], device_id, now)
    return ends


async def pairings(connection: Connection, device_id: str) -> tuple[Pairing, ...]:
    """Every pairing that a handheld, or a pump, ever had, in the order of their beginnings."""
    return tuple(Pairing(**row) for row in await connection.fetch(QUERIES["pairings"], device_id))


async def begin_pairing(
    connection: Connection, handheld_id: str, pump_id: str, since: datetime, until: datetime
) -> None:
    """Pair a handheld with a pump."""
    await connection.execute(QUERIES["begin_pairing"], handheld_id, pump_id, since, until)


async def change_pairing(connection: Connection, pairing: Pairing) -> None:
    """Let a pairing begin and end as it says."""
    await connection.execute(QUERIES["change_pairing"], pairing.pairing_id, pairing.since, pairing.until)


async def implantations(connection: Connection, pump_id: str) -> tuple[Implantation, ...]:
    """In whom a pump was and is, in the order of time; there is at least one."""
    return tuple(Implantation(**row) for row in await connection.fetch(QUERIES["implantations"], pump_id))


async def begin_implantation(
    connection: Connection, pump_id: str, since: datetime, patient_ref: str | None, *, implanted: bool
) -> None:
    """From then on the pump is in a patient, or in nobody."""
    await connection.execute(QUERIES["begin_implantation"], pump_id, since, implanted, patient_ref)


async def name_patient(connection: Connection, implantation: Implantation, patient_ref: str) -> None:
    """Say in whom the pump is."""
    await connection.execute(QUERIES["name_patient"], implantation.implantation_id, patient_ref)


async def take_back(connection: Connection, implantation: Implantation) -> None:
    """As if it had never been entered."""
    await connection.execute(QUERIES["take_back_implantation"], implantation.implantation_id)


async def memberships(connection: Connection, pump_id: str) -> tuple[Membership, ...]:
    """Which clinics looked after a pump, in the order of time."""
    return tuple(Membership(**row) for row in await connection.fetch(QUERIES["memberships"], pump_id))


async def move_pump(connection: Connection, pump_id: str, clinic_id: str, since: datetime) -> None:
    """From then on another clinic looks after a pump."""
    await connection.execute(QUERIES["move_pump"], pump_id, clinic_id, since)


async def set_clinic(connection: Connection, device_ids: Sequence[str], clinic_id: str) -> None:
    """Devices belong to this clinic now."""
    await connection.execute(QUERIES["set_clinic"], list(device_ids), clinic_id)


async def stored_events(connection: Connection, device_id: str, pump_id: str, since: datetime, until: datetime) -> int:
    """How many events of a device are stored for a pump, observed in a time."""
    count: int = await connection.fetchval(QUERIES["stored_events"], device_id, pump_id, since, until)
    return count


async def open_alerts(connection: Connection, pump_id: str) -> tuple[AlertLine, ...]:
    """The alerts of a pump that are open, the most urgent first."""
    return tuple(AlertLine(**row) for row in await connection.fetch(QUERIES["open_alerts"], pump_id))


async def record_change(
    connection: Connection, actor: str, command: str, device_ids: Sequence[str], detail: Mapping[str, Any]
) -> None:
    """Write down who did what."""
    await connection.execute(QUERIES["record_change"], actor, command, list(device_ids), json.dumps(detail))


async def changes(connection: Connection, device_id: str) -> tuple[ChangeLine, ...]:
    """The newest changes of what the registry says of a device."""
    rows = await connection.fetch(QUERIES["changes"], device_id)
    return tuple(ChangeLine(**{**row, "detail": json.loads(row["detail"])}) for row in rows)


async def queue_evaluation(connection: Connection, pump_ids: Sequence[str]) -> None:
    """Let pumps be looked at as soon as this is committed."""
    await connection.execute(QUERIES["queue_evaluation"], sorted(set(pump_ids)))


async def list_devices(
    connection: Connection, wanted: Wanted, *, limit: int, skip: int = 0
) -> tuple[tuple[Listed, ...], int]:
    """Devices, by clinic and name: so many after so many; and how many there are in all."""
    rows = await connection.fetch(
        QUERIES["list_devices"],
        wanted.clinic_id,
        wanted.kind,
        wanted.retired_too,
        wanted.state,
        wanted.not_heard_since,
        wanted.certificate_ends_before,
        limit,
        skip,
    )
    total: int = rows[0]["total"]  # there is a row in any case
    lines = ({name: value for name, value in row.items() if name != "total"} for row in rows if row["device_id"])
    return tuple(Listed(**line) for line in lines), total
