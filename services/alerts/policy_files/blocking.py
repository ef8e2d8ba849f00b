"""Work that may block for good, such as reading a file of a server that is gone, kept out of the event loop's way.

Guarantee: nobody waits for it longer than they said; a thread that hangs keeps neither the loop nor the end of the
process waiting, which the threads of `asyncio.to_thread` would.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Do `work` in a thread of its own, and give what came of it.

    Raises:
        TimeoutError: It took longer; the thread is left to itself, and what comes of it is forgotten.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def give(result: Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(give, result, failure)

    threading.Thread(target=run, daemon=True, name="blocking").start()
    async with asyncio.timeout(seconds):
        return await done
