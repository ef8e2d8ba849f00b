"""A page is answered from the phone that it rang on: without signing in, once, and by nobody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.devstack.pages import PageCollector
from services.people.links.tokens import Link, Purpose, sign
from tests.alerts_pages import client_for, person
from tests.integration.alerts.links.linked import PUBLIC, Linked, link_in, linked, write_key
from tests.stack import Database

NOBODY = UUID(int=7)


@pytest.fixture
async def site(database: Database, page_collector: PageCollector, tmp_path: Path) -> Linked:
    return await linked(database, page_collector, tmp_path)


async def test_ann_takes_an_alert_by_the_link_of_her_page_without_signing_in(site: Linked) -> None:
    path = await site.page()
    shown = await site.client.get(path)
    assert shown.status_code == 200
    assert "Acknowledge" in shown.text
    assert "You answer as Ann" in shown.text
    assert site.story.pump_id not in shown.text  # no more than the page said
    assert "Motor stall" not in shown.text
    taken = await site.client.post(path)
    assert (taken.status_code, taken.headers["location"]) == (303, path)
    alert = await site.alert()
    assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "Ann")
    assert alert["acknowledged_by_id"] == f"person:{site.people['Ann']}"
    after = await site.client.get(path)
    assert "You have acknowledged it." in after.text
    assert "<button>" not in after.text
    assert await site.acknowledgements() == [(f"person:{site.people['Ann']}", "Ann")]


async def test_the_link_shows_the_pump_where_the_clinics_pages_do(
    database: Database, page_collector: PageCollector, tmp_path: Path
) -> None:
    site = await linked(database, page_collector, tmp_path, include_patient_data=True)
    shown = await site.client.get(await site.page())
    assert site.story.pump_id in shown.text
    assert "Motor stall" in shown.text
    (read,) = await site.story.pool.fetch("SELECT actor, pump_id FROM access_log WHERE kind = 'read'")
    assert tuple(read) == (f"person:{site.people['Ann']}", site.story.pump_id)


async def test_looking_changes_nothing_however_often_a_scanner_does_it(site: Linked) -> None:
    path = await site.page()
    for method in ("GET", "HEAD", "GET", "OPTIONS", "PUT", "DELETE", "PATCH"):
        answer = await site.client.request(method, path)
        assert answer.status_code == (200 if method in ("GET", "HEAD") else 405), method
    assert (await site.alert())["state"] == "active"
    assert await site.story.pool.fetchval("SELECT count(*) FROM link_answers") == 0
    headers = (await site.client.get(path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "set-cookie" not in headers


async def test_a_link_that_is_pressed_twice_acts_once(site: Linked) -> None:
    path = await site.page()
    assert [(await site.client.post(path)).status_code for _ in range(3)] == [303, 303, 303]
    assert len(await site.acknowledgements()) == 1


async def test_a_link_that_was_used_opens_nothing_when_the_alert_is_back(site: Linked) -> None:
    first = await site.page()
    await site.client.post(first)
    hours = site.story.policy.acknowledgement_expires_hours
    site.story.now += timedelta(hours=hours, minutes=1)
    worker = site.story.new_worker()
    while await worker.sweep_once():
        pass
    await worker.escalate_once()
    await (await site.dispatcher()).send_due()
    assert (await site.alert())["state"] == "active"
    again = await site.client.post(first)
    shown = await site.client.get(again.headers["location"])
    assert "This link was used already" in shown.text
    assert "<button>" not in shown.text
    assert (await site.alert())["state"] == "active"
    newest = link_in(site.collector.pages[-1].body)
    assert newest != first
    await site.client.post(newest)
    assert (await site.alert())["state"] == "acknowledged"


def _token(site: Linked, **other: object) -> str:
    values = {"purpose": Purpose.ALERT, "about": NOBODY, "person_id": site.people["Ann"], "delivery_id": NOBODY}
    return sign(Link(**(values | other)), site.desk.keys(), site.story.now)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("attack", "status", "words"),
    [
        ("forged", 404, "not whole, or was not made here"),
        ("cut", 404, "not whole, or was not made here"),
        ("nothing", 404, "not whole, or was not made here"),
        ("other key", 404, "not whole, or was not made here"),
        ("other purpose", 404, "not whole, or was not made here"),
        ("expired", 410, "good for 24 hours"),
        ("early", 410, "good for 24 hours"),
        ("no such alert", 403, "may not act"),
        ("other clinic", 403, "may not act"),
        ("disabled", 403, "may not act"),
        ("viewer", 403, "may not act"),
    ],
)
async def test_what_opens_nothing_and_says_why(
    site: Linked, tmp_path: Path, attack: str, status: int, words: str, method: str
) -> None:
    path = await site.page()
    alert = await site.alert()
    pool = site.story.pool
    match attack:
        case "forged":
            place = len(path) - 20
            path = path[:place] + ("A" if path[place] != "A" else "B") + path[place + 1 :]
        case "cut":
            path = path[:-9]
        case "nothing":
            path = "/l/x"
        case "other key":
            key = write_key(tmp_path, "other.key").read_text().strip()
            link = Link(Purpose.ALERT, alert["alert_id"], site.people["Ann"], NOBODY)
            path = f"/l/{sign(link, [key], site.story.now)}"
        case "other purpose":
            path = f"/l/{_token(site, purpose=Purpose.HEARD, about=alert['alert_id'])}"
        case "expired":
            site.story.now += timedelta(hours=24, seconds=2)
        case "early":
            site.story.now -= timedelta(minutes=5)
        case "no such alert":
            path = f"/l/{_token(site)}"
        case "other clinic":
            await pool.execute("DELETE FROM person_roles")
            await pool.execute("INSERT INTO clinics VALUES ('elsewhere', 'Elsewhere') ON CONFLICT DO NOTHING")
            await pool.execute(
                "INSERT INTO person_roles VALUES ($1, 'elsewhere', 'administrator', $2, 'test')",
                site.people["Ann"], site.story.now,
            )  # fmt: skip
        case "disabled":
            await pool.execute("UPDATE persons SET disabled_at = $1, disabled_by = 'test'", site.story.now)
        case "viewer":
            await pool.execute("UPDATE person_roles SET role = 'viewer'")
    answer = await site.client.request(method, path)
    assert answer.status_code == status
    assert words in answer.text
    for secret in (site.story.pump_id, "Motor stall", str(alert["alert_id"]), "<button>"):
        assert secret not in answer.text
    assert (await site.alert())["state"] == "active"
    assert await pool.fetchval("SELECT count(*) FROM link_answers") == 0


async def test_who_comes_second_is_told_who_has_it_and_the_link_can_still_act_later(site: Linked) -> None:
    path = await site.page()
    async with client_for(site.story, auth=person(site.story, "Bob")) as board:
        assert (await board.post(f"/v1/alerts/{(await site.alert())['alert_id']}/acknowledge", json={})).is_success
    refused = await site.client.post(path)
    assert refused.status_code == 409
    assert "Bob has already acknowledged this alert" in refused.text
    assert "Acknowledged by Bob." in refused.text
    assert await site.story.pool.fetchval("SELECT count(*) FROM link_answers") == 0


async def test_a_form_of_another_site_can_press_no_button_that_it_does_not_know(site: Linked) -> None:
    path = await site.page()
    await site.client.post("/l/guess", headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert (await site.alert())["state"] == "active"
    # The button of a push app that runs in a browser is of another site too, and it knows the link.
    answer = await site.client.post(path, headers={"Origin": "https://ntfy.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 303
    assert (await site.alert())["state"] == "acknowledged"


async def test_wrong_links_from_a_network_keep_nobody_there_from_answering(site: Linked) -> None:
    path = await site.page()
    for number in range(200):
        assert (await site.client.get(f"/l/{number}")).status_code == 404
    assert (await site.client.post(path)).status_code == 303


async def test_a_contact_that_is_no_person_gets_the_plain_address_and_no_link_stands_in_a_record(
    database: Database, page_collector: PageCollector, tmp_path: Path
) -> None:
    site = await linked(database, page_collector, tmp_path, "ward telephone")
    with pytest.raises(AssertionError, match=rf"{PUBLIC}/alerts/"):
        await site.page()
    other = tmp_path / "other"
    other.mkdir()
    site = await linked(database, page_collector, other)
    path = await site.page()
    kept = await site.story.pool.fetch("SELECT title, body FROM deliveries")
    assert not [row for row in kept if path.removeprefix("/l/") in row["body"] or "/l/" in row["body"]]


async def test_a_key_that_cannot_be_read_stops_no_page(site: Linked, tmp_path: Path) -> None:
    (tmp_path / "link.key").unlink()
    with pytest.raises(AssertionError, match=rf"{PUBLIC}/alerts/"):
        await site.page()
    assert len(site.collector.pages) == 1
    assert site.links.fault is not None
    assert "link.key" in site.links.fault
    answer = await site.client.get("/l/anything")
    assert answer.status_code == 503
    assert "Links cannot be read at the moment" in answer.text
