"""The brief and promises, by pages and by programs: what is open is there, and who has the turn takes it over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.people.rota.turns import shift_at
from tests.integration.alerts.on_call.clinics import NORTH, Clinics, clinics_with_rotas
from tests.signed_in import WithKey
from tests.stack import Database


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    made = await clinics_with_rotas(database)
    enrol = "INSERT INTO devices (device_id, kind, clinic_id) VALUES ('pump-north', 'pump', $1)"
    await database.pool.execute(enrol, NORTH)
    await made.story.run_more([(0, "therapy low=4"), (1, "alarm motor_stall raised")])
    kept = await made.kept()
    made.story.now = shift_at(kept.rota, made.story.now).ends + timedelta(minutes=5)  # Bob's week has begun
    return made


async def brief(clinics: Clinics, name: str = "Bob") -> str:
    async with clinics.browser(name) as browser:
        response = await browser.get(f"/on-call/{(await clinics.kept()).rota_id}/brief")
    assert response.status_code == 200
    return " ".join(response.text.split())


async def test_whoever_has_the_turn_takes_it_over_and_nobody_else(clinics: Clinics) -> None:
    path = f"/on-call/{(await clinics.kept()).rota_id}/brief"
    text = await brief(clinics, "Ann")
    assert "1 waiting for somebody" in text
    assert "Motor stall" in text
    assert "Bob has not taken it over yet." in text
    assert "I have read it" not in text
    for name, code, words in (("Ann", 409, "Bob has it, and nobody takes it over"), ("Vic", 403, "a responder")):
        async with clinics.browser(name) as browser:
            refused = await browser.post(path)
        assert refused.status_code == code
        assert words in refused.text
    assert "I have read it" in await brief(clinics)
    async with clinics.browser("Bob") as browser:
        assert (await browser.post(path)).status_code == 303
    clinics.story.now += timedelta(minutes=3)
    for name in ("Ann", "Bob"):
        assert "Taken over by <strong>Bob</strong>" in await brief(clinics, name)
    async with clinics.browser("Ann") as browser:
        assert "taken over by Bob" in " ".join((await browser.get("/on-call")).text.split())
    assert [(name, clinic) for _, name, clinic in await clinics.trail("hand_over_accepted")] == [("Bob", NORTH)]


async def test_a_promise_is_made_by_the_clinics_clock_shown_and_kept(clinics: Clinics) -> None:
    alert_id = await clinics.story.pool.fetchval("SELECT alert_id FROM alerts")
    here = f"/alerts/{alert_id}"
    tomorrow = clinics.story.now + timedelta(days=1)
    typed = f"{tomorrow:%Y-%m-%d}T08:00"
    async with clinics.browser("Bob") as browser:
        for wrong in ("yesterday", "2020-01-01T08:00", f"{clinics.story.now + timedelta(days=40):%Y-%m-%d}T08:00"):
            refused = await browser.post(f"{here}/remark", data={"text": "Call again", "again_at": wrong})
            assert refused.status_code == 409
            assert "Not written down" in refused.text
            assert 'value="Call again"' in refused.text, "what was typed is there"
        made = await browser.post(f"{here}/remark", data={"text": "Call Mrs. K. again", "again_at": typed})
        assert made.status_code == 303
        page = " ".join((await browser.get(here)).text.split())
    assert "08:00 (Europe/Berlin): Call Mrs. K. again, by <strong>Bob</strong>" in page
    due = await clinics.story.pool.fetchval("SELECT due_at FROM promises")
    assert due == tomorrow.replace(hour=7, minute=0, second=0, microsecond=0), "Berlin is an hour before Greenwich"
    assert "Call Mrs. K. again" in await brief(clinics, "Ann")

    promise_id = await clinics.story.pool.fetchval("SELECT promise_id FROM promises")
    async with clinics.browser("Vic") as browser:
        assert (await browser.post(f"{here}/promises/{promise_id}/keep")).status_code == 403
    async with clinics.browser("Ann") as browser:
        assert (await browser.post(f"{here}/promises/{promise_id}/keep")).status_code == 303
        assert (await browser.post(f"{here}/promises/{promise_id}/keep")).status_code == 404
        page = (await browser.get(here)).text
    assert "Done as promised: Call Mrs. K. again" in page
    assert "Nothing is promised." in await brief(clinics)


async def test_a_program_promises_too(clinics: Clinics) -> None:
    alert_id = await clinics.story.pool.fetchval("SELECT alert_id FROM alerts")
    key = WithKey(clinics.story.pool, lambda: clinics.story.now, "alerts.act", clinic_id=NORTH)
    async with clinics.browser("", key) as program:
        at = (clinics.story.now + timedelta(hours=2)).isoformat()
        path = f"/v1/alerts/{alert_id}/remarks"
        assert (await program.post(path, json={"text": "x", "call_again_at": at})).status_code == 204
        late = await program.post(path, json={"text": "x", "call_again_at": clinics.story.now.isoformat()})
        assert (late.status_code, "within the next 31 days" in late.json()["detail"]) == (409, True)
        assert (await program.post(path, json={"text": "x", "call_again_at": "8"})).status_code == 422
    assert await clinics.story.pool.fetchval("SELECT count(*) FROM promises") == 1
