"""Who a contact can be: one of four kinds, told apart in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.policy import Contact

CHANNEL = {"name": "sms", "url": "json://desk"}


@pytest.mark.parametrize(
    "given",
    [
        {"channels": [CHANNEL]},
        {"channels": [CHANNEL], "all_channels_at_once": True},
        {"person": "ann"},
        {"rota": "first"},
        {"everybody": True},
    ],
)
def test_a_contact_is_of_one_kind(given: dict[str, Any]) -> None:
    contact = Contact.model_validate({"name": "x"} | given)
    assert contact.stands_for_persons is ("channels" not in given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "one of person, rota or everybody: true; got none of them"),
        ({"channels": []}, "expected channels .at least one.*got none of them"),
        ({"everybody": False}, "got none of them"),
        ({"person": "ann", "rota": "first"}, "got person, rota"),
        ({"channels": [CHANNEL], "everybody": True}, "got channels, everybody: true"),
        ({"rota": "first", "all_channels_at_once": True}, "all_channels_at_once is for a contact with channels"),
        ({"name": "person:ann", "rota": "first"}, "begins with 'person:', as only persons are called"),
        ({"rota": "first\r\nsecond"}, "one line"),
    ],
)
def test_what_is_none_or_several_is_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Contact.model_validate({"name": "x"} | given)
