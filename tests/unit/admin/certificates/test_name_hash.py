"""The name of a list's file is what OpenSSL looks for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from services.admin.certificates.name_hash import name_hash

SUBJECTS = [
    "/CN=Pumpwatch device authority",
    "/C=DE/O=Klinik  Nord /OU=IT/CN=Geräte CA",
    "/CN= A\tb  C ",
    "/DC=org/DC=example/CN=" + "x" * 60,
    "/O=" + "o" * 64 + "/OU=" + "u" * 64 + "/CN=" + "n" * 64 + "/L=" + "l" * 100,
    "/O=Acme+OU=Devices/CN=Two in one",
    "/O=" + "o" * 64 + "+OU=" + "u" * 64 + "/CN=More than 127 bytes",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_it_is_what_openssl_says(subject: str, tmp_path: Path) -> None:
    make = ("req", "-x509", "-utf8", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    made = subprocess.run(
        ["openssl", *make, "-multivalue-rdn", "-keyout", str(tmp_path / "key"), "-subj", subject],
        capture_output=True,
        check=True,
    ).stdout
    said = subprocess.run(["openssl", "x509", "-noout", "-hash"], input=made, capture_output=True, check=True).stdout
    assert name_hash(x509.load_pem_x509_certificate(made).subject.public_bytes()) == said.decode().strip()


def test_case_blanks_and_kinds_of_text_make_no_difference() -> None:
    one, other = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("Device  Authority ", "device authority")
    )
    assert name_hash(one.public_bytes()) == name_hash(other.public_bytes())
    # A PrintableString in the place of the UTF8String.
    printed = bytearray(other.public_bytes())
    printed[printed.index(0x0C, 8)] = 0x13
    assert name_hash(bytes(printed)) == name_hash(other.public_bytes())


def test_what_is_no_text_stays_as_it_is() -> None:
    """An unknown kind of value, here an OCTET STRING, counts with its tag."""
    text = bytearray(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]).public_bytes())
    other = bytearray(text)
    other[other.index(0x0C, 8)] = 0x04
    assert name_hash(bytes(other)) != name_hash(bytes(text))
