"""What the deployed broker does with certificates of the commands: real Mosquitto, production.conf, real keys."""

from __future__ import annotations

import re
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from mqtt5 import ConnAckReasonCode, ConnectPacket, PublishPacket, QoS

from schemas.events import EventKind
from schemas.topics import EVENTS_FILTER, event_topic
from tests.contract.deploy.mosquitto import LOGIN, Broker, running
from tests.integration.certificates.world import DEVICES, Site, broker_of, lets_in
from tests.servers.wire import Wire, connected


async def still_works(wire: Wire, device: str, number: int) -> None:
    """A device that is connected publishes, and is answered."""
    topic = event_topic(device, EventKind.STATUS)
    await wire.send(PublishPacket(topic, payload=b"{}", qos=QoS.AT_LEAST_ONCE, packet_id=number))
    answer = await wire.receive()
    assert getattr(answer, "packet_id", None) == number, answer


@asynccontextmanager
async def on(broker: Broker, device: str, folder: Path):
    login = ConnectPacket(device, clean_start=False, session_expiry_interval=3600)
    async with connected(broker.devices_port, login, tls=broker.tls(device, folder)) as (wire, said):
        assert said.reason_code is ConnAckReasonCode.SUCCESS
        yield wire


@pytest.fixture
def issued(site: Site) -> Site:
    for device in DEVICES:
        said = site.signed("issue", device, "--csr", str(site.request(device)))
        assert said.startswith("certificate "), said
    return site


async def test_a_revoked_device_is_let_in_no_more_and_nobody_else_notices(issued: Site, mosquitto_program: Path):
    """No restart and no reload: the others, and ingest, keep their connections; a renewed certificate is let in."""
    site = issued
    async with broker_of(site, mosquitto_program) as broker:
        revoked = ("p-1", "--authority", str(site.authority), "--broker", str(broker.certificates), "--reason", "lost")
        async with on(broker, "p-2", site.folder) as other, broker.service("ingest") as ingest:
            await ingest.subscribe(f"$share/g/{EVENTS_FILTER}")
            async with on(broker, "p-3", site.folder):
                pass  # leaves a session behind, which a SIGHUP of Mosquitto 2.0 would free and go on using
            for round_number in (1, 2):
                assert await lets_in(broker, "p-1", site.folder)
                said = site.certificates("revoke", *revoked)
                assert "is revoked: lost\n" in said
                assert not await lets_in(broker, "p-1", site.folder)
                await still_works(other, "p-2", round_number)
                assert await lets_in(broker, "p-3", site.folder)
                (site.folder / "p-1.crt").unlink()
                assert "is of p-1, good until" in site.signed("issue", "p-1", "--csr", str(site.folder / "p-1.csr"))
            assert await lets_in(broker, "p-1", site.folder)
            got = [packet async for packet in _taken(ingest, 2)]
            assert [each.topic for each in got] == [event_topic("p-2", EventKind.STATUS)] * 2
        log = broker.log.read_text()
        assert log.count("Loading config file") == 1


async def _taken(client: aiomqtt.Client, count: int):
    async for packet in client.messages():
        assert isinstance(packet, PublishPacket)
        yield packet
        count -= 1
        if not count:
            return


async def test_a_renewed_device_is_let_in_by_either_certificate_until_the_old_one_ends(
    issued: Site, mosquitto_program: Path, tmp_path: Path
):
    async with broker_of(issued, mosquitto_program) as broker:
        new = tmp_path / "new"
        new.mkdir()
        said = issued.signed("renew", "p-1", "--csr", str(issued.folder / "p-1.csr"), out=new)
        assert "renews that of p-1" in said
        (new / "p-1.key").write_bytes((issued.folder / "p-1.key").read_bytes())
        assert await lets_in(broker, "p-1", new)
        assert await lets_in(broker, "p-1", issued.folder)
        old = re.findall(r"p-1 +([0-9a-f]+) +valid", issued.certificates("list", "--device", "p-1"))[0]
        revoked = ("--authority", str(issued.authority), "--broker", str(broker.certificates), "--reason", "renewed")
        issued.certificates("revoke", "p-1", "--serial", old, *revoked)
        assert not await lets_in(broker, "p-1", issued.folder)
        assert await lets_in(broker, "p-1", new)


async def test_a_broker_that_starts_again_knows_what_was_revoked(issued: Site, mosquitto_program: Path):
    async with broker_of(issued, mosquitto_program) as broker:
        revoked = ("--authority", str(issued.authority), "--broker", str(issued.authority), "--reason", "lost")
        issued.certificates("revoke", "p-1", *revoked)
        assert await lets_in(broker, "p-1", issued.folder)  # of a list elsewhere it knows nothing
    async with broker_of(issued, mosquitto_program) as broker:
        assert not await lets_in(broker, "p-1", issued.folder)
        assert await lets_in(broker, "p-2", issued.folder)


async def test_an_authority_is_followed_by_the_next_and_each_has_a_list_of_its_own(
    issued: Site, mosquitto_program: Path, tmp_path: Path
):
    """Of the same name, even. A broker with an authority of which it has no list refuses all of its devices."""
    new = Site(issued.database, tmp_path / "new", tmp_path / "authority-2")
    new.folder.mkdir()
    new.certificates("authority", str(new.authority))
    both = Site(issued.database, issued.folder, tmp_path / "both")
    both.authority.mkdir()
    (both.authority / "ca.crt").write_bytes(
        b"".join((each.authority / "ca.crt").read_bytes() for each in (issued, new))
    )
    new.signed("renew", "p-2", "--csr", str(new.request("p-2")))
    for each in (issued, new):
        said = each.certificates("revocations", "--authority", str(each.authority), "--broker", str(both.authority))
        assert ": 0 revoked, good until " in said

    def fill(folder: Path) -> None:
        for source in both.authority.rglob("*"):
            if source.is_file():
                target = folder / source.relative_to(both.authority)
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(source.read_bytes())
        new.certificates("server", "localhost", "--authority", str(new.authority), "--out", str(folder))

    async with running("production", mosquitto_program, fill) as broker:
        for site, device in ((issued, "p-1"), (issued, "p-2"), (new, "p-2")):
            assert await lets_in(broker, device, site.folder), device
        old = re.findall(r"p-2 +([0-9a-f]+) +valid", issued.certificates("list", "--device", "p-2"))[0]
        where = ("--authority", str(issued.authority), "--broker", str(broker.certificates), "--reason", "renewed")
        issued.certificates("revoke", "p-2", "--serial", old, *where)
        assert not await lets_in(broker, "p-2", issued.folder)
        assert await lets_in(broker, "p-1", issued.folder)
        assert await lets_in(broker, "p-2", new.folder)
        where = ("--authority", str(new.authority), "--broker", str(broker.certificates), "--reason", "lost")
        new.certificates("revoke", "p-2", *where)
        assert not await lets_in(broker, "p-2", new.folder)
        assert not await lets_in(broker, "p-2", issued.folder)
        assert await lets_in(broker, "p-1", issued.folder)


async def test_throw_off_ends_what_a_revoked_device_has_open(issued: Site, mosquitto_program: Path):
    """What deploy/mosquitto/throw-off does, by the broker's own health login: take the client id over for a moment."""
    async with broker_of(issued, mosquitto_program) as broker, on(broker, "p-1", issued.folder) as device:
        revoked = ("--authority", str(issued.authority), "--broker", str(broker.certificates), "--reason", "lost")
        said = issued.certificates("revoke", "p-1", *revoked)
        assert "throw-off p-1" in said
        await still_works(device, "p-1", 1)  # a certificate is looked at when a connection begins
        login = ConnectPacket("p-1", username="ingest", password=LOGIN.encode(), clean_start=True)
        async with connected(broker.services_port, login) as (_, said_to_it):
            assert said_to_it.reason_code is ConnAckReasonCode.SUCCESS
        with pytest.raises((ConnectionError, AssertionError)):
            await still_works(device, "p-1", 2)
        assert not await lets_in(broker, "p-1", issued.folder)


async def test_no_tls_1_3_session_is_taken_up_again(issued: Site, mosquitto_program: Path, tmp_path: Path):
    """Who takes up a session shows no certificate, and would be let in though it has been revoked meanwhile."""
    taken_up = tmp_path / "session"
    async with broker_of(issued, mosquitto_program) as broker:
        first = _handshake(broker, issued.folder, "-sess_out", str(taken_up))
        assert "New, TLSv1.3" in first
        assert not taken_up.exists() or "Reused" not in _handshake(broker, issued.folder, "-sess_in", str(taken_up))


def _handshake(broker: Broker, folder: Path, *options: str) -> str:
    """A connection by OpenSSL's own client: what it says of the session."""
    login = ConnectPacket("p-1", clean_start=True).write()
    authority, device = broker.certificates / "ca.crt", folder / "p-1"
    shown = ("-CAfile", str(authority), "-cert", f"{device}.crt", "-key", f"{device}.key")
    done = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"localhost:{broker.devices_port}",
            *shown,
            "-tls1_3",
            "-ign_eof",
            *options,
        ],
        input=login + bytes((0xE0, 0x00)),
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.stdout.decode(errors="replace")
