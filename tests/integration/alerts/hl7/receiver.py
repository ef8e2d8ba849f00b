"""A real HL7 receiver over MLLP that answers, or fails to, in a way of choice."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import hl7

BEGIN, END = b"\x0b", b"\x1c\r"
Answer = Callable[["Exchange"], Awaitable[None]]


@dataclass(frozen=True)
class Exchange:
    """One message that came, and the connection to answer on."""

    message: hl7.Message
    writer: asyncio.StreamWriter

    @property
    def control_id(self) -> str:
        return str(self.message[0][10])

    def acknowledgement(self, code: str, more: str = "", *, control_id: str | None = None) -> bytes:
        head = "MSH|^~\\&|MW|HOSPITAL|PUMPWATCH||20260302090000||ACK^R40^ACK|77|P|2.6\r"
        return BEGIN + f"{head}MSA|{code}|{control_id or self.control_id}{more}\r".encode() + END

    async def say(self, answer: bytes) -> None:
        self.writer.write(answer)
        await self.writer.drain()


def answers(code: str, more: str = "") -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.say(exchange.acknowledgement(code, more))

    return answer


async def garbage(exchange: Exchange) -> None:
    await exchange.say(BEGIN + b"\xff\xfe no HL7 \x00" + END)


async def endless(exchange: Exchange) -> None:
    with contextlib.suppress(OSError):
        for _ in range(100):
            await exchange.say(b"x" * 10_000)


async def never(_: Exchange) -> None:
    await asyncio.Event().wait()


async def hangs_up(exchange: Exchange) -> None:
    exchange.writer.close()
    await exchange.writer.wait_closed()


async def hangs_up_within_its_answer(exchange: Exchange) -> None:
    await exchange.say(exchange.acknowledgement("AA")[:40])
    exchange.writer.close()
    await exchange.writer.wait_closed()


async def byte_by_byte(exchange: Exchange) -> None:
    for byte in exchange.acknowledgement("AA"):
        await exchange.say(bytes([byte]))
        await asyncio.sleep(0)


async def of_another_first(exchange: Exchange) -> None:
    await exchange.say(exchange.acknowledgement("AR", control_id="another"))
    await exchange.say(exchange.acknowledgement("AA"))


async def only_of_another(exchange: Exchange) -> None:
    await exchange.say(exchange.acknowledgement("AA", control_id="another"))
    await never(exchange)


@dataclass
class HL7Receiver:
    """What came, in its order; `next_answers` are used up one by one, then `answer` counts."""

    port: int = 0
    answer: Answer = field(default_factory=lambda: answers("AA"))
    next_answers: list[Answer] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def messages(self) -> list[hl7.Message]:
        return [hl7.parse(each.decode()) for each in self.raw]

    @property
    def control_ids(self) -> list[str]:
        return [str(each[0][10]) for each in self.messages]

    @property
    def states(self) -> list[tuple[str, str, str]]:
        """Phase, state and inactivation state of each message."""
        return [(at(each, 3), at(each, 4), at(each, 5)) for each in self.messages]

    @property
    def url(self) -> str:
        return f"mllp://127.0.0.1:{self.port}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    frame = await reader.readuntil(END)
                    assert frame.startswith(BEGIN)
                    self.raw.append(frame[1:-2])
                    answer = self.next_answers.pop(0) if self.next_answers else self.answer
                    await answer(Exchange(self.messages[-1], writer))
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def at(message: hl7.Message, facet: int, number: int = 5) -> str:
    """A field of one facet."""
    (found,) = (each for each in message.segments("OBX") if str(each[1]) == str(facet))
    return str(found[number])


@contextlib.asynccontextmanager
async def hl7_receiver(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[HL7Receiver]:
    receiver = HL7Receiver()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(receiver.take(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
