"""`pumpwatch certificates`: by which certificate a device logs in at the broker, and which are good no more.

Guarantees: what is refused is one line that names what was wrong and what was expected, and changes nothing; a private
key is made only where --make-key says so, is written for its owner alone and goes nowhere else; who did it is written
down.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from services.commands.devices import AsJson, By, who
from services.commands.terminal import DatabaseUrl, fail, say, say_lines, with_database

if TYPE_CHECKING:
    from services.admin.certificates.model import Kept
    from services.admin.registry.changes import Actor

Value = TypeVar("Value")
_LIMIT = 1_000
_YEAR = 365

AuthorityFolder = Annotated[
    Path,
    typer.Option("--authority", envvar="PUMPWATCH_AUTHORITY", help="The folder of `certificates authority`."),
]
BrokerFolder = Annotated[
    Path,
    typer.Option(
        "--broker", envvar="PUMPWATCH_BROKER_CERTIFICATES", help="The folder that the broker reads (MQTT_CERTIFICATES)."
    ),
]
Request = Annotated[
    Path | None, typer.Option("--csr", metavar="FILE", help="The request that the device made; its key stays with it.")
]
MakeKey = Annotated[
    bool, typer.Option("--make-key", help="Make the key here, for a device that cannot: DEVICE.key, mode 0600.")
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where DEVICE.crt is written.")]
Days = Annotated[int, typer.Option(min=1, max=3650, help="For how long it is good.")]

app = typer.Typer(help="Certificates by which devices log in at the broker.", no_args_is_help=True)


@app.command()
def authority(
    folder: Annotated[Path, typer.Argument(help="A new folder; whoever can read it can be any device.")],
    name: Annotated[str, typer.Option(help="What its certificate calls it.")] = "Pumpwatch device authority",
    days: Annotated[int, typer.Option(min=1, max=7300, help="For how long it is good.")] = 10 * _YEAR,
) -> None:
    """Make a small authority of your own that signs devices: its key (0600), its certificate, and an empty list."""
    from services.admin.certificates.authority import list_pem, make_authority, sign_list
    from services.admin.certificates.folder import keep_authority, put_list

    if not 0 < len(name) <= 64 or not name.isprintable():
        fail("--name: expected 1 to 64 characters that can be printed", exit_code=2)
    now = datetime.now(UTC)

    def work() -> None:
        made = make_authority(name, now, days)
        keep_authority(folder, made)
        put_list(folder, list_pem(sign_list(made, (), None, now)), made.certificate)

    _expecting(work)
    say(f"{folder}: authority.key is secret, and belongs on no host that others reach; keep a copy of the folder")
    say("for the broker: ca.crt, crl.pem and the folder revoked")


@app.command()
def server(
    hosts: Annotated[
        list[str], typer.Argument(metavar="HOSTS...", help="Names and addresses that devices connect to.")
    ],
    authority_folder: AuthorityFolder,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where server.crt and server.key go.")],
    days: Days = _YEAR,
) -> None:
    """Sign a certificate for the broker, with a new key, by the same authority. Any other authority does as well."""
    from services.admin.certificates import authority as authorities
    from services.admin.certificates.folder import can_write_new, open_authority, write_new

    def work() -> str:
        key = authorities.new_key()
        signed = authorities.sign_server(
            open_authority(authority_folder), key.public_key(), hosts, datetime.now(UTC), days
        )
        for file in ("server.crt", "server.key"):
            can_write_new(out / file)
        write_new(out / "server.key", authorities.key_pem(key), private=True)
        write_new(out / "server.crt", authorities.certificate_pem(signed), private=False)
        return f"{signed.not_valid_after_utc:%Y-%m-%d}"

    say(f"server.crt is good until {_expecting(work)}; the broker must be able to read server.key, and nobody else")


@app.command()
def issue(
    device: str,
    database_url: DatabaseUrl,
    authority_folder: AuthorityFolder,
    csr: Request = None,
    make_key: MakeKey = False,
    out: Out = Path(),
    days: Days = _YEAR,
    by: By = "",
) -> None:
    """Sign a device's first certificate: from its request, so that its key never leaves it."""
    _sign(device, database_url, authority_folder, csr, out, days, by, make_key=make_key, renewal=False)


@app.command()
def renew(
    device: str,
    database_url: DatabaseUrl,
    authority_folder: AuthorityFolder,
    csr: Request = None,
    make_key: MakeKey = False,
    out: Out = Path(),
    days: Days = _YEAR,
    by: By = "",
) -> None:
    """Sign the next certificate of a device. The one before stays good until it ends, so that nothing is cut off."""
    _sign(device, database_url, authority_folder, csr, out, days, by, make_key=make_key, renewal=True)


@app.command()
def register(
    device: str,
    database_url: DatabaseUrl,
    certificate: Annotated[Path, typer.Option(metavar="FILE", help="What your own authority has signed.")],
    ca: Annotated[Path, typer.Option("--ca", metavar="FILE", help="The ca.crt that the broker has.")],
    by: By = "",
) -> None:
    """Take in a certificate that your own authority has signed, so that its end is watched. Also for a renewed one."""
    from services.admin.certificates import changes
    from services.admin.certificates.folder import read_file
    from services.admin.registry.model import RegistryError

    signed, authorities = _expecting(lambda: (read_file(certificate), read_file(ca)))
    done = with_database(
        database_url,
        lambda connection: changes.register(
            connection, device, _actor(by), certificate=signed, authorities=authorities
        ),
        RegistryError,
    )
    say(done.sentence)


@app.command()
def revoke(
    device: str,
    database_url: DatabaseUrl,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    serial: Annotated[str | None, typer.Option(help="Only the one with this number; else all of the device.")] = None,
    authority_folder: Annotated[
        Path | None, typer.Option("--authority", envvar="PUMPWATCH_AUTHORITY", help="To sign the list anew.")
    ] = None,
    broker: Annotated[
        Path | None, typer.Option("--broker", envvar="PUMPWATCH_BROKER_CERTIFICATES", help="Where the list goes.")
    ] = None,
    by: By = "",
) -> None:
    """Say that a device's certificates are good no more, and tell the broker, which lets it in no more at once."""
    from services.admin.certificates import changes
    from services.admin.registry.model import RegistryError

    if (authority_folder is None) is not (broker is None):
        fail("--authority and --broker belong together: the list is signed by one and put into the other", exit_code=2)
    told = with_database(
        database_url,
        lambda connection: changes.revoke(connection, device, _actor(by), serial=serial, reason=reason),
        RegistryError,
    )
    for sentence in told:
        say(sentence)
    if authority_folder is None or broker is None:
        say("the broker still lets it in: have your authority revoke it, then `pumpwatch certificates revocations`")
        return
    revocations(database_url, broker, authority_folder)
    command = f"docker compose exec mosquitto sh /mosquitto/config/throw-off {device}"
    say(f"what it has open stays open: end it with `{command}`")


@app.command()
def revocations(
    database_url: DatabaseUrl,
    broker: BrokerFolder,
    authority_folder: Annotated[
        Path | None, typer.Option("--authority", envvar="PUMPWATCH_AUTHORITY", help="To sign the list here.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="The list of your own authority.")] = None,
) -> None:
    """Put the list of what is revoked in place, signed here or by your own authority. The broker sees it at once."""
    from services.admin.certificates.folder import one_at_a_time
    from services.admin.certificates.model import CertificateError

    if (authority_folder is None) is (file is None):
        fail("expected either --authority, to sign the list here, or --file, with one that is signed", exit_code=2)
    try:
        with one_at_a_time(broker):
            _put_list(database_url, broker, authority_folder, file)
    except CertificateError as error:
        fail(str(error))


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    expiring_within_days: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="Devices in use whose newest one ends within so many days.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Certificates by device: since when and until when, and which are revoked, by whom and why."""
    from services.admin.certificates.store import list_certificates

    now = datetime.now(UTC)
    before = None if expiring_within_days is None else now + timedelta(days=expiring_within_days)
    found = with_database(database_url, lambda connection: list_certificates(connection, device, before, limit=_LIMIT))
    if as_json:
        values = [{**dataclasses.asdict(each), "state": each.state(now)} for each in found]
        say_lines(json.dumps(values, default=lambda value: value.isoformat(), indent=1))
        return
    for each in found:
        say(_line(each, now))
    if not found:
        say("no certificates")
    elif len(found) == _LIMIT:
        say(f"... the first {_LIMIT}; --device shows fewer")


def _put_list(database_url: str, broker: Path, authority_folder: Path | None, file: Path | None) -> None:
    from services.admin.certificates import changes
    from services.admin.certificates.authority import list_pem
    from services.admin.certificates.checks import key_identifier, read_authorities, read_list, signer_of
    from services.admin.certificates.folder import CERTIFICATE, list_in, open_authority, put_list, read_file
    from services.admin.registry.model import RegistryError

    now = datetime.now(UTC)
    authorities = read_authorities(read_file(broker / CERTIFICATE), str(broker / CERTIFICATE))
    if authority_folder is not None:
        own = open_authority(authority_folder)
        if own.certificate not in authorities:
            fail(
                f"{broker / CERTIFICATE} is of another authority than {authority_folder}: the broker would not know it"
            )
        made = with_database(
            database_url,
            lambda connection: changes.list_of(connection, own, list_in(broker, own.certificate), now),
            RegistryError,
        )
        signer, pem = own.certificate, list_pem(made)
    else:
        assert file is not None  # noqa: S101 - one of the two is there
        pem = read_file(file)
        made = read_list(pem, authorities, now)
        signer = signer_of(made, authorities) or authorities[0]
        before = list_in(broker, signer)
        if before is not None and before.last_update_utc >= made.last_update_utc and list_pem(before) != list_pem(made):
            fail(f"{file} is not newer than the list that is in place, and the broker goes by the newer one")
    missing = with_database(
        database_url, lambda connection: changes.not_listed(connection, made, key_identifier(signer)), RegistryError
    )
    placed = put_list(broker, pem, signer)
    until = "for ever" if made.next_update_utc is None else f"until {made.next_update_utc:%Y-%m-%d %H:%M}Z"
    say(f"{placed}: {len(list(made))} revoked, good {until}")
    for each in missing:
        say(f"not in it, and still let in: certificate {each.paper.serial} of {each.paper.device_id}")
    if missing:
        raise typer.Exit(1)


def _line(each: Kept, now: datetime) -> str:
    paper = each.paper
    line = f"{paper.device_id}  {paper.serial}  {each.state(now)}  {paper.not_before:%Y-%m-%d} to "
    line += f"{paper.not_after:%Y-%m-%d}  {each.source} by {each.entered_by}"
    if each.revoked_at is not None:
        line += f"  revoked {each.revoked_at:%Y-%m-%d %H:%M}Z by {each.revoked_by or ''}: "
        line += each.reason or ""
    return line


def _sign(
    device: str,
    database_url: str,
    authority_folder: Path,
    csr: Path | None,
    out: Path,
    days: int,
    by: str,
    *,
    make_key: bool,
    renewal: bool,
) -> None:
    """The certificate is written down before it is handed out, so that none is in use that cannot be revoked."""
    from services.admin.certificates import authority as authorities
    from services.admin.certificates import changes
    from services.admin.certificates.checks import check_name, read_request
    from services.admin.certificates.folder import can_write_new, open_authority, read_file, write_new
    from services.admin.registry.model import RegistryError

    if (csr is None) is not make_key:
        fail("expected either --csr FILE, the request that the device made, or --make-key", exit_code=2)
    certificate_file, key_file = out / f"{device}.crt", out / f"{device}.key"

    def prepare() -> Any:
        check_name(device, device, "the device")  # before it names a file
        own = open_authority(authority_folder)
        if csr is not None:
            public_key: Any = read_request(read_file(csr), device).public_key()
            can_write_new(certificate_file)
            return own, public_key
        key = authorities.new_key()
        can_write_new(certificate_file)
        write_new(key_file, authorities.key_pem(key), private=True)
        return own, key.public_key()

    own, public_key = _expecting(prepare)
    try:
        signed = with_database(
            database_url,
            lambda connection: changes.issue(
                connection, device, _actor(by), authority=own, public_key=public_key, days=days, renewal=renewal
            ),
            RegistryError,
        )
    except typer.Exit:
        if make_key:
            key_file.unlink()  # nothing was signed for it
        raise
    _expecting(lambda: write_new(certificate_file, authorities.certificate_pem(signed.certificate), private=False))
    say(signed.sentence)
    say(f"{certificate_file}{f' and {key_file}, which is secret' if make_key else ''}")


def _actor(by: str) -> Actor:
    from services.admin.registry.changes import Actor

    return Actor(by or who(), datetime.now(UTC))


def _expecting(work: Callable[[], Value]) -> Value:
    """What it returns; what it refuses is one line."""
    from services.admin.certificates.model import CertificateError

    try:
        return work()
    except CertificateError as error:
        fail(str(error))
