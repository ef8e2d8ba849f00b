"""Every page keeps WCAG 2.1 A and AA, by day, by night and on a phone: nobody has to scroll sideways, or to point."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from services.alerts.web.api import create_app
from services.alerts.web.identity.browser import session_cookie
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from services.people.model import Role
from tests.alerts_pages import web_of_story
from tests.browser.axe import EACH_LOOK, LOOKS, violations
from tests.browser.chromium import chromium
from tests.browser.keyboard.tabbing import unreached
from tests.integration.alerts.links.linked import Linked, linked
from tests.integration.people.two_clinics import make_hand_over, make_rota
from tests.servers.served import served
from tests.signed_in import make_person, make_session
from tests.stack import Database


@pytest.fixture
async def site(database: Database, page_collector: PageCollector, tmp_path: Path) -> Linked:
    made = await linked(database, page_collector, tmp_path)
    days = [(day * 1440, "status; bolus delivered x1") for day in range(1, 21)]
    busy = (21 * 1440, "bolus denied_lockout x8")
    await made.story.run_more([(29, "level 7"), (30, "level 1.8 measured"), (31, "report pain 9"), *days, busy])
    await made.story.run_more([(25 * 1440, "tick"), (25 * 1440 + 1, "report pain 9")])
    nurse = await make_person(made.story.pool, "Nora Nurse", Role.RESPONDER, made.story.now)
    await make_rota(made.story.pool, made.story.clinic_id, nurse, made.story.now)
    return made


@pytest.fixture
async def url(site: Linked) -> AsyncIterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    app = create_app(replace(web_of_story(site.story, public_url=address), desk=site.desk))
    async with served(app, port):
        yield address


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


async def pages_of(site: Linked) -> dict[str, list[str]]:
    """Paths, by whether somebody is signed in."""
    pool = site.story.pool
    alert_id = await pool.fetchval("SELECT alert_id FROM alerts ORDER BY opened_at LIMIT 1")
    pictured = [
        await pool.fetchval("SELECT alert_id FROM alerts WHERE rule = $1 ORDER BY opened_at LIMIT 1", rule)
        for rule in ("low_reservoir", "bolus_demand", "device_silent")
    ]
    assert all(pictured)
    rota_id = await pool.fetchval("SELECT rota_id FROM rotas LIMIT 1")
    nora = await pool.fetchval("SELECT person_id FROM persons WHERE name = 'Nora Nurse'")
    await make_hand_over(pool, site.story.clinic_id, nora, site.story.now)
    return {
        "signed in": ["/", f"/alerts/{alert_id}", *(f"/alerts/{each}" for each in pictured),
                      f"/pumps/{site.story.pump_id}", f"/alerts/{alert_id}/silence", "/account",
                      "/account/channels", "/on-call", f"/on-call/clinics/{site.story.clinic_id}/rotas",
                      "/alerts/not-an-alert", "/refills", "/refills?within=14", f"/on-call/{rota_id}/brief", "/people",
                      f"/pumps/{site.story.pump_id}/review", "/quality", "/quality/year"],
        "nobody": ["/sign-in", "/set-up", await site.page(), "/l/forged"],
    }  # fmt: skip


@pytest.mark.parametrize("look", EACH_LOOK)
async def test_every_page_can_be_read_by_everybody(site: Linked, url: str, browser: Browser, look: str) -> None:
    scheme, size = LOOKS[look]
    person = await make_person(site.story.pool, "Ann Administrator", Role.ADMINISTRATOR, site.story.now)
    token = await make_session(site.story.pool, person, site.story.now)
    found: dict[str, list[str]] = {}
    for who, paths in (await pages_of(site)).items():
        context = await browser.new_context(color_scheme=scheme, viewport=size, locale="en-GB")
        if who == "signed in":
            await context.add_cookies([{"name": session_cookie(url), "value": token, "url": url}])
        page = await context.new_page()
        await page.clock.install(time=site.story.now)
        said: list[str] = []
        _listen(page, said)
        for path in paths:
            answer = await page.goto(url + path)
            assert answer is not None
            status = f"status of {answer.status} "  # of an error page itself
            found[path] = [*await faults_of(page, size), *(each for each in said if status not in each or answer.ok)]
            said.clear()
            if look == "by day":  # the same elements as in the other looks
                found[path] += await unreached(page)
        await context.close()
    assert {path: faults for path, faults in found.items() if faults} == {}


def _listen(page: Page, said: list[str]) -> None:
    """Have whatever the browser complains of in `said`."""
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))


async def faults_of(page: Page, size: ViewportSize) -> list[str]:
    width: Any = await page.evaluate("document.documentElement.scrollWidth")
    wide = [f"is {width} pixels wide"] if width > size["width"] else []
    return [*wide, *await violations(page)]
