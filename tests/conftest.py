"""Real servers for the tests: TimescaleDB, Mosquitto, the services themselves, and a pager.

A server that cannot be had fails the tests that need it; nothing is skipped. `TEST_DATABASE_URL` names a
TimescaleDB to use instead of one's own.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import apprise
import hypothesis
import pytest

from services.alerts.web.identity.pool import open_web_pool
from services.devstack.pages import PageCollector
from services.devstack.servers import installations, mosquitto
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import SCRATCH_SETTINGS, DatabaseServer, PostgresServer
from services.devstack.service import ServiceProcess, clean_environment
from services.runtime.database import open_pool
from tests import stack
from tests.logins import (
    LOGIN_OF,
    forget_pools,
    make_logins,
    remember_pool,
    with_login,
    with_own_login,
)
from tests.servers.external import ExternalServer
from tests.servers.forked import ForkedService
from tests.servers.ready_made import ReadyMade
from tests.spread import (  # noqa: F401 - most are pytest's hooks
    SUMMARY,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_protocol,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.stack import (
    Database,
    RunService,
    StartBroker,
    StartPostgres,
    clone_database,
    drop_database,
    eventually,
    execute_at,
    make_database,
    migrate_at,
)

# A developer's own settings must not change what a test does.
for _name in set(os.environ) - set(clean_environment()):
    del os.environ[_name]

# Without compiled files each of the many services that are started would compile itself anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Whoever is started in the background by a shell ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A time limit for each example would be a timed test, and fail on a busy machine.
hypothesis.settings.register_profile("pumpwatch", deadline=None)
hypothesis.settings.load_profile("pumpwatch")

_number = itertools.count(1)


@pytest.fixture(scope="session")
def ready_made() -> Iterator[ReadyMade]:
    """`ready_made.make_server(settings=...)`, for what starts servers by itself. Tests take `own_postgres`."""
    servers = ReadyMade()
    yield servers
    servers.remove()


@pytest.fixture(scope="session")
def timescaledb(ready_made: ReadyMade) -> Iterator[DatabaseServer]:
    """The TimescaleDB server that tests share. Tests that stop or kill one take `own_postgres`."""
    url = os.environ.get("TEST_DATABASE_URL")
    server = ExternalServer(url) if url else ready_made.make_server(settings=SCRATCH_SETTINGS)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
async def database_template(timescaledb: DatabaseServer, pytestconfig: pytest.Config) -> AsyncIterator[str]:
    """The name of a migrated database that nobody can connect to: a template to clone."""
    name = f"pumpwatch_template_{os.getpid()}"
    await drop_database(timescaledb, name)
    await make_logins(timescaledb.dsn())
    result = await migrate_at(await make_database(timescaledb, name))
    pytestconfig.stash[SUMMARY]["timescaledb"] = f"ran on {result.description}, {timescaledb.title}"
    assert result.edition != "postgres", f"the tests need TimescaleDB, and this is {result.description}"
    await execute_at(timescaledb.dsn(), f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    yield name
    await drop_database(timescaledb, name)


@pytest.fixture
async def database(timescaledb: DatabaseServer, database_template: str) -> AsyncIterator[Database]:
    """A fresh migrated database; dropped afterwards."""
    async with _cloned(timescaledb, database_template) as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def shared_database(timescaledb: DatabaseServer, database_template: str) -> AsyncIterator[Database]:
    """One that the tests of a module share, each with pumps of its own."""
    async with _cloned(timescaledb, database_template) as fresh:
        yield fresh


@asynccontextmanager
async def _cloned(server: DatabaseServer, template: str) -> AsyncIterator[Database]:
    name = f"pumpwatch_test_{os.getpid()}_{next(_number)}"
    dsn = await clone_database(server, template, name)
    pool = await open_pool(dsn, application_name="pumpwatch-test")
    own = []
    for job, open_own in (("alerts", open_pool), ("web", open_web_pool)):
        own.append(await open_own(with_login(dsn, LOGIN_OF[job]), application_name=f"pumpwatch-{job}"))
        remember_pool(pool, job, own[-1])
    yield Database(name, dsn, pool)
    forget_pools(pool)
    for each in (*own, pool):
        try:
            async with asyncio.timeout(5):
                await each.close()
        except TimeoutError:  # the test left a connection in use
            each.terminate()
    await drop_database(server, name)


@pytest.fixture(scope="session")
def plain_postgres() -> Iterator[PostgresServer]:
    """PostgreSQL without TimescaleDB, as the demo runs it."""
    with PostgresServer(installations.embedded().in_memory(), settings=SCRATCH_SETTINGS) as server:
        yield server


@pytest.fixture
def own_postgres(ready_made: ReadyMade) -> Iterator[StartPostgres]:
    """`own_postgres(**settings)` starts a TimescaleDB of the test's own.

    It may be killed: what a process wrote the kernel has, fsync or not, and nobody here cuts the power. The servers of
    tests/faults/test_matrix.py have full durability.
    """
    servers: list[DatabaseServer] = []

    def start(**settings: str) -> DatabaseServer:
        server = ready_made.make_server(settings={"fsync": "off", **settings})
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture(scope="session")
def mosquitto_program(pytestconfig: pytest.Config) -> Path:
    program = mosquitto.find_mosquitto()
    pytestconfig.stash[SUMMARY]["mosquitto"] = f"ran on Mosquitto {mosquitto.version(program)}"
    return program


@pytest.fixture(scope="session")
def broker(mosquitto_program: Path) -> Iterator[MosquittoServer]:
    """The broker that tests share: use a device of the test's own. To stop or kill one, `own_broker`."""
    with MosquittoServer(program=mosquitto_program) as server:
        yield server


@pytest.fixture
def own_broker(mosquitto_program: Path) -> Iterator[StartBroker]:
    """`own_broker(persistence=..., extra=(...))` starts a Mosquitto of the test's own."""
    servers: list[MosquittoServer] = []

    def start(*, persistence: bool = False, extra: tuple[str, ...] = ()) -> MosquittoServer:
        server = MosquittoServer(program=mosquitto_program, persistence=persistence, extra=extra)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture(scope="session")
def started_from_scratch() -> set[str]:
    """The services that were started in the ordinary way: the first of each kind, to see that it can be."""
    return set()


@pytest.fixture
def run_service(tmp_path: Path, request: pytest.FixtureRequest, started_from_scratch: set[str]) -> Iterator[RunService]:
    """`await run_service("ingest", {"INGEST_DATABASE_URL": ...})`; the log is shown when the test fails.

    It runs with the login of its job, and so with its rights only, if that address names the superuser.
    """
    processes: list[ServiceProcess] = []
    is_alone = request.node.get_closest_marker("alone") is not None

    async def run(
        command: str, environment: Mapping[str, str], *, wait: bool = True, options: tuple[str, ...] = ()
    ) -> ServiceProcess:
        log_path = tmp_path / f"{command}-{len(processes) + 1}.log"
        forked = not is_alone and command in started_from_scratch
        started_from_scratch.add(command)
        service_of = ForkedService if forked else ServiceProcess
        service = service_of(command, with_own_login(command, environment), log_path=log_path, options=options)
        processes.append(service)
        service.start()
        if wait:
            await eventually(_ready_or_dead(service), 30, what=f"{command} becomes ready")
        return service

    yield run
    for service in processes:
        service.terminate(within_seconds=5)
        print(f"--- {service.name}, exit code {service.exit_code}\n{service.log_tail(60)}")  # noqa: T201


def _ready_or_dead(service: ServiceProcess) -> Callable[[], object]:
    async def ready() -> bool:
        if not service.is_running:
            raise service.died()
        return await asyncio.to_thread(service.is_ready)

    return ready


@pytest.fixture
def page_collector() -> Iterator[PageCollector]:
    """A pager: put `.url` into a policy's channel, then `await page_collector.wait_for(n)`."""
    with PageCollector() as collector:
        yield collector


@pytest.fixture(scope="session", autouse=True)
def apprise_is_loaded() -> None:
    """Apprise loads its plugins once; one of them still imports a module that Python deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        apprise.Apprise().add("json://localhost")


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., object]:
    """`await eventually(condition, within_seconds)`; the same as `tests.stack.eventually`."""
    return stack.eventually
