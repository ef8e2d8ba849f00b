"""A Debian 13 tree with TimescaleDB, Docker Compose and ntfy, for machines whose own system does not have them.

Made once by debootstrap, as root, in the user's cache (about 40 s and 900 MB). Guarantees: a tree at its
final name is complete, because it is built under another name and renamed; two makers at once make one tree.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.process import RunAs
from services.devstack.servers import system_packages
from services.devstack.servers.installations import TIMESCALEDB_SETTINGS, Installation

_SUITE: Final = "trixie"
_PACKAGES: Final = ("postgresql-17-timescaledb", "docker-compose", "ntfy")
_PROGRAMS: Final = Path("/usr/lib/postgresql/17/bin")
_TIME_LIMIT_SECONDS: Final = 900


def why_not() -> str | None:
    """What stands in the way of a tree on this machine, as the end of a sentence; None: nothing."""
    if not folders.is_root():
        return "making a Debian 13 tree needs root"
    if system_packages.find_program("debootstrap") is None:
        obstacle = system_packages.why_not_installable("debootstrap")
        if obstacle is not None:
            return f"making a Debian 13 tree needs debootstrap, and {obstacle}"
    return None


def debian_tree(say: Callable[[str], None]) -> Installation:
    """The tree, made now if it is not there yet.

    Raises:
        DevStackError: It cannot be made; the end of debootstrap's log is in the message.
    """
    tree = tree_folder()
    if not tree.exists():
        with _one_at_a_time(tree.with_suffix(".lock")):
            if not tree.exists():
                _make(tree, say)
    return Installation(
        title="postgresql-17-timescaledb in a Debian 13 tree",
        programs=_PROGRAMS,
        run_as=postgres_account(tree),
        settings=TIMESCALEDB_SETTINGS,
    )


def tree_folder() -> Path:
    """Where the tree is, or would be; its name says what was installed in it."""
    return folders.cache_folder() / "-".join((_SUITE, *_PACKAGES))


def _make(tree: Path, say: Callable[[str], None]) -> None:
    program = system_packages.ensure_program(
        "debootstrap", "debootstrap", purpose="a Debian 13 tree with TimescaleDB", say=say
    )
    say(f"making a Debian 13 tree with TimescaleDB in {tree}: once, about 40 s, 900 MB")
    unfinished = tree.with_name(f"{tree.name}.unfinished")
    _remove(unfinished)
    log_path = tree.with_suffix(".log")
    with log_path.open("wb") as log:
        done = subprocess.run(
            [str(program), "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(unfinished)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            timeout=_TIME_LIMIT_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        _remove(unfinished)
        msg = f"debootstrap could not make a Debian 13 tree; the end of {log_path}:\n{tail}"
        raise DevStackError(msg)
    _unmount(unfinished)
    for package in (unfinished / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    unfinished.rename(tree)


def _remove(tree: Path) -> None:
    """Remove an unfinished tree, but never through something mounted in it (debootstrap mounts /proc)."""
    _unmount(tree)
    if still := _mounts_under(tree):
        msg = f"{tree} cannot be removed: unmount {', '.join(map(str, still))} first"
        raise DevStackError(msg)
    folders.remove_folder(tree)


def _unmount(tree: Path) -> None:
    for place in reversed(_mounts_under(tree)):
        subprocess.run(["umount", str(place)], check=False, stderr=subprocess.DEVNULL)


def _mounts_under(tree: Path) -> list[Path]:
    places = (Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())
    resolved = tree.resolve()
    return sorted(place for place in places if place.is_relative_to(resolved))


def postgres_account(tree: Path) -> RunAs:
    """The account `postgres` of the tree, and the tree as the folder that becomes its root.

    Raises:
        DevStackError: The tree has no such account.
    """
    for line in (tree / "etc/passwd").read_text(encoding="utf-8").splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == "postgres":
            return RunAs(uid=int(uid), gid=int(gid), chroot=tree)
    msg = f"{tree} has no account 'postgres': remove the folder, and it is made anew"
    raise DevStackError(msg)


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
