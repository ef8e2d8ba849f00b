"""Where a list goes on: what was given is read again, and nothing else is."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.lists.asked import NotUnderstood
from services.alerts.web.lists.cursor import Place, cursor_after, name_in, part_of, place_of

places = st.builds(
    Place,
    pump=st.text(st.characters(categories=("Lu", "Ll", "Nd")), max_size=64),
    urgency=st.integers(0, 99),
    at=st.integers(-(10**17), 10**17),
    alert_id=st.uuids(),
)


@given(places)
def test_a_place_is_read_as_it_was_given(place: Place) -> None:
    assert place_of(place.text) == place


def made(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


NOBODY = str(UUID(int=1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ä",
        "=" * 4,
        "A" * 501,
        made(7),
        made([]),
        made(["", 0, 0]),
        made([1, 0, 0, NOBODY]),
        made(["", True, 0, NOBODY]),
        made(["", 0, 0.5, NOBODY]),
        made(["", 0, 0, 1]),
        made(["", -1, 0, NOBODY]),
        made(["", 100, 0, NOBODY]),
        made(["", 0, 2**62, NOBODY]),
        made(["\0", 0, 0, NOBODY]),
        made(["", 0, 0, "nobody"]),
        base64.urlsafe_b64encode(b"[" * 300).decode().rstrip("="),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstood, match="expected the next_cursor"):
        place_of(text)


@given(st.text() | st.binary().map(lambda each: base64.urlsafe_b64encode(each).decode()))
def test_nothing_else_is_raised(text: str) -> None:
    with suppress(NotUnderstood):
        place_of(text)


NAMES = st.lists(st.text(st.characters(categories=("Lu", "Ll", "Nd")), min_size=1, max_size=8), unique=True)


@given(NAMES, st.integers(1, 9))
def test_what_is_few_is_read_to_the_end_in_the_order_of_its_names(names: list[str], limit: int) -> None:
    found: list[str] = []
    cursor: str | None = None
    while True:
        part = part_of("list", names, str, cursor=cursor, limit=limit)
        assert (part.total, len(part.things) <= limit) == (len(names), True)
        found += part.things
        cursor = part.next_cursor
        if cursor is None:
            break
    assert found == sorted(names)


@pytest.mark.parametrize(
    "text", [made(["other", "a"]), made(["list", 1]), made(["list"]), made(["list", "\0"]), made({}), "x", "A" * 501]
)
def test_a_cursor_of_another_list_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstood, match="expected the next_cursor") as raised:
        name_in("list", text)
    assert raised.value.parameter == "cursor"


def test_a_name_after_which_a_list_goes_on() -> None:
    assert name_in("list", cursor_after("list", "pump-1")) == "pump-1"
    assert name_in("list", "") == name_in("list", None) == ""
