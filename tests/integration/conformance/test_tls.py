"""The bench with TLS, as a clinic's broker: a device is who its certificate says, and has one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from pathlib import Path

import pytest

from services.conformance.bench import BenchError, run, tls_as_at_a_clinic
from services.conformance.course import Asked
from services.conformance.finding import Verdict
from services.conformance.judge import judge
from services.conformance.observations import Connect, Observation
from services.conformance.story import Pace
from services.devstack.ports import free_port
from services.runtime.addresses import BrokerAddress, TlsFiles, broker_address
from services.runtime.device_link.connect import open_link
from tests.contract.prose import ROOT_FOLDER
from tests.ingest_world import reading

PACE = Pace(resend_seconds=0.1, patience_seconds=2.0)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    make = str(ROOT_FOLDER / "deploy" / "tls" / "make-test-certificates")
    for words in (("server", "localhost"), ("device", "pump-1", "pump-2")):
        subprocess.run([make, str(folder), *words], check=True, capture_output=True)
    return folder


async def observed(broker, tls: Path, files: TlsFiles) -> list[Observation]:
    """What the bench writes down of a device that connects once, and publishes once."""
    port, listens = free_port(), asyncio.Event()
    asked = Asked("pump-1", unattended=True, pace=PACE)

    async def device() -> None:
        await listens.wait()
        address = BrokerAddress("localhost", port, tls=files)
        async with open_link(address, f"any-{uuid.uuid4().hex[:8]}", lambda _: None) as link:
            await link.subscribe("pumpwatch/v1/pump-1/receipts")
            await link.publish(
                "pumpwatch/v1/pump-1/events/reservoir",
                json.dumps(reading()).encode(),
                response_topic="pumpwatch/v1/pump-1/receipts",
                correlation_data=b"1",
            )
            await link.lost()

    trying = asyncio.ensure_future(device())
    context = tls_as_at_a_clinic(tls)
    seen = await run(asked, broker_address(broker.url), "127.0.0.1", port, lambda _: listens.set(), tls=context)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    return seen


@pytest.mark.long
async def test_a_device_is_who_its_certificate_says(bench_broker, tls: Path) -> None:
    shown = (
        TlsFiles(tls / "ca.crt", tls / "pump-1.crt", tls / "pump-1.key"),
        TlsFiles(tls / "ca.crt", tls / "pump-2.crt", tls / "pump-2.key"),
        TlsFiles(tls / "ca.crt"),
    )
    runs = await asyncio.gather(*(observed(bench_broker, tls, files) for files in shown))
    own, anothers, _ = ({each.requirement.number: each for each in judge("pump-1", PACE, seen)} for seen in runs)
    assert (own["D-02"].verdict, own["D-15"].verdict, own["D-40"].verdict) == (Verdict.PASSED,) * 3
    assert own["D-15"].evidence == "TLSv1.3"
    assert anothers["D-02"].verdict is Verdict.FAILED
    assert "'pump-2'" in anothers["D-02"].evidence
    assert not [each for each in runs[2] if isinstance(each, Connect)]  # without a certificate nobody comes in


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"expected server\.crt, server\.key and ca\.crt"):
        tls_as_at_a_clinic(tmp_path)
