"""Silences: what people decide about pages.

Guarantees: nothing is deleted or overwritten; a silence that ends before its time lets what it held go out at once; one
for a pump or a rule that is not there is refused, and no name of another clinic is told.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from services.alerts.delivery import store
from services.alerts.delivery.mute import SilenceRequest, check_silence
from services.alerts.errors import NoSuchPump, NotFound, Refused
from services.alerts.model import RuleName
from services.alerts.policies import Policies
from services.alerts.wording import near_names
from services.people.model import Actor
from services.runtime.database import Connection
from services.texts.model import msgid


async def make_silence(
    connection: Connection, asked: SilenceRequest, by: Actor, policies: Policies, now: datetime
) -> UUID:
    """Store a silence that the policy allows, and return its id.

    Raises:
        Refused: The policy does not allow it, or there is no such clinic, pump or rule.
    """
    await check_asked(connection, asked, policies, now)
    return await store.insert_silence(connection, asked, by, now)


async def check_asked(connection: Connection, asked: SilenceRequest, policies: Policies, now: datetime) -> None:
    """Tell whether a silence can be made.

    Raises:
        Refused: The policy does not allow it, or there is no such clinic, pump or rule.
    """
    check_silence(asked, policies.of(asked.clinic_id), now)
    if not await store.clinic_exists(connection, asked.clinic_id):
        msg = f"there is no clinic {asked.clinic_id!r}"
        raise Refused(msg)
    if asked.rule is not None and asked.rule not in list(RuleName):
        msg = (
            f"there is no rule {asked.rule!r}{near_names(asked.rule, RuleName)}; expected one of {', '.join(RuleName)}"
        )
        raise Refused(msg)
    if asked.pump_id is not None and not await store.pump_is_watched(connection, asked.clinic_id, asked.pump_id):
        names = await store.pumps_watched(connection, asked.clinic_id)
        near = await asyncio.to_thread(near_names, asked.pump_id, names)
        msg = f"{NoSuchPump(asked.pump_id)} in clinic {asked.clinic_id!r}{near}"
        raise Refused(msg)


async def end_silence(connection: Connection, silence_id: UUID, by: Actor, now: datetime) -> None:
    """End a silence before its time; what it held is due now.

    Raises:
        NotFound: There is no such silence, or it is over.
    """
    async with connection.transaction():
        if not await store.end_silence(connection, silence_id, by, now):
            raise NotFound(msgid("there is no silence %(id)s, or it is over"), id=silence_id)
