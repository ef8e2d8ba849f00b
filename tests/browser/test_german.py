"""The board in German: what is done of it reads German, in each look, and stays so while it is open."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from schemas.policy import Contact, Priority
from services.alerts.web.api import create_app
from services.alerts.web.identity.browser import session_cookie
from services.devstack.pages import PageCollector
from services.devstack.ports import free_port
from services.people.model import Role
from tests.alerts_pages import web_of_story
from tests.alerts_world import route
from tests.browser.axe import violations
from tests.browser.chromium import chromium
from tests.browser.phone import picture
from tests.integration.alerts.links.linked import Linked, linked
from tests.integration.people.two_clinics import make_hand_over, make_rota
from tests.servers.served import served
from tests.signed_in import make_person, make_session
from tests.stack import Database

LOOKS: dict[str, ViewportSize] = {"light": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
ENGLISH = re.compile(
    r"\b(?:the|and|nobody|acknowledged?|waiting|closed|until|told|high|alert|alerts|silence|sign)\b", re.IGNORECASE
)
"""Words of English that no German sentence has."""


@pytest.fixture
async def site(database: Database, page_collector: PageCollector, tmp_path: Path) -> Linked:
    made = await linked(database, page_collector, tmp_path)
    await made.story.run_more(
        [(30, "level 1.8 measured"), (31, "report pain 9"), (32, "alarm catheter_occlusion raised")]
    )
    return made


@pytest.fixture
async def url(site: Linked) -> AsyncIterator[str]:
    async with board_of(site) as address:
        yield address


@asynccontextmanager
async def board_of(site: Linked) -> AsyncIterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    app = create_app(replace(web_of_story(site.story, public_url=address), desk=site.desk))
    async with served(app, port):
        yield address


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


async def context_of(
    site: Linked, url: str, browser: Browser, name: str, locale: str, size: ViewportSize
) -> BrowserContext:
    person = await make_person(site.story.pool, name, Role.ADMINISTRATOR, site.story.now)
    token = await make_session(site.story.pool, person, site.story.now)
    context = await browser.new_context(viewport=size, locale=locale)
    await context.add_cookies([{"name": session_cookie(url), "value": token, "url": url}])
    return context


async def own_words(page: Page) -> str:
    """What the page says in its own language: without what is marked as English, commands, files and people's words."""
    said: str = await page.evaluate(
        """() => {
          const copy = document.body.cloneNode(true);
          const others = '[lang=en], datalist, code, textarea, .timeline li p:not(.head)';
          copy.querySelectorAll(others).forEach((each) => each.remove());
          return copy.innerText;
        }"""
    )
    return said


@pytest.mark.parametrize("look", LOOKS)
async def test_what_is_done_reads_german_and_can_be_read_by_everybody(
    site: Linked, url: str, browser: Browser, look: str
) -> None:
    pool = site.story.pool
    alert_id = await pool.fetchval("SELECT alert_id FROM alerts ORDER BY opened_at LIMIT 1")
    nora = await make_person(pool, "Nora", Role.RESPONDER, site.story.now)
    await make_rota(pool, site.story.clinic_id, nora, site.story.now)
    await make_hand_over(pool, site.story.clinic_id, nora, site.story.now)
    rota_id = await pool.fetchval("SELECT rota_id FROM rotas LIMIT 1")
    signed_in = await context_of(site, url, browser, "Anna Beispiel", "de-DE", LOOKS[look])
    nobody = await browser.new_context(viewport=LOOKS[look], locale="de-AT")
    alert = f"/alerts/{alert_id}"
    paths = [
        "/",
        alert,
        f"{alert}/silence",
        "/account",
        "/alerts/not-an-alert",
        "/?text=zzz",
        "/on-call",
        "/refills",
        "/account/channels",
    ]
    paths.append(f"/on-call/{rota_id}/brief")
    pump = f"/pumps/{site.story.pump_id}"
    paths += [pump, f"{pump}/review", "/quality", "/quality/year", f"/on-call/clinics/{site.story.clinic_id}/rotas"]
    found: dict[str, object] = {}
    for context, which in ((signed_in, paths), (nobody, ["/sign-in", await site.page(), "/set-up"])):
        page = await context.new_page()
        await page.clock.install(time=site.story.now)
        for path in which:
            await page.goto(url + path)
            await picture(page, f"german-{look}-{which.index(path)}-{len(which)}")
            assert await page.locator("html").get_attribute("lang") == "de"
            width = await page.evaluate("document.documentElement.scrollWidth")
            faults = [*await violations(page), *ENGLISH.findall(await own_words(page))]
            faults += ["an explanation in English"] * await page.locator(".explanation[lang]").count()
            found[path] = [*faults, *([f"is {width} wide"] if width > LOOKS[look]["width"] else [])]
    assert {path: faults for path, faults in found.items() if faults} == {}


async def test_an_open_board_says_in_german_what_comes_and_what_was_done(
    site: Linked, url: str, browser: Browser
) -> None:
    context = await context_of(site, url, browser, "Anna Beispiel", "de-DE", LOOKS["light"])
    troubles: list[str] = []
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    page = await context.new_page()
    await page.goto(url)
    await expect(page.locator("#summary")).to_contain_text("warten auf Bestätigung")
    await site.story.run_more([(40, "alarm memory_error raised"), (41, "alarm empty_reservoir raised")])
    card = page.locator("article", has_text="Reservoir leer")
    await expect(card).to_be_visible()
    await expect(card.locator(".badge")).to_have_text("hoch")
    await expect(card.locator(".explanation")).to_contain_text("Die Pumpe gibt Alarm: Reservoir leer seit")
    await expect(page.locator(".explanation[lang]")).to_have_count(0)
    await expect(page.locator("#news")).to_contain_text("Neuer hoher Alarm: Reservoir leer")
    await expect(page).to_have_title(re.compile("NEUER HOHER ALARM"))
    await card.get_by_role("button", name="Bestätigen").click()
    await expect(page.get_by_text("Bestätigt von Anna Beispiel").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Bestätigt")).to_be_visible()
    assert troubles == []


async def test_a_choice_holds_in_this_browser_and_in_no_other(site: Linked, url: str, browser: Browser) -> None:
    ann, bob = [
        await context_of(site, url, browser, name, "en-GB", LOOKS["light"]) for name in ("Ann Example", "Bob Example")
    ]
    hers, his = await ann.new_page(), await bob.new_page()
    await hers.goto(f"{url}/account")
    await hers.get_by_label("In which language this browser shows the board").select_option("Deutsch")
    await hers.get_by_role("button", name="Keep").click()
    await expect(hers.get_by_role("button", name="Speichern")).to_be_visible()
    await hers.goto(url)
    await his.goto(url)
    await expect(hers.get_by_role("button", name="Bestätigen").first).to_be_visible()
    await expect(his.get_by_role("button", name="Acknowledge").first).to_be_visible()
    await hers.get_by_role("button", name="Abmelden").click()
    await expect(hers.get_by_role("heading", name="Anmelden")).to_be_visible()


async def test_times_are_the_clinics_whatever_the_clock_of_the_browser(
    site: Linked, url: str, browser: Browser
) -> None:
    """The clinic's rota goes by Berlin; one browser is in Tokyo, and one runs no scripts."""
    member = await make_person(site.story.pool, "Nora", Role.RESPONDER, site.story.now)
    await make_rota(site.story.pool, site.story.clinic_id, member, site.story.now)
    site.story.now = site.story.now.replace(microsecond=0)
    shown: list[list[str]] = []
    ways: tuple[dict[str, Any], ...] = ({"timezone_id": "Asia/Tokyo"}, {"java_script_enabled": False})
    for how in ways:
        person = await make_person(site.story.pool, f"Ann {len(shown)}", Role.RESPONDER, site.story.now)
        context = await browser.new_context(locale="en-GB", **how)
        token = await make_session(site.story.pool, person, site.story.now)
        await context.add_cookies([{"name": session_cookie(url), "value": token, "url": url}])
        page = await context.new_page()
        await page.goto(url)
        times = page.locator("article", has_text="Catheter occlusion").locator("time:not([data-ago])")
        shown.append(await times.all_inner_texts())
    assert shown[0] == shown[1]
    assert shown[0]
    assert all(each.endswith(" CET") for each in shown[0])


async def german_page(site: Linked, url: str, browser: Browser, path: str) -> Page:
    context = await context_of(site, url, browser, "Anna Beispiel", "de-DE", LOOKS["light"])
    page = await context.new_page()
    await page.clock.install(time=site.story.now)
    await page.goto(f"{url}{path}")
    return page


async def test_why_a_drug_is_good_for_so_long_reads_german(site: Linked, url: str, browser: Browser) -> None:
    await site.story.run_more([(33, "therapy of ziconotide 0.3 14; refill 18")])
    page = await german_page(site, url, browser, "/refills")
    await expect(page.locator("main")).to_contain_text("ziconotide, verdünnt: 40 Tage")
    await page.goto(f"{url}/pumps/{site.story.pump_id}")
    await expect(page.locator("main")).to_contain_text("(ziconotide, verdünnt)")


async def test_why_a_gap_of_a_rota_reaches_nobody_reads_german(site: Linked, browser: Browser) -> None:
    """Nora has no channel, and after her nobody is on call."""
    nora = await make_person(site.story.pool, "Nora", Role.RESPONDER, site.story.now, clinic_id=site.story.clinic_id)
    await make_rota(site.story.pool, site.story.clinic_id, nora, site.story.now)
    on_call = Contact(name="Bereitschaft", rota=site.story.clinic_id)
    told = {"contacts": (on_call,), "routes": {Priority.HIGH: route((0.0, "Bereitschaft"))}}
    site.story.policy = site.story.policy.model_copy(update=told)
    async with board_of(site) as url:
        page = await german_page(site, url, browser, "/on-call")
        warning = page.locator("main .warning", has_text="Bereitschaft:").first
        await expect(warning).to_contain_text(": Bereitschaft: Nora hat keinen Weg, der funktioniert.")
        await expect(warning.locator("[lang]")).to_have_count(0)


async def test_what_is_refused_of_a_channel_and_of_a_person_reads_german(
    site: Linked, url: str, browser: Browser
) -> None:
    page = await german_page(site, url, browser, "/account/channels")
    for path, form, values, words in (
        (
            "/account/channels",
            "/account/channels",
            {"name": "Telefon", "url": "gopher://x"},
            "Adressen der Art gopher:// werden hier nicht angenommen.",
        ),
        (
            "/people",
            "/people",
            {"sign_in": "Anna Beispiel!", "name": "Anna"},
            "'Anna Beispiel!' ist kein Anmeldename: erwartet werden höchstens 64 Zeichen",
        ),
    ):
        await page.goto(f"{url}{path}")
        sent = page.locator(f'form[action="{form}"]').filter(has=page.locator("[name=name]"))
        for name, value in values.items():
            await sent.locator(f"[name={name}]").fill(value)
        await sent.locator("button").click()
        await expect(page.locator("main")).to_contain_text(words)


async def test_why_a_rota_cannot_be_changed_reads_german(site: Linked, url: str, browser: Browser) -> None:
    clinic = site.story.clinic_id
    vera = await make_person(site.story.pool, "Vera", Role.VIEWER, site.story.now, clinic_id=clinic)
    sign_in = await site.story.pool.fetchval("SELECT sign_in FROM persons WHERE person_id = $1", vera)
    page = await german_page(site, url, browser, f"/on-call/clinics/{clinic}/rotas")
    layer = f'{{name: week, members: [{sign_in or vera}], begins: 2026-11-23, hand_over: "08:00"}}'
    text = f"clinic_id: {clinic}\nrotas:\n- name: first\n  timezone: Europe/Berlin\n  layers: [{layer}]\n"
    await page.locator("textarea[name=text]").fill(text)
    await page.locator("form", has=page.locator("textarea")).get_by_role("button").click()
    words = f"Vera darf nur lesen und keine Benachrichtigung beantworten; erwartet wird jemand aus {clinic}"
    await expect(page.locator("main .warning p:not([lang])", has_text=words)).to_be_visible()
