"""A phone proves each week that it rings; who did not answer hears of it, and then their clinic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.policy import Contact, EscalationStep, Policy, Priority, Route
from services.alerts.evaluation.worker import Worker
from services.devstack.pages import PageCollector
from services.people.model import Role
from tests.alerts_pages import client_for, dispatcher_for
from tests.integration.people.channels.own import PATH, OwnChannels, link_in
from tests.signed_in import make_person
from tests.stack import Database

NOON = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def own(database: Database, page_collector: PageCollector) -> OwnChannels:
    own = OwnChannels(database, page_collector)
    await own.story.enrol()
    async with own.board() as board:
        await own.verified(board)
    return own


async def drilled(own: OwnChannels) -> str:
    """The drill of Tuesday at noon goes out; returns the path of its link."""
    own.story.now = NOON
    await own.watch().look_once()
    text = await own.send()
    assert "Pumpwatch DRILL: no alarm" in text
    return link_in(text)


async def test_a_drill_goes_out_once_a_week_and_is_answered_without_signing_in(own: OwnChannels) -> None:
    link = await drilled(own)
    for _ in range(3):
        await own.watch().look_once()
        await own.watch().look_once()
        await own.sender().send_due()
    assert len(own.pager.pages) == 2  # its code, and one drill
    own.story.now += timedelta(minutes=2)
    async with client_for(own.story, auth=None) as phone:
        for look in (phone.get, phone.head):  # as a scanner of links does
            assert (await look(link)).status_code == 200
        assert await own.row("proven_at") is None
        done = await phone.post(link)
        assert (done.status_code, "written down" in done.text) == (200, True)
        assert "frame-ancestors 'none'" in done.headers["content-security-policy"]
    assert await own.row("proven_at") == own.story.now
    first = own.story.now
    own.story.now += HOUR
    async with client_for(own.story, auth=None) as phone:
        await phone.post(link)
    assert await own.row("proven_at") == first  # answered again, it says no more than it did
    own.story.now = NOON + timedelta(days=7)
    await own.watch().look_once()
    assert "DRILL" in await own.send()


@pytest.mark.parametrize("cut", ["/heard/x", "/heard/" + "A" * 43, "/heard/%00", "/heard/%ED%A0%80"])
async def test_a_link_that_is_none_proves_nothing(own: OwnChannels, cut: str) -> None:
    await drilled(own)
    async with client_for(own.story, auth=None) as phone:
        for answer in (await phone.get(cut), await phone.post(cut)):
            assert answer.status_code in (404, 422)
            assert "phone" not in answer.text.partition("<main")[2]
    assert await own.row("proven_at") is None


async def test_a_link_is_over_after_two_days(own: OwnChannels) -> None:
    link = await drilled(own)
    own.story.now += timedelta(days=2, seconds=1)
    async with client_for(own.story, auth=None) as phone:
        assert (await phone.post(link)).status_code == 404
    assert await own.row("proven_at") is None


async def test_an_unanswered_drill_is_told_to_its_person_and_a_day_later_to_the_administrators(
    own: OwnChannels,
) -> None:
    clinic, pool = own.story.clinic_id, own.database.pool
    boss = await make_person(pool, "Vic", Role.ADMINISTRATOR, own.story.now, clinic_id=clinic)
    await pool.execute(
        "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at, rings) "
        "VALUES ($1, 1, 'phone', $2, $3, $3, false)",
        boss, f"{own.pager.url}boss", own.story.now,
    )  # fmt: skip
    route = Route(steps=(EscalationStep(after_minutes=0, contacts=("all",)),))
    policy = Policy(clinic_id=clinic, contacts=(Contact(name="all", everybody=True),), routes={Priority.HIGH: route})
    own.story.policy = policy
    own.resources = own.story.resources()
    worker = Worker(own.resources)
    await worker.keep_policies_once()
    await drilled(own)
    own.story.now = NOON + HOUR + timedelta(minutes=1)
    for _ in range(2):
        await own.watch().look_once()
        await own.sender().send_due()
    assert [page.title for page in own.pager.pages[2:]] == ["Pumpwatch: a channel of yours may not ring"]
    own.story.now = NOON + 25 * HOUR
    for _ in range(2):
        await own.watch().look_once()
        await dispatcher_for(own.resources).send_due()
    told = await pool.fetch("SELECT contact, title, body, priority, state FROM deliveries")
    assert [(row["contact"], row["title"], row["priority"], row["state"]) for row in told] == [
        ("person:tvic", "Pumpwatch LOW: a phone may not ring", "low", "sent")
    ]
    assert "Ann has not said that phone rang" in told[0]["body"]
    async with own.board() as board:
        assert "You did not answer the drill" in (await board.get(PATH)).text


async def test_hours_that_nobody_can_read_hold_up_no_other_person_and_no_page(own: OwnChannels) -> None:
    async with own.board("Bob") as board:
        await own.verified(board, "of Bob", "bob")
    await own.database.pool.execute(
        "INSERT INTO person_hours SELECT person_id, 'Europe/Nowhere', NULL, NULL, 2, '11:00' FROM persons"
        " WHERE name = 'Ann'"
    )
    own.story.now = NOON
    await own.watch().look_once()
    assert "The weekly drill of of Bob" in await own.send()
    asked = "SELECT count(*) FROM channel_messages WHERE purpose = 'drill'"
    assert await own.database.pool.fetchval(asked) == 1


async def test_a_persons_quiet_hours_hold_what_can_wait_and_nothing_that_is_high(own: OwnChannels) -> None:
    clinic, pool = own.story.clinic_id, own.database.pool
    route = Route(steps=(EscalationStep(after_minutes=0, contacts=("ann",)),))
    routes = dict.fromkeys(Priority, route)
    own.story.policy = Policy(clinic_id=clinic, contacts=(Contact(name="ann", person="tann"),), routes=routes)
    own.resources = own.story.resources()
    await Worker(own.resources).keep_policies_once()
    await pool.execute(
        "INSERT INTO person_hours SELECT person_id, 'Europe/Berlin', '22:00', '07:00', 2, '11:00' FROM persons"
    )
    own.story.now = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)
    for priority in ("high", "low"):
        alert_id = await pool.fetchval(
            "INSERT INTO alerts (clinic_id, pump_id, rule, key, state, priority, title, explanation, since, opened_at,"
            " updated_at, policy_version) VALUES ($1, $2, 'device_silent', $3, 'active', $3, 't', 'e', $4, $4, $4, 'v')"
            " RETURNING alert_id",
            clinic, own.story.pump_id, priority, own.story.now,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body,"
            " created_at, due_at) VALUES ($1, $2, 'opened', 'x', 'person:tann', 'phone', $3, $3, 'b', $4, $4)",
            alert_id, clinic, priority, own.story.now,
        )  # fmt: skip
    await dispatcher_for(own.resources).send_due()
    rows = await pool.fetch("SELECT priority, state, held_by, due_at FROM deliveries ORDER BY priority")
    assert [tuple(row) for row in rows] == [
        ("high", "sent", None, own.story.now),
        ("low", "due", "quiet_hours", datetime(2026, 11, 4, 6, 0, tzinfo=UTC)),
    ]
    assert await own.row("last_sent_at") == own.story.now


async def test_what_came_of_pages_is_shown_with_the_channel(own: OwnChannels) -> None:
    await test_a_persons_quiet_hours_hold_what_can_wait_and_nothing_that_is_high(own)
    own.pager.answer_status = 403
    own.story.now = datetime(2026, 11, 4, 6, 0, tzinfo=UTC)
    await dispatcher_for(own.resources).send_due()
    assert await own.row("failing_since") == own.story.now
    async with own.board() as board:
        assert "the receiver answered 403" in (await board.get(PATH)).text
