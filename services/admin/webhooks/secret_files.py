"""The file of a receiver's secret: made, given a new secret beside the old one, and freed of the old one.

Guarantees: no secret is returned or shown; a file is replaced as a whole, so who reads it meanwhile finds the old line
or the new one; it stays its owner's, with the rights it had, so that the worker can go on reading it; a file that is
there is never overwritten by a new one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.alerts.delivery.webhooks.signing import CHANCE_BYTES, WebhookSecretError, new_secret, retired, rotated
from services.runtime.secrets.file import SecretFileError, read_secret

_MODE: Final = 0o400
_NAME: Final = "secret of a webhook"


class WebhookFileError(ValueError):
    """A file cannot be made or changed; the message says why and quotes nothing of it."""


def make(path: Path) -> None:
    """Make a file with a new secret, which whoever owns its folder can read, and nobody else.

    Raises:
        WebhookFileError: There is one, or it cannot be made.
    """
    try:
        owner = path.parent.stat()
        _write(path, new_secret(secrets.token_bytes(CHANCE_BYTES)), _MODE, owner, replace=False)
    except FileExistsError:
        msg = f"the file {str(path)!r} is there already, and was not changed; `webhooks rotate` gives it a new secret"
        raise WebhookFileError(msg) from None
    except OSError as error:
        raise _refused(path, error) from None


def rotate(path: Path) -> None:
    """Put a new secret before the one that signs now: both sign from now on.

    Raises:
        WebhookFileError: It cannot be read or written, or two secrets sign already.
    """
    _change(path, lambda line: rotated(line, secrets.token_bytes(CHANCE_BYTES)))


def retire(path: Path) -> None:
    """Take the old secret away: only the new one signs from now on.

    Raises:
        WebhookFileError: It cannot be read or written, or one secret signs.
    """
    _change(path, retired)


def _change(path: Path, change: Callable[[str], str]) -> None:
    try:
        line = change(read_secret(path, _NAME))
        before = path.stat()
        _write(path, line, before.st_mode & 0o777, before, replace=True)
    except SecretFileError as error:
        raise WebhookFileError(str(error)) from None
    except WebhookSecretError as error:
        msg = f"the file {str(path)!r} was not changed: {error}"
        raise WebhookFileError(msg) from None
    except OSError as error:
        raise _refused(path, error) from None


def _write(path: Path, line: str, mode: int, owner: os.stat_result, *, replace: bool) -> None:
    """Beside it first, then in its place at once."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{line}\n")
            file.flush()
            if os.geteuid() != owner.st_uid:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        if replace:
            beside.replace(path)
        else:
            path.hardlink_to(beside)
    finally:
        beside.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> WebhookFileError:
    why = error.strerror or type(error).__name__
    return WebhookFileError(
        f"the file {str(path)!r} cannot be written: {why}; expected to be its owner, or root, in a folder that is there"
    )
