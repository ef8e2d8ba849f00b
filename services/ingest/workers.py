"""Several ingest processes under one parent: `pumpwatch ingest --workers N`.

Guarantees: worker n is always `<client_id>-n` and answers HTTP on `http_port + n - 1`, so a broker's session finds its
reader again after any restart; a worker that ends is started anew after a pause, which doubles while it keeps ending
soon; when every worker does, the parent ends with an error. No worker outlives the parent: each holds the other end of
a pipe, and stops in order when that closes, however the parent went. SIGTERM to the parent, or to all of them at once,
is one orderly stop: the parent tells its workers by the pipe, so none gets a second signal.

The parent takes no messages itself, and looks at no worker's health: that is for whoever reads their `/livez`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from services.ingest.settings import IngestSettings
from services.runtime.backoff import backoff_seconds
from services.runtime.signals import stop_signal

LIFELINE: Final = 0
"""The worker's end of the pipe: standard input, which ingest reads nothing from."""

_COMMAND: Final = (sys.executable, "-m", "services.cli", "ingest", "--worker")
_STEADY_SECONDS: Final = 10.0
_GIVE_UP_AFTER: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_LONGEST_NAME: Final = 64
_LAST_PORT: Final = 65_535
_KILL_AFTER_SECONDS: Final = 5.0
"""This long after `stop_within_seconds` a worker has had its chance."""

log = structlog.get_logger()


class WorkerNameError(ValueError):
    """So many workers cannot be named or numbered; the message says which setting."""


class WorkersFailedError(RuntimeError):
    """Every worker ends again soon after it starts; the message says how."""


@dataclass(frozen=True, slots=True)
class WorkerName:
    """What sets one worker apart from the others."""

    client_id: str
    http_port: int

    @property
    def environment(self) -> dict[str, str]:
        """Its own settings. It sees a part of each device's messages, so skipped numbers say nothing to it."""
        return {
            "INGEST_CLIENT_ID": self.client_id,
            "INGEST_HTTP_PORT": str(self.http_port),
            "INGEST_COUNT_SEQUENCE_GAPS": "false",
        }


def name_workers(client_id: str, http_port: int, count: int) -> tuple[WorkerName, ...]:
    """Name `count` workers; the same every time. Port 0 stays 0: any free one.

    Raises:
        WorkerNameError: A name is longer than a client id may be, or the ports go past the last.
    """
    if len(f"{client_id}-{count}") > _LONGEST_NAME:
        msg = f"INGEST_CLIENT_ID: with -{count} behind it, it is longer than {_LONGEST_NAME} characters"
        raise WorkerNameError(msg)
    if http_port + count - 1 > _LAST_PORT:
        msg = f"INGEST_HTTP_PORT: {count} workers need {count} ports from {http_port} on, and the last is {_LAST_PORT}"
        raise WorkerNameError(msg)
    return tuple(
        WorkerName(f"{client_id}-{number}", http_port + number - 1 if http_port else 0)
        for number in range(1, count + 1)
    )


def pause_seconds(failures: int, first_seconds: float) -> float:
    """How long to wait before a worker is started again that ended soon `failures` times in a row."""
    if not failures:
        return 0.0
    return backoff_seconds(failures, first_seconds=first_seconds, longest_seconds=_LONGEST_PAUSE_SECONDS)


async def run_workers(
    settings: IngestSettings, *, workers: int, command: Sequence[str] = _COMMAND, first_pause_seconds: float = 0.5
) -> None:
    """Keep `workers` ingest processes running until SIGTERM or SIGINT, then let them stop in order.

    Raises:
        WorkerNameError: See `name_workers`.
        WorkersFailedError: All of them keep ending; those that run are stopped first.
    """
    names = name_workers(settings.client_id, settings.http_port, workers)
    stop_within = settings.stop_within_seconds + _KILL_AFTER_SECONDS
    with stop_signal() as stop:
        parent = _Parent(command, stop, first_pause_seconds, stop_within, dict.fromkeys(names, 0))
        try:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(parent.keep_running(name))
        except ExceptionGroup as errors:  # what `except*` raises, Python 3.11.2 puts into a group again
            failed = errors.subgroup(WorkersFailedError)
            if failed is None or len(failed.exceptions) < len(errors.exceptions):
                raise
            raise failed.exceptions[0] from None
    log.info("stopped", workers=workers)


@dataclass(frozen=True, slots=True)
class _Parent:
    command: Sequence[str]
    stop: asyncio.Event
    first_pause_seconds: float
    stop_within_seconds: float
    failures: dict[WorkerName, int]

    async def keep_running(self, name: WorkerName) -> None:
        while not self.stop.is_set():
            exit_code = await self._run_once(name)
            if self.stop.is_set():
                return
            self.failures[name] += 1
            if min(self.failures.values()) >= _GIVE_UP_AFTER:
                msg = f"every worker ended soon after its start {_GIVE_UP_AFTER} times, the last with code {exit_code}"
                raise WorkersFailedError(msg)
            pause = pause_seconds(self.failures[name], self.first_pause_seconds)
            log.error("worker_ended", client_id=name.client_id, exit_code=exit_code, restart_in_seconds=pause)
            await _wait(self.stop, pause)

    async def _run_once(self, name: WorkerName) -> int:
        """Run one worker to its end, or stop it when it is time; its exit code (negative: by that signal)."""
        environment: Mapping[str, str] = {**os.environ, **name.environment}
        process = await asyncio.create_subprocess_exec(*self.command, stdin=asyncio.subprocess.PIPE, env=environment)
        log.info("worker_started", client_id=name.client_id, http_port=name.http_port, process_id=process.pid)
        steady = asyncio.get_running_loop().call_later(_STEADY_SECONDS, self.failures.__setitem__, name, 0)
        try:
            ended = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(self.stop.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        finally:
            steady.cancel()
            await self._end(process, name)
        return await ended

    async def _end(self, process: asyncio.subprocess.Process, name: WorkerName) -> None:
        """Close the pipe, and kill a worker that does not go."""
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.stop_within_seconds):
                await process.wait()
        if process.returncode is None:
            log.error("worker_killed", client_id=name.client_id, after_seconds=self.stop_within_seconds)
            process.kill()
            await process.wait()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
