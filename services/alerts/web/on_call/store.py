"""All SQL of the pages of who is on call that is not of the rotas themselves."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.rota.people import OwnChannel
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def channels_of_persons(connection: Connection) -> dict[UUID, tuple[OwnChannel, ...]]:
    """By person, their channels in their order; of an address only its kind is there, such as `ntfys://`."""
    found: dict[UUID, list[OwnChannel]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["channel_states"]):
        own = OwnChannel(row["name"], row["kind"], row["verified_at"], row["failing_since"])
        found[row["person_id"]].append(own)
    return {person: tuple(channels) for person, channels in found.items()}


async def sees_clinic(connection: Connection, clinic_id: str) -> bool:
    """Tell whether the database shows this clinic to who asks."""
    return bool(await connection.fetchval(QUERIES["sees_clinic"], clinic_id))
