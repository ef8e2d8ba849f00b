"""A small authority of the site's own: it signs certificates of devices and of the broker, and lists of revoked ones.

Guarantees: a serial number is random and comes once; nothing that is signed is good for longer than the authority; a
list holds all that the one before it held.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.admin.certificates.model import CLOCKS_DIFFER, CertificateError, Kept, list_dates, validity


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def ends_at(self) -> datetime:
        """After this no certificate of it is good."""
        return self.certificate.not_valid_after_utc


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new private key, on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key in PEM, as OpenSSL and devices read it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """A certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def list_pem(revoked: x509.CertificateRevocationList) -> bytes:
    """A list of revoked certificates in PEM."""
    return revoked.public_bytes(serialization.Encoding.PEM)


def make_authority(name: str, now: datetime, days: int) -> Authority:
    """A new authority that signs itself, may sign devices and no further authority, and ends after so many days."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def sign_device(
    authority: Authority, public_key: ec.EllipticCurvePublicKey, device_id: str, now: datetime, days: int
) -> x509.Certificate:
    """A certificate by which a device logs in: its common name is the device's id.

    Of a request only the key is taken: what else it asks for is nothing that the broker looks at.
    """
    return _sign(authority, public_key, device_id, ExtendedKeyUsageOID.CLIENT_AUTH, None, now, days)


def sign_server(
    authority: Authority, public_key: ec.EllipticCurvePublicKey, hosts: Sequence[str], now: datetime, days: int
) -> x509.Certificate:
    """The broker's certificate, for the names and addresses by which devices reach it."""
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            try:
                names.append(x509.DNSName(host))
            except ValueError:
                msg = f"{host[:80]!r} is no host: expected a name such as mqtt.clinic.example, or an address"
                raise CertificateError(msg) from None
    alternative = x509.SubjectAlternativeName(names)
    return _sign(authority, public_key, hosts[0][:64], ExtendedKeyUsageOID.SERVER_AUTH, alternative, now, days)


def sign_list(
    authority: Authority, revoked: Iterable[Kept], before: x509.CertificateRevocationList | None, now: datetime
) -> x509.CertificateRevocationList:
    """A list of these certificates and of all that the list before it names."""
    dated, ends = list_dates(now, None if before is None else before.last_update_utc, authority.ends_at)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(dated)
        .next_update(ends)
        .add_extension(x509.CRLNumber(int(dated.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    since = {} if before is None else {each.serial_number: each.revocation_date_utc for each in before}
    for each in revoked:
        since.setdefault(int(each.paper.serial, 16), each.revoked_at or now)
    for serial, at in sorted(since.items()):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256())


def _sign(
    authority: Authority,
    public_key: ec.EllipticCurvePublicKey,
    name: str,
    purpose: x509.ObjectIdentifier,
    alternative: x509.SubjectAlternativeName | None,
    now: datetime,
    days: int,
) -> x509.Certificate:
    not_before, not_after = validity(now, days, authority.ends_at)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if alternative is not None:
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
