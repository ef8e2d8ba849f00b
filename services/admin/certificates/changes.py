"""What an operator does with certificates: issues, takes in, renews and revokes them.

Guarantees: no device holds a certificate of Pumpwatch's own authority that is not written down here; a device has
certificates of its own id and of no other's, and none of a service's login; who did it is written down in the
transaction that does it; the pump that it is about is looked at at once. What is revoked stays revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from services.admin.certificates import store
from services.admin.certificates.authority import Authority, sign_device, sign_list
from services.admin.certificates.checks import (
    check_issued,
    check_name,
    key_identifier,
    paper_of,
    read_authorities,
    read_certificate,
)
from services.admin.certificates.model import CertificateError, Kept, Paper, may_be_issued, to_revoke
from services.admin.registry import store as registry
from services.admin.registry.changes import Actor, device_in_use, known_device
from services.admin.registry.model import Device
from services.admin.registry.periods import shown
from services.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate that is written down, and what was done in a sentence."""

    certificate: x509.Certificate
    sentence: str


async def issue(
    connection: Connection,
    device_id: str,
    actor: Actor,
    *,
    authority: Authority,
    public_key: ec.EllipticCurvePublicKey,
    days: int,
    renewal: bool,
) -> Signed:
    """Sign a certificate for a device in use, and write it down.

    Raises:
        RegistryError: The device is not in use, or is called like a service; it has a certificate already, or, for a
            renewal, none; or the authority has ended.
    """
    check_name(device_id, device_id, "the device")
    async with connection.transaction():
        device = await device_in_use(connection, device_id, None)
        may_be_issued(device_id, await store.of_device(connection, device_id), actor.now, renewal=renewal)
        certificate = sign_device(authority, public_key, device_id, actor.now, days)
        paper = paper_of(certificate)
        await store.add(connection, paper, "issued", actor.now, actor.name)
        said = f"certificate {paper.serial} {'renews that' if renewal else 'is'} of {device_id}, {_span(paper)}"
        await _record(connection, actor, "certificates renew" if renewal else "certificates issue", device, said)
    return Signed(certificate, said)


async def register(
    connection: Connection, device_id: str, actor: Actor, *, certificate: bytes, authorities: bytes
) -> Signed:
    """Take in a certificate that the site's own authority has signed (both in PEM).

    Raises:
        RegistryError: The device is not in use, or the broker would not take the certificate for this device's.
    """
    try:
        found = read_certificate(certificate, "the certificate")
        paper = check_issued(found, read_authorities(authorities, "the authority"), device_id, actor.now)
    except CertificateError:
        raise
    except ValueError as error:  # what is inside cannot be read
        msg = f"the certificate cannot be read whole: {error}"
        raise CertificateError(msg) from None
    async with connection.transaction():
        device = await device_in_use(connection, device_id, None)
        if not await store.add(connection, paper, "registered", actor.now, actor.name):
            return Signed(found, _known_already(await store.of_fingerprint(connection, paper.fingerprint), paper))
        said = f"certificate {paper.serial} of {device_id} is known, {_span(paper)}"
        await _record(connection, actor, "certificates register", device, said)
    return Signed(found, said)


async def revoke(
    connection: Connection, device_id: str, actor: Actor, *, serial: str | None, reason: str
) -> tuple[str, ...]:
    """Write down that a device's certificates, or the one with this serial number, are good no more.

    Raises:
        RegistryError: The device, or such a certificate, is not known; or no reason is given.
    """
    if not reason.strip():
        msg = "expected a reason, such as 'lost on the bus'"
        raise CertificateError(msg)
    async with connection.transaction():
        device = await known_device(connection, device_id)
        found = to_revoke(device_id, await store.of_device(connection, device_id), serial)
        told = tuple(f"certificate {each.paper.serial} of {device_id} is revoked: {reason.strip()}" for each in found)
        if not told:
            return (f"{device_id}: revoked already, nothing changed",)
        await store.revoke(
            connection, [each.paper.fingerprint for each in found], actor.now, actor.name, reason.strip()
        )
        await _record(connection, actor, "certificates revoke", device, *told)
    return told


async def list_of(
    connection: Connection,
    authority: Authority,
    before: x509.CertificateRevocationList | None,
    now: datetime,
) -> x509.CertificateRevocationList:
    """A list of all of this authority that is written down as revoked, and of all that the list before it names."""
    return sign_list(authority, await store.revoked_of(connection, key_identifier(authority.certificate)), before, now)


async def not_listed(connection: Connection, revoked: x509.CertificateRevocationList, issuer: str) -> tuple[Kept, ...]:
    """Certificates that are revoked here, and that this list of their authority lacks."""
    return tuple(
        each
        for each in await store.revoked_of(connection, issuer)
        if revoked.get_revoked_certificate_by_serial_number(int(each.paper.serial, 16)) is None
    )


def _known_already(known: Kept | None, paper: Paper) -> str:
    if known is None:
        msg = f"another certificate of this authority has the serial number {paper.serial}: have it issued anew"
        raise CertificateError(msg)
    if known.revoked_at is not None:
        msg = f"certificate {paper.serial} is revoked since {shown(known.revoked_at)}: {known.reason}"
        raise CertificateError(msg)
    return f"certificate {paper.serial} of {paper.device_id} is known already: nothing changed"


def _span(paper: Paper) -> str:
    return f"good until {shown(paper.not_after)}"


async def _record(connection: Connection, actor: Actor, command: str, device: Device, *told: str) -> None:
    await registry.record_change(connection, actor.name, command, [device.device_id], {"did": list(told)})
    pumps = [each.pump_id for each in await registry.pairings(connection, device.device_id) if each.holds]
    await registry.queue_evaluation(connection, [device.device_id] if device.kind == "pump" else pumps)
