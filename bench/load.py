"""The load: a process that publishes pre-encoded QoS 1 messages as fast as the broker takes them.

    python -m bench.load PORT FILE MESSAGES

It writes the bytes of FILE to the broker after one CONNECT, reads what comes back so that nothing stalls, and ends when
as many PUBACKs have come as there are messages. Made to cost as little as can be: it shares two cores with the rest.
"""

from __future__ import annotations

import mmap
import socket
import sys
import threading
from pathlib import Path
from typing import Final
from uuid import UUID

from mqtt5 import ConnectPacket, PublishPacket, QoS

from schemas.events import EventKind
from schemas.topics import event_topic

_CHUNK_BYTES: Final = 65_536
_PUBACK_BYTES: Final = 4


def event_id(number: int) -> UUID:
    """The id of event `number`: different for each, and spread like a random one."""
    return UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)


def write_messages(path: Path, *, events: int, devices: int, batch: int, observed_at: str) -> int:
    """Encode `events` reservoir readings of `devices` pumps, `batch` to a message, into `path`.

    Returns:
        How many messages there are.
    """
    messages = 0
    with path.open("wb", buffering=1 << 20) as out:
        for first in range(0, events, batch):
            device = messages % devices
            seq = messages // devices * batch - first  # of the device's own counter, beside that of the load
            payload = ",".join(
                f'{{"event_id":"{event_id(number)}","observed_at":"{observed_at}","seq":{seq + number},'
                f'"volume_ml":{5 + number % 300 / 10},"basis":"computed"}}'
                for number in range(first, min(first + batch, events))
            )
            topic = event_topic(f"pump-{device:06d}", EventKind.RESERVOIR)
            body = payload.encode() if batch == 1 else b"[" + payload.encode() + b"]"
            packet = PublishPacket(topic, body, qos=QoS.AT_LEAST_ONCE, packet_id=messages % 65_535 + 1)
            out.write(packet.write())
            messages += 1
    return messages


def publish(port: int, path: Path, messages: int) -> None:
    """Send the file's messages, and return when all are acknowledged by the broker."""
    with socket.create_connection(("127.0.0.1", port)) as broker, path.open("rb") as file:
        broker.sendall(ConnectPacket("bench-load", clean_start=True).write())
        broker.recv(256)
        reader = threading.Thread(target=_count_acknowledgements, args=(broker, messages))
        reader.start()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            for start in range(0, len(view), _CHUNK_BYTES):
                broker.sendall(view[start : start + _CHUNK_BYTES])
        reader.join()


def _count_acknowledgements(broker: socket.socket, messages: int) -> None:
    # Mosquitto answers with PUBACKs of four bytes where a subscriber matches: their sum says how many came.
    left = messages * _PUBACK_BYTES
    while left > 0:
        received = broker.recv(_CHUNK_BYTES)
        if not received:
            sys.exit("the broker closed the connection")
        left -= len(received)


if __name__ == "__main__":
    publish(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
