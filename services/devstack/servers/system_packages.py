"""The only place that installs system packages: apt-get on Debian and its children, as root, and saying so.

Standard library only: the Makefile runs this before there is a virtual environment
(`python3 -m services.devstack.servers.system_packages "a virtual environment" python3-venv`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.devstack.errors import DevStackError

_LISTS: Final = Path("/var/lib/apt/lists")
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_SYSTEM_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # not on the PATH of Debian's ordinary users


def find_program(name: str) -> Path | None:
    """Find a program on PATH or among the system's daemons."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}")
    return None if found is None else Path(found)


def ensure_program(
    name: str,
    package: str,
    *,
    purpose: str,
    say: Callable[[str], None] = lambda text: print(text, flush=True),
) -> Path:
    """Find a program, installing its package where that is possible.

    Raises:
        DevStackError: It is missing and cannot be installed here; the sentence says what would help.
    """
    found = find_program(name)
    if found is None:
        install(package, purpose=purpose, say=say)
        found = find_program(name)
    if found is None:
        msg = f"the package {package} was installed, and still there is no program {name!r} on this machine"
        raise DevStackError(msg)
    return found


def why_not_installable(package: str) -> str | None:
    """What stands in the way of installing `package`, as the end of a sentence; None: nothing."""
    if find_program("apt-get") is None:
        return f"there is no apt-get: install {package} with this system's package manager"
    if os.geteuid() != 0:
        return f"installing needs root: run `sudo apt-get install {package}`"
    return None


def install(package: str, *, purpose: str, say: Callable[[str], None] = lambda text: print(text, flush=True)) -> None:
    """Install one Debian package; services that it brings are not started.

    Raises:
        DevStackError: It cannot be installed here, or apt-get failed.
    """
    obstacle = why_not_installable(package)
    if obstacle is not None:
        msg = f"{purpose} needs {package}, which is missing, and {obstacle}"
        raise DevStackError(msg)
    say(f"{purpose} needs {package}, which is missing: installing it with apt-get")
    if not any(_LISTS.glob("*_Packages*")):
        _apt_get("update")
    try:
        _install_without_starting(package)
    except DevStackError:
        # The lists may be older than the archive. One more try with fresh ones.
        _apt_get("update")
        _install_without_starting(package)


def _install_without_starting(package: str) -> None:
    """Install under a policy that keeps services stopped: the developer's port 1883 is not ours to take."""
    if _POLICY.exists():
        _apt_get("install", "--yes", "--no-install-recommends", package)
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        _apt_get("install", "--yes", "--no-install-recommends", package)
    finally:
        _POLICY.unlink(missing_ok=True)


def _apt_get(*arguments: str) -> None:
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
        if done.returncode != 0:
            output.seek(0)
            tail = "\n".join(output.read().decode(errors="replace").splitlines()[-8:])
            msg = f"`apt-get {' '.join(arguments)}` failed with exit code {done.returncode}:\n{tail}"
            raise DevStackError(msg)


def main() -> int:
    """Install a package: `PURPOSE PACKAGE`."""
    purpose, package = sys.argv[1:]
    try:
        install(package, purpose=purpose)
    except DevStackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
