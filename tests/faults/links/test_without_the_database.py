"""The database is stopped, processes are killed: what was answered by a link counts once, as of when it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.devstack.pages import PageCollector
from services.devstack.servers.mosquitto import MosquittoServer
from tests.faults.links.clinic import Clinic, clinic_of, now, text_of
from tests.faults.paging.devices import publish
from tests.integration.alerts.links.linked import link_in
from tests.stack import RunService, StartPostgres, eventually

STALL = ("motor_stall", "raised")


@pytest.fixture
async def clinic(
    own_postgres: StartPostgres,
    broker: MosquittoServer,
    run_service: RunService,
    page_collector: PageCollector,
    tmp_path: Path,
) -> Clinic:
    return await clinic_of(own_postgres(), broker, run_service, page_collector, tmp_path)


async def test_an_alarm_paged_past_the_database_is_answered_and_pages_nobody_further(clinic: Clinic) -> None:
    await clinic.start()
    answered, other = clinic.pumps
    clinic.server.stop()
    await publish(clinic.broker, answered, STALL)
    (page,) = await clinic.collector.wait_for(1, within_seconds=10)
    assert "not recorded" in page.title
    path = link_in(page.body)

    status, shown = await clinic.ask("GET", path)
    assert status == 503
    assert "It can be acknowledged all the same" in shown
    before = now()
    status, said = await clinic.ask("POST", path)
    after = now()
    assert status == 200
    assert "You have acknowledged it. The database is away" in text_of(said)
    assert "could not be told" not in said
    assert clinic.journal().count(b"\n") == 1
    assert (await clinic.ask("POST", path))[0] == 200  # pressed again
    assert clinic.journal().count(b"\n") == 1

    assert clinic.web is not None
    clinic.web.kill()
    await clinic.start_web(wait=False)
    await publish(clinic.broker, other, STALL)
    # Of the other pump Ann is paged, and Bob as nobody answers. Of the one that Ann has, Bob would have been before.
    await clinic.collector.wait_for(3, within_seconds=20)
    assert len({link_in(each.body) for each in clinic.pages()}) == 3
    assert (await clinic.ask("GET", path))[0] in (0, 200)

    clinic.server.start()
    await eventually(clinic.one_is_recorded, 40)
    (one,) = await clinic.acknowledgements()
    assert (one["pump_id"], one["state"], one["acknowledged_by"]) == (answered, "acknowledged", "Ann")
    assert one["actor"] == f"person:{clinic.people['Ann']}"
    assert before <= one["at"] <= after
    await eventually(lambda: clinic.journal() == b"", 10)
    (kept,) = await clinic.rows("SELECT * FROM link_answers")
    assert kept["outcome"] == "taken"
    assert before <= kept["given_at"] <= after
    told = await clinic.rows(
        "SELECT d.contact FROM deliveries d JOIN alerts a USING (alert_id) WHERE a.pump_id = $1 AND NOT follow_up",
        answered,
    )
    assert [each["contact"] for each in told] == ["tann"]
    status, shown = await clinic.ask("GET", path)
    assert (status, "You have acknowledged it." in shown) == (200, True)


async def test_an_alert_is_answered_while_the_database_is_away_and_nobody_else_is_paged_when_it_is_back(
    clinic: Clinic,
) -> None:
    """The next step of its route is due by then, and waits for the answer that is recorded first."""
    await clinic.start(mqtt=False)
    pump = clinic.pumps[0]
    await publish(clinic.broker, pump, STALL)
    (page,) = await clinic.collector.wait_for(1, within_seconds=15)
    clinic.server.stop()
    before = now()
    status, said = await clinic.ask("POST", link_in(page.body))
    after = now()
    assert (status, "You have acknowledged it." in said) == (200, True), said
    assert clinic.web is not None
    clinic.web.kill()
    await clinic.start_web(wait=False)
    await eventually(lambda: (now() - before).total_seconds() > 60 * 0.1 + 1, 20)  # Bob's step is due

    clinic.server.start()
    await eventually(clinic.one_is_recorded, 40)
    (one,) = await clinic.acknowledgements()
    assert before <= one["at"] <= after
    (alert,) = await clinic.rows("SELECT alert_id, state FROM alerts")
    assert alert["state"] == "acknowledged"

    async def nothing_waits() -> bool:
        return not await clinic.rows("SELECT FROM deliveries WHERE state IN ('due', 'sending')")

    await eventually(nothing_waits, 20)
    assert len(clinic.pages()) == 1
    assert len(await clinic.acknowledgements()) == 1


async def test_without_a_folder_for_answers_it_says_that_nothing_was_taken(clinic: Clinic) -> None:
    await clinic.start(mqtt=False)
    await publish(clinic.broker, clinic.pumps[0], STALL)
    (page,) = await clinic.collector.wait_for(1, within_seconds=15)
    assert clinic.web is not None
    clinic.web.kill()
    state = clinic.folder / "state"
    for each in state.iterdir():
        each.unlink()
    state.rmdir()
    state.write_text("no folder")
    await clinic.start_web()
    clinic.server.stop()
    status, said = await clinic.ask("POST", link_in(page.body))
    assert status == 503
    assert "This was NOT acknowledged" in said
    clinic.server.start()
