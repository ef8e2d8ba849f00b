"""PURE. Until when is what the broker shows and goes by good: its certificate, the devices' authority, the list?

When one of them has ended, or the list is of another authority, the broker refuses every device at its next connection,
and nothing else here is wrong: so it is told before, and the ping to the outside stops once it is so
(docs/decisions/0029-certificates.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from services.alerts.wording import age, moment

FILES: Final[Mapping[str, str]] = {"authority": "ca.crt", "server": "server.crt", "revocations": "crl.pem"}
"""What each is called in metrics, and its file (deploy/mosquitto/production.conf)."""

_WORDS: Final = {
    "authority": "the authority of the devices' certificates",
    "server": "the broker's own certificate",
    "revocations": "the list of revoked certificates",
}
_WARN_DAYS: Final = 30
_WARN_PART: Final = 3
"""What is good for less than three months is told when a third of its time is left."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One file: when what it holds began and ends, or what is wrong with it."""

    what: str
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    """None without a fault: it never ends."""
    fault: str | None = None

    def has_ended(self, now: datetime) -> bool:
        """Whether the broker refuses every device for it; a file that cannot be read from here may be well there."""
        return self.fault == OF_ANOTHER or (self.ends_at is not None and self.ends_at <= now)

    def seconds(self, now: datetime) -> float:
        """Seconds until it ends; infinite where it never does, minus infinity where that cannot be seen."""
        if self.fault is not None:
            return -inf
        return inf if self.ends_at is None else (self.ends_at - now).total_seconds()


OF_ANOTHER: Final = "is of another authority than ca.crt"


def endings(files: Mapping[str, bytes | None]) -> tuple[Ending, ...]:
    """Read the files, by the names of `FILES`; None: it cannot be read."""
    return tuple(_ending(what, files.get(what), files.get("authority")) for what in FILES)


def ending_warnings(found: Iterable[Ending], now: datetime) -> Iterator[str]:
    """What is wrong, or will be soon, in plain words."""
    for each in found:
        words = f"broker: {_WORDS[each.what]} ({FILES[each.what]})"
        if each.fault is not None:
            yield f"{words} {each.fault}"
        elif each.ends_at is None:
            continue
        elif each.has_ended(now):
            yield f"{words} ended on {moment(each.ends_at)}: every device is refused at its next connection"
        elif each.ends_at - now <= _warned(each.begins_at or now, each.ends_at):
            when = f"in {age(each.ends_at - now)}, on {moment(each.ends_at)}"
            yield f"{words} ends {when}: renew it (docs/operating/devices/certificates.md)"


def _warned(begins_at: datetime, ends_at: datetime) -> timedelta:
    return min(timedelta(days=_WARN_DAYS), (ends_at - begins_at) / _WARN_PART)


def _ending(what: str, pem: bytes | None, authority: bytes | None) -> Ending:
    if pem is None:
        return Ending(what, fault="cannot be read")
    try:
        if what == "revocations":
            return _of_list(what, x509.load_pem_x509_crl(pem), authority)
        # Of several authorities the first to end.
        several = x509.load_pem_x509_certificates(pem)[: None if what == "authority" else 1]
        first = min(several, key=lambda each: each.not_valid_after_utc)
    except ValueError:
        return Ending(what, fault="is not what it should be: expected PEM")
    return Ending(what, first.not_valid_before_utc, first.not_valid_after_utc)


def _of_list(what: str, found: x509.CertificateRevocationList, authority: bytes | None) -> Ending:
    dates = (found.last_update_utc, found.next_update_utc)
    try:
        signers = [] if authority is None else x509.load_pem_x509_certificates(authority)
    except ValueError:
        signers = []
    if signers and not any(_signed(found, each) for each in signers):
        return Ending(what, *dates, fault=OF_ANOTHER)
    return Ending(what, *dates)


def _signed(found: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    key = signer.public_key()
    return (
        found.issuer == signer.subject
        and isinstance(
            key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
        )
        and found.is_signature_valid(key)
    )
