"""A file that holds one secret.

Guarantees: what is said of a file that cannot be used names the setting and the path and quotes nothing of the file; no
file is read further than it may be long, and none that is no regular file (it could be waited for without end).
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 4096
_MOUNTED: Final = Path("/run/secrets")
"""Where Docker puts secrets into a container. Who else may read them is said by the host's folders."""

PasswordNow = Callable[[], Awaitable[str]]
"""Asked for each connection anew."""


class SecretFileError(ValueError):
    """A file does not hold a secret that can be used; the message names the setting, the file and what is expected."""


class PasswordUnavailableError(ConnectionError):
    """The same, where a connection was to be made. Like a server that is away, it is tried again: the file may come."""


def read_secret(path: Path, name: str) -> str:
    """What is in the file, without the end of its line.

    Args:
        path: Of the file.
        name: The setting that names it, for messages.

    Raises:
        SecretFileError: It cannot be read, or holds no secret of one line.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(path, name, error.strerror or "it cannot be opened") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(path, name, "it is no regular file")
        content = os.read(descriptor, LARGEST_BYTES + 1)
    except OSError as error:
        raise _refused(path, name, error.strerror or "it cannot be read") from None
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_BYTES:
        raise _refused(path, name, f"it is larger than {LARGEST_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _refused(path, name, "it is not UTF-8") from None
    line = text.removesuffix("\n").removesuffix("\r")
    if not line.strip():
        raise _refused(path, name, "it is empty")
    if "\n" in line or "\r" in line:
        raise _refused(path, name, "it has several lines")
    if not line.isprintable():
        raise _refused(path, name, "it holds characters that cannot be printed")
    return line


def password_now(path: Path, name: str) -> PasswordNow:
    """What asyncpg takes as a password: the file is read for each connection, outside the event loop."""

    async def read() -> str:
        try:
            return await asyncio.to_thread(read_secret, path, name)
        except SecretFileError as error:
            raise PasswordUnavailableError(str(error)) from None

    return read


def is_open(path: Path) -> bool:
    """Whether everybody on this machine may read the file: it says so, and no folder above it is closed."""
    try:
        real = path.resolve(strict=True)
        if real.is_relative_to(_MOUNTED):
            return False
        return bool(real.stat().st_mode & stat.S_IROTH) and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in real.parents
        )
    except OSError:
        return False


def _refused(path: Path, name: str, why: str) -> SecretFileError:
    return SecretFileError(f"{name}: the file {str(path)!r} cannot be used: {why}; expected a secret on one line")
