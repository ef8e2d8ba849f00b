"""Who asks for alerts on the command line (docs/decisions/0057-persons-act-on-the-command-line-too.md).

Guarantees: an alert is taken by a person and by nobody else, with the password of their own account, checked and
written down as at the board's sign-in; from then on the database shows and lets be changed what it would for them at
the board. Whoever only reads may do so as a person, or by the login of the database that they have, which is noted.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from services.commands.devices import who
from services.commands.terminal import fail, one_line, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.people.caller import Caller
    from services.people.model import Actor
    from services.runtime.database import Connection

Answer = TypeVar("Answer")
As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", envvar="PUMPWATCH_AS", callback=one_line,
        help="How a person signs in at the board; asks for their password. Else the login of the database reads.",
    ),
]  # fmt: skip
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="With --as: read the password from the first line of standard input.")
]
_LASTS: Final = timedelta(minutes=5)


class SignInRefusedError(ValueError):
    """That is not how somebody signs in."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a person as they are at the board, or (None) the database's login, which sees every clinic."""

    caller: Caller | None
    actor: Actor


def with_asker(
    database_url: str,
    sign_in: str | None,
    work: Callable[[Connection, Asker, datetime], Awaitable[Answer]],
    *,
    password_stdin: bool,
) -> Answer:
    """Run `work` for whoever asks. What is refused is one line; what another clinic has is as if it were not there."""
    from services.alerts.errors import NotFound, Refused
    from services.alerts.web.allowed import Forbidden
    from services.alerts.web.identity.pool import WEB_SCHEMAS

    if sign_in is None and password_stdin:
        fail("--password-stdin belongs to --as NAME", exit_code=2)
    password = None if sign_in is None else _password(sign_in, from_stdin=password_stdin)

    async def asked(connection: Connection) -> Answer:
        now = datetime.now(UTC)
        if sign_in is None or password is None:
            return await work(connection, _the_login(), now)
        async with _person(connection, sign_in, password, now) as caller:
            return await work(connection, Asker(caller, caller.actor), now)

    schemas = None if sign_in is None else WEB_SCHEMAS
    return with_database(database_url, asked, NotFound, Refused, Forbidden, SignInRefusedError, schemas=schemas)


async def note_reading(connection: Connection, asker: Asker, pumps: Iterable[tuple[str, str]], now: datetime) -> None:
    """Write down of which pumps (clinic and pump) somebody read; not in a database that can only be read."""
    import asyncpg

    from services.people.trail.store import note_reads

    with suppress(asyncpg.ReadOnlySQLTransactionError):
        await note_reads(connection, asker.actor, set(pumps), now)


@asynccontextmanager
async def _person(connection: Connection, name: str, password: str, now: datetime) -> AsyncIterator[Caller]:
    """A session of the person that begins with their password and ends with the command.

    Raises:
        SignInRefusedError: That is not how somebody signs in.
    """
    from services.alerts.web.store import tell_who_asks
    from services.people.accounts.passwords import Passwords
    from services.people.accounts.sign_in import From, sign_in, sign_out
    from services.people.caller import Caller
    from services.people.sessions.life import find

    origin = From(f"command line: login {_login()} on {socket.gethostname()}", _LASTS)
    token = await sign_in(connection, Passwords(), name, password, origin, now)
    session = await find(connection, token, now) if token else None
    if token is None or session is None:
        msg = (
            f"nobody signs in as {name!r} with this password; expected name and password of the board's sign-in. "
            "Who signs in by an identity provider has none here: use the board, or the link in the page"
        )
        raise SignInRefusedError(msg)
    caller = Caller.of_person(session.person)
    await tell_who_asks(connection, caller)
    try:
        yield caller
    finally:
        await tell_who_asks(connection, None)
        await sign_out(connection, caller.actor, session.person.person_id, token, datetime.now(UTC))


def _the_login() -> Asker:
    from services.people.model import Actor

    return Asker(None, Actor(f"login:{_login()}", _login()))


def _login() -> str:
    """Whose machine it is typed at, by PUMPWATCH_BY as elsewhere, or the login there."""
    return one_line(os.environ.get("PUMPWATCH_BY")) or who()


def _password(name: str, *, from_stdin: bool) -> str:
    """The password, which is in no argument and no variable: others on this machine could read it there."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        fail("nobody can be asked for the password: expected a terminal, or --password-stdin", exit_code=2)
    return getpass.getpass(f"Password of {name}: ", sys.stderr)
