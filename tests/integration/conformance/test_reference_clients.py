"""The reference clients conform, and what makers get wrong is found by its number: on a real broker, all at once."""

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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PACE = Pace(resend_seconds=RESEND_SECONDS, patience_seconds=13.0)

Findings = dict[str, Finding]

PUBLISHES = 'client.publish(f"{topic}/events/{kind}", event, qos=1, properties=ask)'
WAITS = "due[seq] = (time.monotonic() + wait * random.uniform(1.0, 1.2), min(2 * wait, 300.0))"
FORGETS = '        log.execute("DELETE FROM log WHERE seq = ?", [int(name)])'
IS_RECEIPT = 'isinstance(json.loads(message.payload)["stored"], int)'

WRONG: dict[str, tuple[set[str], tuple[tuple[str, str], ...]]] = {
    "drops an event that has no receipt": (
        {"D-42", "D-44", "D-47"},
        ((WAITS, 'log.execute("DELETE FROM log WHERE seq = ?", [seq])'),),
    ),
    "sends again with a new id": (
        {"D-22", "D-42"},
        ((PUBLISHES, PUBLISHES.replace("event,", 'json.dumps(json.loads(event) | {"event_id": str(uuid.uuid4())}),')),),
    ),
    "sends again with a new time": (
        {"D-23", "D-73"},
        (
            (
                PUBLISHES,
                "event = json.dumps(json.loads(event) | "
                f'{{"observed_at": datetime.now().astimezone().isoformat()}}); {PUBLISHES}',
            ),
            (IS_RECEIPT, 'not json.loads(message.payload)["rejected"]'),
        ),
    ),
    "sends for ever what is rejected": ({"D-46"}, ((IS_RECEIPT, 'not json.loads(message.payload)["rejected"]'),)),
    "takes any receipt for its own": (
        {"D-47"},
        ((" and name.isdigit()", ""), (FORGETS, '        log.execute("DELETE FROM log")')),
    ),
    "connects again without a longer pause": (
        {"D-14"},
        (("reconnect_delay_set(first_wait / 10, 120)", "reconnect_delay_set(first_wait, first_wait)"),),
    ),
    "publishes to a topic of its own": ({"D-07"}, (('f"{topic}/events/{kind}"', 'f"{topic}/{kind}"'),)),
    "publishes with QoS 0": ({"D-20"}, (("qos=1", "qos=0"),)),
    "dies of what is no receipt": ({"D-48"}, (("        return\n", "        sys.exit(1)\n"),)),
    "waits the same each time": ({"D-43"}, (("min(2 * wait, 300.0)", "wait"), ("random.uniform(1.0, 1.2)", "1.0"))),
    "says nothing of now when it connects": (
        {"D-72"},
        (('    observe("status", firmware="reference 1")\n\n\ndef hear', "    pass\n\n\ndef hear"),
         ('        observe("status", firmware="reference 1")', '        observe("bolus", outcome="delivered")')),
    ),
    "never asks for a receipt": ({"D-40"}, (("ask.ResponseTopic, ask.CorrelationData", "_, ask.CorrelationData"),)),
}  # fmt: skip


@pytest.fixture(scope="module")
async def reports(bench_broker: MosquittoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """What the bench says of each, by name. They share nothing but the broker, and most of a run is waiting."""
    folder = tmp_path_factory.mktemp("devices")
    programs = {"python": PYTHON, "node": NODE}
    programs |= {
        name: broken(folder, f"broken-{number}", *each) for number, (name, (_, each)) in enumerate(WRONG.items())
    }
    runs = {name: _report(bench_broker, program, folder) for name, program in programs.items()}
    runs |= {
        f"{name}, with a tester": _report(bench_broker, programs[name], folder, unattended=False)
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


@pytest.mark.parametrize("client", ["python", "node"])
async def test_a_reference_client_conforms(reports: dict[str, Findings], client: str) -> None:
    found = reports[client]
    assert with_verdict(found, Verdict.FAILED) == {}
    assert with_verdict(found, Verdict.NOT_SEEN).keys() == {"D-15", "D-30", "D-49", "D-62"}
    assert with_verdict(found, Verdict.NOT_APPLICABLE).keys() == {"D-06", "D-10", "D-11", "D-61"}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_found_by_its_number(reports: dict[str, Findings], name: str) -> None:
    assert with_verdict(reports[name], Verdict.FAILED).keys() >= WRONG[name][0]


@pytest.mark.parametrize("client", ["python", "node"])
async def test_a_tester_who_does_what_is_asked_for_sees_the_rest(reports: dict[str, Findings], client: str) -> None:
    found = reports[f"{client}, with a tester"]
    assert with_verdict(found, Verdict.FAILED) == {}
    assert with_verdict(found, Verdict.NOT_SEEN).keys() == {"D-15", "D-30"}
