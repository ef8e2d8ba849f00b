"""Going through a page by the Tab key, as who cannot point does."""

from __future__ import annotations

from typing import Any, Final

from playwright.async_api import Locator, Page

_MOST: Final = 400

_MARK: Final = """() => {
  const can = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex="-1"])';
  window.passed = new Set();
  window.last = null;
  window.wanted = [...document.querySelectorAll(can)].filter(each => each.checkVisibility() && !each.disabled);
  document.activeElement?.blur();
}"""
"""What can be pointed at, before the first Tab."""
_NOTE: Final = """() => {
  const here = document.activeElement;
  if (here === null || here === document.body) return 'end';
  if (here === window.last) return 'seen';  // a date has a stop for each of its parts
  if (window.passed.has(here)) return 'again';
  window.passed.add(here);
  window.last = here;
  const style = getComputedStyle(here);
  const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return seen ? 'seen' : here.outerHTML.slice(0, 160);
}"""
"""Where the focus is: over, where it was before, seen, or the element on which nobody sees it."""
_LEFT: Final = """() => {
  const ofGroup = each => each.type === 'radio' && [...window.passed].some(one => one.name === each.name);
  const left = window.wanted.filter(each => !window.passed.has(each) && !ofGroup(each));
  return left.map(each => each.outerHTML.slice(0, 160));
}"""
"""What was never reached; of radio buttons one for each group, as the arrow keys reach the others."""


async def unreached(page: Page) -> list[str]:
    """What of a page can be pointed at and is not reached by the keyboard, or does not show that it is."""
    await page.evaluate(_MARK)
    unseen = []
    for _ in range(_MOST):
        await page.keyboard.press("Tab")
        here: str = await page.evaluate(_NOTE)
        if here in ("end", "again"):
            break
        if here != "seen":
            unseen.append(f"the focus is not seen on {here}")
    else:
        unseen.append(f"the focus does not come round within {_MOST} steps")
    left: Any = await page.evaluate(_LEFT)
    return [*unseen, *(f"the keyboard does not reach {each}" for each in left)]


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is there."""
    for _ in range(_MOST):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("each => each === document.activeElement"):
            return
    msg = f"{_MOST} steps did not reach {wanted}"
    raise AssertionError(msg)
