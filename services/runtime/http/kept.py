"""What was read a moment ago, for everybody who asks for the same.

Guarantees: who asks for what is being made waits for it, so that however many ask, it is made once; nothing is older
than was said, or than who asks wants it; what was begun before `forget` is given to nobody who asks after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

_MOST_KEPT: Final = 200
_Made = TypeVar("_Made")


class Kept(Generic[_Made]):
    """What was made lately, by a key. Who asks for what is being made waits for it.

    Args:
        seconds: How old it may be; 0: it is made for each who asks.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, tuple[float, _Made]] = {}
        self._making: dict[Hashable, asyncio.Lock] = {}
        self._changes = 0

    async def of(
        self, key: Hashable, make: Callable[[], Awaitable[_Made]], *, begun_after: float = float("-inf")
    ) -> _Made:
        """What is kept of a key, or what `make` makes now.

        Args:
            key: Of what is asked for.
            make: Makes it.
            begun_after: Of `time.monotonic`: what was begun before is not taken, however young it is.
        """
        if not self._seconds:
            return await make()
        if len(self._making) >= _MOST_KEPT:
            self.forget()
        async with self._making.setdefault(key, asyncio.Lock()):
            began, changes = time.monotonic(), self._changes
            kept = self._made.get(key)
            if kept is not None and began - kept[0] < self._seconds and kept[0] >= begun_after:
                return kept[1]
            made = await make()
            if changes == self._changes:  # else something was done meanwhile, which it may not show
                self._made[key] = (began, made)
            return made

    @property
    def size(self) -> int:
        """How many things are kept."""
        return len(self._made)

    def forget(self) -> None:
        """Something was done: what is kept is true no more."""
        self._changes += 1
        self._made.clear()
        self._making = {key: lock for key, lock in self._making.items() if lock.locked()}
