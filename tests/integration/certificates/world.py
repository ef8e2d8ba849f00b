"""What the tests of certificates share: an authority, a broker as it is deployed, a registry, and the commands."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mqtt5 import ConnAckReasonCode, ConnectPacket

from tests.command import pumpwatch
from tests.contract.deploy.mosquitto import Broker, running
from tests.servers.wire import connected
from tests.stack import Database

DEVICES = ("p-1", "p-2", "p-3")


@dataclass(frozen=True)
class Site:
    """A site with an authority of its own. `folder` is the operator's, `authority` the authority's."""

    database: Database
    folder: Path
    authority: Path

    def certificates(self, *arguments: str) -> str:
        """What `pumpwatch certificates ...` says; a refusal is one line on standard error."""
        done = pumpwatch("certificates", *arguments, DATABASE_URL=self.database.dsn, PUMPWATCH_BY="Ann")
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or len(done.stderr.splitlines()) <= 1 or "Usage" in done.stderr
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def signed(self, command: str, device: str, *options: str, out: Path | None = None) -> str:
        """`issue` or `renew` by this site's authority."""
        into = self.folder if out is None else out
        return self.certificates(command, device, "--authority", str(self.authority), "--out", str(into), *options)

    def request(self, device: str, name: str | None = None, *, key: str = "ec") -> Path:
        """A request as a device makes it, with a key that stays beside it."""
        kinds = {
            "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            "rsa": ("-newkey", "rsa:2048"),
            "rsa-1024": ("-newkey", "rsa:1024"),
            "curve": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
            "ed25519": ("-newkey", "ed25519"),
        }
        file, own = self.folder / f"{device}.csr", self.folder / f"{device}.key"
        subject = f"/CN={device if name is None else name}"
        make = [
            "openssl",
            "req",
            "-new",
            "-nodes",
            *kinds[key],
            "-keyout",
            str(own),
            "-subj",
            subject,
            "-out",
            str(file),
        ]
        subprocess.run(make, check=True, capture_output=True)
        return file


async def enrolled(database: Database) -> None:
    done = pumpwatch("enrol", *DEVICES, "--clinic", "north", DATABASE_URL=database.dsn, PUMPWATCH_BY="Ann")
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def broker_of(site: Site, program: Path) -> AsyncIterator[Broker]:
    """The deployed broker with this authority, and with a server's certificate of it."""

    def fill(folder: Path) -> None:
        for name in ("ca.crt", "crl.pem"):
            (folder / name).write_bytes((site.authority / name).read_bytes())
        site.certificates("server", "localhost", "127.0.0.1", "--authority", str(site.authority), "--out", str(folder))

    async with running("production", program, fill) as broker:
        yield broker


async def lets_in(broker: Broker, device: str, folder: Path) -> bool:
    """Whether the broker takes this device's certificate now."""
    login = ConnectPacket(device, clean_start=True)
    try:
        async with connected(broker.devices_port, login, tls=broker.tls(device, folder)) as (_, said):
            return said.reason_code is ConnAckReasonCode.SUCCESS
    except (OSError, EOFError):  # also what ssl raises
        return False
