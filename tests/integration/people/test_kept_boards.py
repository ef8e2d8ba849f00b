"""A board that is kept for a moment is shown only to who may see and do the same, and never hides what was done."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx

from services.alerts.web.api import create_app
from services.people.model import Role
from services.runtime.http.kept import Kept
from tests.alerts_pages import web_of_story
from tests.integration.people.two_clinics import two_clinics
from tests.signed_in import SignedIn
from tests.stack import Database


async def test_one_reading_serves_all_of_a_clinic_and_nobody_else(database: Database) -> None:
    two = await two_clinics(database)
    app = create_app(replace(web_of_story(two.north), boards=Kept(3_600.0)))

    def browser(name: str, clinic_id: str, role: Role) -> httpx.AsyncClient:
        auth = SignedIn(two.pool, lambda: two.north.now, name, role=role, clinic_id=clinic_id)
        transport = httpx.ASGITransport(app)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=auth)

    ann, bob = (browser(name, two.north.clinic_id, Role.RESPONDER) for name in ("Ann", "Bob"))
    vic = browser("Vic", two.north.clinic_id, Role.VIEWER)
    sue = browser("Sue", two.south.clinic_id, Role.RESPONDER)
    first = (await ann.get("/")).text
    assert "pump-north" in first
    await two.pool.execute("UPDATE alerts SET title = 'Changed since' WHERE pump_id = 'pump-north'")
    for_bob = (await bob.get("/")).text
    assert "Changed since" not in for_bob, "what was read for Ann a moment ago is Bob's too"
    for other in (vic, sue):
        assert (await other.get("/", params={"clinic_id": two.north.clinic_id})).text.count("Acknowledge<") == 0
    assert "Changed since" in (await vic.get("/")).text, "who may do less has a board of their own"
    assert "pump-north" not in (await sue.get("/")).text

    tokens = [set(re.findall(r'name="csrf" value="([^"]*)"', each)) for each in (first, for_bob)]
    assert all(len(each) == 1 for each in tokens), "each form of a page shows the token of who reads it"
    assert tokens[0] != tokens[1]
    assert "<form-token>" not in for_bob

    alert = re.search(r'action="/alerts/([^/]+)/acknowledge"', for_bob)
    assert alert is not None
    assert (await bob.post(f"/alerts/{alert[1]}/acknowledge", data={})).status_code == 303
    for each in (ann, bob):
        assert "Acknowledged by <strong>Bob</strong>" in (await each.get("/")).text, (
            "what was done is on the next board"
        )
    noted = await two.pool.fetch("SELECT DISTINCT detail ->> 'name' AS name FROM access_log WHERE kind = 'read'")
    assert {row["name"] for row in noted} >= {"Ann", "Bob", "Vic"}, "who read what was kept has read it"
