"""A TimescaleDB that somebody else runs: `TEST_DATABASE_URL` names it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from services.devstack.errors import DevStackError


class ExternalServer:
    """A server that is used as it is, and never started or stopped: a `DatabaseServer` that refuses both."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.port = self._url.port or 5432
        self.title = f"TEST_DATABASE_URL ({self._url.hostname}:{self.port})"

    def start(self) -> None:
        """It runs already."""

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Refused: it is not ours."""
        msg = f"{self.title} is not ours to stop {mode}"
        raise DevStackError(msg)

    def kill(self) -> None:
        """Refused: it is not ours."""
        msg = f"{self.title} is not ours to kill"
        raise DevStackError(msg)

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return urlunsplit(self._url._replace(path=f"/{database}"))

    def remove(self) -> None:
        """It stays."""
