"""Enrols devices into clinics and pairs handhelds with pumps.

Guarantees: running the same again changes nothing; a device never changes its kind; a handheld is paired with
one pump at a time and its past pairings stay readable. Ingest hears of every change (`registry_changed`).
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.topics import DEVICE_ID_RULE, is_device_id
from services.admin import store
from services.admin.model import DeviceKind
from services.runtime.database import Connection


class RegistryError(ValueError):
    """The registry refuses; the message says which device and why."""


async def enrol(
    connection: Connection,
    device_ids: Sequence[str],
    *,
    kind: DeviceKind,
    clinic_id: str,
    clinic_name: str | None = None,
) -> None:
    """Put devices into a clinic, which is made if it is not there.

    Raises:
        RegistryError: An id is not allowed, or a device is enrolled as the other kind.
    """
    for device_id in device_ids:
        if not is_device_id(device_id):
            msg = f"device id {device_id[:80]!r} is not allowed: expected {DEVICE_ID_RULE}"
            raise RegistryError(msg)
    async with connection.transaction():
        await store.add_clinic(connection, clinic_id, clinic_name or clinic_id)
        enrolled = await store.enrol_devices(connection, device_ids, kind, clinic_id)
        if refused := set(device_ids) - enrolled:
            other = "handheld" if kind == "pump" else "pump"
            msg = f"{', '.join(sorted(refused))}: enrolled as a {other}, and a device never changes its kind"
            raise RegistryError(msg)


async def pair(connection: Connection, handheld_id: str, pump_id: str) -> None:
    """Pair a handheld with a pump from now on; a pairing with another pump ends.

    Raises:
        RegistryError: One of them is not enrolled, is of the wrong kind, or they belong to different clinics.
    """
    async with connection.transaction():
        clinics = []
        for device_id, kind in ((handheld_id, "handheld"), (pump_id, "pump")):
            device = await store.find_device(connection, device_id)
            if device is None or device.kind != kind:
                found = "not enrolled" if device is None else f"a {device.kind}"
                msg = f"{device_id}: expected an enrolled {kind}, and it is {found}"
                raise RegistryError(msg)
            clinics.append(device.clinic_id)
        if clinics[0] != clinics[1]:
            msg = f"{handheld_id} belongs to clinic {clinics[0]} and {pump_id} to {clinics[1]}"
            raise RegistryError(msg)
        await store.end_other_pairing(connection, handheld_id, pump_id)
        await store.begin_pairing(connection, handheld_id, pump_id)
