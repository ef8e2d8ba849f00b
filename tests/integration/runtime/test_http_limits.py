"""What a server does to connections that ask nothing, never end, or are too many."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.devstack.ports import free_port
from services.runtime.http.guard import Guarded
from services.runtime.http.limits import BoundedProtocol, Limits, goes_on
from services.runtime.http.server import serve
from tests.stack import eventually

LIMITS = Limits(most_connections=8, request_within_seconds=0.4, answer_within_seconds=0.8)
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"

Connect = Callable[[bytes], Awaitable["Caller"]]


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def rest(self) -> bytes:
        """What comes until the server ends the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 5)
        except ConnectionResetError:
            return b""

    async def answer(self) -> bytes:
        """The head of one answer."""
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)


class Server:
    """A server whose handlers the test lets go on."""

    def __init__(self) -> None:
        self.port = free_port()
        self.go_on = asyncio.Event()
        self.under_way = 0
        self.callers: list[Caller] = []

    async def hello(self, _: Request) -> Response:
        return PlainTextResponse("hello")

    async def body(self, request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def slow(self, _: Request) -> Response:
        self.under_way += 1
        await self.go_on.wait()
        return PlainTextResponse("done")

    async def endless(self, _: Request) -> Response:
        async def zeros() -> AsyncIterator[bytes]:
            while True:
                yield bytes(65536)
                await asyncio.sleep(0)  # what is written to a connection that has ended waits for nothing

        return StreamingResponse(zeros())

    async def lines(self, request: Request) -> Response:
        async def now_and_then() -> AsyncIterator[bytes]:
            self.under_way += 1
            try:
                while True:
                    yield b"line\n"
                    await asyncio.sleep(0.1)
            finally:
                self.under_way -= 1

        goes_on(request.scope)
        return StreamingResponse(now_and_then())

    async def flood(self, request: Request) -> Response:
        goes_on(request.scope)
        return await self.endless(request)

    async def guess(self, _: Request) -> Response:
        return PlainTextResponse("too many", 429)

    async def connect(self, said: bytes = b"") -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port))
        self.callers.append(caller)
        caller.writer.write(said)
        return caller


@asynccontextmanager
async def running(limits: Limits) -> AsyncIterator[Server]:
    server = Server()
    routes = [
        Route("/", server.hello),
        Route("/body", server.body, methods=["POST"]),
        Route("/slow", server.slow),
        Route("/endless", server.endless),
        Route("/lines", server.lines),
        Route("/flood", server.flood),
        Route("/guess", server.guess),
    ]
    app = Guarded(Starlette(routes=routes), answer=lambda _, status, said: PlainTextResponse(said, status))
    task = asyncio.create_task(serve(app, host="127.0.0.1", port=server.port, limits=limits))

    async def listens() -> bool:
        try:
            (await server.connect()).writer.close()
        except OSError:
            return False
        return True

    await eventually(listens)
    yield server
    server.go_on.set()
    for caller in server.callers:
        caller.writer.close()
        with contextlib.suppress(OSError):
            await caller.writer.wait_closed()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with running(LIMITS) as found:
        yield found


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b""),
        (b"GET / HT", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"HTTP/1.1 408 "),
        (HEAD, b""),
        (HEAD + b"12345678", b""),
        (b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12", b""),
    ],
)
async def test_a_request_that_is_never_whole_is_ended(server: Server, said: bytes, answer: bytes) -> None:
    began = time.monotonic()
    assert (await (await server.connect(said)).rest())[: len(b"HTTP/1.1 408 ")] == answer
    assert time.monotonic() - began >= LIMITS.request_within_seconds - 0.05


async def test_one_byte_now_and_then_buys_no_time(server: Server) -> None:
    for said in (b"GET / HTTP/1.1\r\nX: ", HEAD.replace(b"9", b"900")):
        caller = await server.connect(said)
        ended = asyncio.create_task(caller.rest())
        while not ended.done():
            caller.writer.write(b"a")
            await asyncio.wait([ended], timeout=0.05)


async def test_a_body_that_goes_on_after_its_answer_is_ended(server: Server) -> None:
    """What is refused early is answered before it was read."""
    caller = await server.connect(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
    assert (await caller.answer()).startswith(b"HTTP/1.1 413 ")
    ended = asyncio.create_task(caller.rest())
    while not ended.done():
        caller.writer.write(b"a")
        await asyncio.wait([ended], timeout=0.05)


async def test_an_answer_that_nobody_takes_is_ended(server: Server) -> None:
    caller = await server.connect(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    await caller.answer()
    caller.reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer = caller.writer

    async def is_reset() -> bool:
        writer.write(b" ")
        return writer.transport.is_closing()

    await eventually(is_reset, 5)


async def test_further_requests_of_one_connection_have_their_time_each(server: Server) -> None:
    caller = await server.connect()
    for pieces in ([WHOLE], [WHOLE[:9], WHOLE[9:]], [HEAD, b"123456789"], [WHOLE]):
        for piece in pieces:
            caller.writer.write(piece)
            await caller.writer.drain()
        head = await caller.answer()
        assert head.startswith(b"HTTP/1.1 200 ")
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await caller.reader.readexactly(int(length.split(b":")[1]))
    caller.writer.write(WHOLE * 3)
    for _ in range(3):
        assert (await caller.answer()).startswith(b"HTTP/1.1 200 ")
        await caller.reader.readexactly(5)
    caller.writer.write(WHOLE[:9])
    assert (await caller.rest()).startswith(b"HTTP/1.1 408 ")


async def test_an_answer_that_the_server_gives_by_itself_carries_the_headers(server: Server) -> None:
    for said, status in ((b"\0\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n", b"400"),
                         (b"GET / HT", b"408")):  # fmt: skip
        answer = await (await server.connect(said)).rest()
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"content-security-policy: default-src 'none'" in answer
        assert b"x-content-type-options: nosniff" in answer


async def test_connections_that_ask_nothing_give_way_to_those_that_ask() -> None:
    limits = Limits(most_connections=8, request_within_seconds=60, answer_within_seconds=60)
    async with running(limits) as server:
        silent = [await server.connect(b"GET / HTTP/1.1\r\nX: ") for _ in range(8)]
        asked = [await server.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(8)]
        await eventually(lambda: is_true(server.under_way == 8), 5)
        assert [await each.rest() for each in silent] == [b""] * 8  # without waiting for a minute
        # Where every place is taken by a request that is being answered, it is the new one that ends.
        assert await (await server.connect(WHOLE)).rest() == b""
        server.go_on.set()
        for each in asked:
            assert (await each.answer()).startswith(b"HTTP/1.1 200 ")


async def test_beside_more_half_requests_than_there_are_places_people_are_answered(server: Server) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        for _ in range(20):
            halves = [await server.connect(b"GET / HTTP/1.1\r\nX: ") for _ in range(12)]
            answer = await client.get("/", headers={"Connection": "close"})
            assert answer.text == "hello"
            for each in halves:
                each.writer.close()


async def is_true(value: bool) -> bool:
    return value


async def test_an_answer_that_goes_on_is_not_cut_as_long_as_it_is_taken(server: Server) -> None:
    caller = await server.connect(WHOLE.replace(b"/ ", b"/lines ", 1))
    await caller.answer()
    began = time.monotonic()
    while time.monotonic() - began < 3 * LIMITS.answer_within_seconds:
        assert await asyncio.wait_for(caller.reader.readuntil(b"line\n"), 5)
    caller.writer.close()
    await eventually(lambda: server.under_way == 0, what="its application is told that nobody listens")


async def test_one_that_goes_on_and_is_not_taken_is_ended(server: Server) -> None:
    caller = await server.connect(WHOLE.replace(b"/ ", b"/flood ", 1))
    await caller.answer()
    caller.reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer = caller.writer

    async def is_reset() -> bool:
        writer.write(b" ")
        return writer.transport.is_closing()

    await eventually(is_reset, 5)


@pytest.mark.alone
async def test_the_end_of_the_server_ends_what_goes_on_at_once() -> None:
    began = 0.0
    async with running(LIMITS) as server:
        caller = await server.connect(WHOLE.replace(b"/ ", b"/lines ", 1))
        await caller.answer()
        began = time.monotonic()
        server.callers.remove(caller)  # so that the server, and not the test, ends it
    assert time.monotonic() - began < 4, "it does not wait for the time that requests under way have"
    caller.writer.close()


async def test_who_has_guessed_too_often_loses_the_connection(server: Server) -> None:
    answer = await (await server.connect(WHOLE.replace(b"/ ", b"/guess ", 1))).rest()
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"connection: close" in answer.lower()


async def test_no_part_of_an_answer_waits_for_the_one_before_to_have_come(server: Server) -> None:
    """Head and body are written one after the other: with Nagle's algorithm the body would wait 40 ms."""
    await (await server.connect(WHOLE)).answer()
    options = [
        each.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for each in gc.get_objects()
        if isinstance(each, BoundedProtocol) and not each.transport.is_closing()
    ]
    assert options
    assert all(options)
