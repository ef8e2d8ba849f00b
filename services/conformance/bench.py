"""A run from its beginning to its end: nobody else may be there, then the port is open, and the course is run.

Guarantees: nothing is tried where somebody else takes devices' events (an ingest that runs, or whose session the broker
keeps): the run ends before the device's port is open.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Final

import mqtt5

from schemas.events import EventKind
from schemas.topics import RESERVED_PREFIX, event_topic
from services.conformance.course import Asked, Course
from services.conformance.notebook import Notebook
from services.conformance.observations import Observation
from services.conformance.stand_in import StandIn
from services.conformance.tap import Tap, listening
from services.runtime.addresses import BrokerAddress, BrokerUnavailableError
from services.runtime.device_link.connect import open_link
from services.runtime.device_link.link import LinkError, reason_name
from services.runtime.mqtt import ConnectionLostError, connect

NOBODY: Final = f"{RESERVED_PREFIX}conformance"
"""A device that cannot be enrolled: what is published in its name is nobody's event, whoever takes it."""


class BenchError(RuntimeError):
    """The run cannot be done; the message says why, and what was expected."""


async def run(
    asked: Asked,
    broker: BrokerAddress,
    host: str,
    port: int,
    say: Callable[[str], None],
    *,
    tls: ssl.SSLContext | None = None,
) -> list[Observation]:
    """Run the whole course, and return what was observed.

    Args:
        asked: What is to be done.
        broker: A broker of the bench's own.
        host: Where the device's connections are taken.
        port: Likewise.
        say: Tells the tester what is waited for, and what to do.
        tls: With which the device connects; None: without.

    Raises:
        BenchError: Broker or port cannot be used, or somebody else takes events there.
    """
    notebook = Notebook()
    try:
        await refuse_where_somebody_listens(broker)
        async with connect(broker, client_id=f"{NOBODY}-{token_hex(4)}") as connection:
            tap = Tap(broker, notebook)
            stand_in = StandIn(asked.device_id, connection, notebook)
            await stand_in.subscribe()
            answering = asyncio.ensure_future(stand_in.run())
            try:
                async with listening(tap, host, port, tls):
                    course = asyncio.ensure_future(Course(asked, notebook, tap, stand_in, say).run())
                    await asyncio.wait({course, answering}, return_when=asyncio.FIRST_COMPLETED)
                    if not course.done():
                        course.cancel()
                        await answering  # raises: it ends by no other way
                    await course
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
    except (BrokerUnavailableError, ConnectionLostError, LinkError) as error:
        msg = f"the broker cannot be used: {error}"
        raise BenchError(msg) from error
    except OSError as error:
        msg = f"cannot listen on {host}:{port}: {error.strerror or error}; expected a free port of this machine"
        raise BenchError(msg) from error
    return notebook.observations


def tls_as_at_a_clinic(folder: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer, for devices with a certificate of the same authority that signed the bench's own.

    Args:
        folder: With `server.crt`, `server.key` and `ca.crt`.

    Raises:
        BenchError: A file is not there, or is not what it should be.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
    except OSError as error:  # also what ssl raises
        msg = f"{folder}: expected server.crt, server.key and ca.crt, as PEM: {error}"
        raise BenchError(msg) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def refuse_where_somebody_listens(broker: BrokerAddress) -> None:
    """Refuse a broker at which somebody takes devices' events.

    A message of nobody is published, and the broker says whether anybody subscribes to its like (the alert service does
    to alarms alone). Ingest would keep it as a dead letter of an unknown device, and no more.

    Raises:
        BenchError: Somebody does, or this login may not ask.
        LinkError: The broker cannot be reached.
    """
    async with open_link(broker, f"{NOBODY}-{token_hex(4)}", lambda _: None) as link:
        answers = [await link.publish(event_topic(NOBODY, kind), b"{}") for kind in (EventKind.STATUS, EventKind.ALARM)]
    for said in answers:
        if said == mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS:
            continue
        msg = (
            f"at {broker} somebody takes devices' events already (PUBACK: {reason_name(said)}), as an ingest does that "
            "runs there, or that comes back to its session; expected a broker of the bench's own: leave out --broker"
        )
        raise BenchError(msg)
