"""What the alert worker has paged while the database was away: it alone knows.

Guarantee: however many people look, the worker is asked once at a time, and at most once a second.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Final, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from services.alerts.health.paged import PagedPast

_ANSWER_SECONDS: Final = 2.0
_KEEP_SECONDS: Final = 1.0
_MOST_BYTES: Final = 2_500_000

log = structlog.get_logger()


class PagedSoFar(Protocol):
    """Says what was paged past the database; None: the worker does not say."""

    async def paged(self) -> tuple[PagedPast, ...] | None:
        """Ask."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    paged: tuple[PagedPast, ...]
    """Said to who brings the token; what does not say it, or is no worker, is not taken for nothing."""


class WorkerAnswers:
    """Asks one worker's /readyz.

    Args:
        url: Where it answers, such as http://alerts:8082.
        token: What it wants to see before it names anybody.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._token = token
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._known: tuple[PagedPast, ...] | None = None

    async def paged(self) -> tuple[PagedPast, ...] | None:
        """What was paged past the database; None: the worker does not answer, or not to us."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= _KEEP_SECONDS:
                self._known = await asyncio.to_thread(self._ask)
                self._asked_at = time.monotonic()
            return self._known

    def _ask(self) -> tuple[PagedPast, ...] | None:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        asked = urllib.request.Request(f"{self._url}/readyz", headers=headers)  # noqa: S310 - the setting is http(s)
        try:
            try:
                with urllib.request.urlopen(asked, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 # nosec B310
                    said = answer.read(_MOST_BYTES)
            except urllib.error.HTTPError as error:  # not ready, as it is while the database is away
                said = error.read(_MOST_BYTES)
            return _Answer.model_validate_json(said).paged
        except (OSError, HTTPException, ValidationError) as error:
            log.warning("worker_does_not_answer", error=type(error).__name__)
            return None
