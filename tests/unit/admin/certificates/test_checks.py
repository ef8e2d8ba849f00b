"""What is refused of requests, certificates and lists, and in which words."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.admin.certificates.checks import (
    check_issued,
    check_key,
    check_name,
    issuer_of,
    key_identifier,
    paper_of,
    read_authorities,
    read_certificate,
    read_list,
    read_request,
)
from services.admin.certificates.model import SERVICE_LOGINS, CertificateError
from tests.contract.prose import ROOT_FOLDER
from tests.unit.admin.certificates.papers import (
    AUTHORITY,
    AUTHORITY_KEY,
    DAY,
    KEY,
    NOW,
    RSA_KEY,
    certificate,
    pem,
    request,
    revoked_list,
)


def refusal_of(work: Any) -> str:
    with pytest.raises(CertificateError) as refused:
        work()
    return str(refused.value)


@pytest.mark.parametrize("key", [KEY, RSA_KEY, ec.generate_private_key(ec.SECP384R1())])
def test_a_device_s_own_request_is_taken(key: Any) -> None:
    assert read_request(request("p-1", key=key), "p-1").public_key() == key.public_key()


@pytest.mark.parametrize(
    ("names", "device", "says"),
    [
        (("p-2",), "p-1", "the common name of the request is 'p-2': expected 'p-1'"),
        (("P-1",), "p-1", "to the letter"),
        (("p-1", "p-2"), "p-1", "the request has 2 common names: expected one"),
        ((), "p-1", "the request has 0 common names: expected one"),
        (("p 1",), "p 1", "cannot be a device id: expected 1 to 64 of the characters"),
        (("ingest",), "p-1", "ingest is the login of a service"),
        (("p-1",), "ingest", "ingest is the login of a service"),
    ],
)
def test_a_request_of_another_name_is_refused(names: tuple[str, ...], device: str, says: str) -> None:
    assert says in refusal_of(lambda: read_request(request(*names), device))


def test_a_request_that_was_changed_or_is_none_is_refused() -> None:
    whole = request("p-1")
    assert "expected a certificate signing request in PEM" in refusal_of(lambda: read_request(b"hello", "p-1"))
    lines = whole.splitlines()
    tail = bytearray(lines[-2])
    tail[1] = ord("A") if tail[1] != ord("A") else ord("B")
    changed = b"\n".join([*lines[:-2], bytes(tail), lines[-1]])
    said = refusal_of(lambda: read_request(changed, "p-1"))
    assert "not signed by the key that it names" in said or "in PEM" in said


@pytest.mark.parametrize("login", sorted(SERVICE_LOGINS))
def test_no_device_is_called_like_a_service(login: str) -> None:
    assert f"{login} is the login of a service" in refusal_of(lambda: check_name(login, login, "the device"))


def test_every_login_of_the_broker_s_services_is_kept_from_devices() -> None:
    rules = (ROOT_FOLDER / "deploy/mosquitto/services.acl").read_text().splitlines()
    assert {line.split()[1] for line in rules if line.startswith("user ")} == SERVICE_LOGINS


def test_weak_and_unknown_keys_are_refused_with_what_will_do() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - it is refused
    assert "RSA of 1024 bits: expected an EC key on P-256" in refusal_of(lambda: check_key(weak, "it"))
    curve = ec.generate_private_key(ec.SECP256K1()).public_key()
    assert "on the curve secp256k1" in refusal_of(lambda: check_key(curve, "it"))
    other = dsa.generate_private_key(2048).public_key()
    assert "of another kind" in refusal_of(lambda: check_key(other, "it"))
    for good in (ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()):
        check_key(good.public_key(), "it")


def test_a_certificate_of_the_site_s_authority_is_taken() -> None:
    found = certificate("p-1", identifiers=True)
    paper = check_issued(found, [AUTHORITY], "p-1", NOW)
    assert (paper.device_id, paper.serial, paper.not_after) == ("p-1", "a1f", NOW + DAY)
    assert paper.issuer == issuer_of(found) != "CN=authority"
    assert len(bytes.fromhex(paper.fingerprint)) == hashes.SHA256.digest_size


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"signer": KEY}, "was signed by CN=authority: expected CN=authority"),
        ({"issuer": "another"}, "was signed by CN=another: expected CN=authority"),
        ({"purposes": None}, "expected the extended key usage clientAuth"),
        ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "expected the extended key usage clientAuth"),
        ({"ends": NOW}, "ended on 2026-11-22 12:00:00Z"),
        ({"key": ec.generate_private_key(ec.SECP256K1())}, "on the curve secp256k1"),
    ],
)
def test_a_certificate_that_the_broker_would_not_take_is_refused(wrong: dict[str, Any], says: str) -> None:
    assert says in refusal_of(lambda: check_issued(certificate("p-1", **wrong), [AUTHORITY], "p-1", NOW))


def test_a_certificate_of_another_device_is_refused() -> None:
    assert "is 'p-2': expected 'p-1'" in refusal_of(lambda: check_issued(certificate("p-2"), [AUTHORITY], "p-1", NOW))


def test_a_weak_signature_is_refused_and_one_without_a_digest_of_its_own_is_taken() -> None:
    make = [
        "openssl",
        "req",
        "-x509",
        "-sha1",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=p-1",
        "-keyout",
        "/dev/null",
    ]
    weak = x509.load_pem_x509_certificate(subprocess.run(make, check=True, capture_output=True).stdout)
    assert "signed with sha1, which TLS refuses" in refusal_of(lambda: check_issued(weak, [AUTHORITY], "p-1", NOW))
    key = ed25519.Ed25519PrivateKey.generate()
    authority = certificate("authority", signer=key, key=key, authority=True, digest=None)
    assert check_issued(certificate("p-1", signer=key, digest=None), [authority], "p-1", NOW).device_id == "p-1"


def test_what_is_no_certificate_or_no_authority_is_refused() -> None:
    assert "x.crt: expected a certificate in PEM" in refusal_of(lambda: read_certificate(b"", "x.crt"))
    assert "ca.crt: expected the authority's certificate" in refusal_of(lambda: read_authorities(b"", "ca.crt"))
    for each in (certificate("p-1"), certificate("p-1", authority=False)):
        assert "CN=p-1 is not an authority" in refusal_of(lambda each=each: read_authorities(pem(each), "ca.crt"))
    assert read_certificate(pem(AUTHORITY), "ca.crt") == AUTHORITY
    assert read_authorities(pem(AUTHORITY) * 2, "ca.crt") == (AUTHORITY, AUTHORITY)


def test_an_authority_goes_by_its_key_where_it_names_one() -> None:
    plain = certificate("p-1")
    assert paper_of(plain).issuer == key_identifier(AUTHORITY) == "CN=authority"
    named = certificate("authority", key=AUTHORITY_KEY, authority=True, identifiers=True)
    assert paper_of(certificate("p-1", identifiers=True)).issuer == key_identifier(named)


def test_a_list_that_the_broker_can_go_by_is_taken() -> None:
    assert read_list(revoked_list(), [AUTHORITY], NOW).issuer == AUTHORITY.subject


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"hello", "expected a list of revoked certificates in PEM"),
        (revoked_list(signer=KEY), "was signed by CN=authority: expected CN=authority"),
        (revoked_list(issuer="another"), "was signed by CN=another: expected CN=authority"),
        (revoked_list(begins=NOW + DAY / 2), "begins on 2026-11-23 00:00:00Z: until then the broker would refuse"),
        (revoked_list(ends=NOW), "ended on 2026-11-22 12:00:00Z: with it the broker would refuse every device"),
    ],
)
def test_a_list_with_which_the_broker_would_refuse_every_device_is_refused(pem: bytes, says: str) -> None:
    assert says in refusal_of(lambda: read_list(pem, [AUTHORITY], NOW))
