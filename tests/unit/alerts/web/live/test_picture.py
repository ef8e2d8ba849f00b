"""What has changed of a page: carried out on the old one it gives the new one, and touches nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.live.picture import Loud, Part, Picture, difference, news

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
parts = st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from("xyz")).flatmap(
    lambda found: st.permutations([Part(name, html) for name, html in found.items()])
)


def picture(*listed: Part, regions: tuple[Part, ...] = (), title: str = "", loud: tuple[Loud, ...] = ()) -> Picture:
    return Picture(AT, title, regions, listed, loud)


def carried_out(listed: list[tuple[str, str]], change: dict[str, Any]) -> list[tuple[str, str]]:
    """As static/live.js does it."""
    page = [each for each in listed if each[0] not in change["gone"]]
    for each in change["put"]:
        names = [name for name, _ in page]
        html = each.get("html", dict(page).get(each["id"]))
        place = names.index(each["id"]) if each["id"] in names else None
        if "after" not in each:
            assert place is not None
            page[place] = (each["id"], html)
            continue
        if place is not None:
            del page[place]
        after = [name for name, _ in page].index(each["after"]) + 1 if each["after"] is not None else 0
        page.insert(after, (each["id"], html))
    return page


@given(parts, parts)
def test_the_old_page_changed_is_the_new_one(old: list[Part], new: list[Part]) -> None:
    change = difference(picture(*old), picture(*new))
    assert carried_out([(each.id, each.html) for each in old], change) == [(each.id, each.html) for each in new]


@given(parts)
def test_what_is_the_same_is_left_alone(listed: list[Part]) -> None:
    change = difference(picture(*listed), picture(*listed))
    assert (change["gone"], change["put"], change["regions"], change["news"]) == ([], [], {}, [])
    assert picture(*listed).version == picture(*listed).version


@given(parts, st.sampled_from("klm"))
def test_what_comes_to_the_top_moves_nothing_else(listed: list[Part], name: str) -> None:
    change = difference(picture(*listed), picture(Part(name, "new"), *listed))
    assert change["put"] == [{"id": name, "after": None, "html": "new"}]


def test_one_that_goes_to_the_end_is_the_only_one_that_moves() -> None:
    a, b, c, d = (Part(name, name) for name in "abcd")
    assert difference(picture(a, b, c, d), picture(b, c, d, a))["put"] == [{"id": "a", "after": "d"}]


def test_that_time_goes_by_is_no_news() -> None:
    old, new = (
        Part("a", f'<p><time datetime="x" data-ago>{words}</time> b</p>') for words in ("1 min ago", "2 min ago")
    )
    assert picture(old).version == picture(new).version
    assert difference(picture(old), picture(new))["put"] == []
    later = Part("a", '<p><time datetime="y" data-ago>1 min ago</time> b</p>')
    assert difference(picture(old), picture(later))["put"] == [{"id": "a", "html": later.html}]


def test_regions_and_title_are_told_where_they_changed() -> None:
    old = picture(regions=(Part("summary", "1"), Part("below", "2")), title="a")
    new = picture(regions=(Part("summary", "3"), Part("below", "2")), title="b")
    change = difference(old, new)
    assert (change["regions"], change["title"]) == ({"summary": "3"}, "b")
    versions = {old.version, new.version, picture(Part("summary", "1"), Part("below", "2"), title="a").version}
    assert len(versions) == 3


def test_a_high_alert_is_news_once() -> None:
    old = Loud("alert-1", "Motor stall, pump-1", AT - timedelta(hours=1))
    new = Loud("alert-2", "Motor stall, pump-2", AT + timedelta(seconds=1))
    moved_up = Loud("alert-3", "Motor stall, pump-3", AT - timedelta(hours=2))
    before, after = picture(loud=(old,)), picture(loud=(new, old, moved_up))
    assert news(before, after) == [{"id": "alert-2", "words": "Motor stall, pump-2"}]
    assert news(after, after) == []
    assert before.version != after.version


def test_a_picture_says_when_it_was_read_to_scripts_and_to_people() -> None:
    shown = Picture(AT, "Alerts", read="10:00:00 CET")
    assert shown.reading == {"read_at": "2026-03-02T09:00:00+00:00", "read": "10:00:00 CET"}


def test_that_time_goes_by_is_no_news_and_that_a_day_is_over_is() -> None:
    """At the clinic's midnight a moment gets its date; how long ago something was, a script keeps true."""

    def part(ago: str, clock: str) -> Part:
        at = "2026-11-27T13:03:00+00:00"
        return Part("a", f'<time datetime="{at}" data-ago>{ago}</time> <time datetime="{at}">{clock}</time>')

    assert part("3 h ago", "14:03 CET").sense == part("4 h ago", "14:03 CET").sense
    assert part("3 h ago", "14:03 CET").sense != part("3 h ago", "27 Nov 14:03 CET").sense
