"""`pumpwatch grafana`: an organisation of Grafana for each clinic (docs/operating/grafana.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database

if TYPE_CHECKING:
    from services.admin.grafana.apart import Made
    from services.admin.grafana.files import Reached
    from services.runtime.database import Connection


def grafana(
    database_url: DatabaseUrl,
    out: Annotated[Path, typer.Option(envvar="GRAFANA_CLINICS_FOLDER", help="Where Grafana's files are written.")],
    password_file: Annotated[
        Path, typer.Option(envvar="GRAFANA_ADMIN_PASSWORD_FILE", help="Holds the password of --user.")
    ],
    clinics: Annotated[list[str] | None, typer.Argument(metavar="CLINICS", help="The clinics' ids.")] = None,
    every_clinic: Annotated[
        bool, typer.Option("--every-clinic", help="All clinics; the login that sees them all sees none any more.")
    ] = False,
    url: Annotated[
        str, typer.Option(envvar="GRAFANA_URL", help="Where Grafana is reached from here.")
    ] = "http://127.0.0.1:3000",
    user: Annotated[str, typer.Option(help="A server administrator of Grafana.")] = "admin",
    seen_as: Annotated[str | None, typer.Option(help="The folder of --out as Grafana sees it.")] = None,
    dashboards: Annotated[
        str, typer.Option(help="The folder of the dashboards as Grafana sees it.")
    ] = "/etc/pumpwatch/dashboards",
    database_address: Annotated[
        str | None, typer.Option(help="host:port of the database as Grafana reaches it; else that of --database-url.")
    ] = None,
    ssl_mode: Annotated[
        Literal["disable", "require", "verify-full"],
        typer.Option(help="From Grafana to the database. verify-full, unless nobody else is on that network."),
    ] = "disable",
    ssl_root: Annotated[
        str | None, typer.Option(help="With verify-full: the file of the authority, as Grafana sees it.")
    ] = None,
    as_json: Annotated[bool, json_of("clinics", "shared_login_ended", "org_mapping")] = False,
) -> None:
    """Give each clinic an organisation in Grafana, which reads that clinic and no other. May be run again."""
    from services.admin.grafana.apart import end_shared, known, set_apart
    from services.admin.grafana.files import GrafanaError
    from services.admin.grafana.organisations import Grafana
    from services.runtime.secrets.file import SecretFileError, read_secret

    if bool(clinics) is every_clinic:
        fail("expected either clinics, or --every-clinic", exit_code=2)
    if (ssl_mode == "verify-full") is not (ssl_root is not None):
        fail("--ssl-root goes with --ssl-mode verify-full, and with no other", exit_code=2)
    reached = _reached(database_url, database_address, ssl_mode, ssl_root, seen_as or str(out.absolute()), dashboards)

    async def work(connection: Connection) -> tuple[list[Made], bool]:
        meant = await known(connection, None if every_clinic else clinics)
        with Grafana(url, user, read_secret(password_file, "--password-file")) as asked:
            made = [await set_apart(connection, asked, each, out, reached) for each in meant]
            ended = every_clinic and await end_shared(connection)
            await asyncio.to_thread(asked.read_again)
        return made, ended

    made, ended = with_database(database_url, work, GrafanaError, SecretFileError)
    lines = []
    for each in made:
        lines.append(f"clinic {each.clinic_id}: organisation {each.organisation_id}, login {each.login}")
        lines += [f"  the database refused {line}" for line in each.refused]
    if ended:
        lines.append("the login pumpwatch_grafana sees no clinic any more")
    mapping = ",".join(f"GROUP-OF-{each.clinic_id}:{each.organisation_id}:Viewer" for each in made)
    lines.append("groups of the identity provider, for GF_AUTH_GENERIC_OAUTH_ORG_MAPPING, with your groups' names:")
    document = {"clinics": made, "shared_login_ended": ended, "org_mapping": mapping}
    answer(document, [*lines, mapping], as_json=as_json)


def _reached(
    database_url: str, address: str | None, ssl_mode: str, ssl_root: str | None, folder: str, dashboards: str
) -> Reached:
    from services.admin.grafana.files import Reached

    try:
        parts = urlsplit(database_url)
        port = parts.port or 5432
    except ValueError:
        fail("--database-url: expected an address such as postgresql://user@host:5432/database", exit_code=2)
    database = parts.path.removeprefix("/")
    if not database or not (parts.hostname or address):
        fail("--database-url: expected a host and a database, such as postgresql://user@host/database", exit_code=2)
    return Reached(address or f"{parts.hostname}:{port}", database, ssl_mode, ssl_root, folder.rstrip("/"), dashboards)
