"""All SQL about clinics' policies: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.alerts.policy_files.agreement import LastGood
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A clinic's last good policy as it is stored; `policy` is JSON, or None where it was removed."""

    clinic_id: str
    policy: str | None
    changed_at: datetime
    file: str
    host: str


async def policy_heads(connection: Connection) -> dict[str, tuple[datetime, str]]:
    """By clinic, what tells that its policy is another one."""
    rows = await connection.fetch(QUERIES["policy_heads"])
    return {row["clinic_id"]: (row["changed_at"], row["version"]) for row in rows}


async def policies_kept(connection: Connection, clinics: Iterable[str]) -> list[KeptRow]:
    """The policies of these clinics."""
    return [KeptRow(**dict(row)) for row in await connection.fetch(QUERIES["policies_kept"], list(clinics))]


async def keep_policies(connection: Connection, good: Sequence[LastGood], now: datetime) -> None:
    """Keep policies that are newer than what is kept; of each what its file sets."""
    kept = [(each, each.policy) for each in good if each.policy is not None]
    await connection.execute(
        QUERIES["keep_policies"],
        [each.clinic_id for each, _ in kept],
        [each.version for each, _ in kept],
        [policy.model_dump_json(exclude_unset=True) for _, policy in kept],
        [each.changed_at for each, _ in kept],
        [each.file for each, _ in kept],
        [each.host for each, _ in kept],
        now,
    )


async def say_folder(
    connection: Connection, host: str, faults: Mapping[str, str | None], now: datetime
) -> dict[str, datetime]:
    """Say what a host's folder has (None) and lacks; returns since when."""
    rows = await connection.fetch(QUERIES["say_folder"], host, list(faults), list(faults.values()), now)
    return {row["clinic_id"]: row["since"] for row in rows}


async def faults_elsewhere(connection: Connection, host: str, since: datetime) -> list[tuple[str, str]]:
    """Clinics whose file cannot be used on other hosts that were heard of since then, with the host and the fault."""
    rows = await connection.fetch(QUERIES["faults_elsewhere"], host, since)
    return [(row["clinic_id"], f"on {row['host']}: {row['fault']}") for row in rows]


async def hosts_with_a_file(connection: Connection, clinic_id: str, since: datetime) -> list[str]:
    """Hosts that were heard of since then, and whose folder has a good file of the clinic."""
    return [row["host"] for row in await connection.fetch(QUERIES["hosts_with_a_file"], clinic_id, since)]


async def clinics_with_a_policy(connection: Connection) -> list[str]:
    """Every clinic that has one."""
    return [row["clinic_id"] for row in await connection.fetch(QUERIES["clinics_with_a_policy"])]


async def pumps_of_clinic(connection: Connection, clinic_id: str) -> int:
    """How many pumps a clinic has that are not retired."""
    return int(await connection.fetchval(QUERIES["pumps_of_clinic"], clinic_id))


async def remove_policy(connection: Connection, clinic_id: str, by: str, now: datetime) -> bool:
    """Take a clinic's policy away, and write down who did; False: it has none."""
    row = await connection.fetchrow(QUERIES["remove_policy"], clinic_id, now, by)
    if row is None:
        return False
    values = (clinic_id, now, by, row["version"], row["file"], row["host"])
    await connection.execute(QUERIES["record_removal"], *values)
    return True
