"""Making and revoking keys. What is refused names what was wrong and what was expected, and changes nothing."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from schemas.line_text import refusal
from services.admin.keys import store
from services.alerts.web.fhir.scopes import ScopeError, check_scopes
from services.runtime.database import Connection
from services.runtime.http.keys import CHANCE_BYTES, NewKey, key_of

LONGEST: Final = timedelta(days=731)
_LONGEST_NAME: Final = 80


class KeyRefusedError(ValueError):
    """A key cannot be made or revoked; the message says why."""


async def create(
    connection: Connection,
    *,
    name: str,
    clinic_id: str | None,
    scopes: list[str],
    lasts: timedelta,
    by: str,
    now: datetime,
) -> NewKey:
    """Make a key. Its text is in no other place than in what is returned.

    Raises:
        KeyRefusedError: Its name, its clinic, a scope or its time cannot be.
    """
    if why := refusal(name):
        msg = f"{name[:80]!r} is no name of a key: it {why}"
        raise KeyRefusedError(msg)
    if not name.strip() or len(name) > _LONGEST_NAME:
        msg = f"{name[:80]!r} is no name of a key: expected what will use it, in at most {_LONGEST_NAME} characters"
        raise KeyRefusedError(msg)
    if not timedelta(0) < lasts <= LONGEST:
        msg = f"a key lasts at least a second and at most {LONGEST.days} days"
        raise KeyRefusedError(msg)
    try:
        held = check_scopes(scopes)
    except ScopeError as error:
        raise KeyRefusedError(str(error)) from error
    if clinic_id is not None and not await store.clinic_is_there(connection, clinic_id):
        msg = f"there is no clinic {clinic_id!r}"
        raise KeyRefusedError(msg)
    key = key_of(secrets.token_bytes(CHANCE_BYTES))
    await store.make_key(
        connection, key, name=name, clinic_id=clinic_id, scopes=held, now=now, by=by, expires_at=now + lasts
    )
    return key


async def revoke(connection: Connection, key_id: str, *, by: str, now: datetime) -> str:
    """Revoke a key, from the next request on; returns its name.

    Raises:
        KeyRefusedError: There is none, or it is revoked already.
    """
    name = await store.revoke_key(connection, key_id, now, by)
    if name is not None:
        return name
    if await store.is_there(connection, key_id):
        msg = f"key {key_id!r} is revoked already"
        raise KeyRefusedError(msg)
    msg = f"there is no key {key_id!r}: expected the 12 letters and digits that `pumpwatch keys list` shows"
    raise KeyRefusedError(msg)
