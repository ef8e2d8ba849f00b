"""PURE. The packets of MQTT in a stream of bytes, whole, in order, and what the first one says of its protocol.

Guarantees: every byte that comes in comes out in exactly one packet or waits for the rest of its packet; a stream that
cannot be MQTT is refused.
"""

from __future__ import annotations

from typing import Final

_LONGEST_LENGTH_BYTES: Final = 4
_CONNECT: Final = 0x10
_NAMES: Final = {(b"MQTT", 5): "MQTT 5", (b"MQTT", 4): "MQTT 3.1.1", (b"MQIsdp", 3): "MQTT 3.1"}


class NotMqttError(ValueError):
    """These bytes are no packet of any version of MQTT."""


class Packets:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, received: bytes) -> list[bytes]:
        """Take in what came, and give out what is whole now.

        Raises:
            NotMqttError: The length of a packet cannot be read.
        """
        self._rest += received
        whole, at = [], 0
        while (end := _end(self._rest, at)) is not None and end <= len(self._rest):
            whole.append(self._rest[at:end])
            at = end
        self._rest = self._rest[at:]
        return whole


def _end(data: bytes, at: int) -> int | None:
    """Where the packet that begins at `at` ends; None where its length has not come."""
    length = 0
    for place in range(_LONGEST_LENGTH_BYTES):
        if at + 1 + place >= len(data):
            return None
        byte = data[at + 1 + place]
        length |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return at + 2 + place + length
    msg = "the length of a packet has more than four bytes"
    raise NotMqttError(msg)


def protocol_of(packet: bytes) -> str | None:
    """What a CONNECT says that it speaks; None: it is no CONNECT."""
    if packet[0] & 0xF0 != _CONNECT:
        return None
    header = next(place for place in range(1, len(packet)) if not packet[place] & 0x80) + 1
    length = int.from_bytes(packet[header : header + 2], "big")
    name, level = packet[header + 2 : header + 2 + length], packet[header + 2 + length : header + 3 + length]
    number = level[0] if level else 0
    return _NAMES.get((name, number), f"protocol {name[:20]!a} of level {number}")
