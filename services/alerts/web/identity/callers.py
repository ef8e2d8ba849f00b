"""Looks up who asks: the person of a session, or the program of a key.

Guarantee: while the database is away, who was known lately is known still, and sees what the worker paged without it;
nobody else is.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.alerts.web import store
from services.people.caller import Caller
from services.people.model import Actor, Role
from services.people.sessions import life
from services.runtime.database import Connection
from services.runtime.http.keys import KeptKey, id_in, opens

ALERTS_READ: Final = "alerts.read"
ALERTS_ACT: Final = "alerts.act"
KNOWN_FOR: Final = timedelta(minutes=30)
"""So long a session is known that the database cannot be asked about."""
_MOST: Final = 1000


class LatelyKnown:
    """Who was found lately, by the token of their session. Bounded: the one of longest ago is forgotten first."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[Caller, datetime]] = OrderedDict()

    def remember(self, token: str, caller: Caller | None, now: datetime) -> None:
        """What the database said of a token; None: it is good no more."""
        self._found.pop(token, None)
        if caller is not None:
            self._found[token] = (caller, now)
            if len(self._found) > _MOST:
                self._found.popitem(last=False)

    def of(self, token: str, now: datetime) -> Caller | None:
        """Whose it was when the database said so last; None: that is too long ago, or it was nobody's."""
        caller, at = self._found.get(token, (None, now))
        return caller if now - at <= KNOWN_FOR else None


async def caller_of_session(connection: Connection, token: str, now: datetime, *, idle: timedelta) -> Caller | None:
    """The person of a session's token; None: it is none that is good."""
    found = await life.find(connection, token, now, idle=idle)
    return Caller.of_person(found.person) if found else None


async def caller_of_key(connection: Connection, text: str, now: datetime) -> Caller | None:
    """The program of a key; None: it is none that is good."""
    key_id = id_in(text)
    found = await store.kept_key(connection, key_id) if key_id else None
    if found is None or not opens(text, found.key, now):
        return None
    with suppress(asyncpg.ReadOnlySQLTransactionError):  # a standby: it can be read
        await store.key_used(connection, found.key.key_id, now)
    return caller_with(found.key, found.name, found.clinics)


def caller_with(key: KeptKey, name: str, clinics: frozenset[str]) -> Caller:
    """The program of a key, which reaches these clinics."""
    if ALERTS_ACT in key.scopes:
        roles = dict.fromkeys(clinics, Role.RESPONDER)
    elif ALERTS_READ in key.scopes:
        roles = dict.fromkeys(clinics, Role.VIEWER)
    else:
        roles = {}
    actor = Actor(f"key:{key.key_id}", name)
    return Caller(actor, roles, key_id=key.key_id, scopes=key.scopes, reaches=clinics, key_clinic=key.clinic_id)
