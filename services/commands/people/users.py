"""`pumpwatch user`: persons, and what each may do in which clinic (docs/operating/people/accounts.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, table, utc, with_database

if TYPE_CHECKING:
    from services.people.accounts.changes import Invited
    from services.people.accounts.store import ListedPerson
    from services.people.model import Actor, Role
    from services.runtime.database import Connection

app = typer.Typer(help="Persons: who signs in, and what each may do in which clinic.", no_args_is_help=True)

SignIn = Annotated[str, typer.Argument(help="The name that they sign in by, such as ann.example.")]
PublicUrl = Annotated[
    str, typer.Option(envvar="WEB_PUBLIC_URL", help="Where people reach the board: the link begins with it.")
]
Changed = Annotated[bool, json_of("sign_in", "done")]
Made = Annotated[bool, json_of("link", "good_until")]
_BOARD = "http://127.0.0.1:8081"


@app.command()
def add(
    sign_in: SignIn,
    database_url: DatabaseUrl,
    name: Annotated[str, typer.Option(help="As others read it, such as 'Ann Example'.")],
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="CLINIC:ROLE", help="viewer, responder or administrator; may be repeated."),
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Sees the installation's health, and no patient.")
    ] = False,
    public_url: PublicUrl = _BOARD,
    by: By = "",
    as_json: Made = False,
) -> None:
    """Make a person, and show the link by which they choose a password: it is shown this once, and good for 3 days."""
    from services.people.accounts import changes

    now = datetime.now(UTC)
    roles = dict(_role(each) for each in role or ())

    async def work(connection: Connection) -> Invited:
        return await changes.add(connection, sign_in, name, roles, is_operator=operator, by=_actor(by), now=now)

    _show(with_database(database_url, work, changes.AccountRefusedError), public_url, as_json=as_json)


@app.command("list")
def list_(database_url: DatabaseUrl, as_json: Annotated[bool, json_of("persons")] = False) -> None:
    """Everybody: their roles, whether they can sign in, and when they were here last."""
    from services.people.accounts.store import list_persons

    now = datetime.now(UTC)
    found = with_database(database_url, list_persons)
    heads = ("SIGNS IN AS", "NAME", "ROLES", "STATE", "HERE LAST")
    lines = [*table(heads, [_cells(each, now) for each in found])]
    answer({"persons": found}, lines or ["nobody; `pumpwatch user add` makes the first"], as_json=as_json)


@app.command()
def disable(sign_in: SignIn, database_url: DatabaseUrl, by: By = "", as_json: Changed = False) -> None:
    """Let nobody sign in as this person, and end their sessions at once. They stay in the record."""
    from services.people.accounts import changes

    async def work(connection: Connection) -> None:
        await changes.disable(connection, sign_in, by=_actor(by), now=datetime.now(UTC))

    with_database(database_url, work, changes.AccountRefusedError)
    _say_done(sign_in, "is disabled, and signed out everywhere", as_json=as_json)


@app.command()
def enable(sign_in: SignIn, database_url: DatabaseUrl, by: By = "", as_json: Changed = False) -> None:
    """Let a person who was disabled sign in again, with the roles that they had."""
    from services.people.accounts import changes

    async def work(connection: Connection) -> None:
        await changes.enable(connection, sign_in, by=_actor(by), now=datetime.now(UTC))

    with_database(database_url, work, changes.AccountRefusedError)
    _say_done(sign_in, "can sign in again", as_json=as_json)


@app.command()
def reset(
    sign_in: SignIn,
    database_url: DatabaseUrl,
    public_url: PublicUrl = _BOARD,
    by: By = "",
    as_json: Made = False,
) -> None:
    """Forget a person's password, end their sessions, and show the link by which they choose another."""
    from services.people.accounts import changes

    async def work(connection: Connection) -> Invited:
        return await changes.reset(connection, sign_in, by=_actor(by), now=datetime.now(UTC))

    _show(with_database(database_url, work, changes.AccountRefusedError), public_url, as_json=as_json)


@app.command("role")
def role_(
    sign_in: SignIn,
    role: Annotated[str, typer.Argument(metavar="CLINIC:ROLE", help="viewer, responder or administrator.")],
    database_url: DatabaseUrl,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Give a person a role in a clinic, in place of the one that they had there."""
    from services.people.accounts import changes

    clinic_id, given = _role(role)

    async def work(connection: Connection) -> None:
        await changes.give_role(connection, sign_in, clinic_id, given, by=_actor(by), now=datetime.now(UTC))

    with_database(database_url, work, changes.AccountRefusedError)
    _say_done(sign_in, f"is {given} in {clinic_id}", as_json=as_json)


@app.command()
def unrole(
    sign_in: SignIn,
    clinic: Annotated[str, typer.Argument(help="The clinic's id.")],
    database_url: DatabaseUrl,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Take a person's role in a clinic away."""
    from services.people.accounts import changes

    async def work(connection: Connection) -> None:
        await changes.take_role(connection, sign_in, clinic, by=_actor(by), now=datetime.now(UTC))

    with_database(database_url, work, changes.AccountRefusedError)
    _say_done(sign_in, f"has no role in {clinic} any more", as_json=as_json)


@app.command("link")
def link_(
    sign_in: SignIn,
    subject: Annotated[
        str, typer.Argument(help="Their `sub` at the identity provider; the page that refused them shows it.")
    ],
    database_url: DatabaseUrl,
    issuer: Annotated[str, typer.Option(envvar="WEB_OIDC_ISSUER", help="The provider, as WEB_OIDC_ISSUER has it.")],
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Let a person who has an account sign in by the identity provider as well."""
    from services.people.accounts.changes import AccountRefusedError
    from services.people.oidc.join import link

    async def work(connection: Connection) -> None:
        await link(connection, sign_in, issuer, subject, by=_actor(by), now=datetime.now(UTC))

    with_database(database_url, work, AccountRefusedError)
    _say_done(sign_in, f"signs in by {issuer} as {subject}", as_json=as_json)


def _actor(by: str) -> Actor:
    from services.people.model import Actor

    name = by or who()
    return Actor(f"login:{name}", name)


def _role(text: str) -> tuple[str, Role]:
    from services.people.model import Role

    clinic_id, found, role = text.rpartition(":")
    if not found or not clinic_id or role not in list(Role):
        fail(f"{text!r}: expected a clinic and a role, such as north:responder; roles: {', '.join(Role)}", exit_code=2)
    return clinic_id, Role(role)


def _say_done(sign_in: str, done: str, *, as_json: bool) -> None:
    answer({"sign_in": sign_in, "done": done}, [f"{sign_in} {done}"], as_json=as_json)


def _show(invited: Invited, public_url: str, *, as_json: bool) -> None:
    link = f"{public_url.rstrip('/')}/set-up?code={invited.code}"
    more = f"good once, until {utc(invited.until)}; give it to that person and to nobody else"
    answer({"link": link, "good_until": invited.until}, [link, more], as_json=as_json)


def _cells(each: ListedPerson, now: datetime) -> tuple[str, ...]:
    if each.disabled_at:
        state = f"disabled {each.disabled_at:%Y-%m-%d}"
    elif each.has_password or each.by_provider:
        state = "can sign in"
    elif each.set_up_until and each.set_up_until > now:
        state = f"has to choose a password until {utc(each.set_up_until)}"
    else:
        state = "the link has ended: `pumpwatch user reset` makes another"
    roles = " ".join(f"{clinic}:{role}" for clinic, role in sorted(each.roles.items())) or "no clinic"
    operator = ", operator" if each.is_operator else ""
    return each.sign_in or str(each.person_id), each.name, f"{roles}{operator}", state, utc(each.seen_at, "never")
