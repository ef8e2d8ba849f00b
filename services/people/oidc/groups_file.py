"""The file that says what groups give, read anew at each sign-in; the last one that was good holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import structlog

from schemas.yaml_lines import visible_path
from services.people.oidc.groups import Groups, GroupsFileError, read_groups

_LARGEST_BYTES: Final = 256_000

log = structlog.get_logger()


def read_groups_file(path: Path) -> Groups:
    """Read the file.

    Raises:
        GroupsFileError: It cannot be read, or says something else.
    """
    name = visible_path(path)
    try:
        # Not blocking: to open a pipe would wait for somebody who writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = f"{name}: cannot be read: is no regular file"
                raise GroupsFileError(msg)
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        msg = f"{name}: cannot be read: {error.strerror or type(error).__name__}"
        raise GroupsFileError(msg) from None
    if len(content) > _LARGEST_BYTES:
        msg = f"{name}: is larger than {_LARGEST_BYTES} bytes"
        raise GroupsFileError(msg)
    try:
        return read_groups(content.decode(), name)
    except UnicodeDecodeError:
        msg = f"{name}: is not UTF-8"
        raise GroupsFileError(msg) from None


class GroupsNow:
    """What the file says now. One that is not good any more changes nothing, and is told in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = read_groups_file(path)

    def read(self) -> Groups:
        """Look again."""
        try:
            self._last = read_groups_file(self._path)
        except GroupsFileError as error:
            log.error("oidc_groups_file_not_read", error=str(error))  # noqa: TRY400 - the message says it all
        return self._last
