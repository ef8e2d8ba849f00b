"""Sets Grafana up with an organisation for each clinic. Each step may be done again, and finds what is there.

Guarantees: files that name an organisation are written when it is there; a login reads one clinic from the first moment
at which its password is anywhere; what is done before a failure is found, and not done twice, when it is run again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from services.admin.grafana import store
from services.admin.grafana.files import GrafanaError, Reached, files_of, login_of, password_file
from services.admin.grafana.organisations import Grafana
from services.runtime.database import Connection
from services.runtime.secrets.file import read_secret

SHARED_LOGIN: Final = "pumpwatch_grafana"
"""The login of an installation with one clinic: it reads every clinic (deploy/timescaledb/readers.sql)."""


@dataclass(frozen=True, slots=True)
class Made:
    """What there is for one clinic now."""

    clinic_id: str
    organisation_id: int
    login: str
    refused: tuple[str, ...]
    """Limits that the database did not take."""


async def known(connection: Connection, clinic_ids: list[str] | None) -> list[str]:
    """The clinics that are meant, None for all, each with an id that can be used.

    Raises:
        GrafanaError: One is not there, or its id is too long.
    """
    there = await store.clinics(connection)
    for clinic_id in clinic_ids or ():
        if clinic_id not in there:
            raise GrafanaError(f"there is no clinic {clinic_id!r}; clinics: {', '.join(there) or 'none'}")
    meant = there if clinic_ids is None else list(dict.fromkeys(clinic_ids))
    if not meant:
        raise GrafanaError("there is no clinic yet: enrol a device first")
    for clinic_id in meant:
        login_of(clinic_id)
    return meant


async def set_apart(connection: Connection, grafana: Grafana, clinic_id: str, folder: Path, reached: Reached) -> Made:
    """Make or find one clinic's login, organisation, and files in `folder`.

    Raises:
        GrafanaError: The database or Grafana refuses, or a file cannot be used.
    """
    login = login_of(clinic_id)
    secret = _password(folder / password_file(clinic_id))
    try:
        async with connection.transaction():
            refused = await store.make_login(connection, login, secret)
            await store.reads_one_clinic(connection, login, clinic_id)
    except asyncpg.InsufficientPrivilegeError as error:
        raise GrafanaError(
            f"the database does not let this login make {login}: {error}; expected the schema's owner (pumpwatch_owner)"
        ) from None
    organisation_id = await asyncio.to_thread(grafana.organisation, clinic_id)
    for name, text in files_of(clinic_id, organisation_id, reached).items():
        _put(folder / name, text)
    return Made(clinic_id, organisation_id, login, tuple(refused))


async def end_shared(connection: Connection) -> bool:
    """Let the shared login read no clinic any more; returns whether it did until now."""
    return await store.reads_nothing(connection, SHARED_LOGIN)


def _password(file: Path) -> str:
    if not file.exists():
        _put(file, secrets.token_hex(24))
    return read_secret(file, "the password of a clinic's login")


def _put(file: Path, text: str) -> None:
    """Write a file that is whole or not there. Grafana, another user of the machine, must be able to read it."""
    being_written = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        being_written.write_text(text, encoding="utf-8")
        being_written.chmod(0o444)
        being_written.replace(file)
    except OSError as error:
        raise GrafanaError(f"{str(file)!r} cannot be written: {error.strerror or error}") from None
