"""A Mosquitto broker of one's own: started, stopped, killed and started again.

Guarantees: loopback only; ready when `start` returns; gone when whoever started it is. Anyone on this machine
may publish and subscribe: it carries made-up data.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.devstack import folders
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess
from services.devstack.servers import system_packages

_LIMITS: Final = """\
# 0: no limit. With the default of 1000, messages for an ingestor that is away are dropped, and the publisher
# is told that all is well.
max_queued_messages 0
# How many messages may be unacknowledged. The default of 20 would never let a batch of an ingestor fill.
max_inflight_messages 8000
max_inflight_bytes 16777216
# A little more than the 262144 bytes that ingest decodes, so that it is ingest that says what was too large. Not
# message_size_limit: Mosquitto answers that with a reason code that MQTT 5 does not allow in a PUBACK.
max_packet_size 300000
"""


def find_mosquitto(say: Callable[[str], None] = lambda text: print(text, flush=True)) -> Path:
    """Find the broker's program, installing it where that is possible.

    Raises:
        DevStackError: It is missing and cannot be installed here.
    """
    return system_packages.ensure_program("mosquitto", "mosquitto", purpose="the MQTT broker", say=say)


def version(program: Path) -> str:
    """The broker's version, such as "2.0.11"."""
    done = subprocess.run([str(program), "-h"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = re.search(r"mosquitto version (\S+)", done.stdout)
    return found[1] if found else "of unknown version"


class MosquittoServer:
    """One broker; nothing runs before `start`.

    Args:
        folder: Owned by the account the broker runs as; a new one when None.
        port: None: a free one.
        persistence: Keep sessions and queued messages in a file that is written every second, not with every message:
            what was acknowledged in the last second is lost with `kill -9`, as it may be with any Mosquitto.
        extra: Further lines of `mosquitto.conf`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        port: int | None = None,
        *,
        persistence: bool = False,
        extra: Sequence[str] = (),
        program: Path | None = None,
        log_path: Path | None = None,
    ) -> None:
        self.program = find_mosquitto() if program is None else program
        self.host = "127.0.0.1"
        self.port = free_port() if port is None else port
        self._folder = folders.make_server_folder("mosquitto") if folder is None else folder
        self._lines = [f"listener {self.port} {self.host}", "allow_anonymous true", *extra]
        if persistence:
            self._lines += [
                "persistence true",
                f"persistence_location {self._folder}/",
                "autosave_interval 1",
            ]
        self._configuration = self._folder / "mosquitto.conf"
        self.process = ManagedProcess(
            "Mosquitto",
            [str(self.program), "-c", str(self._configuration)],
            log_path=log_path or self._folder / "mosquitto.log",
            environment={"PATH": os.defpath},
            folder=Path("/"),
            run_as=folders.server_account(),
        )

    @property
    def url(self) -> str:
        """Its address, as settings want it."""
        return f"mqtt://{self.host}:{self.port}"

    def start(self) -> None:
        """Start, and return when connections are accepted.

        Raises:
            DevStackError: With the end of the log.
        """
        self._configuration.write_text(_LIMITS + "\n".join(self._lines) + "\n", encoding="utf-8")
        self.process.start()
        self.process.wait_until(
            lambda: accepts_connections(self.host, self.port),
            within_seconds=15,
            waiting_for="connections to be accepted",
        )
        if not self.process.is_running:  # then it was somebody else who accepted
            raise self.process.died()

    def stop(self) -> None:
        """End in order; with persistence, everything is written first."""
        self.process.terminate(within_seconds=10)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self.process.kill()

    def forget(self) -> None:
        """Remove what it kept, sessions and queues, as a lost volume would; while it is stopped."""
        (self._folder / "mosquitto.db").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop, and remove the folder."""
        self.process.kill()
        folders.remove_folder(self._folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
