"""Rotas as a text on the board, and shifts from a calendar: kept as typed, or refused with the line of each fault."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import httpx
import pytest

from services.people.rota.turns import on_call
from tests.integration.alerts.on_call.clinics import NORTH, SOUTH, Clinics, clinics_with_rotas
from tests.stack import Database

PATH = f"/on-call/clinics/{NORTH}/rotas"


@pytest.fixture
async def clinics(database: Database) -> Clinics:
    return await clinics_with_rotas(database)


async def opened(clinics: Clinics) -> dict[str, str]:
    """What the form has in it."""
    async with clinics.browser("Ada") as browser:
        text = (await browser.get(PATH)).text
    area, based = (
        re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL),
        re.search(r'based_on" value="(.*?)"', text),
    )
    assert area
    assert based
    return {"text": html.unescape(area[1]), "based_on": html.unescape(based[1])}


async def post(clinics: Clinics, typed: dict[str, str], name: str = "Ada", path: str = PATH) -> httpx.Response:
    async with clinics.browser(name) as browser:
        return await browser.post(path, data=typed)


async def test_an_administrator_changes_the_layers_and_adds_a_rota(clinics: Clinics) -> None:
    typed = await opened(clinics)
    assert (await post(clinics, typed)).status_code == 303
    assert (await clinics.kept()).version == 1  # nothing was changed, so nothing is new
    changed = typed["text"].replace("- tann\n", "- tada\n").replace("\n", "\r\n")
    assert (await post(clinics, typed | {"text": changed})).status_code == 303
    kept = await clinics.kept()
    assert (kept.version, kept.made_name) == (2, "Ada")
    assert on_call(kept.rota, clinics.story.now) == clinics.persons["Ada"]
    late = await post(clinics, typed | {"text": typed["text"].replace("- tbob", "- tada")})
    assert late.status_code == 409
    assert "changed by somebody else meanwhile" in late.text
    assert (await clinics.kept()).version == 2


async def test_what_cannot_be_read_is_shown_with_its_line_beside_what_was_typed(clinics: Clinics) -> None:
    typed = await opened(clinics)
    for before, after, said, code in (
        ("- tann", "- nobody", "nobody of this clinic signs in as &#39;nobody&#39;", 422),
        ("- tann", "- teve", "nobody of this clinic signs in as", 422),
        ("Europe/Berlin", "Europe/Nowhere", "line:4: ", 422),
        ("rotas:", "rotas: [", "is not valid YAML", 422),
        ("- tann", "- tvic", "may only look", 409),
        (f"clinic_id: {NORTH}", f"clinic_id: {SOUTH}", SOUTH, 422),
    ):
        text = typed["text"].replace(before, after)
        assert text != typed["text"], before
        response = await post(clinics, typed | {"text": text})
        assert (response.status_code, said in response.text) == (code, True), (after, response.text)
        assert html.escape(text).replace("&#x27;", "&#39;").strip() in response.text
    assert (await post(clinics, {"text": typed["text"] + " ", "based_on": "x"})).status_code == 409
    assert (await clinics.kept()).version == 1


async def test_only_an_administrator_of_the_clinic_changes_its_layers(clinics: Clinics) -> None:
    for name, code in (("Ann", 403), ("Vic", 403), ("Eve", 404)):
        async with clinics.browser(name) as browser:
            assert (await browser.get(PATH)).status_code == code
        assert (await post(clinics, {"text": "x"}, name)).status_code == code


def calendar(who: str, begins: str, ends: str) -> bytes:
    lines = (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", f"DTSTART:{begins}", f"DTEND:{ends}",
        f"SUMMARY:{who}", "END:VEVENT", "END:VCALENDAR", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


async def test_shifts_of_a_calendar_are_taken_or_refused_with_the_line(clinics: Clinics) -> None:
    kept, now = await clinics.kept(), clinics.story.now
    begins, ends = (f"{now + timedelta(hours=hours):%Y%m%dT%H%M%SZ}" for hours in (1, 3))

    async def upload(content: bytes) -> httpx.Response:
        async with clinics.browser("Ann") as browser:
            return await browser.post(f"/on-call/{kept.rota_id}/calendar", files={"file": ("a.ics", content)})

    for content, said in (
        (b"", "line:1"),
        (calendar("Eve", begins, ends), "line:8"),
        (calendar("Bob", begins, "tomorrow"), "line:7"),
        (b"x" * 300_000, "larger than"),
        (calendar("Ann", begins, ends), "gives these shifts already"),
    ):
        response = await upload(content)
        assert (response.status_code, said in response.text) == (409, True), (said, response.text)
    assert (await upload(calendar("Bob", begins, ends))).status_code == 303
    rota = (await clinics.kept()).rota
    assert on_call(rota, now + timedelta(hours=2)) == clinics.persons["Bob"]
    assert on_call(rota, now + timedelta(hours=3)) == clinics.persons["Ann"]
