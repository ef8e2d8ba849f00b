"""Removes a clinic's policy for good: by a person, by command, and written down."""

from __future__ import annotations

from datetime import datetime

from services.alerts.errors import Refused
from services.alerts.policy_files import store
from services.alerts.policy_files.keep import HEARD_WITHIN
from services.runtime.database import Connection


async def remove_policy(connection: Connection, clinic_id: str, by: str, now: datetime, *, with_pumps: bool) -> None:
    """Remove it.

    Raises:
        Refused: The clinic has no policy; its file is in use still; or it has pumps, of which nobody would be told, and
            `with_pumps` is not given.
    """
    async with connection.transaction():
        clinics = await store.clinics_with_a_policy(connection)
        if clinic_id not in clinics:
            raise Refused(f"no policy of clinic {clinic_id!r} is kept; kept are: {', '.join(clinics) or 'none'}")
        hosts = await store.hosts_with_a_file(connection, clinic_id, now - HEARD_WITHIN)
        if hosts:
            raise Refused(f"the folder of {', '.join(hosts)} still has the file of {clinic_id!r}: take it away first")
        pumps = await store.pumps_of_clinic(connection, clinic_id)
        if pumps and not with_pumps:
            which = "1 pump" if pumps == 1 else f"{pumps} pumps"
            raise Refused(
                f"clinic {clinic_id!r} has {which}, of which nobody would be told; if so it is to be: --with-pumps"
            )
        await store.remove_policy(connection, clinic_id, by, now)
