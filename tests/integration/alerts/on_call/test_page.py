"""Who is on call, on the page and for programs: who has it, what changes it, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import icalendar
import pytest

from schemas.http.problems import ProblemType
from services.people.rota.turns import on_call, shifts
from tests.integration.alerts.on_call.clinics import NORTH, SOUTH, Clinics, clinics_with_rotas
from tests.signed_in import WithKey
from tests.stack import Database

DAY = timedelta(days=1)


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    return await clinics_with_rotas(database)


async def page_of(clinics: Clinics, name: str = "Ann") -> str:
    async with clinics.browser(name) as browser:
        response = await browser.get("/on-call")
    assert response.status_code == 200
    return " ".join(response.text.split())


async def post(clinics: Clinics, name: str, path: str, **typed: str) -> httpx.Response:
    async with clinics.browser(name) as browser:
        return await browser.post(path, data=typed)


def hours(clinics: Clinics, begins: float, ends: float) -> dict[str, str]:
    """Fields of a form, as a browser in Berlin sends them (an hour before Greenwich in winter)."""
    now = clinics.story.now + timedelta(hours=1)
    return {
        "begins": f"{now + timedelta(hours=begins):%Y-%m-%dT%H:%M}",
        "ends": f"{now + timedelta(hours=ends):%Y-%m-%dT%H:%M}",
    }


async def test_the_page_says_who_has_it_who_is_next_and_that_nobody_would_be_told(clinics: Clinics) -> None:
    text = await page_of(clinics, "Vic")
    assert '<strong class="big">tAnn' not in text
    assert '<strong class="big">Ann</strong> has it now, until' in text
    assert "Next: <strong>Bob</strong>" in text
    assert "Europe/Berlin" in text
    assert "or later (Europe/Berlin), a high alarm would reach nobody within" in text
    assert "has no working channel" in text
    assert "Eve" not in text
    assert SOUTH not in text
    assert "I take it" not in text  # who may only look is offered nothing that would be refused
    assert "I take it" in await page_of(clinics, "Ann")


async def test_the_page_says_that_somebody_is_always_reached_and_shows_no_address(clinics: Clinics) -> None:
    await clinics.reachable("Ann", "Bob")
    text = await page_of(clinics, "Vic")
    assert "A high alarm always reaches somebody" in text
    assert "secret-token" not in text


async def test_a_person_takes_it_and_the_change_is_ended(clinics: Clinics) -> None:
    kept, now = await clinics.kept(), clinics.story.now
    response = await post(clinics, "Bob", f"/on-call/{kept.rota_id}/override", **hours(clinics, -1, 5))
    assert (response.status_code, response.headers["location"]) == (303, "/on-call")
    rota = (await clinics.kept()).rota
    assert on_call(rota, now + timedelta(hours=5, minutes=-1)) == clinics.persons["Bob"]
    assert on_call(rota, now + timedelta(hours=5)) == clinics.persons["Ann"]
    bob = f"person:{clinics.persons['Bob']}"
    assert await clinics.trail("turn_changed") == [(bob, "Bob", NORTH)]
    assert '<strong class="big">Bob</strong>' in await page_of(clinics)
    [change] = rota.changes
    path = f"/on-call/{kept.rota_id}/changes/{change.change_id}/end"
    assert (await post(clinics, "Ann", path)).status_code == 303
    assert '<strong class="big">Ann</strong>' in await page_of(clinics)
    assert len(await clinics.trail("turn_change_withdrawn")) == 1
    again = await post(clinics, "Ann", path)
    assert again.status_code == 409
    assert "no such change" in again.text


async def test_two_shifts_are_swapped_and_both_halves_end_together(clinics: Clinics) -> None:
    kept, now = await clinics.kept(), clinics.story.now
    mine, theirs = shifts(kept.rota, now, now + 14 * DAY)[:2]
    typed = {
        name: f"{each.person_id}/{each.begins.isoformat()}/{each.ends.isoformat()}"
        for name, each in (("mine", mine), ("theirs", theirs))
    }
    path = f"/on-call/{kept.rota_id}/swap"
    refused = await post(clinics, "Bob", path, **typed)
    assert refused.status_code == 409
    assert "not a shift of yours" in refused.text
    assert (await post(clinics, "Ann", path, **typed)).status_code == 303
    rota = (await clinics.kept()).rota
    assert on_call(rota, now) == clinics.persons["Bob"]
    assert on_call(rota, theirs.begins) == clinics.persons["Ann"]
    again = await post(clinics, "Ann", path, **typed)
    assert again.status_code == 409
    assert "changed meanwhile" in again.text
    await post(clinics, "Bob", f"/on-call/{kept.rota_id}/changes/{rota.changes[0].change_id}/end")
    assert on_call((await clinics.kept()).rota, theirs.begins) == clinics.persons["Bob"]


async def test_who_is_out_is_replaced_wherever_they_would_have_it(clinics: Clinics) -> None:
    kept, now = await clinics.kept(), clinics.story.now
    typed = {"has_it": str(clinics.persons["Ada"]), **hours(clinics, 0, 24 * 30)}
    assert (await post(clinics, "Ann", f"/on-call/{kept.rota_id}/absence", **typed)).status_code == 303
    rota = (await clinics.kept()).rota
    have_it = {each.person_id for each in shifts(rota, now, now + 28 * DAY)}
    assert have_it == {clinics.persons["Ada"], clinics.persons["Bob"]}
    assert "as Ann is out" in await page_of(clinics)


async def test_a_form_that_is_refused_says_why_and_keeps_what_was_typed(clinics: Clinics) -> None:
    rota_id = (await clinics.kept()).rota_id
    eve, vic, ann = (str(clinics.persons[name]) for name in ("Eve", "Vic", "Ann"))
    far = "0001-01-01T00:00:00+00:00"
    for form, typed, said in (
        ("override", hours(clinics, 5, 1), "expected an end after the begin"),
        ("override", hours(clinics, -9, -5), "is over"),
        ("override", {"begins": "soon", "ends": "later"}, "is no time"),
        ("override", {"begins": "9999-01-01T00:00", "ends": "9999-02-01T00:00"}, "of the year 9999"),
        ("override", {}, "is no time"),
        ("absence", hours(clinics, 0, 1), "choose from the list"),
        ("absence", {"has_it": eve, **hours(clinics, 0, 1)}, "choose from the list"),
        ("absence", {"has_it": vic, **hours(clinics, 0, 1)}, "choose from the list"),
        ("absence", {"has_it": ann, **hours(clinics, 0, 1)}, "cannot stand in for themselves"),
        ("swap", {}, "choose a shift"),
        ("swap", {"mine": f"{ann}/{far}/9999-01-01T00:00:00+00:00", "theirs": "x"}, "choose a shift"),
        ("swap", {"mine": f"{ann}/2026-01-01/2026-01-02", "theirs": "x"}, "choose a shift"),
    ):
        response = await post(clinics, "Ann", f"/on-call/{rota_id}/{form}", **typed)
        assert (response.status_code, said in response.text) == (409, True), (form, typed, response.text)
        for name in {"begins", "ends"} & typed.keys():
            assert f'value="{typed[name]}"' in response.text
    assert (await clinics.kept()).rota.changes == ()


async def test_another_clinics_rota_is_not_there_and_who_only_looks_is_told_so(clinics: Clinics) -> None:
    north, south = (await clinics.kept()).rota_id, (await clinics.kept(SOUTH)).rota_id
    change = uuid4()
    for form in ("override", "swap", "absence", f"changes/{change}/end"):
        theirs = await post(clinics, "Ann", f"/on-call/{south}/{form}")
        none = await post(clinics, "Ann", f"/on-call/{UUID(int=7)}/{form}")
        assert theirs.status_code == none.status_code == 404
        assert str(south) in theirs.text
        forbidden = await post(clinics, "Vic", f"/on-call/{north}/{form}")
        assert forbidden.status_code == 403
        assert "that takes a person who is a responder" in forbidden.text
    key = WithKey(clinics.story.pool, lambda: clinics.story.now, "alerts.act", "on-call.read", clinic_id=NORTH)
    async with clinics.browser("", key) as program:
        assert (await program.post(f"/on-call/{north}/override", data=hours(clinics, 0, 1))).status_code == 403
    async with clinics.browser("Ann") as browser:
        assert (await browser.get(f"/on-call/{SOUTH}/first.ics")).status_code == 404


async def test_programs_read_who_is_on_call_of_their_own_clinic(clinics: Clinics) -> None:
    def key(*scopes: str) -> WithKey:
        return WithKey(clinics.story.pool, lambda: clinics.story.now, *scopes, clinic_id=NORTH)

    async with clinics.browser("", key("on-call.read")) as program:
        answer = (await program.get("/v1/on-call", params={"days": 8})).json()
        other = await program.get("/v1/on-call", params={"clinic_id": SOUTH})
        days = await program.get("/v1/on-call", params={"days": 100})
        calendar = await program.get(f"/on-call/{NORTH}/first.ics")
    [clinic] = answer["clinics"]
    [rota] = clinic["rotas"]
    assert (clinic["clinic_id"], rota["name"], rota["timezone"], rota["version"]) == (
        NORTH,
        "first",
        "Europe/Berlin",
        1,
    )
    assert rota["now"]["person"] == {"person_id": str(clinics.persons["Ann"]), "name": "Ann"}
    assert rota["next"]["person"]["name"] == "Bob"
    assert rota["now"]["ends"] == rota["next"]["begins"]
    assert [each["person"]["name"] for each in rota["shifts"]][:2] == ["Ann", "Bob"]
    assert clinic["gaps"][0]["why"] == ["on call: Ann has no working channel"]
    assert (other.status_code, other.json()["type"]) == (404, ProblemType.UNKNOWN_CLINIC.uri)
    assert days.status_code == 422
    events = icalendar.Calendar.from_ical(calendar.text).walk("VEVENT")
    assert [str(each["SUMMARY"]) for each in events][:2] == ["Ann", "Bob"]
    async with clinics.browser("", key("alerts.read")) as program:
        refused = await program.get("/v1/on-call")
    assert (refused.status_code, "on-call.read" in refused.text) == (403, True)
