"""The certificate of a device ends: told in time, more urgent once it has, and over when a later one is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Policy
from services.alerts.facts.model import DeviceCertificate, PumpFacts, Therapy
from services.alerts.rules import evaluate
from services.alerts.rules.certificate import certificate
from tests.unit.alerts.rules.builders import LOW, MEDIUM, NOW, ago, facts

DAY = timedelta(days=1)


def with_ends(**days: float) -> PumpFacts:
    """`with_ends(h_1=3)`: the certificate of h-1 ends in three days."""
    ends = tuple(DeviceCertificate(name.replace("_", "-"), NOW + each * DAY) for name, each in days.items())
    return facts(certificates=ends)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (31, None),
        (30, (LOW, "The certificate of the pump ends soon")),
        (0.1, (LOW, "The certificate of the pump ends soon")),
        (0, (MEDIUM, "The certificate of the pump has ended")),
        (-400, (MEDIUM, "The certificate of the pump has ended")),
    ],
)
def test_it_is_told_a_month_before_and_is_more_urgent_once_it_has_ended(days: float, says) -> None:
    found = certificate(with_ends(pump_1=days), Policy(), NOW)
    assert [(each.priority, each.title) for each in found] == ([says] if says else [])


def test_the_clinic_says_how_long_before() -> None:
    policy = Policy.model_validate({"certificate": {"warn_days": 60, "priority": "medium", "ended_priority": "high"}})
    [found] = certificate(with_ends(pump_1=50), policy, NOW)
    assert (found.priority, found.since) == (MEDIUM, NOW - 10 * DAY)


def test_each_device_of_a_pump_has_an_alert_of_its_own_that_names_it_and_what_to_do() -> None:
    pump, handheld = certificate(with_ends(pump_1=3, h_1=-1), Policy(), NOW)
    assert (pump.key, handheld.key) == ("pump-1", "h-1")
    assert "the handheld h-1 logs in ended on 21 Nov 2026 12:00 UTC: the broker refuses it" in handheld.explanation
    assert "pumpwatch certificates renew" in pump.explanation
    assert handheld.since == ago(24)


def test_it_changes_nothing_that_is_told_beside_it() -> None:
    """Whether a certificate is written down, has ended or was never known: all else is told as it is."""
    beside = evaluate(facts(), Policy(), NOW)
    assert beside
    for known in (with_ends(pump_1=-9), with_ends(pump_1=3), with_ends(pump_1=99)):
        assert tuple(each for each in evaluate(known, Policy(), NOW) if each.rule != "certificate") == beside


def test_of_a_drug_that_is_dangerous_to_stop_it_is_one_step_more_urgent() -> None:
    known = facts(
        certificates=(DeviceCertificate("pump-1", NOW + DAY),), therapy=Therapy(ago(1), 0.5, drugs=("baclofen",))
    )
    assert [each.priority for each in evaluate(known, Policy(), NOW) if each.rule == "certificate"] == [MEDIUM]


@given(st.floats(-5000, 5000), st.integers(1, 365))
def test_from_the_warning_on_it_is_told_without_a_gap_until_it_is_renewed(days: float, warned: int) -> None:
    policy = Policy.model_validate({"certificate": {"warn_days": warned}})
    found = certificate(with_ends(pump_1=days), policy, NOW)
    assert len(found) == (1 if NOW + days * DAY - NOW <= timedelta(days=warned) else 0)
    assert all(each.since <= NOW for each in found)
