"""`pumpwatch certificates`: by which certificate a device logs in at the broker, and which are good no more.

Guarantees: what is refused is one line that names what was wrong and what was expected, and changes nothing; a private
key is made only where --make-key says so, is written for its owner alone and goes nowhere else; who did it is written
down.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, say, table, utc, with_database

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
Named = Annotated[str, typer.Argument(help="The device's id.")]
Request = Annotated[
    Path | None, typer.Option("--csr", metavar="FILE", help="The request that the device made; its key stays with it.")
]
MakeKey = Annotated[
    bool, typer.Option("--make-key", help="Make the key here, for a device that cannot: DEVICE.key, mode 0600.")
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where DEVICE.crt is written.")]
Days = Annotated[int, typer.Option(min=1, max=3650, help="For how many days it is good.")]
Said = Annotated[bool, json_of("done")]
Signed = Annotated[bool, json_of("done", "files")]

app = typer.Typer(help="Certificates by which devices log in at the broker.", no_args_is_help=True)


@app.command()
def authority(
    folder: Annotated[Path, typer.Argument(help="A new folder; whoever can read it can be any device.")],
    name: Annotated[str, typer.Option(help="What its certificate calls it.")] = "Pumpwatch device authority",
    days: Annotated[int, typer.Option(min=1, max=7300, help="For how many days it is good.")] = 10 * _YEAR,
    as_json: Said = False,
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
    lines = [
        f"{folder}: authority.key is secret, and belongs on no host that others reach; keep a copy of the folder",
        "for the broker: ca.crt, crl.pem and the folder revoked",
    ]
    answer({"done": lines}, lines, as_json=as_json)


@app.command()
def server(
    hosts: Annotated[list[str], typer.Argument(metavar="HOSTS", help="Names and addresses that devices connect to.")],
    authority_folder: AuthorityFolder,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where server.crt and server.key go.")],
    days: Days = _YEAR,
    as_json: Said = False,
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

    line = f"server.crt is good until {_expecting(work)}; the broker must be able to read server.key, and nobody else"
    answer({"done": [line]}, [line], as_json=as_json)


@app.command()
def issue(
    device: Named,
    database_url: DatabaseUrl,
    authority_folder: AuthorityFolder,
    csr: Request = None,
    make_key: MakeKey = False,
    out: Out = Path(),
    days: Days = _YEAR,
    by: By = "",
    as_json: Signed = False,
) -> None:
    """Sign a device's first certificate: from its request, so that its key never leaves it."""
    which = _Wish(device, authority_folder, csr, out, days, by, make_key=make_key, renewal=False)
    _sign(which, database_url, as_json=as_json)


@app.command()
def renew(
    device: Named,
    database_url: DatabaseUrl,
    authority_folder: AuthorityFolder,
    csr: Request = None,
    make_key: MakeKey = False,
    out: Out = Path(),
    days: Days = _YEAR,
    by: By = "",
    as_json: Signed = False,
) -> None:
    """Sign the next certificate of a device. The one before stays good until it ends, so that nothing is cut off."""
    which = _Wish(device, authority_folder, csr, out, days, by, make_key=make_key, renewal=True)
    _sign(which, database_url, as_json=as_json)


@app.command()
def register(
    device: Named,
    database_url: DatabaseUrl,
    certificate: Annotated[Path, typer.Option(metavar="FILE", help="What your own authority has signed.")],
    ca: Annotated[Path, typer.Option("--ca", metavar="FILE", help="The ca.crt that the broker has.")],
    by: By = "",
    as_json: Said = False,
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
    answer({"done": [done.sentence]}, [done.sentence], as_json=as_json)


@app.command()
def revoke(
    device: Named,
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
    as_json: Annotated[bool, json_of("done", "list_is_in_place", "missing")] = False,
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
    lines, missing = list(told), 0
    if not as_json:  # what is in the database is told, though the list cannot be put in place
        for line in lines:
            say(line)
    if authority_folder is None or broker is None:
        more = ["the broker still lets it in: have your authority revoke it, then `pumpwatch certificates revocations`"]
    else:
        more, missing = _placed(database_url, broker, authority_folder, None)
        if not missing:
            command = f"docker compose exec mosquitto sh /mosquitto/config/throw-off {device}"
            more.append(f"what it has open stays open: end it with `{command}`")
    document = {"done": [*lines, *more], "list_is_in_place": broker is not None, "missing": missing}
    answer(document, more, as_json=as_json)
    if missing:
        raise typer.Exit(1)


@app.command()
def revocations(
    database_url: DatabaseUrl,
    broker: BrokerFolder,
    authority_folder: Annotated[
        Path | None, typer.Option("--authority", envvar="PUMPWATCH_AUTHORITY", help="To sign the list here.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="The list of your own authority.")] = None,
    as_json: Annotated[bool, json_of("done", "missing")] = False,
) -> None:
    """Put the list of what is revoked in place, signed here or by your own authority. The broker sees it at once."""
    if (authority_folder is None) is (file is None):
        fail("expected either --authority, to sign the list here, or --file, with one that is signed", exit_code=2)
    lines, missing = _placed(database_url, broker, authority_folder, file)
    answer({"done": lines, "missing": missing}, lines, as_json=as_json)
    if missing:
        raise typer.Exit(1)


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    expiring_within_days: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="Devices in use whose newest one ends within so many days.")
    ] = None,
    as_json: Annotated[bool, json_of("certificates", "limit")] = False,
) -> None:
    """Certificates by device: since when and until when, and which are revoked, by whom and why."""
    from services.admin.certificates.store import list_certificates

    now = datetime.now(UTC)
    before = None if expiring_within_days is None else now + timedelta(days=expiring_within_days)
    found = with_database(database_url, lambda connection: list_certificates(connection, device, before, limit=_LIMIT))
    values = [{**dataclasses.asdict(each), "state": each.state(now)} for each in found]
    heads = ("DEVICE", "SERIAL", "STATE", "FROM", "UNTIL", "SIGNED", "REVOKED")
    lines = [*table(heads, [_cells(each, now) for each in found])] or ["no certificates"]
    if len(found) == _LIMIT:
        lines.append(f"... the first {_LIMIT}; --device shows fewer")
    answer({"certificates": values, "limit": _LIMIT}, lines, as_json=as_json)


def _placed(database_url: str, broker: Path, authority_folder: Path | None, file: Path | None) -> tuple[list[str], int]:
    """Put the list in place; returns what is to be said, and how many revoked ones it lacks."""
    from services.admin.certificates.folder import one_at_a_time
    from services.admin.certificates.model import CertificateError

    try:
        with one_at_a_time(broker):
            return _put_list(database_url, broker, authority_folder, file)
    except CertificateError as error:
        fail(str(error))


def _put_list(
    database_url: str, broker: Path, authority_folder: Path | None, file: Path | None
) -> tuple[list[str], int]:
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
    lines = [f"{placed}: {len(list(made))} revoked, good {until}"]
    lines += [
        f"not in it, and still let in: certificate {each.paper.serial} of {each.paper.device_id}" for each in missing
    ]
    return lines, len(missing)


def _cells(each: Kept, now: datetime) -> tuple[str, ...]:
    paper, revoked = each.paper, ""
    if each.revoked_at is not None:
        revoked = f"{utc(each.revoked_at)} by {each.revoked_by or ''}: {each.reason or ''}"
    days = (f"{paper.not_before:%Y-%m-%d}", f"{paper.not_after:%Y-%m-%d}")
    return paper.device_id, str(paper.serial), each.state(now), *days, f"{each.source} by {each.entered_by}", revoked


@dataclasses.dataclass(frozen=True, slots=True)
class _Wish:
    """The certificate that is asked for."""

    device: str
    authority_folder: Path
    csr: Path | None
    out: Path
    days: int
    by: str
    make_key: bool
    renewal: bool


def _sign(wish: _Wish, database_url: str, *, as_json: bool) -> None:
    """The certificate is written down before it is handed out, so that none is in use that cannot be revoked."""
    from services.admin.certificates import authority as authorities
    from services.admin.certificates import changes
    from services.admin.certificates.checks import check_name, read_request
    from services.admin.certificates.folder import can_write_new, open_authority, read_file, write_new
    from services.admin.registry.model import RegistryError

    if (wish.csr is None) is not wish.make_key:
        fail("expected either --csr FILE, the request that the device made, or --make-key", exit_code=2)
    device, csr = wish.device, wish.csr
    certificate_file, key_file = wish.out / f"{device}.crt", wish.out / f"{device}.key"

    def prepare() -> Any:
        check_name(device, device, "the device")  # before it names a file
        own = open_authority(wish.authority_folder)
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
                connection,
                device,
                _actor(wish.by),
                authority=own,
                public_key=public_key,
                days=wish.days,
                renewal=wish.renewal,
            ),
            RegistryError,
        )
    except typer.Exit:
        if wish.make_key:
            key_file.unlink()  # nothing was signed for it
        raise
    _expecting(lambda: write_new(certificate_file, authorities.certificate_pem(signed.certificate), private=False))
    files = [certificate_file, *([key_file] if wish.make_key else [])]
    where = f"{certificate_file}{f' and {key_file}, which is secret' if wish.make_key else ''}"
    answer({"done": [signed.sentence], "files": files}, [signed.sentence, where], as_json=as_json)


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
