"""Where the development stack keeps things: a cache for what is made once, and a folder per server.

PostgreSQL refuses to run as root, and Mosquitto should not. So root runs them as `nobody`, which must be able
to reach their files: not under /root, and not in a checkout that only root may enter. An ordinary user runs
everything as itself.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from services.devstack.errors import DevStackError
from services.devstack.process import RunAs

_RUN_FOLDER: Final = re.compile(r"^pumpwatch-run-(\d+)-")
_SYSTEM_CACHE: Final = Path("/var/cache/pumpwatch")
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a name nobody can foresee
"""A file system in memory, where the kernel has one."""
_ENOUGH_MEMORY: Final = 6 * 2**30
"""Bytes. The servers that tests run at once have taken 2 GB."""


def is_root() -> bool:
    """Whether this process may change its user."""
    return os.geteuid() == 0


def server_account() -> RunAs | None:
    """The account that servers run as: None is the user's own, and root gives way to `nobody`.

    Raises:
        DevStackError: Root, and there is no account `nobody`.
    """
    if not is_root():
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        msg = "PostgreSQL does not run as root and there is no account 'nobody': run this as an ordinary user"
        raise DevStackError(msg) from error
    return RunAs(uid=entry.pw_uid, gid=entry.pw_gid)


def cache_folder() -> Path:
    """The user's cache, `$XDG_CACHE_HOME/pumpwatch` or `~/.cache/pumpwatch`; made if missing."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "pumpwatch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared_cache_folder() -> Path:
    """A cache that the server account can read: the user's own if it can be entered, else the system's."""
    own = cache_folder()
    if not is_root() or _everyone_can_enter(own):
        return own
    _SYSTEM_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    return _SYSTEM_CACHE


def has_room_in_memory() -> bool:
    """Whether data that may be lost with the machine can be kept in memory."""
    try:
        status = os.statvfs(MEMORY)
        available = re.search(
            r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE
        )
    except OSError:
        return False
    free = min(status.f_bavail * status.f_frsize, int(available[1]) * 1024 if available else 0)
    return os.access(MEMORY, os.W_OK | os.X_OK) and free >= _ENOUGH_MEMORY


def make_server_folder(name: str, *, owner: RunAs | None = None) -> Path:
    """Make a new folder for one server, owned by the account it runs as; remove it with `remove_folder`.

    Folders left by processes that are gone are removed on the way.
    """
    parent = Path(tempfile.gettempdir())
    if is_root() and not _everyone_can_enter(parent):
        parent = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a name nobody can foresee
    return make_folder_in(parent, name, owner=owner or server_account())


def make_folder_in(parent: Path, name: str, *, owner: RunAs | None) -> Path:
    """Make such a folder in `parent`, owned by `owner`; None leaves it to the account that makes it."""
    account = owner or server_account()
    _remove_stale_folders(parent, {os.geteuid()} | ({account.uid} if account else set()))
    folder = Path(tempfile.mkdtemp(prefix=f"pumpwatch-run-{os.getpid()}-{name}-", dir=parent))
    if owner is not None:
        os.chown(folder, owner.uid, owner.gid)
    return folder


def _remove_stale_folders(parent: Path, owners: set[int]) -> None:
    """Remove the folders of processes that were killed before they could remove them."""
    for folder in parent.glob("pumpwatch-run-*"):
        match = _RUN_FOLDER.match(folder.name)
        with contextlib.suppress(FileNotFoundError):
            status = folder.lstat()
            if match and stat.S_ISDIR(status.st_mode) and status.st_uid in owners and not _alive(int(match[1])):
                remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder and everything in it; what is already gone is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _everyone_can_enter(folder: Path) -> bool:
    place = folder.resolve()
    return all(level.stat().st_mode & stat.S_IXOTH for level in (place, *place.parents))
