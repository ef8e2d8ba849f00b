"""axe-core, by which a page is looked at as people see it who see, hear or point in another way."""

from __future__ import annotations

from typing import Any, Final, Literal

import pytest
from playwright.async_api import Page, ViewportSize

from services.devstack.servers import npm

LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize]] = {
    "by day": ("light", {"width": 1280, "height": 800}),
    "by night": ("dark", {"width": 1280, "height": 800}),
    "phone": ("light", {"width": 390, "height": 844}),
    "phone by night": ("dark", {"width": 390, "height": 844}),
}
EACH_LOOK: Final = [pytest.param(look, marks=[pytest.mark.long] if "night" in look else []) for look in LOOKS]
"""By night the pages are as long in looking at as by day, so those are among the long tests."""


async def violations(page: Page) -> list[str]:
    """What of WCAG 2.1, levels A and AA, the page does not keep, with the element of each."""
    await page.evaluate(npm.ensure_axe().read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "levels => axe.run(document, {runOnly: {type: 'tag', values: levels}})", LEVELS
    )
    return [
        f"{each['id']}: {each['help']} at {node['html'][:160]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
