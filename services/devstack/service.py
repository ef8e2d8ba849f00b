"""One of Pumpwatch's own services as a child process: `python -m services.cli NAME`, as in production."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.devstack.ports import free_port
from services.devstack.process import ManagedProcess

_PREFIXES: Final = {"ingest": "INGEST_", "alerts": "ALERTS_", "web": "WEB_", "simulate": "SIMULATOR_"}
_OWN_VARIABLES: Final = (*_PREFIXES.values(), "DATABASE_URL", "MQTT_URL", "PG")


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would change a service's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}


class ServiceProcess(ManagedProcess):
    """A service. `start` returns at once; `is_ready` asks its `/readyz`.

    Args:
        command: `ingest`, `alerts`, `web` or `simulate`.
        environment: Its settings, such as `INGEST_MQTT_URL`; nothing else of the kind is inherited.
        http_port: None: a free one. `simulate` has none, and is ready when it runs.
    """

    def __init__(
        self,
        command: str,
        environment: Mapping[str, str],
        *,
        log_path: Path,
        http_port: int | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        settings = {**clean_environment(), "PYTHONUNBUFFERED": "1", **environment}
        self.http_port = 0
        self._said = ""
        if command != "simulate":
            prefix = _PREFIXES[command]
            self.http_port = int(environment.get(f"{prefix}HTTP_PORT") or http_port or free_port())
            settings |= {f"{prefix}HTTP_PORT": str(self.http_port), f"{prefix}HTTP_HOST": "127.0.0.1"}
        super().__init__(
            command,
            [sys.executable, "-m", "services.cli", command, *options],
            log_path=log_path,
            environment=settings,
        )

    @property
    def url(self) -> str:
        """The address of its HTTP side."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def hint(self) -> str:
        """What its `/readyz` said last."""
        return f" ({self._said})" if self._said else ""

    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        if not self.http_port:
            return self.is_running
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except urllib.error.HTTPError as answer:
            self._said = answer.read().decode(errors="replace")
            return False
        except (urllib.error.URLError, OSError):
            return False
