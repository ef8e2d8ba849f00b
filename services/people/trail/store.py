"""All SQL of what persons did and read: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final

from services.people.caller import Caller
from services.people.model import Actor
from services.people.trail.model import Access
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


async def append(connection: Connection, access: Access, now: datetime) -> None:
    """Write one thing down."""
    values = (access.kind.value, access.actor.id, access.about, access.clinic_id, access.pump_id)
    await connection.execute(QUERIES["append"], now, *values, json.dumps(access.detail))


async def note_reads(connection: Connection, actor: Actor, pumps: Collection[tuple[str, str]], now: datetime) -> None:
    """Write down of which pumps (clinic and pump) somebody read, where it does not stand there for this hour."""
    if pumps:
        clinics, names = zip(*sorted(pumps), strict=True)
        await connection.execute(QUERIES["note_reads"], now, actor.id, actor.name, list(clinics), list(names))


async def note_reads_of_persons(
    connection: Connection, reads: Collection[tuple[Caller, str, str]], now: datetime
) -> None:
    """Write down of which pumps many persons read, each a person, clinic and pump; what stands there already does not.

    Only the web process may: where a person has no role, nothing is written.
    """
    rows = [(caller.person_id, caller.actor.name, clinic, pump) for caller, clinic, pump in reads]
    await connection.execute(QUERIES["note_reads_of_persons"], now, *map(list, zip(*rows, strict=True)))
