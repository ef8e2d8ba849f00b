"""A link opens one thing to one person for a while; whatever else is brought opens nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import want_bytes

from services.people.links.tokens import (
    VALID_FOR,
    Link,
    LinkExpiredError,
    LinkForgedError,
    Purpose,
    _serializer,
    read,
    sign,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD, NEW = "old key " * 5, "new key " * 5
LINK = Link(Purpose.ALERT, UUID(int=1), UUID(int=2), UUID(int=3))


@given(st.builds(Link, st.sampled_from([Purpose.ALERT, Purpose.ALARM]), st.uuids(), st.uuids(), st.uuids()))
def test_a_link_says_what_it_was_made_for(link: Link) -> None:
    token = sign(link, [NEW], NOW)
    assert read(token, [NEW], NOW) == link
    assert len(token) < 130
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@given(st.data())
def test_a_link_that_was_changed_anywhere_or_cut_opens_nothing(data: st.DataObject) -> None:
    token = sign(LINK, [NEW], NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in "AZaz09-_." if each != token[place]]))
    forged = token[:place] + other + token[place + 1 :]
    try:
        # The last sign of each part holds bits that count for nothing: what is read there is what was signed.
        assert read(forged, [NEW], NOW) == LINK
        assert place in {len(token) - 1, *(at - 1 for at, each in enumerate(token) if each == ".")}
    except LinkForgedError:
        pass
    with pytest.raises(LinkForgedError):
        read(token[:place], [NEW], NOW)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 10_000, "ä.b.c", "\x00", "%2e%2e/", "a\r\nb"])
def test_what_is_no_link_opens_nothing(token: str) -> None:
    with pytest.raises(LinkForgedError, match="not whole, or was not made here"):
        read(token, [NEW], NOW)


def test_a_link_of_another_purpose_opens_nothing() -> None:
    heard = sign(Link(Purpose.HEARD, LINK.about, LINK.person_id, LINK.delivery_id), [NEW], NOW)
    assert read(heard, [NEW], NOW, (Purpose.HEARD,)).purpose is Purpose.HEARD
    with pytest.raises(LinkForgedError):
        read(heard, [NEW], NOW)
    with pytest.raises(LinkForgedError):
        read(sign(LINK, [NEW], NOW), [NEW], NOW, (Purpose.HEARD,))


def test_a_key_is_replaced_without_a_link_failing_and_one_that_is_gone_opens_nothing() -> None:
    before = sign(LINK, [OLD], NOW)
    assert read(before, [NEW, OLD], NOW) == LINK
    after = sign(LINK, [NEW, OLD], NOW)
    assert read(after, [NEW], NOW) == LINK
    with pytest.raises(LinkForgedError):
        read(after, [OLD], NOW)
    with pytest.raises(LinkForgedError):
        read(before, [], NOW)
    with pytest.raises(ValueError, match="at least one key"):
        sign(LINK, [], NOW)


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(), True),
        (VALID_FOR, True),
        (VALID_FOR + timedelta(seconds=1), False),
        (-timedelta(minutes=2), True),
        (-timedelta(minutes=3), False),
    ],
)
def test_a_link_is_good_for_a_day_and_from_the_moment_it_was_made(after: timedelta, good: bool) -> None:
    token = sign(LINK, [NEW], NOW)
    if good:
        assert read(token, [NEW], NOW + after) == LINK
        return
    with pytest.raises(LinkExpiredError, match="24 hours"):
        read(token, [NEW], NOW + after)


def test_what_was_signed_and_holds_no_three_ids_opens_nothing() -> None:
    token = want_bytes(_serializer(Purpose.ALERT, [NEW], NOW).dumps([LINK.about])).decode()
    with pytest.raises(LinkForgedError):
        read(token, [NEW], NOW)
