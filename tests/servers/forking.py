"""The program that has imported what `python -m services.cli` imports, and forks a child for whoever asks.

`python -m tests.servers.forking DESCRIPTOR [libraries]`, of a socket of messages. A message is what the child is to be,
or the id of one that has ended and is to be reaped. It ends when the other end of the socket closes, and its children
with it. With `libraries` it has imported those of others and nothing of ours: a child imports that by itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any, Final

import apprise

import services

MODULE: Final = "services.cli"
LONGEST_MESSAGE_BYTES: Final = 131_072
_NOT_HERE: Final = (MODULE, "services.devstack")
"""The command itself is run anew by each child, as Python's -m does; no service imports the development stack."""
_WHEN_FIRST_USED: Final = (
    "asyncpg.pgproto.pgproto",
    "encodings.idna",
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
_OURS: Final = frozenset({"bench", "deploy", "schemas", "services", "tests"})
_SERVICES: Final = ("alerts", "demo", "ingest", "simulate", "web")
"""Whose end is theirs: their threads, and what they do at exit."""
_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Do what the module's docstring says."""
    if sys.argv[2:] == ["libraries"]:
        _import_libraries()
    else:
        _import_everything()
    # A thread would be missing in a child, with whatever lock it holds.
    assert threading.active_count() == len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - names are all it needs
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        while True:
            data, descriptors, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE_BYTES, 2)
            if not data:
                return
            request: dict[str, Any] = json.loads(data)
            if "reap" in request:
                _, status = os.waitpid(request["reap"], 0)
                channel.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
                continue
            me = os.getpid()
            pid = os.fork()
            if pid == 0:
                channel.close()
                _become(request, *descriptors, parent=me)
                return
            for descriptor in descriptors:
                os.close(descriptor)
            handle = os.pidfd_open(pid)
            socket.send_fds(channel, [json.dumps(pid).encode()], [handle])
            os.close(handle)


def _become(request: dict[str, Any], stdout: int, stderr: int, *, parent: int) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(125)
    for source, target in ((_holding(request["typed"]), 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        os.close(source)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv[1:] = request["arguments"]
    try:
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is not None and not isinstance(ended.code, int):
            raise
        if _is_service(request["arguments"]):
            raise
        # A command has said everything. To take apart all that was imported takes as long as most commands do.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code or 0)


def _holding(typed: str) -> int:
    """A descriptor from which this is read."""
    if not typed:
        return os.open(os.devnull, os.O_RDONLY)
    descriptor = os.memfd_create("typed")
    os.write(descriptor, typed.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _is_service(arguments: list[str]) -> bool:
    """`alerts` with a word after it is a command."""
    return arguments == ["alerts"] or (bool(arguments) and arguments[0] in _SERVICES and arguments[0] != "alerts")


def _import_everything() -> None:
    for name in (*_modules(), *_WHEN_FIRST_USED):
        importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        apprise.Apprise().add("json://localhost")  # it loads its plugins with the first address


def _import_libraries() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _import_everything()
        with os.fdopen(writing, "w") as names:
            names.write("\n".join(sys.modules))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as names:
        found = names.read().split("\n")
    os.waitpid(pid, 0)
    for name in found:
        if name.partition(".")[0] not in _OURS and not name.startswith("__"):
            with contextlib.suppress(ImportError):  # a name under which a library keeps a part of itself
                importlib.import_module(name)
    assert not [name for name in sys.modules if name.startswith(("schemas.", "services."))]


def _modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(services.__path__, "services."):
        if not found.name.startswith(_NOT_HERE):
            yield found.name


if __name__ == "__main__":
    main()
