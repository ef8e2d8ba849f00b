"""A broker that ends the connection over a receipt, for a reason that nobody could know: the others get theirs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial

import mqtt5

from tests.ingest_world import encoded, enrol, ingest_settings, not_sent, reading, unique
from tests.stack import eventually


class PickyBroker:
    """Ends the connection with each receipt for `disliked`, and forgets that its message was acknowledged."""

    def __init__(self, disliked: str) -> None:
        self.disliked = disliked
        self.queue: list[tuple[str, bytes, bytes]] = []
        self.delivered: set[tuple[str, bytes]] = set()
        self.receipts: list[tuple[str, bytes | None]] = []
        self.connections = 0
        """Without those of alarms, of which there are none here."""
        self.of_alarms: set[asyncio.StreamWriter] = set()
        self.subscriber: asyncio.StreamWriter | None = None
        self.url = ""

    def hold(self, device: str, correlation: bytes) -> None:
        """Have an event of `device` for whoever is connected, and again for whoever connects later."""
        self.queue.append((device, encoded(reading()), correlation))
        if self.subscriber is not None:
            self.subscriber.write(self.message(len(self.queue) - 1).write())

    def connected_after(self, connections: int) -> bool:
        return self.connections > connections

    def message(self, number: int) -> mqtt5.PublishPacket:
        device, payload, correlation = self.queue[number]
        again = (device, correlation) in self.delivered
        self.delivered.add((device, correlation))
        return mqtt5.PublishPacket(
            f"pumpwatch/v1/{device}/events/reservoir",
            payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=number + 1,
            duplicate=again,
            response_topic=f"pumpwatch/v1/{device}/receipts",
            correlation_data=correlation,
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pending = b""
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                pending += chunk
                while pending:
                    try:
                        packet, size = mqtt5.read(memoryview(pending))
                    except IndexError:
                        break
                    pending = pending[size:]
                    if not self.answer(packet, writer):
                        pending = b""
                        writer.close()
        writer.close()

    def answer(self, packet: mqtt5.Packet, writer: asyncio.StreamWriter) -> bool:
        match packet:
            case mqtt5.ConnectPacket() if packet.client_id.endswith("/alarms"):
                self.of_alarms.add(writer)
                writer.write(mqtt5.ConnAckPacket().write())
            case mqtt5.ConnectPacket():
                self.connections += 1
                writer.write(mqtt5.ConnAckPacket(session_present=self.connections > 1).write())
            case mqtt5.SubscribePacket():
                reason = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]
                writer.write(mqtt5.SubAckPacket(packet.packet_id, reason).write())
                if writer in self.of_alarms:
                    return True
                self.subscriber = writer
                for number in range(len(self.queue)):
                    writer.write(self.message(number).write())
            case mqtt5.PublishPacket():
                self.receipts.append((packet.topic, packet.correlation_data))
                if packet.topic == f"pumpwatch/v1/{self.disliked}/receipts":
                    self.subscriber = None
                    writer.write(mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.PROTOCOL_ERROR).write())
                    return False
            case mqtt5.PingReqPacket():
                writer.write(mqtt5.PingRespPacket().write())
            case _:
                pass
        return True


@asynccontextmanager
async def serving(broker):
    async with await asyncio.start_server(broker.serve, "127.0.0.1", 0) as server:
        broker.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield broker


async def test_a_message_whose_receipt_ended_the_connection_does_not_end_the_next_one(run_service, database):
    good, bad = unique("pump"), unique("pump")
    await enrol(database.pool, [good, bad])
    async with serving(PickyBroker(disliked=bad)) as broker:
        broker.hold(bad, b"bad")
        service = await run_service("ingest", ingest_settings(database.dsn, broker), wait=False)

        async def withheld():
            return service.is_running and broker.connections and await not_sent(service, "ended_a_connection") == 1

        await eventually(lambda: broker.receipts, 20)
        await eventually(withheld, 10)
        assert broker.receipts == [(f"pumpwatch/v1/{bad}/receipts", b"bad")]
        assert broker.connections == 2
        assert await asyncio.to_thread(service.is_ready)


async def test_receipts_that_end_connections_again_and_again_never_lengthen_the_wait(run_service, database):
    good, bad = unique("pump"), unique("pump")
    await enrol(database.pool, [good, bad])
    async with serving(PickyBroker(disliked=bad)) as broker:
        service = await run_service("ingest", ingest_settings(database.dsn, broker))
        for number in range(6):
            before = broker.connections
            broker.queue.clear()
            broker.hold(good, b"good %d" % number)
            broker.hold(bad, b"bad %d" % number)
            await eventually(partial(broker.connected_after, before), 3, what="connected again")
        told = {correlation for topic, correlation in broker.receipts if topic == f"pumpwatch/v1/{good}/receipts"}
        assert told == {b"good %d" % number for number in range(6)}
        assert "again_in_seconds=0.5" in service.log()
        assert service.log().count("again_in_seconds=0.5") == service.log().count("broker_lost")
