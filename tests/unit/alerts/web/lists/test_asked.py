"""What a list's address asks for: read, refused with what was expected, and written again."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.web.lists.asked import (
    LONGEST,
    LONGEST_NAME,
    PARAMETERS,
    Asked,
    Group,
    NotUnderstood,
    Sort,
    address_of,
    asked_for,
    choices,
)
from services.alerts.web.read_models import StateFilter

letters = st.characters(exclude_categories=("Cs", "Cc"))
texts = st.text(letters, max_size=LONGEST).map(str.strip)
lists = st.builds(
    Asked,
    clinic_id=st.text(letters, max_size=LONGEST_NAME).map(str.strip),
    state=st.sampled_from(StateFilter),
    priority=st.sampled_from(["", *(each.value for each in Priority)]),
    rule=st.sampled_from(["", *(each.value for each in RuleName)]),
    person=texts,
    text=texts,
    sort=st.sampled_from(Sort),
    group=st.sampled_from(Group),
    page=st.integers(1, 99_999),
)


@given(lists)
def test_an_address_says_all_of_a_list(asked: Asked) -> None:
    assert asked_for(parse_qsl(asked.query)) == asked
    assert address_of(asked.query) == asked.address


def test_what_is_usual_stands_in_no_address() -> None:
    assert (Asked().query, Asked().address) == ("", "/")
    assert asked_for([("state", ""), ("clinic_id", " "), ("page", "")]) == Asked()
    assert Asked(clinic_id="north", page=3).at_page(4).address == "/?clinic_id=north&page=4"


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("state", "opne")], "there is no state 'opne'; near it is 'open': expected one of open, active, "),
        ([("priority", "High")], "there is no priority 'High'; near it is 'high': expected one of high, medium"),
        ([("rule", "stall")], "there is no rule 'stall': expected one of pump_alarm, low_reservoir, "),
        ([("sort", "x" * 200)], f"there is no sort '{'x' * LONGEST}...'"),
        ([("group", "clinic")], "there is no group 'clinic': expected one of none, pump, rule"),
        ([("prioritty", "high")], "a list has no 'prioritty'; near it is 'priority': expected one of clinic_id"),
        ([("state", "open"), ("state", "closed")], "state stands in the address twice: expected it once"),
        ([("page", "0")], "page '0': expected a number from 1 on"),
        ([("page", "-1")], "page '-1': expected a number from 1 on"),
        ([("page", "²")], "page '²': expected a number from 1 on"),
        ([("page", "9" * 5000)], "expected a number from 1 on"),
        ([("text", "x" * 81)], "text: expected at most 80 characters, not 81"),
        ([("clinic_id", "x" * 81)], "clinic_id: expected at most 64 characters, not 81"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_was_expected(pairs: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        asked_for(pairs)
    assert said in str(caught.value)


@given(st.lists(st.tuples(st.sampled_from([*PARAMETERS, "x"]) | st.text(), st.text()), max_size=4))
def test_nothing_else_is_raised(pairs: list[tuple[str, str]]) -> None:
    with suppress(NotUnderstood):
        asked_for(pairs)


@given(st.text())
def test_whatever_a_form_says_of_its_list_the_way_back_is_the_board(text: str) -> None:
    address = address_of(text)
    assert address == "/" or address.startswith("/?")


def test_many_fields_are_no_list() -> None:
    assert address_of("&".join(["state=open"] * 50)) == "/"


def test_a_filter_in_words() -> None:
    assert Asked().in_words() == ()
    asked = Asked(
        "north", StateFilter.CLOSED, "high", "low_reservoir", "Ann", "pump-1 stall", Sort.OLDEST, Group.PUMP, 2
    )
    said = ("clinic north", "closed", "high only", "low reservoir", "acknowledged by Ann", "with “pump-1 stall”")
    assert asked.in_words() == said
    assert asked.filters
    assert asked.patterns == ["%pump-1%", "%stall%"]
    assert Asked(text="100% A_\\").patterns == ["%100\\%%", "%a\\_\\\\%"]
    assert asked.high.address == "/?clinic_id=north&state=active&priority=high"
    assert not Asked(sort=Sort.PUMP, group=Group.RULE, page=7).filters


def test_what_a_parameter_may_be_can_be_asked_for() -> None:
    assert choices("priority") == ("high", "medium", "low", "info")
    assert "low_reservoir" in choices("rule")
    assert choices("text") == ()
