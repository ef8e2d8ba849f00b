"""Take what people answer by links, whether the database is there or not.

Guarantees: an answer that a person was told is taken is in the database or on this disk; what is on this disk is
recorded once when the database is back, by the time at which it was given, whatever died meanwhile; until then the
alert worker is told of it again and again, so that it pages no further past the database.
"""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from services.alerts.clock import Clock
from services.alerts.policies import Policies
from services.alerts.policy_files.kept import KeptPolicies
from services.alerts.web.links.record import Outcome, record_answer, record_late, settle_waiting
from services.alerts.web.store import tell_who_asks
from services.people.links import store as links
from services.people.links.answers import Answer, LinkUsed
from services.people.links.journal import Journal, JournalError
from services.people.links.keys import read_keys
from services.people.links.tokens import sign
from services.runtime.database import FAILED, Connection, Pool, borrow, plainly

SETTING: Final = "WEB_LINK_KEY_FILES"
_DATABASE_SECONDS: Final = 3.0
_WORKER_SECONDS: Final = 2.0
_LATE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0
_TELL_AGAIN_SECONDS: Final = 5.0

log = structlog.get_logger()


class NotTakenError(Exception):
    """The database is away, and the answer could not be kept here either."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of an answer."""

    outcome: Outcome
    recorded: bool = True
    """False: the database is away, and it is kept on this machine's disk."""
    told: bool = True
    """The worker knows that nobody has to be paged past the database."""


class AnswerDesk:
    """Of one web process.

    Args:
        key_files: Of the keys that links are signed with.
        worker_url: Where an alert worker answers.
        worker_token: What it wants to see.
        folder: For answers while the database is away; None: there is none, and they are refused.
    """

    def __init__(
        self,
        key_files: Sequence[Path] = (),
        worker_url: str = "",
        worker_token: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self._key_files = key_files
        self._worker_url = worker_url
        self._worker_token = worker_token
        self._journal: Journal | None = None
        self._fault = "WEB_STATE_FOLDER is not set"
        if folder is not None:
            try:
                self._journal = Journal(folder)
            except JournalError as error:
                self._fault = str(error)
                log.error("answers_cannot_be_kept", error=str(error))  # noqa: TRY400 - it says all
        elif key_files:
            log.warning("answers_cannot_be_kept", error=f"{self._fault}: with the database away they are refused")
        self._writing = asyncio.Lock()
        self._some_wait = True
        """Of the database's: true at the start, as a process before this one may have left some."""

    def keys(self) -> tuple[str, ...]:
        """The keys that open a link.

        Raises:
            services.runtime.secrets.file.SecretFileError: A file cannot be used.
        """
        return read_keys(self._key_files, SETTING)

    async def take(self, pool: Pool, kept: KeptPolicies, answer: Answer, now: datetime) -> Taken:
        """Record an answer, or keep it until it can be.

        Raises:
            NotTakenError: Neither could be done.
            services.alerts.errors.Refused: It can do nothing, and why.
            services.alerts.errors.NotFound: There is no such alert.
        """
        answer = self._kept(answer.link.delivery_id) or answer  # pressed again: the first time counts
        try:
            async with borrow(pool, within_seconds=_DATABASE_SECONDS) as connection:
                outcome = await record_answer(connection, answer, await _policies(kept, connection), now)
        except FAILED as error:
            log.warning("answer_kept_on_disk", error=plainly(error), delivery_id=str(answer.link.delivery_id))
            await self._keep(answer)
            return Taken(Outcome.WAITS, recorded=False, told=await self._tell([answer], now))
        if outcome is Outcome.WAITS:
            self._some_wait = True
            return Taken(outcome, told=await self._tell([answer], now))
        return Taken(outcome)

    def has(self, delivery_id: UUID) -> bool:
        """Tell whether the answer of this page is kept here."""
        return self._kept(delivery_id) is not None

    def _kept(self, delivery_id: UUID) -> Answer | None:
        waiting = self._journal.waiting if self._journal else ()
        return next((each for each in waiting if each.link.delivery_id == delivery_id), None)

    async def keep_recording(self, pool: Pool, kept: KeptPolicies, clock: Clock) -> None:
        """Record what is kept, as soon as the database is there; for as long as the process runs."""
        told_at = float("-inf")
        loop = asyncio.get_running_loop()
        while True:
            waiting = self._journal.waiting if self._journal else ()
            if waiting or self._some_wait:
                try:
                    async with borrow(pool, within_seconds=_LATE_SECONDS) as connection:
                        await self._record(connection, await _policies(kept, connection), waiting, clock())
                        await tell_who_asks(connection, None)
                except FAILED as error:
                    log.info("answers_wait", answers=len(waiting), error=plainly(error))
                except JournalError as error:
                    log.error("answers_not_removed", error=str(error))  # noqa: TRY400 - recorded they are, once
                if waiting and loop.time() - told_at >= _TELL_AGAIN_SECONDS:  # it may be one that was started anew
                    await self._tell(waiting, clock())
                    told_at = loop.time()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _record(
        self, connection: Connection, policies: Policies, waiting: Sequence[Answer], now: datetime
    ) -> None:
        if waiting:
            recorded = await record_late(connection, waiting, policies, now)
            if recorded and self._journal is not None:
                async with self._writing:
                    await asyncio.to_thread(self._journal.remove, recorded)
            self._some_wait = True
        if self._some_wait:
            await settle_waiting(connection, policies, now)
            self._some_wait = await links.some_wait(connection)

    async def _keep(self, answer: Answer) -> None:
        if self._journal is None:
            raise NotTakenError(self._fault)
        try:
            async with self._writing:
                await asyncio.to_thread(self._journal.add, answer)
        except JournalError as error:
            log.error("answer_not_kept", error=str(error))  # noqa: TRY400 - it says all
            raise NotTakenError(str(error)) from None

    async def _tell(self, answers: Sequence[Answer], now: datetime) -> bool:
        """Tell the worker; False: it did not answer."""
        try:
            keys = self.keys()
            told = [await asyncio.to_thread(self._post, answer, sign(answer.link, keys, now)) for answer in answers]
        except ValueError:  # a key file that cannot be used now: /readyz of the worker says it
            return False
        return all(told)

    def _post(self, answer: Answer, token: str) -> bool:
        headers = {"Content-Type": "application/json"}
        if self._worker_token:
            headers["Authorization"] = f"Bearer {self._worker_token}"
        body = LinkUsed(token=token, given_at=answer.given_at).model_dump_json().encode()
        asked = urllib.request.Request(f"{self._worker_url}/answers", body, headers)  # noqa: S310 - http(s) by setting
        try:
            with urllib.request.urlopen(asked, timeout=_WORKER_SECONDS) as answered:  # noqa: S310 # nosec B310
                return bool(answered.status == 204)
        except (OSError, HTTPException) as error:
            log.warning("worker_not_told", error=type(error).__name__)
            return False


async def _policies(kept: KeptPolicies, connection: Connection) -> Policies:
    if not kept.are_known:
        await kept.load(connection)
    return kept.now
