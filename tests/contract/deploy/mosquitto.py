"""Starts a Mosquitto on the committed configuration, with certificates of its own."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiomqtt

from services.devstack import folders
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess

DEPLOY = Path(__file__).parents[3] / "deploy"
LOGIN = "correct-horse"


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker: the port of the devices, that of the services, and the certificates."""

    devices_port: int
    services_port: int
    certificates: Path
    log: Path

    @property
    def url(self) -> str:
        """Where ingest logs in."""
        return f"mqtt://ingest:{LOGIN}@127.0.0.1:{self.services_port}"

    def tls(self, device: str | None, folder: Path | None = None) -> ssl.SSLContext:
        """What a device connects with: its certificate and key, of `folder` where they are not the broker's own."""
        own = self.certificates if folder is None else folder
        context = ssl.create_default_context(cafile=str(self.certificates / "ca.crt"))
        if device is not None:
            context.load_cert_chain(own / f"{device}.crt", own / f"{device}.key")
        return context

    @asynccontextmanager
    async def device(self, name: str, *, client_id: str | None = None) -> AsyncIterator[aiomqtt.Client]:
        async with aiomqtt.Client(
            hostname="localhost",
            port=self.devices_port,
            identifier=client_id or name,
            ssl_context=self.tls(name),
        ) as client:
            yield client

    @asynccontextmanager
    async def device_by_password(self, name: str, password: str) -> AsyncIterator[aiomqtt.Client]:
        """As devices log in in development."""
        async with aiomqtt.Client(
            hostname="127.0.0.1", port=self.devices_port, identifier=name, username=name, password=password.encode()
        ) as client:
            yield client

    @asynccontextmanager
    async def service(self, name: str, password: str = LOGIN) -> AsyncIterator[aiomqtt.Client]:
        async with aiomqtt.Client(
            hostname="127.0.0.1",
            port=self.services_port,
            identifier=f"services/{name}",
            username=name,
            password=password.encode(),
        ) as client:
            yield client


def render(folder: Path, mode: str, ports: dict[str, int]) -> Path:
    """Copy the committed configuration, with this machine's paths and ports in it."""
    config = folder / "config"
    for source in (DEPLOY / "mosquitto").rglob("*"):
        if source.is_file():
            text = source.read_text()
            for place in ("config", "certs", "run", "data"):
                text = text.replace(f"/mosquitto/{place}", str(folder / place))
            text = re.sub(r"^listener (\d+)$", lambda m: f"listener {ports[m[1]]} 127.0.0.1", text, flags=re.MULTILINE)
            target = config / source.relative_to(DEPLOY / "mosquitto")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return config / f"{mode}.conf"


@asynccontextmanager
async def running(
    mode: Literal["production", "development"], program: Path, certificates: Callable[[Path], None] | None = None
) -> AsyncIterator[Broker]:
    """The deployed broker; `certificates` fills its folder, else with those of make-test-certificates."""
    folder = folders.make_server_folder(f"mosquitto-{mode}")
    for name in ("certs", "run", "data"):
        (folder / name).mkdir()
    (certificates or make_certificates)(folder / "certs")
    ports = {"8883": free_port(), "1883": free_port()}
    conf = render(folder, mode, ports)
    account = folders.server_account()
    if account is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid)
    process = ManagedProcess(
        "Mosquitto",
        ["/bin/sh", str(conf.parent / "start"), mode],
        log_path=folder / "log",
        environment={
            "PATH": f"{program.parent}:/usr/local/bin:/usr/bin:/bin",
            "MOSQUITTO_CONFIG": str(conf.parent),
            "MOSQUITTO_RUN": str(folder / "run"),
            "MOSQUITTO_FILE": str(conf),
            "INGEST_MQTT_PASSWORD": LOGIN,
            "ALERTS_MQTT_PASSWORD": LOGIN,
            "DRILL_MQTT_PASSWORD": LOGIN,
            "SIMULATOR_MQTT_PASSWORD": "",
            "DEVELOPMENT_DEVICES": "pump-a:a pump-b:b",
        },
        folder=Path("/"),
        run_as=account,
    )
    process.start()
    try:
        await asyncio.to_thread(
            process.wait_until,
            lambda: accepts_connections("127.0.0.1", ports["1883"]),
            within_seconds=15,
            waiting_for="connections",
        )
        yield Broker(ports["8883"], ports["1883"], folder / "certs", folder / "log")
    finally:
        process.terminate(within_seconds=5)
        folders.remove_folder(folder)


def make_certificates(folder: Path) -> None:
    make = str(DEPLOY / "tls" / "make-test-certificates")
    for arguments in (
        ("server", "localhost", "127.0.0.1"),
        ("device", "pump-a", "pump-b", "pump-stolen", "ingest"),
        ("revoke", "pump-stolen"),
    ):
        subprocess.run(["sh", make, str(folder), *arguments], check=True, capture_output=True)
