"""A run written by hand: what a bench would have written down of a device, well-behaved unless told otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.conformance.finding import Finding, Verdict
from services.conformance.judge import judge
from services.conformance.observations import (
    Answered,
    By,
    Caught,
    Connect,
    Delivered,
    Ended,
    Observation,
    Opened,
    Probe,
    ProbeBegan,
    ProbeEnded,
    Published,
    Subscribed,
    TurnedAway,
    Will,
)
from services.conformance.story import Pace

DEVICE = "pump-1"
TOPIC = f"pumpwatch/v1/{DEVICE}"
BEGAN = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
PACE = Pace(resend_seconds=10.0, patience_seconds=60.0)
STORED = b'{"stored": 1, "duplicates": 0, "rejected": []}'


def event_id(number: int) -> UUID:
    return UUID(int=number)


class Written:
    """Observations in their order. Time goes on by a tenth of a second with each, and by `later` at once."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.at = 0.0
        self.connection = 0
        self.events: dict[int, bytes] = {}

    @property
    def wall(self) -> datetime:
        return BEGAN + timedelta(seconds=self.at)

    def later(self, seconds: float) -> None:
        self.at += seconds

    def note(self, observation: Observation) -> None:
        self.observations.append(observation)
        self.at += 0.1

    def connect(
        self,
        *,
        will: Will | None = None,
        login: str | None = DEVICE,
        filters=(f"{TOPIC}/receipts",),
        refusal="",
        **more,
    ) -> None:
        self.connection += 1
        number = self.connection
        self.note(Opened(self.at, self.wall, number))
        self.note(Connect(self.at, number, "MQTT 5", login, will))
        self.note(Answered(self.at, number, refusal, **{"largest_packet_bytes": 266_240, "topic_aliases": 10} | more))
        if filters:
            self.note(Subscribed(self.at, number, filters))

    def observe(self, number: int, kind: str = "status", **fields: object) -> bytes:
        """An event of this moment, which stays the same once it is made."""
        event = {"event_id": str(event_id(number)), "observed_at": self.wall.isoformat(), "seq": number, **fields}
        self.events[number] = json.dumps({"kind": kind, **event}).encode()
        return self.events[number]

    def publish(self, number: int, kind: str = "status", *, payload: bytes | None = None, **wire: object) -> None:
        """Publish an event, made now if it was not before."""
        if payload is None:
            payload = self.events.get(number) or self.observe(number, kind)
        said = {
            "topic": f"{TOPIC}/events/{kind}",
            "response_topic": f"{TOPIC}/receipts",
            "correlation": str(number).encode(),
            "packet_bytes": len(payload) + 80,
        } | wire
        self.note(Published(self.at, self.wall, self.connection, payload=payload, **said))  # type: ignore[arg-type]

    def receipt(self, number: int, payload: bytes = STORED, *, topic: str = f"{TOPIC}/receipts") -> None:
        self.note(Delivered(self.at, self.connection, topic, payload, str(number).encode()))

    def reject(self, number: int, reason: str = "unknown_value") -> None:
        rejected = {"index": None, "event_id": str(event_id(number)), "reason": reason, "detail": ""}
        self.receipt(number, json.dumps({"stored": 0, "duplicates": 0, "rejected": [rejected]}).encode())

    def end(self, by: By = By.BENCH) -> None:
        self.note(Ended(self.at, self.connection, by))

    def begin(self, probe: Probe) -> None:
        self.note(ProbeBegan(self.at, self.wall, probe))

    def catch(self, probe: Probe, *numbers: int) -> None:
        self.note(Caught(self.at, probe, frozenset(map(event_id, numbers))))

    def finish(self, probe: Probe) -> None:
        self.note(ProbeEnded(self.at, self.wall, probe))

    def turn_away(self, *pauses: float) -> None:
        self.note(TurnedAway(self.at))
        for pause in pauses:
            self.later(pause - 0.1)
            self.note(TurnedAway(self.at))


def sent_and_counted(run: Written, number: int, kind: str = "status") -> None:
    run.publish(number, kind)
    run.receipt(number)


def lost(run: Written, waits=(10.0, 20.0, 40.0)) -> None:
    run.begin(Probe.LOST)
    run.publish(10)
    run.catch(Probe.LOST, 10)
    for wait in waits:
        run.later(wait)
        run.publish(10)
    run.finish(Probe.LOST)
    run.receipt(10)


def stray(run: Written, *, again: bool = True) -> None:
    run.begin(Probe.STRAY)
    run.publish(11)
    run.catch(Probe.STRAY, 11)
    run.later(10)
    if again:
        run.publish(11)
    run.finish(Probe.STRAY)
    run.receipt(11)


def noise(run: Written) -> None:
    run.begin(Probe.NOISE)
    run.publish(12)
    run.catch(Probe.NOISE, 12)
    run.receipt(12)
    run.receipt(12)
    sent_and_counted(run, 13)
    run.finish(Probe.NOISE)


def rejected(run: Written, probe: Probe, number: int, reason: str) -> None:
    run.begin(probe)
    run.publish(number)
    run.catch(probe, number)
    run.reject(number, reason)
    sent_and_counted(run, number + 1)
    run.later(30)
    run.finish(probe)


def cut(run: Written) -> None:
    run.begin(Probe.CUT)
    run.publish(18)
    run.catch(Probe.CUT, 18)
    run.end()
    run.later(1)
    run.connect()
    run.publish(18)
    run.finish(Probe.CUT)
    run.receipt(18)
    sent_and_counted(run, 19)


def away(run: Written, pauses=(1.0, 2.0, 4.0, 8.0)) -> None:
    run.later(40)
    run.begin(Probe.AWAY)
    run.end()
    run.later(2)
    run.observe(20, "bolus", outcome="delivered")
    run.observe(21, "alarm", code="motor_stall", state="raised")
    run.turn_away(*pauses)
    run.later(16)
    run.connect()
    sent_and_counted(run, 21, "alarm")
    sent_and_counted(run, 20, "bolus")
    sent_and_counted(run, 22)
    run.finish(Probe.AWAY)


def power(run: Written) -> None:
    run.begin(Probe.POWER)
    run.publish(23)
    run.catch(Probe.POWER, 23)
    run.end(By.DEVICE)
    run.later(5)
    run.connect()
    run.publish(23)
    run.finish(Probe.POWER)
    run.receipt(23)
    sent_and_counted(run, 24)


def conforming() -> Written:
    """A whole run of a device that does all of it."""
    run = Written()
    run.connect()
    sent_and_counted(run, 9)
    lost(run)
    stray(run)
    noise(run)
    rejected(run, Probe.REJECTED, 14, "unknown_value")
    rejected(run, Probe.CLOCK, 16, "clock_behind")
    cut(run)
    away(run)
    power(run)
    return run


def findings(run: Written) -> dict[str, Finding]:
    return {each.requirement.number: each for each in judge(DEVICE, PACE, run.observations)}


def numbers(run: Written, verdict: Verdict) -> set[str]:
    return {number for number, each in findings(run).items() if each.verdict is verdict}


def changed(run: Written, which: type, **fields: Any) -> Written:
    """The same run, with every observation of a kind changed."""
    run.observations = [replace(each, **fields) if isinstance(each, which) else each for each in run.observations]
    return run
