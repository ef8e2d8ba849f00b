"""The reference clients conform, and what makers get wrong is found by its number: on a real broker, all at once.

One test: its devices wait for more than a minute, and share that time. In the suite, test_command.py has one of them.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from services.conformance.bench import run
from services.conformance.course import Asked
from services.conformance.finding import Finding, Verdict
from services.conformance.judge import judge
from services.conformance.story import Pace
from services.devstack.ports import free_port
from services.devstack.servers.mosquitto import MosquittoServer
from services.runtime.addresses import broker_address
from tests.integration.conformance.devices import NODE, PYTHON, RESEND_SECONDS, Device, broken, running

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

PACE = Pace(resend_seconds=RESEND_SECONDS, patience_seconds=13.0)

Findings = dict[str, Finding]

PAYLOAD = 'json.dumps({**json.loads(event), "seq": seq})'
PUBLISHES = f'client.publish(f"{{topic}}/events/{{kind}}", {PAYLOAD}, qos=1, properties=ask)'
DROPS = 'log.execute("DELETE FROM log WHERE seq = ?", [seq])'
IS_RECEIPT = 'isinstance(json.loads(receipt.payload)["stored"], int)'
TAKES_REJECTED_FOR_NONE = (IS_RECEIPT, 'not json.loads(receipt.payload)["rejected"]')

WRONG: dict[str, tuple[set[str], tuple[tuple[str, str], ...]]] = {
    "drops an event that has no receipt": (
        {"D-42", "D-44", "D-47"},
        ((PUBLISHES, f"{PUBLISHES}; {DROPS}"),),
    ),
    "sends again with a new id": (
        {"D-22", "D-42"},
        ((PAYLOAD, PAYLOAD.replace("})", ', "event_id": str(uuid.uuid4())})')),),
    ),
    "sends again with a new time": (
        {"D-23", "D-73"},
        (
            (PAYLOAD, PAYLOAD.replace("})", ', "observed_at": datetime.now().astimezone().isoformat()})')),
            TAKES_REJECTED_FOR_NONE,
        ),
    ),
    "sends for ever what is rejected": ({"D-46"}, (TAKES_REJECTED_FOR_NONE,)),
    "takes any receipt for its own": ({"D-47"}, ((' WHERE CAST(seq AS BLOB) = ?", [name]', '"'),)),
    "connects again without a longer pause": (
        {"D-14"},
        (("reconnect_delay_set(first_wait / 10, 120)", "reconnect_delay_set(first_wait, first_wait)"),),
    ),
    "publishes to a topic of its own": ({"D-07"}, (('f"{topic}/events/{kind}"', 'f"{topic}/{kind}"'),)),
    "publishes with QoS 0": ({"D-20"}, (("qos=1", "qos=0"),)),
    "dies of what is no receipt": (
        {"D-48"},
        (("suppress(ValueError, KeyError, TypeError, RecursionError)", "suppress(KeyError)"),),
    ),
    "waits the same each time": ({"D-43"}, (("min(2 * wait, 300)", "wait"), ("random.uniform(1.0, 1.2)", "1.0"))),
    "says nothing of now when it connects": (
        {"D-72"},
        (('    observe("status", firmware="reference 1")\n\n\ndef read_events', "\n\ndef read_events"),
         ('        observe("status", firmware="reference 1")', '        observe("bolus", outcome="delivered")')),
    ),
    "never asks for a receipt": ({"D-40"}, (("ask.ResponseTopic, ask.CorrelationData", "_, ask.CorrelationData"),)),
}  # fmt: skip


async def reports(broker: MosquittoServer, folder: Path) -> dict[str, Findings]:
    """What the bench says of each, by name. They share nothing but the broker, and most of a run is waiting."""
    programs = {"python": PYTHON, "node": NODE}
    programs |= {
        name: broken(folder, f"broken-{number}", *each) for number, (name, (_, each)) in enumerate(WRONG.items())
    }
    runs = {name: _report(broker, program, folder) for name, program in programs.items()}
    runs |= {
        f"{name}, with a tester": _report(broker, programs[name], folder, unattended=False)
        for name in ("python", "node")
    }
    return dict(zip(runs, await asyncio.gather(*runs.values()), strict=True))


async def _report(broker: MosquittoServer, program: Path, folder: Path, *, unattended: bool = True) -> Findings:
    device_id, port, heard = f"pump-{uuid.uuid4().hex[:8]}", free_port(), asyncio.Queue[str]()
    asked = Asked(device_id, unattended=unattended, pace=PACE)
    async with running(program, device_id, port, folder) as device:
        tester = asyncio.ensure_future(_do_what_is_asked_for(device, heard))
        observations = await run(asked, broker_address(broker.url), "127.0.0.1", port, heard.put_nowait)
        tester.cancel()
        await asyncio.gather(tester, return_exceptions=True)
    return {each.requirement.number: each for each in judge(device_id, PACE, observations)}


async def _do_what_is_asked_for(device: Device, heard: asyncio.Queue[str]) -> None:
    """Give an alarm while the device is away, and take its battery out; the rest it does by itself."""
    while True:
        line = await heard.get()
        if "an alarm if it can" in line:
            await device.observe(kind="bolus", outcome="delivered", dose_mcg=25.0)
            await device.observe(kind="alarm", code="motor_stall", state="raised")
        elif "switch the device off" in line:
            await device.switch_off()
            await device.switch_on()


def with_verdict(findings: Findings, verdict: Verdict) -> dict[str, str]:
    return {number: each.evidence for number, each in findings.items() if each.verdict is verdict}


async def test_the_reference_clients_conform_and_what_is_wrong_is_found_by_its_number(
    bench_broker: MosquittoServer, tmp_path: Path
) -> None:
    found = await reports(bench_broker, tmp_path)
    missed = {name: numbers - with_verdict(found[name], Verdict.FAILED).keys() for name, (numbers, _) in WRONG.items()}
    assert {name: numbers for name, numbers in missed.items() if numbers} == {}
    for client in ("python", "node"):
        alone, attended = found[client], found[f"{client}, with a tester"]
        assert with_verdict(alone, Verdict.FAILED) == {}, client
        assert with_verdict(alone, Verdict.NOT_SEEN).keys() == {"D-15", "D-30", "D-49", "D-62"}, client
        assert with_verdict(alone, Verdict.NOT_APPLICABLE).keys() == {"D-06", "D-10", "D-11", "D-61"}, client
        assert with_verdict(attended, Verdict.FAILED) == {}, client
        assert with_verdict(attended, Verdict.NOT_SEEN).keys() == {"D-15", "D-30"}, client
