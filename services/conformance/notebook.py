"""What a run writes down while it happens, and the way to wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from services.conformance.observations import Observation


class Notebook:
    """Observations in their order; whoever waits looks anew at each."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self._began = time.monotonic()
        self._something = asyncio.Event()

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    @staticmethod
    def wall() -> datetime:
        """What the clock of the bench says."""
        return datetime.now(UTC)

    def newest(self) -> Iterator[Observation]:
        """All of them, the last first."""
        return reversed(self.observations)

    def note(self, observation: Observation) -> None:
        """Write down what was just observed."""
        self.observations.append(observation)
        self._something.set()

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds, which only an observation can make true; tells whether it came true in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self._something.clear()
                    await self._something.wait()
        return condition()
