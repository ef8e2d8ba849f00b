"""The reference clients as processes, as they stand in the guide or with one thing in them broken."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.devstack.servers import npm, system_packages
from tests.contract.prose import ROOT_FOLDER

EXAMPLES = ROOT_FOLDER / "docs" / "examples"
PYTHON, NODE = EXAMPLES / "device.py", EXAMPLES / "device.js"
RESEND_SECONDS = 1.2
HEARTBEAT_SECONDS = 0.5


class Device:
    """One of them that runs, with its log on disk."""

    def __init__(self, program: Path, device_id: str, port: int, folder: Path, *, heartbeat: float) -> None:
        self.device_id = device_id
        self._log = folder / f"{device_id}.log"
        self._errors = folder / f"{device_id}.stderr"
        self._arguments = [
            *(_node() if program.suffix == ".js" else [sys.executable]),
            *(str(program), device_id, "127.0.0.1", str(port), str(self._log)),
            *(str(RESEND_SECONDS), str(heartbeat)),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def switch_on(self) -> None:
        with self._errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "NODE_PATH": str(npm.ensure_mqtt() / "node_modules")},
            )

    async def switch_off(self) -> None:
        """As a battery that is taken out."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def observe(self, **event: object) -> None:
        """Something happens to it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event).encode() + b"\n")
        await self._process.stdin.drain()

    @property
    def errors(self) -> str:
        return self._errors.read_text()


@asynccontextmanager
async def running(
    program: Path, device_id: str, port: int, folder: Path, *, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncIterator[Device]:
    """A device that is switched on, until the end."""
    device = Device(program, device_id, port, folder, heartbeat=heartbeat)
    await device.switch_on()
    try:
        yield device
    finally:
        await device.switch_off()


def broken(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """The Python client with something in it changed, each in exactly one place."""
    text = PYTHON.read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def _node() -> list[str]:
    return [str(system_packages.ensure_program("node", "nodejs", purpose="the reference client in JavaScript"))]
