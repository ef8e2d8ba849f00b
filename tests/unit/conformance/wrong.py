"""Devices that do something wrong, each by the number of the requirement that it breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.conformance.observations import By, Connect, Opened, Probe, Published, Subscribed, Unreadable, Will
from tests.unit.conformance import written
from tests.unit.conformance.written import DEVICE, TOPIC, Written, conforming, event_id


def published(run: Written, **wire: Any) -> Written:
    """One more event, with something wrong on the wire."""
    run.publish(25, **wire)
    return run


def said(run: Written, kind: str = "status", **fields: Any) -> Written:
    """One more event, with something wrong in it."""
    whole = {"event_id": str(event_id(25)), "observed_at": run.wall.isoformat(), "seq": 25} | fields
    run.publish(
        25, kind, payload=json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
    )
    return run


def with_will(*wills: Will) -> Written:
    run = conforming()
    run.end(By.DEVICE)
    for will in wills:
        run.connect(will=will, filters=())
        run.end(By.DEVICE)
    return run


def a_will(number: int, *, kind: str = "status", retain: bool = False) -> Will:
    run = Written()
    return Will(f"{TOPIC}/events/{kind}", run.observe(number, kind), retain)


def changed_event(number: int, **fields: Any) -> Written:
    """An event that came before comes again, otherwise."""
    run = conforming()
    again = json.loads(run.events[number]) | fields
    run.publish(number, payload=json.dumps(again).encode(), correlation=b"again")
    return run


def two_connections() -> Written:
    run = conforming()
    run.connect()
    return run


def one_that_is_taken_over() -> Written:
    run = conforming()
    run.note(Opened(run.at, run.wall, 99))
    run.note(Connect(run.at, 99, "MQTT 5", DEVICE))
    run.end(By.BROKER)
    return run


def without(*probes: Probe, **instead: Callable[[Written], None]) -> Written:
    """A run in which some probes went otherwise, or were not tried."""
    run = Written()
    run.connect()
    written.sent_and_counted(run, 9)
    steps: dict[Probe, Callable[[Written], None]] = {
        Probe.LOST: written.lost,
        Probe.STRAY: written.stray,
        Probe.NOISE: written.noise,
        Probe.REJECTED: lambda run: written.rejected(run, Probe.REJECTED, 14, "unknown_value"),
        Probe.CLOCK: lambda run: written.rejected(run, Probe.CLOCK, 16, "clock_behind"),
        Probe.CUT: written.cut,
        Probe.AWAY: written.away,
        Probe.POWER: written.power,
    }
    for probe, step in steps.items():
        if probe not in probes:
            instead.get(probe.name, step)(run)
    return run


def never_again(probe: Probe, *, connects: bool = True) -> Callable[[Written], None]:
    def step(run: Written) -> None:
        number = {Probe.LOST: 10, Probe.STRAY: 11, Probe.CUT: 18, Probe.POWER: 23}[probe]
        run.begin(probe)
        run.publish(number)
        run.catch(probe, number)
        if probe in {Probe.CUT, Probe.POWER}:
            run.end()
            if connects:
                run.connect()
                written.sent_and_counted(run, number + 1)
        run.later(60)
        run.finish(probe)
        if not connects:
            run.connect()
            written.sent_and_counted(run, number + 1)

    return step


def hangs_up(run: Written) -> None:
    run.begin(Probe.NOISE)
    run.publish(12)
    run.catch(Probe.NOISE, 12)
    run.end(By.DEVICE)
    run.connect()
    run.publish(12)
    run.receipt(12)
    written.sent_and_counted(run, 13)
    run.finish(Probe.NOISE)


def falls_silent(run: Written) -> None:
    run.begin(Probe.NOISE)
    run.publish(12)
    run.catch(Probe.NOISE, 12)
    run.receipt(12)
    run.finish(Probe.NOISE)


def stays_away(run: Written) -> None:
    run.begin(Probe.AWAY)
    run.end()
    run.later(60)
    run.finish(Probe.AWAY)


def tries_and_gives_up(run: Written) -> None:
    run.begin(Probe.AWAY)
    run.end()
    run.turn_away(1, 2, 4, 8)
    run.later(60)
    run.finish(Probe.AWAY)


def away_with(*order: tuple[int, str], together: bool = False, early: float = 2.0) -> Callable[[Written], None]:
    def step(run: Written) -> None:
        run.begin(Probe.AWAY)
        run.end()
        run.later(early)
        run.observe(20, "bolus", outcome="delivered")
        run.later(2)
        run.observe(21, "alarm", code="motor_stall", state="raised")
        run.turn_away(1, 2, 4, 8)
        run.connect()
        if together:
            both = b"[" + run.events[20] + b"," + run.events[21] + b"]"
            run.publish(20, "batch", payload=both)
            run.receipt(20, b'{"stored": 2, "duplicates": 0}')
        for number, kind in order:
            written.sent_and_counted(run, number, kind)
        written.sent_and_counted(run, 22)
        run.finish(Probe.AWAY)

    return step


def sent_for_ever(run: Written) -> Written:
    run.reject(9)
    run.later(20)
    run.publish(14)
    return run


def counted_and_sent_again(run: Written) -> Written:
    run.later(20)
    run.publish(9)
    return run


def clock_set_by(run: Written, **change: Any) -> Written:
    again = json.loads(run.events[16]) | {"observed_at": (run.wall - timedelta(hours=1)).isoformat()} | change
    run.publish(16, payload=json.dumps(again).encode(), correlation=b"again")
    return run


def with_clock(hours: float) -> Written:
    run = conforming()
    shift = timedelta(hours=hours)
    for number, each in enumerate(run.observations):
        if isinstance(each, Published):
            event = json.loads(each.payload)
            event["observed_at"] = (written.BEGAN.fromisoformat(event["observed_at"]) + shift).isoformat()
            run.observations[number] = replace(each, payload=json.dumps(event).encode())
    return run


BREAKS: dict[str, tuple[str, Callable[[], Written], str]] = {
    "another protocol": ("D-01", lambda: written.changed(conforming(), Connect, protocol="MQTT 3.1.1"), "MQTT 3.1.1"),
    "no packet": ("D-01", lambda: _noted(Unreadable(500.0, 1, "not a packet")), "cannot be read"),
    "another's login": ("D-02", lambda: written.changed(conforming(), Connect, login="pump-2"), "'pump-2'"),
    "two connections": ("D-03", two_connections, "while one from before was open"),
    "one taken over": ("D-03", one_that_is_taken_over, "while one from before was open"),
    "too large": ("D-04", lambda: published(conforming(), packet_bytes=266_241), "266241 bytes"),
    "retained": ("D-05", lambda: published(conforming(), retain=True), "retain 1"),
    "a will that is retained": ("D-05", lambda: with_will(a_will(25, retain=True)), "the will has retain 1"),
    "an alias too many": ("D-06", lambda: published(conforming(), topic_alias=11), "alias 11; expected at most 10"),
    "a topic of nobody": ("D-07", lambda: published(conforming(), topic="pump-1/status"), "'pump-1/status'"),
    "another's topic": (
        "D-07",
        lambda: published(conforming(), topic="pumpwatch/v1/pump-2/events/status"),
        "expected 'pumpwatch/v1/pump-1/events/status'",
    ),
    "no subscription": (
        "D-08",
        lambda: written.changed(conforming(), Subscribed, filters=(f"{TOPIC}/other/#",)),
        "nothing asked for",
    ),
    "too many subscriptions": (
        "D-09",
        lambda: written.changed(conforming(), Subscribed, filters=("pumpwatch/v1/+/receipts",)),
        "alone",
    ),
    "an alarm as a will": ("D-10", lambda: with_will(a_will(25, kind="alarm")), "expected a status at most"),
    "the same will again": ("D-11", lambda: with_will(a_will(25), a_will(25)), "event_id of an earlier connection's"),
    "no new connection": ("D-12", lambda: without(CUT=never_again(Probe.CUT, connects=False)), "no new connection"),
    "away for good": ("D-13", lambda: without(Probe.POWER, AWAY=stays_away), "no new connection"),
    "gives up": ("D-13", lambda: without(Probe.POWER, AWAY=tries_and_gives_up), "not again once one was"),
    "no longer pauses": ("D-14", lambda: without(AWAY=lambda run: written.away(run, (1, 1, 1, 1))), "longer ones"),
    "a certificate of nobody": (
        "D-15",
        lambda: written.changed(conforming(), Opened, tls="TLSv1.3", common_names=()),
        "a certificate with 0 common names",
    ),
    "another's certificate": (
        "D-02",
        lambda: written.changed(conforming(), Opened, tls="TLSv1.3", common_names=("pump-2",)),
        "'pump-2'",
    ),
    "QoS 0": ("D-20", lambda: published(conforming(), qos=0), "QoS 0"),
    "a wrong unit": (
        "D-21",
        lambda: said(conforming(), "reservoir", volume_ml=4000),
        "volume_ml: expected at most 100",
    ),
    "a new id": ("D-22", lambda: changed_event(9, event_id=str(event_id(25))), "expected the same event_id again"),
    "an id for two": (
        "D-22",
        lambda: changed_event(9, seq=25, observed_at="2026-11-27T12:00:09+00:00"),
        "expected an id of its own",
    ),
    "another time": ("D-23", lambda: changed_event(9, observed_at="2026-11-27T12:00:09+00:00"), "as before"),
    "another content": ("D-24", lambda: changed_event(9, battery_percent=50.0), "another battery_percent than before"),
    "another number": ("D-24", lambda: changed_event(9, seq=25), "another seq than before"),
    "a number twice": ("D-25", lambda: said(conforming(), seq=9, firmware="2"), "has the seq 9 of event"),
    "a number for some": ("D-25", lambda: said(conforming(), seq=None), "1 event without a seq"),
    "replaces itself": ("D-30", lambda: said(conforming(), "refill", **refill(25)), "replaces itself"),
    "replaces another kind": (
        "D-30",
        lambda: said(conforming(), "refill", **refill(9)),
        "a refill and replaces a status",
    ),
    "asks nobody": ("D-40", lambda: published(conforming(), response_topic=None), "no Response Topic"),
    "asks elsewhere": ("D-40", lambda: published(conforming(), response_topic="here"), "Response Topic 'here'"),
    "no name": ("D-41", lambda: published(conforming(), correlation=None), "no Correlation Data"),
    "a long name": ("D-41", lambda: published(conforming(), correlation=b"x" * 129), "129 bytes"),
    "a name for two": ("D-41", lambda: published(conforming(), correlation=b"9"), "of another message"),
    "drops without a receipt": (
        "D-42",
        lambda: without(LOST=never_again(Probe.LOST)),
        "had no receipt, and did not come",
    ),
    "at once again": ("D-43", lambda: without(LOST=lambda run: written.lost(run, (1, 2, 4))), "expected 10 s at first"),
    "the same wait": (
        "D-43",
        lambda: without(LOST=lambda run: written.lost(run, (10, 10, 10))),
        "longer ones each time",
    ),
    "drops with the connection": ("D-44", lambda: without(CUT=never_again(Probe.CUT)), "when its connection broke"),
    "counted and again": ("D-45", lambda: counted_and_sent_again(conforming()), "after a receipt that counted it"),
    "rejected and again": ("D-46", lambda: sent_for_ever(conforming()), "after a receipt that rejected it"),
    "any receipt does": ("D-47", lambda: without(STRAY=never_again(Probe.STRAY)), "for another message only"),
    "hangs up": ("D-48", lambda: without(NOISE=hangs_up), "ended by the device"),
    "falls silent": ("D-48", lambda: without(*list(Probe)[3:], NOISE=falls_silent), "no new event came after it"),
    "forgets with the power": ("D-49", lambda: without(POWER=never_again(Probe.POWER)), "when the power went"),
    "too many": ("D-60", lambda: published(conforming(), payload=b"[" + b"{}," * 500 + b"{}]"), "501"),
    "no kind in an array": (
        "D-61",
        lambda: array_without_kinds(conforming()),
        "event 0 of the array: kind: is missing",
    ),
    "alarms last": ("D-62", lambda: without(AWAY=away_with((20, "bolus"), (21, "alarm"))), "came after other events"),
    "alarms among others": ("D-62", lambda: without(AWAY=away_with(together=True)), "together with other events"),
    "lost while away": ("D-63", lambda: without(AWAY=away_with((21, "alarm"))), "seq 20 never came"),
    "a clock that was reset": ("D-70", lambda: said(conforming(), observed_at="1970-01-01T00:00:00Z"), "clock_behind"),
    "a clock ahead": ("D-71", lambda: with_clock(1), "3600 s ahead"),
    "a clock behind": ("D-71", lambda: with_clock(-1), "3600 s behind"),
    "no heartbeat": ("D-72", lambda: without(CUT=no_heartbeat), "no status of that moment"),
    "another date": ("D-73", lambda: clock_set_by(conforming()), "came with another date"),
    "a new event for it": ("D-73", lambda: clock_set_by(conforming(), event_id=str(event_id(25))), "another date"),
}
ALSO = {
    "no subscription": {"D-09"},
    "a new id": {"D-25"},
    "an id for two": {"D-23", "D-24", "D-45"},
    "another time": {"D-45"},
    "another content": {"D-45"},
    "another number": {"D-45"},
    "another date": {"D-23", "D-46"},
    "a new event for it": {"D-25"},
}
"""What else such a device breaks."""


def refill(replaces: int) -> dict[str, object]:
    return {"expected_ml": 3.0, "measured_ml": 3.0, "filled_ml": 18.0, "replaces": str(event_id(replaces))}


def _noted(observation: Any) -> Written:
    run = conforming()
    run.note(observation)
    return run


def array_without_kinds(run: Written) -> Written:
    event = json.loads(run.observe(25))
    del event["kind"]
    run.publish(25, "batch", payload=json.dumps([event]).encode())
    return run


def no_heartbeat(run: Written) -> None:
    run.later(40)
    run.begin(Probe.CUT)
    run.publish(18)
    run.catch(Probe.CUT, 18)
    run.end()
    run.later(5)
    run.connect()
    run.publish(18)
    run.finish(Probe.CUT)
    run.receipt(18)
    run.observe(19, "bolus", outcome="delivered")
    written.sent_and_counted(run, 19, "bolus")
    run.later(40)
