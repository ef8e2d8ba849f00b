"""The keys that links are signed with: one file each, the first signs, every one is good.

They are read for each link anew, so a key is replaced without a start: the new file first, the old one after it for as
long as a link is good (24 hours).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.runtime.secrets.file import SecretFileError, read_secret

_SHORTEST: Final = 32
"""What `openssl rand -hex 32` makes is twice as long."""


def read_keys(files: Sequence[Path], name: str) -> tuple[str, ...]:
    """The keys, in their order; empty: there are no files.

    Args:
        files: One for each key.
        name: The setting that names them, for messages.

    Raises:
        SecretFileError: A file cannot be used; the message names it and what is expected, and nothing of the key.
    """
    keys = tuple(read_secret(path, name) for path in files)
    for path, key in zip(files, keys, strict=True):
        if len(key) < _SHORTEST:
            msg = (
                f"{name}: the file {str(path)!r} cannot be used: its key has {len(key)} characters; expected at least "
                f"{_SHORTEST} that nobody can guess"
            )
            raise SecretFileError(msg)
    return keys
