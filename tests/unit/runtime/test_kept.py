"""What is kept for everybody who asks for the same: made once, never older than was said, never from before an act."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.runtime.http.kept import Kept


class Maker:
    """Counts how often something was made, and waits until it may be."""

    def __init__(self) -> None:
        self.times = 0
        self.may = asyncio.Event()

    async def make(self) -> int:
        self.times += 1
        number = self.times
        await self.may.wait()
        return number


async def test_however_many_ask_at_once_it_is_made_once() -> None:
    maker, kept = Maker(), Kept[int](60.0)
    asking = [asyncio.create_task(kept.of("north", maker.make)) for _ in range(200)]
    await asyncio.sleep(0)
    maker.may.set()
    assert set(await asyncio.gather(*asking)) == {1}
    assert await kept.of("south", maker.make) == 2, "another key is another thing"


async def test_what_was_begun_before_an_act_is_given_to_nobody_who_asks_after_it() -> None:
    maker, kept = Maker(), Kept[int](60.0)
    first = asyncio.create_task(kept.of("north", maker.make))
    await asyncio.sleep(0)
    kept.forget()  # an alert was taken while the board was being read
    after = asyncio.create_task(kept.of("north", maker.make))
    await asyncio.sleep(0)
    maker.may.set()
    assert await first == 1
    assert await after == 2


async def test_who_goes_away_takes_nothing_from_those_who_wait() -> None:
    maker, kept = Maker(), Kept[int](60.0)
    gone, waiting = (asyncio.create_task(kept.of("north", maker.make)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    maker.may.set()
    assert await waiting == 2


async def test_what_could_not_be_made_is_tried_again_by_the_next() -> None:
    kept = Kept[int](60.0)

    async def fail() -> int:
        raise OSError

    async def work() -> int:
        return 7

    with pytest.raises(OSError):
        await kept.of("north", fail)
    assert await kept.of("north", work) == 7


async def test_nothing_is_kept_without_a_time_and_keys_have_a_bound() -> None:
    maker = Maker()
    maker.may.set()
    never = Kept[int]()
    assert [await never.of("north", maker.make) for _ in range(2)] == [1, 2]
    kept = Kept[int](60.0)
    for number in range(1_000):
        await kept.of(number, maker.make)
    assert kept.size <= 200


async def test_who_knows_of_something_new_is_given_nothing_that_was_begun_before_it() -> None:
    maker, kept = Maker(), Kept[int](60.0)
    maker.may.set()
    assert await kept.of("north", maker.make) == 1
    assert await kept.of("north", maker.make, begun_after=time.monotonic()) == 2
    assert await kept.of("north", maker.make) == 2, "and what is newer is everybody's"
