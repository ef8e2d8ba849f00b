"""`pumpwatch conformance`: hold a device against the device maker's guide, on a bench.

Guarantees: the report goes to standard output, and what is waited for to standard error; the exit code is 0 where no
MUST failed, 1 where one did, and 2 where the run could not be done.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from schemas.events import EventKind
from services.commands.terminal import answer, fail, json_of, printable

if TYPE_CHECKING:
    from services.runtime.addresses import BrokerAddress

_PORT: Final = 1883
_LIKE_PRODUCTION: Final = ("retain_available false", "max_packet_size 266240")
"""What the deployed broker says at CONNECT (deploy/mosquitto)."""
_CANNOT: Final = 2


def conformance(
    device: Annotated[str, typer.Argument(help="The id with which the device under test logs in.")],
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Where the device connects; default: 127.0.0.1:1883, or the next free port."
        ),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A broker of the bench's own, mqtt://...; default: one is started."),
    ] = None,
    tls: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The device connects with TLS: server.crt, server.key and ca.crt."),
    ] = None,
    kind: Annotated[
        list[EventKind] | None, typer.Option(help="A kind of event that the device can send; give it once for each.")
    ] = None,
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Ask nobody to do anything: a program makes the device send events.")
    ] = False,
    patience_seconds: Annotated[float, typer.Option(min=0.1, help="How long to wait for what should come.")] = 120.0,
    resend_seconds: Annotated[
        float, typer.Option(min=0.1, help="How long the device waits for a receipt at first, if not the guide's 10.")
    ] = 10.0,
    as_json: Annotated[bool, json_of("device_id", "conforms", "counts", "findings")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, too.")] = None,
) -> None:
    """Hold a device under test against the device maker's guide, line by line (docs/devices.md, section 9).

    It stands between the device and a broker, and in ingest's place: it holds receipts back, rejects events, breaks the
    connection, and looks what the device does. Nothing is stored. Never with a device that is in a patient.
    Exit code 0: nothing failed that must be so; 1: something did; 2: the run could not be done.
    """
    from schemas.topics import DEVICE_ID_RULE, is_device_id, is_reserved_id
    from services.conformance import report
    from services.conformance.bench import BenchError, run, tls_as_at_a_clinic
    from services.conformance.course import Asked
    from services.conformance.judge import broken, judge
    from services.conformance.observations import Connect
    from services.conformance.story import Pace

    if not is_device_id(device) or is_reserved_id(device):
        fail(
            f"{device[:80]!a} cannot be a device's id: expected {DEVICE_ID_RULE}, not pumpwatch-...", exit_code=_CANNOT
        )
    asked = Asked(device, tuple(kind or ()), unattended, Pace(resend_seconds, patience_seconds))
    host, port = _address(listen)
    try:
        with _broker(broker) as bench_broker:
            context = tls_as_at_a_clinic(tls) if tls is not None else None
            _progress(f"the device connects to {'mqtt' if tls is None else 'mqtts'}://{host}:{port} as {device}")
            observations = asyncio.run(run(asked, bench_broker, host, port, _progress, tls=context))
    except BenchError as error:
        fail(str(error), exit_code=_CANNOT)
    except KeyboardInterrupt:
        fail("the run was ended before its end, and nothing is said of the device", exit_code=_CANNOT)
    if not any(isinstance(each, Connect) for each in observations):
        fail(f"{device} did not connect to {host}:{port} within {patience_seconds:g} s", exit_code=_CANNOT)
    findings = judge(device, asked.pace, observations)
    if junit is not None:
        try:
            junit.write_text(report.as_junit(device, findings), encoding="utf-8")
        except OSError as error:
            fail(f"--junit: {junit} cannot be written: {error.strerror or error}", exit_code=_CANNOT)
    answer(report.as_json(device, findings), report.lines(device, findings), as_json=as_json)
    if broken(findings):
        raise typer.Exit(1)


def _address(listen: str | None) -> tuple[str, int]:
    from services.devstack.errors import DevStackError
    from services.devstack.ports import free_port

    if listen is None:
        try:
            return "127.0.0.1", free_port(_PORT)
        except DevStackError as error:
            fail(str(error), exit_code=_CANNOT)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        fail("--listen: expected an address of this machine and a port, such as 0.0.0.0:1883", exit_code=_CANNOT)
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _broker(url: str | None) -> Iterator[BrokerAddress]:
    """The broker that was named, or one that is started and ends with the run."""
    from services.devstack.errors import DevStackError
    from services.devstack.servers.mosquitto import MosquittoServer, find_mosquitto
    from services.runtime.addresses import broker_address

    if url is not None:
        try:
            address = broker_address(url)
        except ValueError as error:
            fail(f"--broker: {error}", exit_code=_CANNOT)
        if address.tls is not None:
            fail("--broker: expected mqtt://..., a broker of the bench without TLS", exit_code=_CANNOT)
        yield address
        return
    try:
        with MosquittoServer(program=find_mosquitto(_progress), extra=_LIKE_PRODUCTION) as server:
            yield broker_address(server.url)
    except DevStackError as error:
        fail(str(error), exit_code=_CANNOT)


def _progress(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
