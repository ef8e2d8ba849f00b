"""Work on many things at once, so that what goes wrong with one of them stays with that one.

Guarantees: each try is a savepoint, so one that failed leaves nothing behind; things are worked on together, and only
where that fails in halves, down to the one that fails alone. A failure that would meet every other thing as well is
raised: a database that is away, or a statement that is wrong.

This is the one place where any exception at all is caught while work goes on, because a bug that one thing brings to
light must not stop the others. It is never swallowed: it is handed back with the thing that it belongs to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

from services.runtime.database import REFUSED, UNAVAILABLE, Connection, WrongUseError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failure(Generic[Item]):
    """One thing that failed by itself, and why."""

    item: Item
    error: Exception


def concerns_all(error: Exception) -> bool:
    """Tell whether the next thing would fail by it as well: the database is away, or a statement is wrong."""
    if isinstance(error, REFUSED):  # one of them is UNAVAILABLE by its base class
        return False
    return isinstance(error, (*UNAVAILABLE, WrongUseError, asyncpg.SyntaxOrAccessError))


def described(error: Exception) -> str:
    """An error in one line, for a log and for whoever is told: its type and what it says."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:200] if words else type(error).__name__


async def apart(
    connection: Connection, items: Sequence[Item], work: Callable[[Sequence[Item]], Awaitable[Result]]
) -> tuple[list[Result], list[Failure[Item]]]:
    """Do `work` for all of `items`; returns what came of it, and the items that failed alone.

    Args:
        connection: In a transaction; every try is a savepoint of it.
        items: In the order in which they are worked on.
        work: Takes any number of them. What it did in a try that failed is undone.
    """
    if not items:
        return [], []
    try:
        async with connection.transaction():
            return [await work(items)], []
    except Exception as error:
        if concerns_all(error):
            raise
        if len(items) == 1:
            return [], [Failure(items[0], error)]
    half = len(items) // 2
    first, second = await apart(connection, items[:half], work), await apart(connection, items[half:], work)
    return [*first[0], *second[0]], [*first[1], *second[1]]
