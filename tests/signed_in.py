"""Whoever asks in a test: a person with a session or a program with a key, made when they are first needed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from uuid import UUID

import httpx

from services.admin.keys.changes import create
from services.alerts.web.identity.browser import HEADER, csrf_of, session_cookie
from services.people.model import Actor, Role
from services.people.sessions import life
from services.runtime.database import Pool

_FRESH = timedelta(minutes=30)


def somebody(name: str) -> Actor:
    """Who acts in a test that needs no account."""
    return Actor(f"test:{name}", name)


async def make_person(
    pool: Pool, name: str, role: Role | None, now: datetime, *, clinic_id: str | None = None, is_operator: bool = False
) -> UUID:
    """The person of that name, with a role in one clinic or in every one that there is by now (None: in none)."""
    sign_in = "".join(each if each.isalnum() and each.isascii() else "-" for each in f"t{name}".lower())[:60]
    person_id: UUID = await pool.fetchval(
        "INSERT INTO persons (name, sign_in, is_operator, made_at, made_by) VALUES ($1, $2, $3, $4, 'test')"
        " ON CONFLICT (sign_in) DO UPDATE SET name = EXCLUDED.name RETURNING person_id",
        name, sign_in, is_operator, now,
    )  # fmt: skip
    if role is not None:
        await pool.execute(
            "INSERT INTO person_roles SELECT $1, clinic_id, $2, $3, 'test' FROM clinics"
            " WHERE $4::text IS NULL OR clinic_id = $4"
            " ON CONFLICT (person_id, clinic_id) DO UPDATE SET role = EXCLUDED.role",
            person_id, role.value, now, clinic_id,
        )  # fmt: skip
    return person_id


async def make_session(pool: Pool, person_id: UUID, now: datetime) -> str:
    """The token of a session that has just begun."""
    async with pool.acquire() as connection:
        return await life.begin(connection, person_id, "password", now)


async def make_key(pool: Pool, scopes: list[str], now: datetime, clinic_id: str | None = None) -> str:
    """The text of a key that is good for a day."""
    async with pool.acquire() as connection:
        made = await create(
            connection, name=f"of a test {secrets.token_hex(4)}", clinic_id=clinic_id, scopes=scopes,
            lasts=timedelta(days=1), by="test", now=now,
        )  # fmt: skip
    return made.text


class SignedIn(httpx.Auth):
    """A person's browser. The person and their session are made at the first request, in the story's clinics.

    Args:
        pool: As the owner of the tables.
        clock: The time of the story.
        name: Of the person.
        role: In every clinic that there is at the time of a request, or in `clinic_id`; None: in none.
        clinic_id: None: every one.
        public_url: Of the board.
        is_operator: Whether they run the installation.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Callable[[], datetime],
        name: str = "Ann",
        *,
        role: Role | None = Role.ADMINISTRATOR,
        clinic_id: str | None = None,
        public_url: str = "https://pw.example.org",
        is_operator: bool = False,
    ) -> None:
        self._pool, self._clock, self._name, self._role = pool, clock, name, role
        self._clinic_id, self._public_url, self._is_operator = clinic_id, public_url, is_operator
        self._token = ""
        self._began: datetime | None = None

    async def token(self) -> str:
        """Of a session that is good now."""
        now = self._clock()
        person_id = await make_person(
            self._pool, self._name, self._role, now, clinic_id=self._clinic_id, is_operator=self._is_operator
        )
        if self._began is None or not timedelta(0) <= now - self._began < _FRESH:
            self._token, self._began = await make_session(self._pool, person_id, now), now
        return self._token

    async def async_auth_flow(self, request: httpx.Request) -> AsyncIterator[httpx.Request]:  # type: ignore[override]
        """Send the cookie and the token of the form."""
        token = await self.token()
        request.headers["Cookie"] = f"{session_cookie(self._public_url)}={token}"
        request.headers[HEADER] = csrf_of(token)
        yield request


class WithKey(httpx.Auth):
    """A program. Its key is made at the first request."""

    def __init__(self, pool: Pool, clock: Callable[[], datetime], *scopes: str, clinic_id: str | None = None) -> None:
        self._pool, self._clock, self._scopes, self._clinic_id = pool, clock, list(scopes), clinic_id
        self._text = ""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncIterator[httpx.Request]:  # type: ignore[override]
        """Send the key."""
        self._text = self._text or await make_key(self._pool, self._scopes, self._clock(), self._clinic_id)
        request.headers["Authorization"] = f"Bearer {self._text}"
        yield request
