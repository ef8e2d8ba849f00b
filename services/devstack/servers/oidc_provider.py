"""An OpenID Connect provider of one's own: npm's `oidc-provider`, certified, on Node.js. For tests.

Guarantees: loopback only; ready when `start` returns; gone when whoever started it is. The package is fetched once, by
npm as it is set up on this machine, without running its scripts; its version is pinned here.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess
from services.devstack.servers import system_packages

VERSION: Final = "9.13.3"
_SCRIPT: Final = Path(__file__).with_suffix(".mjs")
_FETCH_SECONDS: Final = 300


def ensure_package() -> Path:
    """The folder in whose `node_modules` the package is; fetched if it is not there.

    Raises:
        DevStackError: It cannot be had.
    """
    target = folders.shared_cache_folder() / f"oidc-provider-{VERSION}"
    if target.exists():
        return target
    npm = system_packages.ensure_program("npm", "npm", purpose="the tests of the sign-in by a provider")
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=target.parent))
    try:
        done = subprocess.run(
            [str(npm), "install", "--prefix", str(unfinished), "--no-save", "--no-package-lock", "--ignore-scripts",
             "--no-audit", "--no-fund", f"oidc-provider@{VERSION}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS,
        )  # fmt: skip
        if done.returncode != 0:
            msg = f"npm cannot fetch oidc-provider {VERSION}:\n{done.stderr[-2000:]}"
            raise DevStackError(msg)
        for level, _, _ in os.walk(unfinished):
            Path(level).chmod(0o755)
        unfinished.rename(target)
    except subprocess.TimeoutExpired as error:
        msg = f"npm did not fetch oidc-provider {VERSION} within {_FETCH_SECONDS} s"
        raise DevStackError(msg) from error
    except OSError:  # another process may have finished first
        if not target.exists():
            raise
    finally:
        folders.remove_folder(unfinished)
    return target


class OidcProvider:
    """One provider; nothing runs before `start`. Started again, it has other sessions.

    Args:
        accounts: By subject, what is said of somebody: `name`, `preferred_username`, `groups`. Any password is right.
        clients: As oidc-provider takes them.
        port: None: a free one.
        id_token_seconds: How long an ID token is good.
    """

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, Any]],
        clients: Sequence[Mapping[str, Any]],
        *,
        port: int | None = None,
        id_token_seconds: int = 300,
    ) -> None:
        self.port = free_port() if port is None else port
        self._folder = folders.make_server_folder("oidc-provider")
        settings = {
            "port": self.port,
            "accounts": accounts,
            "clients": clients,
            "idTokenLifetime": id_token_seconds,
        }
        node = system_packages.ensure_program("node", "nodejs", purpose="the tests of the sign-in by a provider")
        package = ensure_package()
        script = self._folder / _SCRIPT.name  # where the account that it runs as can read it
        script.write_text(_SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
        script.chmod(0o644)
        self.process = ManagedProcess(
            "oidc-provider",
            [str(node), str(script), str(package), json.dumps(settings)],
            log_path=self._folder / "oidc-provider.log",
            environment={"PATH": os.defpath},
            folder=Path("/"),
            run_as=folders.server_account(),
        )

    @property
    def issuer(self) -> str:
        """As its discovery document names it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return when connections are accepted.

        Raises:
            DevStackError: With the end of the log.
        """
        self.process.start()
        self.process.wait_until(
            lambda: accepts_connections("127.0.0.1", self.port),
            within_seconds=30,
            waiting_for="connections to be accepted",
        )

    def remove(self) -> None:
        """Stop, and remove the folder."""
        self.process.kill()
        folders.remove_folder(self._folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
