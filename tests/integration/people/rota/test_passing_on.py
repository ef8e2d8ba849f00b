"""Who is out has left nothing behind that nobody knows of: what they had goes over to whoever stands in."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.devstack.pages import PageCollector
from services.people.model import Actor
from services.people.rota import edit
from services.people.rota.model import Change, ChangeKind
from tests.alerts_pages import dispatcher_for
from tests.alerts_world import stall, verify_undated
from tests.integration.people.clinic import ADA, ANN, BOB
from tests.integration.people.rota.on_call_story import MINUTE, OnCallStory
from tests.stack import Database


class OutStory(OnCallStory):
    """The same clinic. Ann is on call, was paged, and says that she is out."""

    async def page_ann(self) -> UUID:
        await self.begin()
        await stall(self.database, [self.story.pump_id])
        await self.worker.queue_once()
        await dispatcher_for(self.resources).send_due()
        assert self.received() == ["Ann"]
        alert_id: UUID = await self.database.pool.fetchval("SELECT alert_id FROM alerts")
        return alert_id

    async def ann_takes(self, alert_id: UUID) -> None:
        async with self.database.pool.acquire() as connection:
            by, policies = Actor(f"person:{ANN}", "Ann"), self.resources.holding
            await acknowledge_alert(connection, alert_id, by, None, policies, self.story.now)

    async def ann_is_out(self) -> None:
        now = self.story.now = self.story.now + MINUTE
        change = Change(
            change_id=uuid4(), kind=ChangeKind.ABSENCE, person_id=BOB, instead_of=ANN,
            begins=now, ends=now + timedelta(days=2), made_at=now,
        )  # fmt: skip
        async with self.database.pool.acquire() as connection:
            await edit.make_changes(connection, self.story.clinic_id, "first", [change], ADA, now)

    async def look(self) -> None:
        for _ in range(2):  # a worker that was started anew does it again
            await self.worker.keep_policies_once()
            await self.worker.pass_on_once()
            await dispatcher_for(self.resources).send_due()
            self.story.now += MINUTE / 4

    async def trail(self) -> list[tuple[str, str, str]]:
        rows = await self.database.pool.fetch(
            "SELECT kind, to_state, detail ->> 'note' AS note FROM alert_transitions "
            "WHERE reason = 'person_is_out' ORDER BY clinic_seq"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def out(database: Database, page_collector: PageCollector) -> OutStory:
    return OutStory(database, page_collector)


async def test_what_ann_was_paged_about_and_nobody_has_taken_pages_bob_at_once_and_once(out: OutStory) -> None:
    alert_id = await out.page_ann()
    await out.ann_is_out()
    await out.look()
    assert out.received() == ["Ann", "Bob", "Bob"]
    [page, message] = sorted(out.collector.pages[1:], key=lambda each: "yours" in each.title)
    assert page.title.startswith("Pumpwatch HIGH: ")
    assert message.title == "Pumpwatch HIGH: 1 alert of Ann is yours now"
    assert str(alert_id)[:8] in message.body
    assert out.story.pump_id not in message.body
    assert await out.trail() == [("passed_on", "active", "Ann is out; Bob has it now")]


async def test_what_ann_has_taken_is_bobs_and_no_longer_than_it_was_hers(out: OutStory) -> None:
    alert_id = await out.page_ann()
    await out.ann_takes(alert_id)
    pool = out.database.pool
    until = await pool.fetchval("SELECT acknowledgement_expires_at FROM alerts")
    await out.ann_is_out()
    await out.look()
    [row] = await pool.fetch("SELECT * FROM alerts")
    assert (row["state"], row["acknowledged_by"], row["acknowledged_by_id"]) == ("acknowledged", "Bob", f"person:{BOB}")
    assert row["acknowledgement_expires_at"] == until
    assert [page.raw["to"] for page in out.collector.pages if "yours now" in page.title] == ["Bob"]
    assert [page.raw["to"] for page in out.collector.pages if page.title == "Pumpwatch: Bob has acknowledged"] == [
        "Ann"
    ]
    assert await out.trail() == [("passed_on", "acknowledged", "Ann is out; Bob has it now")]
    out.story.now = until
    await out.worker.escalate_once()
    await dispatcher_for(out.resources).send_due()
    assert out.received()[-1] == "Bob", "the route finds Bob, who stands in"
    async with pool.acquire() as connection:
        assert (await verify_undated(connection)).faults == ()


async def test_where_bob_cannot_be_told_what_ann_had_taken_is_open_again_and_those_who_stand_in_are_told(
    out: OutStory,
) -> None:
    alert_id = await out.page_ann()
    await out.ann_takes(alert_id)
    await out.database.pool.execute("UPDATE person_channels SET verified_at = NULL WHERE person_id = $1", BOB)
    await out.ann_is_out()
    await out.look()
    assert await out.database.pool.fetchval("SELECT state FROM alerts") == "active"
    assert out.received() == ["Ann", "Vic", "Vic"]
    assert [kind for kind, _, _ in await out.trail()] == ["acknowledgement_expired"]
