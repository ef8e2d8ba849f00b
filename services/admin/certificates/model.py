"""PURE. Certificates of devices, as values. Moments are aware; serial numbers and fingerprints are lower-case hex."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.admin.registry.model import RegistryError
from services.admin.registry.periods import shown

SERVICE_LOGINS: Final = frozenset({"ingest", "alerts", "drill", "simulator", "health"})
"""The logins of deploy/mosquitto/services.acl: no device may be called so, whatever a listener allows."""

Source = Literal["issued", "registered"]
"""Signed here, or by the site's own authority and taken in."""


class CertificateError(RegistryError):
    """A certificate, a request or a list is refused; the message says what was wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What a certificate says of itself."""

    device_id: str
    """Its common name."""
    serial: str
    issuer: str
    """The authority's key, as the certificate names it (its key identifier)."""
    fingerprint: str
    """SHA-256 of the whole."""
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate as the database has it."""

    paper: Paper
    source: Source
    entered_at: datetime
    entered_by: str
    revoked_at: datetime | None
    revoked_by: str | None
    reason: str | None

    def state(self, now: datetime) -> str:
        """valid, not yet valid, ended or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if now >= self.paper.not_after:
            return "ended"
        return "valid" if now >= self.paper.not_before else "not yet valid"


def current(known: Iterable[Kept], now: datetime) -> Kept | None:
    """The one that is good for longest of those that are neither revoked nor over; None: there is none."""
    good = [each for each in known if each.revoked_at is None and now < each.paper.not_after]
    return max(good, key=lambda each: each.paper.not_after, default=None)


def may_be_issued(device_id: str, known: Iterable[Kept], now: datetime, *, renewal: bool) -> None:
    """Refuse a first certificate where there is one, and a renewal where there is none.

    Raises:
        CertificateError: It is so; the message names the command that fits.
    """
    has = current(known, now)
    if renewal and has is None:
        msg = f"{device_id} has no certificate that is good: use `pumpwatch certificates issue` for a new one"
        raise CertificateError(msg)
    if not renewal and has is not None:
        msg = (
            f"{device_id} has a certificate, {has.paper.serial}, until {shown(has.paper.not_after)}: "
            "use `pumpwatch certificates renew`, or revoke that one first"
        )
        raise CertificateError(msg)


def to_revoke(device_id: str, known: Iterable[Kept], serial: str | None) -> tuple[Kept, ...]:
    """Those of a device that are to be revoked: all that are not, or the one with this serial number.

    Raises:
        CertificateError: There is none, or none with that number.
    """
    every = tuple(known)
    if serial is None:
        if not every:
            msg = f"{device_id} has no certificate that is known here: take it in by `pumpwatch certificates register`"
            raise CertificateError(msg)
        return tuple(each for each in every if each.revoked_at is None)
    wanted = plain_serial(serial)
    found = tuple(each for each in every if each.paper.serial == wanted)
    if not found:
        has = ", ".join(each.paper.serial for each in every) or "none"
        msg = f"{device_id} has no certificate with the serial number {serial[:60]!r}: known are {has}"
        raise CertificateError(msg)
    return tuple(each for each in found if each.revoked_at is None)


def plain_serial(text: str) -> str:
    """A serial number as it is kept here: "0A:1F" and "0a1f" are the same."""
    return text.replace(":", "").replace(" ", "").lower().removeprefix("0x").lstrip("0") or "0"


def validity(now: datetime, days: int, authority_ends: datetime) -> tuple[datetime, datetime]:
    """From when to when a new certificate is good: a clock an hour behind takes it, and it ends with its authority.

    Raises:
        CertificateError: The authority has ended.
    """
    if now >= authority_ends:
        msg = f"the authority's own certificate ended on {shown(authority_ends)}: make a new authority"
        raise CertificateError(msg)
    return now - CLOCKS_DIFFER, min(now + timedelta(days=days), authority_ends)


CLOCKS_DIFFER: Final = timedelta(hours=1)
"""What is signed is dated back by so much: the broker's clock, or a device's, may be behind the one that signs."""


def list_dates(now: datetime, before: datetime | None, authority_ends: datetime) -> tuple[datetime, datetime]:
    """The dates of a new list of revoked certificates: later than the one before it, and good as long as its authority.

    Of two lists OpenSSL goes by the later one, to the second. A list that ends refuses every device: so it ends
    when every device is refused in any case (docs/decisions/0029-certificates.md).
    """
    dated = (now - CLOCKS_DIFFER).replace(microsecond=0)
    if before is not None:
        dated = max(dated, before + timedelta(seconds=1))
    return dated, authority_ends
