"""Packages of npm that tests use. For a developer's machine.

Guarantees: each is fetched once, by npm as it is set up on this machine, without running its scripts; who asks pins the
version.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.servers import system_packages

AXE_VERSION: Final = "4.14.1"
"""Of axe-core, by which the browser tests look at pages."""
MQTT_VERSION: Final = "5.14.1"
"""Of mqtt, by which the reference client in JavaScript (docs/examples) speaks to a broker."""
_FETCH_SECONDS: Final = 300


def ensure_package(name: str, version: str, *, purpose: str) -> Path:
    """The folder in whose `node_modules` a package is; fetched if it is not there.

    Args:
        name: Of the package.
        version: Exactly.
        purpose: What it is for, as words for whoever has to install npm.

    Raises:
        DevStackError: It cannot be had.
    """
    target = folders.shared_cache_folder() / f"{name}-{version}"
    if target.exists():
        return target
    npm = system_packages.ensure_program("npm", "npm", purpose=purpose)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=target.parent))
    try:
        done = subprocess.run(
            [str(npm), "install", "--prefix", str(unfinished), "--no-save", "--no-package-lock", "--ignore-scripts",
             "--no-audit", "--no-fund", f"{name}@{version}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS,
        )  # fmt: skip
        if done.returncode != 0:
            msg = f"npm cannot fetch {name} {version}:\n{done.stderr[-2000:]}"
            raise DevStackError(msg)
        for level, _, _ in os.walk(unfinished):
            Path(level).chmod(0o755)
        unfinished.rename(target)
    except subprocess.TimeoutExpired as error:
        msg = f"npm did not fetch {name} {version} within {_FETCH_SECONDS} s"
        raise DevStackError(msg) from error
    except OSError:  # another process may have finished first
        if not target.exists():
            raise
    finally:
        folders.remove_folder(unfinished)
    return target


def ensure_axe() -> Path:
    """The script of axe-core.

    Raises:
        DevStackError: It cannot be had.
    """
    folder = ensure_package("axe-core", AXE_VERSION, purpose="the tests of the pages")
    return folder / "node_modules" / "axe-core" / "axe.min.js"


def ensure_mqtt() -> Path:
    """The folder in whose `node_modules` mqtt is.

    Raises:
        DevStackError: It cannot be had.
    """
    return ensure_package("mqtt", MQTT_VERSION, purpose="the tests of the reference client in JavaScript")
