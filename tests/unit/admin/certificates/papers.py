"""Requests, certificates and lists as they come from elsewhere, with one thing wrong at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.admin.certificates.model import Kept, Paper

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHA256 = hashes.SHA256()
CLIENTS = (ExtendedKeyUsageOID.CLIENT_AUTH,)


def named(*names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])


def pem(what: Any) -> bytes:
    made: bytes = what.public_bytes(serialization.Encoding.PEM)
    return made


def request(*names: str, key: Any = KEY) -> bytes:
    return pem(x509.CertificateSigningRequestBuilder().subject_name(named(*names)).sign(key, hashes.SHA256()))


def certificate(
    *names: str,
    issuer: str = "authority",
    signer: Any = AUTHORITY_KEY,
    key: Any = KEY,
    purposes: Sequence[x509.ObjectIdentifier] | None = CLIENTS,
    authority: bool | None = None,
    ends: datetime = NOW + DAY,
    identifiers: bool = False,
    digest: Any = SHA256,
) -> x509.Certificate:
    """One of the authority's; with `authority`, one that may sign."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(*names))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(0x0A1F)
        .not_valid_before(min(NOW, ends) - 30 * DAY)
        .not_valid_after(ends)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if identifiers:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        of = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(own, critical=False).add_extension(of, critical=False)
    return builder.sign(signer, digest)


AUTHORITY = certificate("authority", key=AUTHORITY_KEY, purposes=None, authority=True)


def revoked_list(
    *,
    issuer: str = "authority",
    signer: Any = AUTHORITY_KEY,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + DAY,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(named(issuer)).last_update(begins).next_update(ends)
    return pem(builder.sign(signer, hashes.SHA256()))


def kept(serial: str = "a1", *, ends_in: float = 10, begins_in: float = -10, revoked: bool = False) -> Kept:
    """A certificate of p-1, from so many days on and for so many."""
    paper = Paper("p-1", serial, "key", serial * 32, NOW + begins_in * DAY, NOW + ends_in * DAY)
    return Kept(paper, "issued", NOW, "Ann", NOW if revoked else None, "Ann" if revoked else None, "lost" * revoked)
