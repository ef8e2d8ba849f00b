"""Sign-in and sign-out by an identity provider of another site, in a phone's browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from services.alerts.web.api import create_app
from services.devstack.ports import free_port
from services.devstack.servers.oidc_provider import OidcProvider
from tests.alerts_pages import web_of_story
from tests.alerts_world import Story
from tests.browser.chromium import chromium
from tests.integration.people.oidc.lying import groups_file
from tests.servers.served import served
from tests.stack import Database

PHONE = {"width": 390, "height": 844}
SECRET = "a secret of forty characters, or a few more"  # noqa: S105


@pytest.fixture
async def board(database: Database, tmp_path: Path) -> AsyncIterator[str]:
    """A board at `localhost` whose provider is at `127.0.0.1`, which is another site to a browser; its address."""
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised")])
    story.now = await story.pool.fetchval("SELECT now()")
    port = free_port()
    url = f"http://localhost:{port}"
    client = {
        "client_id": "pumpwatch",
        "client_secret": SECRET,
        "redirect_uris": [f"{url}/sign-in/provider/answer"],
        "post_logout_redirect_uris": [f"{url}/sign-in"],
    }
    accounts = {"s-1": {"name": "Ann Example", "preferred_username": "ann", "groups": ["Nurses"]}}
    with OidcProvider(accounts, [client]) as provider:
        app = create_app(
            web_of_story(
                story,
                public_url=url,
                oidc_issuer=provider.issuer,
                oidc_client_id="pumpwatch",
                oidc_client_secret=SECRET,
                oidc_scopes="openid profile groups",
                oidc_groups_file=groups_file(tmp_path, f"clinics:\n  {story.clinic_id}:\n    responder: [Nurses]\n"),
                oidc_name="the hospital's account",
            )
        )
        async with served(app, port):
            yield url


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        context = await browser.new_context(viewport=PHONE, locale="en-GB")  # type: ignore[arg-type]
        yield await context.new_page()


async def test_ann_signs_in_with_the_hospitals_account_and_out_of_both(board: str, page: Page) -> None:
    await page.goto(f"{board}/?state=open")
    link = page.get_by_role("link", name="Sign in with the hospital's account")
    box = await link.bounding_box()
    assert box is not None
    assert box["height"] >= 24, "it can be hit with a finger"
    await link.click()
    await page.locator("input[name=login]").fill("s-1")
    await page.locator("input[name=password]").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url(f"{board}/?state=open")
    assert "Motor stall" in await page.locator("article").inner_text()
    await page.get_by_role("button", name="Acknowledge").click()
    await page.get_by_role("heading", name="Acknowledged").wait_for()
    assert "Acknowledged by Ann Example" in await page.locator("article").inner_text()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("link", name="Sign out there as well").click()
    await page.get_by_role("button", name="Yes, sign me out").click()
    await page.wait_for_url(f"{board}/sign-in*")
    await page.goto(f"{board}/")
    assert page.url.startswith(f"{board}/sign-in")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # The provider knows nobody any more either: it asks again.
    await page.get_by_role("link", name="Sign in with the hospital's account").click()
    await page.locator("input[name=login]").wait_for()
