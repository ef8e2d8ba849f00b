"""All SQL about certificates: one small function for each statement. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from services.admin.certificates.model import Kept, Paper, Source
from services.runtime.database import Connection, load_queries


class Row(Protocol):
    """A record; its keys are the columns."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of one column."""


QUERIES: Final[Mapping[str, str]] = load_queries(Path(__file__).with_name("queries.sql"))


async def add(connection: Connection, paper: Paper, source: Source, at: datetime, by: str) -> bool:
    """Write a certificate down; False: one with its fingerprint, or its number of the same authority, is there."""
    found = await connection.fetchval(
        QUERIES["add_certificate"],
        paper.device_id,
        paper.serial,
        paper.issuer,
        paper.fingerprint,
        paper.not_before,
        paper.not_after,
        source,
        at,
        by,
    )
    return found is not None


async def of_device(connection: Connection, device_id: str) -> tuple[Kept, ...]:
    """Every certificate that a device ever had, in the order in which they were entered."""
    return tuple(_kept(row) for row in await connection.fetch(QUERIES["of_device"], device_id))


async def of_fingerprint(connection: Connection, fingerprint: str) -> Kept | None:
    """The one with this fingerprint."""
    row = await connection.fetchrow(QUERIES["of_fingerprint"], fingerprint)
    return None if row is None else _kept(row)


async def revoke(connection: Connection, fingerprints: Collection[str], at: datetime, by: str, reason: str) -> None:
    """Write down that these are revoked; what is so already stays as it is."""
    await connection.execute(QUERIES["revoke"], list(fingerprints), at, by, reason)


async def revoked_of(connection: Connection, issuer: str) -> tuple[Kept, ...]:
    """Every certificate of an authority that is revoked."""
    return tuple(_kept(row) for row in await connection.fetch(QUERIES["revoked_of_issuer"], issuer))


async def list_certificates(
    connection: Connection, device_id: str | None, ending_before: datetime | None, *, limit: int
) -> tuple[Kept, ...]:
    """Certificates by device; or of each device in use the newest, where it ends before then, the soonest first."""
    rows = await connection.fetch(QUERIES["list_certificates"], device_id, ending_before, limit)
    return tuple(_kept(row) for row in rows)


def _kept(row: Row) -> Kept:
    names = ("device_id", "serial", "issuer", "fingerprint", "not_before", "not_after")
    return Kept(
        Paper(**{name: row[name] for name in names}),
        row["source"],
        row["entered_at"],
        row["entered_by"],
        row["revoked_at"],
        row["revoked_by"],
        row["reason"],
    )
