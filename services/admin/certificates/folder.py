"""The files: of an authority, and of the folder that the broker reads (deploy/mosquitto/production.conf).

Guarantees: a private key is never readable by others, not for a moment, and never written over; a list is there whole
or as it was before; one that is put in place is seen by a broker that runs, without a reload
(docs/decisions/0029-certificates.md).
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.admin.certificates.authority import Authority, certificate_pem, key_pem
from services.admin.certificates.checks import read_authorities, read_certificate, signer_of
from services.admin.certificates.model import CertificateError
from services.admin.certificates.name_hash import name_hash

KEY: Final = "authority.key"
CERTIFICATE: Final = "ca.crt"
LIST: Final = "crl.pem"
"""Read by the broker at its start."""
LISTS: Final = "revoked"
"""A folder beside it, in which OpenSSL looks at each connection for a list with the next number."""

_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_LARGEST_BYTES: Final = 16 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        CertificateError: It cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise CertificateError(msg) from None
    if len(data) > _LARGEST_BYTES:
        msg = f"{path}: larger than any certificate or list"
        raise CertificateError(msg)
    return data


def write_new(path: Path, data: bytes, *, private: bool) -> None:
    """Write a file that is not there yet.

    Raises:
        CertificateError: It is there, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError:
        msg = f"{path} is there already, and is not written over: move it away, or name another"
        raise CertificateError(msg) from None
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise CertificateError(msg) from None
    try:
        _fill(handle, data, _PRIVATE if private else _PUBLIC)
    except OSError as error:
        path.unlink(missing_ok=True)
        msg = f"{path}: {error.strerror or error}"
        raise CertificateError(msg) from None


def can_write_new(path: Path) -> None:
    """See beforehand whether `write_new` will do.

    Raises:
        CertificateError: It will not.
    """
    if os.path.lexists(path):
        msg = f"{path} is there already, and is not written over: move it away, or name another"
        raise CertificateError(msg)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        msg = f"{path.parent}: expected a folder in which files can be written"
        raise CertificateError(msg)


def keep_authority(folder: Path, authority: Authority) -> None:
    """Write a new authority into a folder, which only its owner may enter when it is made here.

    Raises:
        CertificateError: There is one already, or it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: {error.strerror or error}"
        raise CertificateError(msg) from None
    for name in (KEY, CERTIFICATE):
        can_write_new(folder / name)
    write_new(folder / KEY, key_pem(authority.key), private=True)
    write_new(folder / CERTIFICATE, certificate_pem(authority.certificate), private=False)


def open_authority(folder: Path) -> Authority:
    """The authority of a folder.

    Raises:
        CertificateError: It is not there, not whole, or others may read its key.
    """
    path = folder / KEY
    data = read_file(path)
    if path.stat().st_mode & 0o077:
        msg = f"{path} can be read by others, who could make themselves any device: expected mode 0600"
        raise CertificateError(msg)
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        msg = f"{path}: expected the authority's private key in PEM, without a password"
        raise CertificateError(msg) from None
    certificate = read_certificate(read_file(folder / CERTIFICATE), str(folder / CERTIFICATE))
    read_authorities(certificate_pem(certificate), str(folder / CERTIFICATE))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = (
            f"{path}: expected a key that `pumpwatch certificates authority` made; sign with your own authority instead"
        )
        raise CertificateError(msg)
    if key.public_key() != certificate.public_key():
        msg = f"{path} is not the key of {folder / CERTIFICATE}"
        raise CertificateError(msg)
    return Authority(certificate, key)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let nobody else on this host put a list into the folder meanwhile: of two at once one would be lost.

    Raises:
        CertificateError: It is no folder.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        msg = f"{folder}: {error.strerror or error}"
        raise CertificateError(msg) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def list_in(folder: Path, authority: x509.Certificate) -> x509.CertificateRevocationList | None:
    """The newest list of this authority in the broker's folder, good or not; None: there is none."""
    paths = [folder / LIST, *(folder / LISTS).glob(f"{name_hash(authority.subject.public_bytes())}.r*")]
    found = []
    for path in paths:
        try:
            each = x509.load_pem_x509_crl(path.read_bytes())
        except (OSError, ValueError):
            continue
        if signer_of(each, [authority]) is not None:
            found.append(each)
    return max(found, key=lambda each: each.last_update_utc, default=None)


def put_list(folder: Path, pem: bytes, authority: x509.Certificate) -> Path:
    """Put a list where a broker that runs looks at its next connection, and where it looks at its start.

    A broker that runs counts on from the lists that it has seen, and one that starts counts from 0: so every number is
    there. Returns the file at which a running broker looks.

    Raises:
        CertificateError: The folder cannot be written.
    """
    lists = folder / LISTS
    name = name_hash(authority.subject.public_bytes())
    try:
        if not lists.exists():
            lists.mkdir(exist_ok=True)
            lists.chmod(0o755)  # whatever the umask: the broker is another user
        used = {int(found[1]) for each in lists.iterdir() if (found := re.fullmatch(rf"{name}\.r([0-9]+)", each.name))}
        newest = max(used, default=-1) + 1
        # Also where somebody removed one, or the broker would stop there.
        for number in (*sorted(set(range(newest)) - used), newest):
            _write(lists / f"{name}.r{number}", pem)
        _write(folder / LIST, pem)
    except OSError as error:
        msg = f"{error.filename or folder}: {error.strerror or error}"
        raise CertificateError(msg) from None
    return lists / f"{name}.r{newest}"


def _write(path: Path, data: bytes) -> None:
    """Through a file of its own in the same folder, which has its mode before it has a name that counts."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        _fill(handle, data, _PUBLIC)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _fill(handle: int, data: bytes, mode: int) -> None:
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
