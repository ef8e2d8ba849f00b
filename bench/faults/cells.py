"""What can go wrong: a table of cells, each with what breaks and how it is made whole again.

A cell is given a `World` of its own. Everything here acts on real servers and on nothing else.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import asyncpg

from bench import stack
from services.devstack import folders
from services.devstack.errors import DevStackError
from services.devstack.servers import timescaledb
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import DatabaseServer, PostgresServer
from services.devstack.service import ServiceProcess
from services.runtime.database import UNAVAILABLE
from tests.servers.hanging_proxy import HangingProxy

# Durability is left at its default. Many connections: the proxy keeps dead ones for ever, where TCP would end them.
_SETTINGS: Final = {"max_connections": "200"}
_SMALL_DISK_MB: Final = 400
_SMALL_DISK: Final = {**_SETTINGS, "max_wal_size": "64MB", "min_wal_size": "32MB"}


class MakeServer(Protocol):
    """Makes a TimescaleDB server of one's own, which does not run yet."""

    def __call__(self, *, settings: Mapping[str, str]) -> DatabaseServer:
        """With `settings` beside those of the installation."""


class NotRunError(RuntimeError):
    """This machine cannot run the cell; the message says why. It is not a pass."""


@dataclass(slots=True)
class World:
    """The servers of one cell, running, and the ingest processes that should be alive."""

    folder: Path
    database: DatabaseServer
    broker: MosquittoServer
    proxy: HangingProxy
    chance: random.Random
    ingests: list[ServiceProcess] = field(default_factory=list)
    started: list[ServiceProcess] = field(default_factory=list)
    victim: ServiceProcess | None = None
    filler: asyncio.Task[None] | None = None

    @property
    def dsn(self) -> str:
        """The database, not by way of the proxy."""
        return self.database.dsn(stack.DATABASE)

    def start_ingest(self, client_id: str, *, by_proxy: bool) -> ServiceProcess:
        """Start one more; it is ready a little later."""
        dsn = self.dsn.replace(f":{self.database.port}/", f":{self.proxy.port}/") if by_proxy else self.dsn
        environment = {
            "INGEST_DATABASE_URL": dsn,
            "INGEST_MQTT_URL": self.broker.url,
            "INGEST_CLIENT_ID": client_id,
            "INGEST_LOG_JSON": "false",
        }
        log_path = self.folder / f"ingest-{len(self.started) + 1}.log"
        process = ServiceProcess("ingest", environment, log_path=log_path)
        self.started.append(process)
        process.start()
        self.ingests.append(process)
        return process


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault: `strike` breaks something, `mend` makes it whole again and returns when others may go on."""

    title: str
    strike: Callable[[World], Awaitable[None]]
    mend: Callable[[World], Awaitable[None]]
    hold_seconds: tuple[float, float]
    """It lasts a random time between the two."""
    ingests: int = 1
    by_proxy: bool = False
    small_disk: bool = False
    for_good: bool = False
    """It can strike only once."""


async def kill_ingest(world: World) -> None:
    world.victim = world.chance.choice(world.ingests)
    world.victim.kill()


async def start_ingest_again(world: World) -> None:
    """By its supervisor, or on another machine under the same client id."""
    assert world.victim is not None
    world.victim.start()


async def pause_ingest(world: World) -> None:
    world.ingests[0].send_signal(signal.SIGSTOP)


async def wake_ingest(world: World) -> None:
    world.ingests[0].send_signal(signal.SIGCONT)


async def remove_ingest(world: World) -> None:
    await kill_ingest(world)
    world.ingests = [process for process in world.ingests if process is not world.victim]


async def nothing(world: World) -> None:
    """Nothing comes back."""


async def kill_database(world: World) -> None:
    world.database.kill()


async def stop_database(world: World) -> None:
    world.database.stop("immediate")


async def start_database(world: World) -> None:
    world.database.start()


async def kill_broker(world: World) -> None:
    """Its queues and sessions are lost, and what it acknowledged with them."""
    world.broker.kill()


async def start_broker(world: World) -> None:
    world.broker.start()


async def hang(world: World) -> None:
    world.proxy.hang()


async def go_on(world: World) -> None:
    world.proxy.resume(old_connections=True)


async def go_on_for_new_connections(world: World) -> None:
    world.proxy.resume(old_connections=False)


async def fill_disk(world: World) -> None:
    """And keep it full: PostgreSQL gives old WAL back when it can. Returns when ingest says that it cannot store."""
    world.filler = asyncio.create_task(_keep_full(world.folder / "disk" / "ballast"))

    async def refused() -> bool:
        return not await _can_write(world.dsn) and not await ready(world)

    await until(refused, within_seconds=30, what="the database is out of space, and ingest says so")


async def _keep_full(ballast: Path) -> None:
    while True:
        _fill(ballast)
        await asyncio.sleep(0.02)


async def make_room(world: World) -> None:
    """And start the server if it gave up."""
    database = world.database
    assert isinstance(database, PostgresServer)
    assert world.filler is not None
    world.filler.cancel()
    await asyncio.wait({world.filler})
    (world.folder / "disk" / "ballast").unlink()

    async def writes() -> bool:
        if not database.process.is_running:
            database.stop("immediate")
            database.start()
        return await _can_write(world.dsn)

    await until(writes, within_seconds=60, what="the database writes again")


CELLS: Final = {
    "ingest": Cell("ingest kill -9", kill_ingest, start_ingest_again, (0, 1)),
    # As when a virtual machine moves: the server ends its transactions meanwhile.
    "ingest-paused": Cell("ingest paused", pause_ingest, wake_ingest, (0.5, 6)),
    "postgres-kill": Cell("postgres kill -9", kill_database, start_database, (0, 3)),
    "postgres-immediate": Cell("postgres immediate stop", stop_database, start_database, (0, 3)),
    "mosquitto": Cell("mosquitto kill -9", kill_broker, start_broker, (0, 2)),
    "network-goes-on": Cell("network hangs, goes on", hang, go_on, (0.5, 9), by_proxy=True),
    "network-new-only": Cell(
        "network hangs, old connections dead", hang, go_on_for_new_connections, (0.5, 9), by_proxy=True
    ),
    "disk-full": Cell("database disk full", fill_disk, make_room, (1, 4), small_disk=True),
    "two-ingestors": Cell("two ingestors, one killed", kill_ingest, start_ingest_again, (0, 2), ingests=2),
    # Mosquitto goes on giving every other message to the session of the one that is gone.
    "two-ingestors-gone": Cell(
        "two ingestors, one gone for good", remove_ingest, nothing, (0, 0), ingests=2, for_good=True
    ),
}


@asynccontextmanager
async def world_of(
    cell: Cell, folder: Path, *, seed: str, pumps: int, make_server: MakeServer = timescaledb.make_server
) -> AsyncIterator[World]:
    """Start the servers of a cell, with `pumps` enrolled, and ingest ready.

    Raises:
        NotRunError: This machine cannot.
    """
    async with AsyncExitStack() as opened:
        if cell.small_disk:
            database: DatabaseServer = _server_on_a_small_disk(folder, opened)
        else:
            database = make_server(settings=_SETTINGS)
            opened.callback(database.remove)
        database.start()
        broker = opened.enter_context(MosquittoServer())
        proxy = await opened.enter_async_context(HangingProxy(database.port))
        world = World(folder, database, broker, proxy, random.Random(f"{seed} {cell.title}"))
        await stack.fresh_database(stack.BenchStack(folder, database, broker), devices=pumps)
        opened.callback(_terminate_all, world)
        for number in range(cell.ingests):
            world.start_ingest(f"ingest-{number + 1}", by_proxy=cell.by_proxy)
        await until(lambda: ready(world), within_seconds=30, what="ingest is ready")
        yield world


async def ready(world: World) -> bool:
    """Tell whether every ingest process says so."""
    return all([await asyncio.to_thread(process.is_ready) for process in world.ingests])


async def until(condition: Callable[[], object], *, within_seconds: float, what: str) -> None:
    """Look every 20 ms until `condition()`, a function or a coroutine function, gives something true.

    Raises:
        TimeoutError: It does not in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while True:
        answer = condition()
        if (await answer) if asyncio.iscoroutine(answer) else answer:
            return
        if loop.time() > deadline:
            msg = f"{what}: not within {within_seconds:g} s"
            raise TimeoutError(msg)
        await asyncio.sleep(0.02)


def _terminate_all(world: World) -> None:
    for process in world.started:
        process.terminate(within_seconds=5)


def _server_on_a_small_disk(folder: Path, opened: AsyncExitStack) -> PostgresServer:
    installation = timescaledb.choose_installation()
    if installation == "docker" or not folders.is_root() or installation.run_as is None:
        msg = "mounting a small disk needs root, and a database outside Docker"
        raise NotRunError(msg)
    disk = installation.make_data_folder("disk")
    opened.callback(folders.remove_folder, disk)
    account = installation.run_as
    options = f"size={_SMALL_DISK_MB}m,uid={account.uid},gid={account.gid},mode=700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        msg = f"a small disk cannot be mounted here: {done.stderr.strip()}"
        raise NotRunError(msg)
    opened.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=False)
    (folder / "disk").symlink_to(disk)
    database = PostgresServer(installation, disk, settings=_SMALL_DISK, log_path=folder / "postgres.log")
    opened.callback(database.stop, "immediate")
    return database


def _fill(ballast: Path) -> None:
    free = os.statvfs(ballast.parent)
    with ballast.open("ab") as file:
        size = file.tell() + free.f_bavail * free.f_frsize
        with suppress(OSError):  # PostgreSQL was quicker: the next time
            os.posix_fallocate(file.fileno(), 0, max(1, size))


async def _can_write(dsn: str) -> bool:
    """Whether a row, and with it the file of a table, can be written."""
    try:
        connection = await asyncpg.connect(dsn, timeout=3, command_timeout=3)
        try:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS room (filler text); ALTER TABLE room ALTER filler SET STORAGE PLAIN;"
                "INSERT INTO room SELECT repeat('x', 7000) FROM generate_series(1, 20)"
            )
        finally:
            connection.terminate()
    except DevStackError:
        return False
    except UNAVAILABLE:
        return False
    return True
