"""`pumpwatch certificates` as a person types it: what it says, what it refuses, and what is written down."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509

from services.admin.certificates.authority import list_pem, make_authority, sign_list
from services.admin.certificates.folder import keep_authority, put_list
from tests.command import pumpwatch
from tests.integration.certificates.world import Site
from tests.stack import eventually


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def found(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


async def test_an_authority_has_a_key_of_its_own_and_is_made_once(site: Site):
    assert found(site.authority) == {"authority.key", "ca.crt", "crl.pem", "revoked"}
    assert mode(site.authority) == 0o700
    assert (mode(site.authority / "authority.key"), mode(site.authority / "ca.crt")) == (0o600, 0o644)
    key = (site.authority / "authority.key").read_bytes()
    assert "is there already, and is not written over" in site.certificates("authority", str(site.authority))
    assert (site.authority / "authority.key").read_bytes() == key
    authority = x509.load_pem_x509_certificate((site.authority / "ca.crt").read_bytes())
    revoked = x509.load_pem_x509_crl((site.authority / "crl.pem").read_bytes())
    # A list that ends refuses every device: it ends when every device is refused in any case, and not before.
    assert revoked.next_update_utc == authority.not_valid_after_utc


async def test_from_a_request_a_certificate_is_made_and_written_down_and_the_key_stays_where_it_is(site: Site):
    said = site.signed("issue", "p-1", "--csr", str(site.request("p-1")), "--days", "90")
    signed = x509.load_pem_x509_certificate((site.folder / "p-1.crt").read_bytes())
    assert said.startswith(f"certificate {signed.serial_number:x} is of p-1, good until ")
    assert openssl("verify", "-purpose", "sslclient", "-CAfile", site.authority / "ca.crt", site.folder / "p-1.crt")
    [row] = await site.database.pool.fetch("SELECT * FROM certificates")
    assert (row["device_id"], row["serial"], row["source"], row["entered_by"]) == (
        "p-1",
        f"{signed.serial_number:x}",
        "issued",
        "Ann",
    )
    assert (row["not_before"], row["not_after"]) == (signed.not_valid_before_utc, signed.not_valid_after_utc)
    shown = pumpwatch("devices", "show", "p-1", DATABASE_URL=site.database.dsn).stdout
    assert f"certificates issue by Ann: certificate {row['serial']} is of p-1, good until " in shown


async def test_a_key_that_is_made_here_is_for_its_owner_alone_and_is_gone_where_nothing_was_signed(site: Site):
    site.signed("issue", "p-1", "--make-key")
    assert mode(site.folder / "p-1.key") == 0o600
    assert "PRIVATE KEY" in (site.folder / "p-1.key").read_text()
    assert "is not enrolled: did you mean" in site.signed("issue", "p-9", "--make-key")
    assert found(site.folder) == {"p-1.crt", "p-1.key"}


@pytest.mark.parametrize(
    ("device", "name", "key", "says"),
    [
        ("p-1", "p-2", "ec", "the common name of the request is 'p-2': expected 'p-1'"),
        ("p-9", "p-9", "ec", "expected an enrolled device, and it is not enrolled"),
        ("ingest", "ingest", "ec", "ingest is the login of a service, and no device's name"),
        ("p-1", "p-1", "rsa-1024", "the key of the request is RSA of 1024 bits: expected an EC key"),
        ("p-1", "p-1", "curve", "on the curve secp256k1: expected an EC key on P-256"),
    ],
)
async def test_what_is_refused_says_why_and_changes_nothing(site: Site, device: str, name: str, key: str, says: str):
    assert says in site.signed("issue", device, "--csr", str(site.request(device, name, key=key)))
    assert not (site.folder / f"{device}.crt").exists()
    assert await site.database.pool.fetchval("SELECT count(*) FROM certificates") == 0


@pytest.mark.parametrize("device", ["../p-1", "/tmp/x", "a b", ""])
async def test_a_device_id_that_is_none_names_no_file(site: Site, device: str):
    assert "cannot be a device id" in site.signed("issue", device, "--make-key")
    assert found(site.folder) == set()
    assert found(site.folder.parent) == {"operator", "authority"}


async def test_wrong_files_are_one_line(site: Site):
    (site.folder / "no.csr").write_text("hello")
    assert "expected a certificate signing request" in site.signed("issue", "p-1", "--csr", str(site.folder / "no.csr"))
    assert "No such file" in site.signed("issue", "p-1", "--csr", str(site.folder / "missing"))
    assert "expected either --csr FILE" in site.signed("issue", "p-1")
    (site.authority / "authority.key").chmod(0o644)
    assert "can be read by others" in site.signed("issue", "p-1", "--csr", str(site.request("p-1")))
    (site.authority / "authority.key").chmod(0o600)
    (site.authority / "authority.key").write_bytes((site.folder / "p-1.key").read_bytes())
    assert "is not the key of" in site.signed("issue", "p-1", "--csr", str(site.folder / "p-1.csr"))


async def test_a_first_certificate_and_a_renewal_are_told_apart(site: Site, tmp_path: Path):
    request = str(site.request("p-1"))
    assert "use `pumpwatch certificates issue`" in site.signed("renew", "p-1", "--csr", request)
    site.signed("issue", "p-1", "--csr", request, "--days", "20")
    assert "use `pumpwatch certificates renew`" in site.signed("issue", "p-1", "--csr", request, out=tmp_path)
    listed = site.certificates("list", "--expiring-within-days", "30").splitlines()
    assert [line.split()[0] for line in listed] == ["DEVICE", "p-1"]
    assert "is there already" in site.signed("renew", "p-1", "--csr", request)
    assert "renews that of p-1" in site.signed("renew", "p-1", "--csr", request, out=tmp_path)
    assert site.certificates("list", "--expiring-within-days", "30") == "no certificates\n"
    assert len(json.loads(site.certificates("list", "--device", "p-1", "--json"))["certificates"]) == 2


async def test_what_is_revoked_is_told_with_when_why_and_by_whom_and_is_not_taken_back(site: Site):
    site.signed("issue", "p-1", "--csr", str(site.request("p-1")))
    assert "--authority and --broker belong together" in site.certificates(
        "revoke", "p-1", "--reason", "lost", "--broker", str(site.authority)
    )
    said = site.certificates("revoke", "p-1", "--reason", "lost on the bus")
    assert "the broker still lets it in" in said
    line = site.certificates("list")
    assert "  revoked  " in line
    assert line.endswith("Z by Ann: lost on the bus\n")
    # The list is made anew from what is written down, as often as one likes.
    put = ("revocations", "--authority", str(site.authority), "--broker", str(site.authority))
    assert "1 revoked, good until" in site.certificates(*put)
    assert "1 revoked, good until" in site.certificates(*put)
    assert "revoked already, nothing changed" in site.certificates("revoke", "p-1", "--reason", "again")
    assert "expected a reason" in site.certificates("revoke", "p-1", "--reason", " ")
    assert "no certificate that is known here" in site.certificates("revoke", "p-2", "--reason", "lost")
    for change in ("UPDATE certificates SET revoked_at = NULL, revoked_by = NULL, reason = NULL",):
        with pytest.raises(asyncpg.RaiseError, match="not taken back"):
            await site.database.pool.execute(change)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await site.database.pool.execute("DELETE FROM certificates")


async def test_who_retires_a_device_is_told_that_the_broker_still_lets_it_in(site: Site):
    site.signed("issue", "p-1", "--csr", str(site.request("p-1")))
    said = pumpwatch("devices", "retire", "p-1", "p-2", DATABASE_URL=site.database.dsn, PUMPWATCH_BY="Ann").stdout
    told = [line for line in said.splitlines() if "certificate" in line]
    assert len(told) == 1
    assert told[0].startswith("the broker lets p-1 in until ")
    assert told[0].endswith(": `pumpwatch certificates revoke p-1` ends that")
    site.certificates("revoke", "p-1", "--reason", "thrown away")
    assert "is not enrolled" not in site.certificates("list", "--device", "p-1")


async def test_a_list_never_forgets_what_the_one_before_it_named(site: Site):
    """After a database was restored from a backup, say."""
    site.signed("issue", "p-1", "--csr", str(site.request("p-1")))
    broker = ("--authority", str(site.authority), "--broker", str(site.authority))
    site.certificates("revoke", "p-1", *broker, "--reason", "lost")
    await site.database.pool.execute("ALTER TABLE certificates DISABLE TRIGGER ALL; DELETE FROM certificates")
    assert "1 revoked" in site.certificates("revocations", *broker)
    assert {each.name.split(".")[1] for each in (site.authority / "revoked").iterdir()} == {"r0", "r1", "r2"}


async def test_a_certificate_of_the_site_s_own_authority_is_taken_in_and_its_list_put_in_place(
    site: Site, tmp_path: Path
):
    """Made by OpenSSL's own tools, as deploy/tls/make-test-certificates does it."""
    own = tmp_path / "own"
    make = str(Path(__file__).parents[3] / "deploy/tls/make-test-certificates")

    def run(*arguments: str) -> None:
        subprocess.run(["sh", make, str(own), *arguments], check=True, capture_output=True)

    run("server", "localhost")
    run("device", "p-1", "p-2", "ingest")

    def register(device: str, file: str, ca: Path = own) -> str:
        certificate = str(own / f"{file}.crt")
        return site.certificates("register", device, "--certificate", certificate, "--ca", str(ca / "ca.crt"))

    assert "of p-1 is known, good until" in register("p-1", "p-1")
    assert "is known already: nothing changed" in register("p-1", "p-1")
    assert "is 'p-2': expected 'p-1'" in register("p-1", "p-2")
    assert "the extended key usage clientAuth" in register("p-1", "server") or "common name" in register(
        "p-1", "server"
    )
    assert "was signed by CN=Pumpwatch test authority" in register("p-1", "p-1", site.authority)
    assert "login of a service" in register("p-1", "ingest")
    put = ("revocations", "--broker", str(own), "--file")
    assert "was signed by CN=Pumpwatch device authority" in site.certificates(*put, str(site.authority / "crl.pem"))
    said = site.certificates("revoke", "p-1", "--reason", "lost")
    assert "have your authority revoke it" in said
    before = tmp_path / "before.pem"
    before.write_bytes((own / "crl.pem").read_bytes())
    assert "not in it, and still let in: certificate 2 of p-1" in site.certificates(*put, str(before))
    made_at = x509.load_pem_x509_crl(before.read_bytes()).last_update_utc
    await eventually(
        lambda: datetime.now(UTC) >= made_at + timedelta(seconds=1)
    )  # a list's date has no parts of seconds
    run("revoke", "p-1")
    after = tmp_path / "after.pem"
    after.write_bytes((own / "crl.pem").read_bytes())
    (own / "crl.pem").write_bytes(before.read_bytes())
    assert "1 revoked, good until" in site.certificates(*put, str(after))
    assert (own / "crl.pem").read_bytes() == after.read_bytes()
    assert "is not newer than the list that is in place" in site.certificates(*put, str(before))
    assert "is revoked since" in register("p-1", "p-1")


@pytest.mark.parametrize("umask", [0o077, 0])
async def test_whatever_the_umask_the_broker_can_read_what_is_put_in_place_and_nobody_the_key(
    tmp_path: Path, umask: int
):
    """The broker runs as another user: a list that it cannot read would revoke nothing."""
    now = datetime.now(UTC)
    made = make_authority("Authority", now, 10)
    folder = tmp_path / "new"
    before = os.umask(umask)
    try:
        keep_authority(folder, made)
        put_list(folder, list_pem(sign_list(made, (), None, now)), made.certificate)
    finally:
        os.umask(before)
    assert mode(folder / "authority.key") == 0o600
    assert mode(folder / "revoked") == 0o755
    for path in (folder / "crl.pem", folder / "ca.crt", *(folder / "revoked").iterdir()):
        assert mode(path) == 0o644
