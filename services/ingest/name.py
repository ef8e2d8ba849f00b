"""A name that no other ingest of this host has.

The broker keeps a session by that name, so it must be the same after a restart (else the old session goes on taking
its share of the events, and nobody reads it) and different from every other's (else two throw each other off). A
container's host name is neither. So: the lowest number whose file is not locked. The lock belongs to the process and
goes with it, however it ends. The "/" is in no device's id, so no device can take the name either.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

MOST_NAMES: Final = 64


class NoNameError(RuntimeError):
    """No name can be taken; the message says why, and what to set instead."""


def hold_name(folder: Path) -> str:
    """Take the first name that is free, and keep it until this process ends.

    Args:
        folder: Where the locks are: the same for every ingest of the host.

    Raises:
        NoNameError: The folder cannot be used, or every name is taken.
    """
    for number in range(1, MOST_NAMES + 1):
        try:
            descriptor = os.open(folder / f"ingest-{number}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"no name can be taken in {str(folder)!r}: {error.strerror}: mend that, or set INGEST_CLIENT_ID"
            raise NoNameError(msg) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        except OSError as error:
            os.close(descriptor)
            msg = f"{str(folder)!r} cannot be locked: {error.strerror}: mend that, or set INGEST_CLIENT_ID"
            raise NoNameError(msg) from None
        return f"services/ingest-{number}"  # the descriptor stays open: it is the lock
    msg = f"{MOST_NAMES} ingest processes have a name already: set INGEST_CLIENT_ID"
    raise NoNameError(msg)
