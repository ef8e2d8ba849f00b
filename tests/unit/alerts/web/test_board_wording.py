"""Words of the board that no page's own test reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.alerts.delivery.mute import Silence, SilenceKind
from services.alerts.model import RuleName
from services.alerts.web.board.wording import silence_words, timeline
from services.alerts.web.read_models import HistoryEntry
from services.alerts.wording import near_names
from tests.unit.alerts.rules.builders import NOW

SILENCE = Silence(
    silence_id=UUID(int=1),
    clinic_id="north",
    kind=SilenceKind.SILENCE,
    pump_id=None,
    rule=None,
    includes_high=False,
    reason="power cut",
    created_by="Ann",
    created_at=NOW,
    begins_at=NOW,
    ends_at=NOW + timedelta(hours=1),
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "every alert in north, except high ones"),
        ({"pump_id": "pump-1"}, "every alert of pump-1, except high ones"),
        ({"rule": "device_silent"}, "device silent in north, except high ones"),
        ({"pump_id": "pump-1", "rule": "low_reservoir", "includes_high": True}, "low reservoir of pump-1"),
    ],
)
def test_a_silence_says_what_it_is_about(changes: dict[str, Any], expected: str) -> None:
    assert silence_words(replace(SILENCE, **changes)) == expected


def test_what_a_person_has_resolved_is_not_merely_closed() -> None:
    entry = HistoryEntry(
        9, NOW, "closed", "acknowledged", "closed", "medium", "person_resolved", "Ann", {"note": "scale"}
    )
    [shown] = timeline([entry], [])
    assert shown.head == "Resolved by Ann"
    assert shown.text == "Scale"


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("PUMP-0001", ["pump-0001", "other"], "; near it is 'pump-0001'"),
        ("pump-1", ["pump-2", "pump-3"], "; near it are 'pump-3' and 'pump-2'"),
        ("low_reservor", list(RuleName), "; near it is 'low_reservoir'"),
        ("x", ["pump-1"], ""),
        ("x", [], ""),
    ],
)
def test_names_that_are_near_are_said(name: str, known: list[str], expected: str) -> None:
    assert near_names(name, known) == expected


def test_a_level_that_a_person_has_accepted_is_not_merely_closed() -> None:
    entry = HistoryEntry(
        9, NOW, "closed", "active", "closed", "medium", "person_accepted", "Ann", {"note": "as agreed"}
    )
    [shown] = timeline([entry], [])
    assert (shown.head, shown.text) == ("Accepted as the new level by Ann", "As agreed")
