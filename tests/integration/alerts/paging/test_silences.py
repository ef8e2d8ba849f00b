"""Silences on the board and over HTTP: what the form says is what is held, and what is not there is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from tests.alerts_pages import STALL, Site, client_for
from tests.alerts_world import Story, enrol
from tests.stack import Database

HOUR = timedelta(hours=1)


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    story = Story(database.pool, database.dsn)
    async with client_for(story) as client:
        yield Site(story, client)


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the silence form as it stands there, without a button."""
    form = page[page.index("/silence") :]
    fields = {}
    for tag in re.findall(r"<input [^>]*>", form):
        if 'type="checkbox"' not in tag or " checked" in tag:
            value = re.search(r'value="([^"]*)"', tag)
            fields[re.search(r'name="([^"]*)"', tag)[1]] = unescape(value[1]) if value else ""  # type: ignore[index]
    for name, options in re.findall(r'<select [^>]*name="([^"]*)">(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen
        fields[name] = chosen[1]
    return fields


async def filled(site: Site, alert_id: str, **changes: str) -> dict[str, str]:
    form = await site.client.get(f"/alerts/{alert_id}/silence")
    assert form.status_code == 200
    return fields_of(form.text) | {"reason": "in the theatre"} | changes


async def send(site: Site, alert_id: str, fields: dict[str, str]) -> httpx.Response:
    return await site.client.post(f"/alerts/{alert_id}/silence", data=fields)


@pytest.mark.parametrize(("happened", "priority"), [(STALL, "high"), ("alarm other raised", "medium")])
async def test_the_form_by_its_defaults_holds_the_alert_it_was_opened_from(
    site: Site, happened: str, priority: str
) -> None:
    await site.story.run([(0, happened)])
    alert = await site.alert()
    assert (alert["priority"], alert["held"]) == (priority, None)
    made = await send(site, alert["alert_id"], await filled(site, alert["alert_id"]))
    assert (made.status_code, made.headers.get("location")) == (303, f"/alerts/{alert['alert_id']}")
    held = (await site.alert())["held"]
    assert (held["by"], held["reason"], held["kind"]) == ("Ann", "in the theatre", "silence")
    assert held["until"] == (site.story.now + HOUR).isoformat().replace("+00:00", "Z")
    for path in ("/", f"/alerts/{alert['alert_id']}"):
        assert "No pages: silenced by <strong>Ann</strong>" in (await site.client.get(path)).text
    before = await site.story.pool.fetchval("SELECT count(*) FROM deliveries")
    await site.story.new_worker().queue_once()
    assert before == await site.story.pool.fetchval("SELECT count(*) FROM deliveries")


async def test_a_high_alert_is_never_left_out_of_its_own_silence_without_a_word(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    for step in ("", "preview"):
        for changes, words in (
            ({"includes_high": "0"}, "it would not hold this alert, which is high"),
            ({"scope": "clinic"}, "it would not hold this alert, which is high"),
            ({"hours": "5"}, "high alerts can be silenced for at most 4 hours"),
            ({"hours": "0"}, "the end must come after the beginning"),
        ):
            refused = await send(site, alert_id, await filled(site, alert_id, step=step, **changes))
            assert (refused.status_code, words in refused.text) == (409, True), changes
        for changes in ({"scope": "world"}, {"kind": "x"}, {"hours": "1e999"}, {"begins_in_hours": "99999"}):
            refused = await send(site, alert_id, await filled(site, alert_id, step=step, **changes))
            assert refused.status_code == 422, changes
            assert 'value="in the theatre"' in refused.text
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_what_it_would_hold_is_shown_before_it_is_made_and_then_made_as_shown(site: Site) -> None:
    await site.story.run([(0, "alarm other raised"), (1, STALL), (2, "level 1.9")])
    alerts = {each["key"]: each for each in (await site.client.get("/v1/alerts")).json()["alerts"]}
    medium = alerts["other"]["alert_id"]
    fields = await filled(site, medium, scope="pump", step="preview")
    shown = await send(site, medium, fields)
    assert shown.status_code == 200
    assert (await site.client.get("/v1/silences")).json()["silences"] == []
    text = shown.text
    assert "Held now: 2 alerts" in text
    assert "Still paged, because high: 1 alert<" in text
    assert text.index("Low reservoir") < text.index("Still paged") < text.index("Motor stall")
    assert 'http-equiv="refresh"' not in text  # it would throw the answer away
    ends = site.story.now + HOUR
    assert f'datetime="{ends.isoformat()}"' in text
    confirm = fields_of(text)
    changed = await send(site, medium, confirm | {"step": "change"})
    assert fields_of(changed.text)["scope"] == "pump"
    site.story.now += timedelta(minutes=10)
    assert (await send(site, medium, confirm)).status_code == 303
    (silence,) = (await site.client.get("/v1/silences")).json()["silences"]
    assert silence["ends_at"] == ends.isoformat().replace("+00:00", "Z")
    held = {each["key"]: each["held"] and each["held"]["by"] for each in await alerts_of(site)}
    assert held == {"other": "Ann", "reservoir": "Ann", "infusion": None}


async def alerts_of(site: Site) -> list[dict[str, Any]]:
    return list((await site.client.get("/v1/alerts")).json()["alerts"])


async def test_a_preview_that_is_too_old_is_shown_again(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    shown = await send(site, alert_id, await filled(site, alert_id, step="preview"))
    confirm = fields_of(shown.text)
    site.story.now += timedelta(hours=2)
    for moment in (confirm["shown_at"], "yesterday", "2026-03-02T11:00:00"):
        again = await send(site, alert_id, confirm | {"shown_at": moment})
        assert (again.status_code, "Held now: 1 alert<" in again.text) == (200, True)
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_a_silence_to_come_holds_nothing_yet(site: Site) -> None:
    await site.story.run([(0, "alarm other raised")])
    alert_id = (await site.alert())["alert_id"]
    fields = await filled(site, alert_id, begins_in_hours="2")
    assert "Until it begins, pages go out as usual" in (await send(site, alert_id, fields | {"step": "preview"})).text
    assert (await send(site, alert_id, fields)).status_code == 303
    assert (await site.alert())["held"] is None
    site.story.now += 2 * HOUR
    assert (await site.alert())["held"]["by"] == "Ann"
    site.story.now += HOUR
    assert (await site.alert())["held"] is None


async def test_what_is_not_there_is_refused_with_the_names_that_are_near_it(site: Site, database: Database) -> None:
    await site.story.enrol()
    pump_id = site.story.pump_id
    [elsewhere] = await enrol(database, 1)
    await database.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) SELECT $1, kind, clinic_id FROM devices WHERE device_id = $2",
        f"{pump_id}9",
        elsewhere,
    )
    await database.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id, retired_at) VALUES ('old-pump', 'pump', $1, now())",
        site.story.clinic_id,
    )

    async def asked(**changes: object) -> tuple[int, str]:
        body = {"reason": "r", "clinic_id": site.story.clinic_id, "ends_at": "2026-03-02T10:00:00Z"}
        answer = await site.client.post("/v1/silences", json=body | changes)
        return answer.status_code, str(answer.json().get("detail"))

    status, detail = await asked(pump_id=pump_id.upper() + "9")
    assert status == 409
    assert detail.endswith(f"in clinic '{site.story.clinic_id}'; near it is '{pump_id}'")
    for wrong in (f"{pump_id}9", "old-pump", "x"):  # another clinic's; retired; nobody's
        status, detail = await asked(pump_id=wrong)
        assert (status, f"there is no pump '{wrong}' in clinic" in detail) == (409, True)
        assert f"{pump_id}9" not in detail.replace(f"'{wrong}'", "", 1)
    status, detail = await asked(rule="pump_alarms")
    assert (status, "there is no rule 'pump_alarms'; near it" in detail, "'pump_alarm'" in detail) == (409, True, True)
    assert "expected one of pump_alarm, low_reservoir" in (await asked(rule="zzz"))[1]
    for times, words in (
        ({"ends_at": "2026-03-02T09:00:00Z"}, "the end must come after the beginning"),
        ({"ends_at": "2026-03-01T09:00:00Z", "begins_at": "2026-02-28T09:00:00Z"}, "lie in the future"),
        ({"ends_at": "9999-03-02T09:00:00Z"}, "at most 168 hours"),
        ({"begins_at": "2990-03-02T09:00:00Z", "ends_at": "2990-03-02T10:00:00Z"}, "within 366 days"),
    ):
        status, detail = await asked(**times)
        assert (status, words in detail) == (409, True), times
    assert await asked(pump_id=pump_id, rule="pump_alarm") == (201, "None")
