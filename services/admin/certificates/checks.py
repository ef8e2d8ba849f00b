"""PURE. Is this request, certificate or list what the broker will take, and of the device that it is said to be?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from schemas.topics import DEVICE_ID_RULE, is_device_id
from services.admin.certificates.model import SERVICE_LOGINS, CertificateError, Paper
from services.admin.registry.periods import shown

LEAST_RSA_BITS: Final = 2048
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_KEYS: Final = "an EC key on P-256, P-384 or P-521, an Ed25519 or Ed448 key, or an RSA key of 2048 bits or more"
_WEAK_HASHES: Final = ("md5", "sha1")


def read_request(pem: bytes, device_id: str) -> x509.CertificateSigningRequest:
    """A request for a certificate of this device.

    Raises:
        CertificateError: It cannot be read, is not signed by its own key, is of another name, or its key is too weak.
    """
    try:
        request = x509.load_pem_x509_csr(pem)
    except ValueError:
        msg = "expected a certificate signing request in PEM (-----BEGIN CERTIFICATE REQUEST-----)"
        raise CertificateError(msg) from None
    if not request.is_signature_valid:
        msg = "the request is not signed by the key that it names: it was changed on its way, ask the device again"
        raise CertificateError(msg)
    check_name(_common_name(request.subject, "the request"), device_id, "the request")
    check_key(request.public_key(), "the request")
    return request


def read_certificate(pem: bytes, what: str) -> x509.Certificate:
    """The first certificate of a file; of a device, its own comes before its authority's.

    Raises:
        CertificateError: It holds none.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        msg = f"{what}: expected a certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise CertificateError(msg) from None


def read_authorities(pem: bytes, what: str) -> tuple[x509.Certificate, ...]:
    """The authorities of a file.

    Raises:
        CertificateError: It holds no certificate, or one that may not sign others.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        msg = f"{what}: expected the authority's certificate in PEM (-----BEGIN CERTIFICATE-----)"
        raise CertificateError(msg) from None
    for each in found:
        if not _may_sign(each):
            msg = f"{what}: {each.subject.rfc4514_string()} is not an authority (its basic constraints say so)"
            raise CertificateError(msg)
    return found


def check_issued(
    certificate: x509.Certificate, authorities: Sequence[x509.Certificate], device_id: str, now: datetime
) -> Paper:
    """Check a certificate that the site's own authority has signed, as the broker will.

    Raises:
        CertificateError: Another authority signed it, or its name, purpose, dates or key will not do.
    """
    digest = certificate.signature_hash_algorithm
    if digest is not None and digest.name in _WEAK_HASHES:
        msg = f"the certificate is signed with {digest.name}, which TLS refuses: expected SHA-256 or better"
        raise CertificateError(msg)
    if not any(_is_signed_by(certificate, each) for each in authorities):
        names = " or ".join(each.subject.rfc4514_string() for each in authorities)
        msg = f"the certificate was signed by {certificate.issuer.rfc4514_string()}: expected {names}"
        raise CertificateError(msg)
    check_name(_common_name(certificate.subject, "the certificate"), device_id, "the certificate")
    if not _is_for_clients(certificate):
        msg = "the certificate is not for clients: expected the extended key usage clientAuth"
        raise CertificateError(msg)
    if certificate.not_valid_after_utc <= now:
        msg = f"the certificate ended on {shown(certificate.not_valid_after_utc)}: expected one that is good now"
        raise CertificateError(msg)
    check_key(certificate.public_key(), "the certificate")
    return paper_of(certificate)


def check_name(name: str, device_id: str, what: str) -> None:
    """Refuse any name but the device's own, and a device that is called like a service.

    Raises:
        CertificateError: It is so.
    """
    if name in SERVICE_LOGINS or device_id in SERVICE_LOGINS:
        msg = f"{device_id if device_id in SERVICE_LOGINS else name} is the login of a service, and no device's name"
        raise CertificateError(msg)
    if not is_device_id(name):
        msg = f"the common name {name[:80]!r} of {what} cannot be a device id: expected {DEVICE_ID_RULE}"
        raise CertificateError(msg)
    if name != device_id:
        msg = f"the common name of {what} is {name!r}: expected {device_id!r}, the device's id, to the letter"
        raise CertificateError(msg)


def check_key(key: object, what: str) -> None:
    """Refuse a key that is weak, or of a kind that the broker's TLS does not take.

    Raises:
        CertificateError: It is so.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            msg = f"the key of {what} is RSA of {key.key_size} bits: expected {_KEYS}"
            raise CertificateError(msg)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            msg = f"the key of {what} is on the curve {key.curve.name}: expected {_KEYS}"
            raise CertificateError(msg)
    elif not isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        msg = f"the key of {what} is of another kind: expected {_KEYS}"
        raise CertificateError(msg)


def read_list(pem: bytes, authorities: Sequence[x509.Certificate], now: datetime) -> x509.CertificateRevocationList:
    """A list of revoked certificates that the broker can go by.

    Raises:
        CertificateError: It cannot be read, none of the authorities signed it, or it has ended: with it the broker
            would refuse every device.
    """
    try:
        revoked = x509.load_pem_x509_crl(pem)
    except ValueError:
        msg = "expected a list of revoked certificates in PEM (-----BEGIN X509 CRL-----)"
        raise CertificateError(msg) from None
    if signer_of(revoked, authorities) is None:
        names = " or ".join(each.subject.rfc4514_string() for each in authorities)
        msg = f"the list was signed by {revoked.issuer.rfc4514_string()}: expected {names}"
        raise CertificateError(msg)
    if revoked.last_update_utc > now:
        msg = f"the list begins on {shown(revoked.last_update_utc)}: until then the broker would refuse every device"
        raise CertificateError(msg)
    if revoked.next_update_utc is not None and revoked.next_update_utc <= now:
        msg = f"the list ended on {shown(revoked.next_update_utc)}: with it the broker would refuse every device"
        raise CertificateError(msg)
    return revoked


def signer_of(
    revoked: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    """Which of the authorities signed a list; several may have one name."""
    return next((each for each in authorities if _list_is_signed_by(revoked, each)), None)


def paper_of(certificate: x509.Certificate) -> Paper:
    """What a certificate of a device says of itself."""
    return Paper(
        _common_name(certificate.subject, "the certificate"),
        f"{certificate.serial_number:x}",
        issuer_of(certificate),
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def key_identifier(authority: x509.Certificate) -> str:
    """By what a certificate names the key of this authority."""
    try:
        return authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
    except x509.ExtensionNotFound:
        return authority.subject.rfc4514_string()


def issuer_of(certificate: x509.Certificate) -> str:
    """Which key signed it: the identifier that it gives, or else the authority's name."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        named = None
    return certificate.issuer.rfc4514_string() if named is None else named.hex()


def _common_name(name: x509.Name, what: str) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(found) != 1:
        msg = f"{what} has {len(found)} common names: expected one, which is the device's id"
        raise CertificateError(msg)
    return str(found[0].value)


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """Whether it names this purpose; OpenSSL also takes one that names none at all."""
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _list_is_signed_by(revoked: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    if revoked.issuer != authority.subject or not isinstance(
        key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    ):
        return False
    return revoked.is_signature_valid(key)
