"""The course of a run: which probe comes when, what the tester is asked to do, and how long is waited for what.

Guarantees: each wait has an end (`Pace.patience_seconds`); a device that publishes nothing ends the run early; whatever
happens, what a probe held back is released.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from schemas.events import EventKind
from services.conformance.notebook import Notebook
from services.conformance.observations import (
    Answered,
    Connect,
    Ended,
    Probe,
    ProbeBegan,
    ProbeEnded,
    Published,
    TurnedAway,
)
from services.conformance.stand_in import StandIn
from services.conformance.story import Pace, Story, tell
from services.conformance.tap import Tap

_SENDS: Final = 4
"""Of an event without a receipt: three waits, of which the last can be compared with the first."""
_ATTEMPTS: Final = 5
_QUIET_TIMES: Final = 3
"""For so many first waits after a receipt nothing must be sent again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    device_id: str
    kinds: Collection[EventKind] = ()
    """What this device can send; each is waited for."""
    unattended: bool = False
    """Nobody can be asked to do something."""
    pace: Pace = field(default_factory=Pace)


class Course:
    """One run.

    Args:
        asked: What is to be done.
        notebook: What was observed.
        tap: Between the device and the broker.
        stand_in: In ingest's place.
        say: Tells the tester what is waited for, and what to do.
    """

    def __init__(
        self, asked: Asked, notebook: Notebook, tap: Tap, stand_in: StandIn, say: Callable[[str], None]
    ) -> None:
        self._asked = asked
        self._notebook = notebook
        self._tap = tap
        self._stand_in = stand_in
        self._say = say

    async def run(self) -> None:
        """Do all of it."""
        if not await self._first_event():
            return
        await self._each_kind()
        await self._lost_receipt()
        await self._stray_receipt()
        await self._noise()
        await self._rejected()
        await self._cut()
        await self._away()
        if not self._asked.unattended:
            await self._power()

    async def _first_event(self) -> bool:
        patience = self._asked.pace.patience_seconds
        self._say(f"waiting for {self._asked.device_id} to connect; each thing is waited for at most {patience:g} s")
        if not await self._until(lambda: self._count(Connect) > 0):
            return False
        self._say("connected; waiting for its first event")
        self._prompt("make the device send an event")
        return await self._until(lambda: bool(self._story().first_sends()))

    async def _each_kind(self) -> None:
        for kind in self._asked.kinds:
            if not self._has_kind(kind):
                self._say(f"waiting for an event of the kind {kind}")
                self._prompt(f"make the device send an event of the kind {kind}")
                await self._until(partial(self._has_kind, kind))

    async def _lost_receipt(self) -> None:
        async with self._probe(Probe.LOST) as caught:
            if caught:
                self._say(f"its receipt is held back; waiting for it to be sent {_SENDS} times")
                await self._until(lambda: self._times_sent(Probe.LOST) >= _SENDS)

    async def _stray_receipt(self) -> None:
        async with self._probe(Probe.STRAY) as caught:
            if caught:
                await self._stand_in.send_strays()
                self._say("receipts of other messages were sent; waiting for it to be sent again")
                await self._until(lambda: self._times_sent(Probe.STRAY) >= 2)

    async def _noise(self) -> None:
        async with self._probe(Probe.NOISE) as caught:
            if caught:
                await self._stand_in.send_noise()
                await self._stand_in.release(extra=True, times=2)
                await self._next_event("receipts that cannot be read were sent, and one twice")

    async def _rejected(self) -> None:
        for probe in (Probe.REJECTED, Probe.CLOCK):
            async with self._probe(probe) as caught:
                if caught:
                    await self._next_event("it was rejected")
                    self._say("waiting to see whether it is sent again")
                    await asyncio.sleep(_QUIET_TIMES * self._asked.pace.resend_seconds)

    async def _cut(self) -> None:
        async with self._probe(Probe.CUT) as caught:
            if caught:
                before = self._count(Connect)
                self._tap.cut()
                self._say("the connection was broken; waiting for the next one")
                if await self._until(lambda: self._count(Connect) > before):
                    await self._until(lambda: self._came_by_another(Probe.CUT))
                await self._stand_in.release(first=True)  # a late one, and the next sending has its own

    async def _away(self) -> None:
        notebook, before = self._notebook, self._count(Answered)
        notebook.note(ProbeBegan(notebook.now, notebook.wall(), Probe.AWAY))
        self._tap.is_closed = True
        try:
            self._tap.say_goodbye()
            self._say(f"the broker ended the connection, and takes none; waiting for {_ATTEMPTS} attempts")
            self._prompt("make the device observe something now, an alarm if it can")
            await self._until(lambda: self._count(TurnedAway) >= _ATTEMPTS)
        finally:
            self._tap.is_closed = False
        self._say("connections are taken again; waiting for the next one, and for what was observed meanwhile")
        if await self._until(lambda: self._count(Answered) > before):
            await self._settled()
        notebook.note(ProbeEnded(notebook.now, notebook.wall(), Probe.AWAY))

    async def _power(self) -> None:
        async with self._probe(Probe.POWER) as caught:
            if caught:
                before = self._count(Connect)
                self._prompt("switch the device off, and on again")
                if await self._until(lambda: self._count(Connect) > before):
                    await self._until(lambda: self._came_by_another(Probe.POWER))

    @asynccontextmanager
    async def _probe(self, probe: Probe) -> AsyncIterator[bool]:
        """Wait for a message to try it on; gives whether one came."""
        notebook = self._notebook
        notebook.note(ProbeBegan(notebook.now, notebook.wall(), probe))
        self._stand_in.catch(probe)
        self._say(f"{probe}: waiting for a new event")
        self._prompt("make the device send an event")
        caught = await self._until(lambda: self._story().caught(probe) is not None)
        try:
            yield caught
        finally:
            self._stand_in.catch_no_more()
            notebook.note(ProbeEnded(notebook.now, notebook.wall(), probe))
            await self._stand_in.release()

    async def _next_event(self, why: str) -> None:
        """Wait for a new event, or for a connection to end."""
        events, ends = len(self._story().first_sends()), self._count(Ended)
        self._say(f"{why}; waiting for the next event")
        self._prompt("make the device send an event")
        await self._until(lambda: len(self._story().first_sends()) > events or self._count(Ended) > ends)

    async def _settled(self) -> None:
        """Wait until nothing new has come for as long as a device waits for a receipt, a few times at most."""
        for _ in range(_QUIET_TIMES):
            before = self._count(Published)
            await asyncio.sleep(self._asked.pace.resend_seconds)
            if self._count(Published) == before:
                return

    def _story(self) -> Story:
        return tell(self._asked.device_id, self._asked.pace, self._notebook.observations)

    def _has_kind(self, kind: EventKind) -> bool:
        return any(event.kind is kind for _, event in self._story().first_sends())

    def _times_sent(self, probe: Probe) -> int:
        story = self._story()
        caught = story.caught(probe)
        return min((len(story.sends_with(each)) for each in caught.events), default=0) if caught else 0

    def _came_by_another(self, probe: Probe) -> bool:
        """Whether what was caught came again by another connection than at first."""
        story = self._story()
        caught = story.caught(probe)
        sends = [story.sends_with(each) for each in caught.events] if caught else []
        return bool(sends) and all(each[0].published.connection < each[-1].published.connection for each in sends)

    def _count(self, kind: type) -> int:
        return sum(isinstance(each, kind) for each in self._notebook.observations)

    async def _until(self, condition: Callable[[], bool]) -> bool:
        return await self._notebook.until(condition, self._asked.pace.patience_seconds)

    def _prompt(self, what: str) -> None:
        if not self._asked.unattended:
            self._say(f">> now {what}")
