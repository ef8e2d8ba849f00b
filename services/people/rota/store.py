"""All SQL about rotas: one small function for each statement. The caller owns the transaction.

Who changes something calls services/people/rota/edit.py, which looks whether it can be.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from pydantic import TypeAdapter, ValidationError

from schemas.line_text import KEPT
from services.people.model import Actor, Role
from services.people.rota.model import Change, ChangeKind, Layer, Rota
from services.people.rota.people import ClinicPeople, Member, OwnChannel
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))
log = structlog.get_logger()

_LAYERS: Final = TypeAdapter(tuple[Layer, ...])


@dataclass(frozen=True, slots=True)
class KeptRota:
    """A rota as the database has it."""

    rota_id: UUID
    version: int
    """1 when it was made, and one more each time that it was changed."""
    rota: Rota
    made_at: datetime
    """When this version was made."""
    made_name: str
    """Who made it, as people called them then."""


async def load_rotas(connection: Connection, clinic_id: str | None, since: datetime) -> tuple[KeptRota, ...]:
    """The rotas of a clinic, or of all (None), with those of their changes that ended after `since` or go on."""
    changes: dict[UUID, list[Change]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["rota_changes"], clinic_id, since):
        try:
            changes[row["rota_id"]].append(_change(row))
        except ValueError as error:  # kept by another release: the others hold
            log.error("rota_change_not_readable", change_id=str(row["change_id"]), error=type(error).__name__)  # noqa: TRY400
    found = []
    for row in await connection.fetch(QUERIES["rotas"], clinic_id):
        try:
            layers = _LAYERS.validate_json(row["layers"], context=KEPT)
            said = {name: row[name] for name in ("clinic_id", "name", "timezone")}
            more = {"layers": layers, "changes": tuple(changes[row["rota_id"]])}
            rota = Rota.model_validate(said | more, context=KEPT)
        except ValidationError as error:  # kept by another release: it gives nobody, which is told, and others go on
            faults = error.error_count()
            log.error("rota_not_readable", clinic_id=row["clinic_id"], rota=row["name"], faults=faults)  # noqa: TRY400
            continue
        found.append(KeptRota(row["rota_id"], row["version"], rota, row["made_at"], row["made_name"]))
    return tuple(found)


async def load_members(connection: Connection, clinic_id: str | None) -> dict[str, tuple[Member, ...]]:
    """By clinic, everybody with a role there, also who is disabled; without their channels. None: of every clinic."""
    found: dict[str, list[Member]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["members"], clinic_id):
        member = Member(row["person_id"], row["name"], row["sign_in"], Role(row["role"]), row["is_disabled"])
        found[row["clinic_id"]].append(member)
    return {clinic: tuple(members) for clinic, members in found.items()}


async def load_people(connection: Connection, clinic_id: str, since: datetime) -> ClinicPeople:
    """The persons of a clinic, without their channels, and its rotas; `since` as for `load_rotas`."""
    members = await load_members(connection, clinic_id)
    rotas = await load_rotas(connection, clinic_id, since)
    return ClinicPeople(members.get(clinic_id, ()), MappingProxyType({each.rota.name: each.rota for each in rotas}))


async def load_everybody(connection: Connection, since: datetime) -> dict[str, ClinicPeople]:
    """By clinic, its persons with their channels, and its rotas; `since` as for `load_rotas`."""
    channels: dict[UUID, list[OwnChannel]] = defaultdict(list)
    for row in await connection.fetch(QUERIES["own_channels"]):
        own = OwnChannel(row["name"], row["url"], row["verified_at"], row["failing_since"])
        channels[row["person_id"]].append(own)
    rotas: dict[str, dict[str, Rota]] = defaultdict(dict)
    for each in await load_rotas(connection, None, since):
        rotas[each.rota.clinic_id][each.rota.name] = each.rota
    members = await load_members(connection, None)
    return {
        clinic: ClinicPeople(
            tuple(replace(each, channels=tuple(channels.get(each.person_id, ()))) for each in members.get(clinic, ())),
            MappingProxyType(rotas.get(clinic, {})),
        )
        for clinic in sorted(members.keys() | rotas.keys())
    }


async def clinic_is_there(connection: Connection, clinic_id: str) -> bool:
    """Tell whether there is such a clinic."""
    return bool(await connection.fetchval(QUERIES["clinic_is_there"], clinic_id))


async def insert_rota(connection: Connection, clinic_id: str, name: str) -> None:
    """Make a rota without any version, if there is none of that name."""
    await connection.execute(QUERIES["insert_rota"], clinic_id, name)


async def rota_named(connection: Connection, clinic_id: str, name: str) -> tuple[UUID, int] | None:
    """The id and newest version (0: none yet) of a clinic's rota; None: there is none of that name."""
    row = await connection.fetchrow(QUERIES["rota_named"], clinic_id, name)
    return (row["rota_id"], row["version"]) if row else None


async def insert_version(
    connection: Connection, rota_id: UUID, version: int, rota: Rota, actor: Actor, now: datetime
) -> bool:
    """Add a version; False: it is there already, made by somebody else."""
    layers = _LAYERS.dump_json(rota.layers).decode()
    values = (rota_id, version, rota.timezone, layers, now, actor.id, actor.name)
    return await connection.fetchval(QUERIES["insert_version"], *values) is not None


async def insert_change(connection: Connection, rota_id: UUID, change: Change, actor: Actor) -> None:
    """Add a change to a rota."""
    await connection.execute(
        QUERIES["insert_change"],
        change.change_id,
        rota_id,
        change.kind.value,
        change.person_id,
        change.instead_of,
        change.begins,
        change.ends,
        change.made_with,
        change.made_at,
        actor.id,
        actor.name,
    )


async def withdraw_change(
    connection: Connection, clinic_id: str, change_id: UUID, actor: Actor, now: datetime
) -> tuple[UUID, ...]:
    """Let a change of the clinic, with what was made with it, hold no longer; returns those that did hold."""
    rows = await connection.fetch(QUERIES["withdraw_change"], clinic_id, change_id, now, actor.id, actor.name)
    return tuple(row["change_id"] for row in rows)


async def remove_rota(connection: Connection, clinic_id: str, name: str, actor: Actor, now: datetime) -> bool:
    """Take a rota away; False: there is none of that name."""
    return await connection.fetchval(QUERIES["remove_rota"], clinic_id, name, now, actor.id) is not None


def _change(row: asyncpg.Record) -> Change:
    return Change(
        change_id=row["change_id"],
        kind=ChangeKind(row["kind"]),
        person_id=row["person_id"],
        instead_of=row["instead_of"],
        begins=row["begins"],
        ends=row["ends"],
        made_at=row["made_at"],
        made_with=row["made_with"],
    )
