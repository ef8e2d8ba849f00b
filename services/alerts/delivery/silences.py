"""Silences: what people decide about pages.

Guarantees: nothing is deleted or overwritten; a silence that ends before its time lets what it held go out at once.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.alerts.delivery import store
from services.alerts.delivery.mute import SilenceRequest, check_silence
from services.alerts.errors import NotFound, Refused
from services.alerts.policies import Policies
from services.runtime.database import Connection


async def make_silence(
    connection: Connection, asked: SilenceRequest, by: str, policies: Policies, now: datetime
) -> UUID:
    """Store a silence that the policy allows, and return its id.

    Raises:
        Refused: The policy does not allow it, or there is no such clinic.
    """
    check_silence(asked, policies.of(asked.clinic_id), now)
    if not await store.clinic_exists(connection, asked.clinic_id):
        msg = f"there is no clinic {asked.clinic_id!r}"
        raise Refused(msg)
    return await store.insert_silence(connection, asked, by, now)


async def end_silence(connection: Connection, silence_id: UUID, by: str, now: datetime) -> None:
    """End a silence before its time; what it held is due now.

    Raises:
        NotFound: There is no such silence, or it is over.
    """
    async with connection.transaction():
        if not await store.end_silence(connection, silence_id, by, now):
            msg = f"there is no silence {silence_id}, or it is over"
            raise NotFound(msg)
