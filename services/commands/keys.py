"""`pumpwatch keys`: what programs show when they read (docs/operating/fhir.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, table, utc, with_database

if TYPE_CHECKING:
    from services.admin.keys.store import ListedKey
    from services.runtime.database import Connection
    from services.runtime.http.keys import NewKey

app = typer.Typer(help="Keys of programs: for FHIR, and for the API.", no_args_is_help=True)


@app.command("make", hidden=True)
@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What will use it, such as 'data warehouse'.")],
    database_url: DatabaseUrl,
    scope: Annotated[
        list[str],
        typer.Option(help="system/Observation.rs, system/*.rs, alerts.read, alerts.act ...; may be repeated."),
    ],
    clinic: Annotated[str | None, typer.Option(help="The clinic that it reads.")] = None,
    every_clinic: Annotated[bool, typer.Option("--every-clinic", help="It reads every clinic.")] = False,
    expires_days: Annotated[int, typer.Option(min=1, max=731, help="For how many days it is good.")] = 365,
    by: By = "",
    as_json: Annotated[bool, json_of("key_id", "key", "good_until")] = False,
) -> None:
    """Make a key, and show it: it is shown this once, and kept nowhere."""
    from services.admin.keys.changes import KeyRefusedError
    from services.admin.keys.changes import create as make

    if (clinic is None) is not every_clinic:
        fail("expected either --clinic, or --every-clinic", exit_code=2)
    now = datetime.now(UTC)
    lasts = timedelta(days=expires_days)

    async def work(connection: Connection) -> NewKey:
        return await make(connection, name=name, clinic_id=clinic, scopes=scope, lasts=lasts, by=by or who(), now=now)

    key = with_database(database_url, work, KeyRefusedError)
    answer(
        {"key_id": key.key_id, "key": key.text, "good_until": now + lasts},
        [
            key.text,
            f"key {key.key_id} is good until {now + lasts:%Y-%m-%d}; keep it where only its program reads it",
        ],
        as_json=as_json,
    )


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(help="Only of this clinic.")] = None,
    as_json: Annotated[bool, json_of("keys")] = False,
) -> None:
    """Keys: whose, for what, until when, and when they were used last."""
    from services.admin.keys.store import list_keys

    now = datetime.now(UTC)
    found = with_database(database_url, lambda connection: list_keys(connection, clinic))
    heads = ("KEY", "STATE", "UNTIL", "CLINIC", "SCOPES", "LAST USED", "MADE BY", "FOR")
    lines = [*table(heads, [_cells(each, now) for each in found])] or ["no keys"]
    answer({"keys": found}, lines, as_json=as_json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its name: the 12 letters and digits that `keys list` shows.")],
    database_url: DatabaseUrl,
    by: By = "",
    as_json: Annotated[bool, json_of("key_id", "name", "revoked")] = False,
) -> None:
    """Let a key open nothing any more, from the next request on."""
    from services.admin.keys.changes import KeyRefusedError
    from services.admin.keys.changes import revoke as end

    async def work(connection: Connection) -> str:
        return await end(connection, key, by=by or who(), now=datetime.now(UTC))

    name = with_database(database_url, work, KeyRefusedError)
    answer({"key_id": key, "name": name, "revoked": True}, [f"key {key} ({name}) is revoked"], as_json=as_json)


def _cells(each: ListedKey, now: datetime) -> tuple[str, ...]:
    return (
        each.key_id,
        "revoked" if each.revoked_at else "expired" if each.expires_at <= now else "good",
        f"{each.expires_at:%Y-%m-%d}",
        each.clinic_id or "every clinic",
        " ".join(each.scopes),
        utc(each.last_used_at, "never"),
        each.made_by,
        each.name,
    )
