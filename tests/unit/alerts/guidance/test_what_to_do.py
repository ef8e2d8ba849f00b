"""Beside every alert stands what to do: the clinic's own steps first, and where its thresholds come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.guides.build import document, drifted
from schemas.parts.languages import Language
from schemas.parts.subject import Subject
from schemas.policy import Policy
from services.alerts.guidance.catalogue import GUIDES
from services.alerts.guidance.subject import subject_of
from services.alerts.guidance.thresholds import thresholds_of
from services.alerts.guidance.what_to_do import WhatToDo, what_to_do
from services.alerts.model import RuleName
from services.alerts.rules.pump_alarm import CODES_BY_KEY
from services.texts.catalogue import texts_in

DOMAIN = Path(__file__).parents[4] / "docs" / "domain.md"


def said(rule: str, key: str, policy: Policy | None = None, **evidence: object) -> WhatToDo:
    held = policy or Policy()
    found = what_to_do(rule, key, evidence, held, judged_by=held.version, version=held.version)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rule", "key", "subject"),
    [
        ("pump_alarm", "infusion", Subject.INFUSION_STOPPED),
        ("infusion", "pocket_fill@2026-03-02T09:00:00Z", Subject.POCKET_FILL),
        ("infusion", "volume", Subject.VOLUME),
        ("device_silent", "handheld-1", Subject.DEVICE_SILENT),
        ("clock", "pump-1", Subject.WRONG_CLOCK),
        ("clock", "alarm/motor_stall", Subject.ALARM_WITH_WRONG_CLOCK),
        ("certificate", "pump/1", Subject.CERTIFICATE),
        ("moon_phase", "full", None),
    ],
)
def test_what_an_alert_is_about(rule: str, key: str, subject: Subject | None) -> None:
    assert subject_of(rule, key) is subject


def test_every_rule_and_every_alarm_has_a_guide() -> None:
    assert {each.rule for each in Subject} == {name.value for name in RuleName}
    assert all(subject_of("pump_alarm", key) for key in CODES_BY_KEY)
    assert set(GUIDES) == set(Subject)
    assert all(guide.means and guide.steps and guide.cannot_see for guide in GUIDES.values())


def test_the_guide_in_docs_is_what_the_board_says() -> None:
    assert drifted() == (), "run `python -m deploy.guides.build`"
    assert all(f"## {guide.title}\n" in document() for guide in GUIDES.values())


def test_what_this_release_does_not_know_has_no_guide() -> None:
    assert what_to_do("moon_phase", "full", {}, Policy(), judged_by="a", version="a") is None


@pytest.mark.parametrize("subject", Subject)
def test_every_source_that_is_named_stands_in_the_domain_page(subject: Subject) -> None:
    guide = GUIDES[subject]
    texts = [*guide.steps, guide.means, *guide.cannot_see, *(each.source for each in thresholds_of(subject, Policy()))]
    known = set(re.findall(r"^- \[(\d+)\]", DOMAIN.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\[(\d+)\]", " ".join(texts))) <= known


def test_the_clinics_own_steps_are_those_of_the_sign_or_else_of_the_rule() -> None:
    own = Policy.model_validate(
        {
            "what_to_do": {
                "infusion": ["Call 555-1234."],
                "infusion/pocket_fill": ["Call an ambulance.", "Then 555-1234."],
            }
        }
    )
    assert said("infusion", "pocket_fill@2026-03-02T09:00:00Z", own).own_steps == (
        "Call an ambulance.",
        "Then 555-1234.",
    )
    assert said("infusion", "volume", own).own_steps == ("Call 555-1234.",)
    assert said("low_reservoir", "reservoir", own).own_steps == ()


def test_a_step_for_a_rule_that_is_none_is_refused_with_what_is_expected() -> None:
    with pytest.raises(ValidationError, match="'infusio' is no rule and no sign of one; expected one of: bolus_demand"):
        Policy.model_validate({"what_to_do": {"infusio": ["Call."]}})


def test_a_drug_that_is_dangerous_to_stop_comes_before_all_else_where_the_therapy_may_stop() -> None:
    danger = said("pump_alarm", "infusion", dangerous_drug="baclofen").danger
    assert danger is not None
    assert danger.startswith("The pump holds baclofen, and to be without it suddenly can be life-threatening [8].")
    assert said("pump_alarm", "infusion").danger is None
    assert said("pump_alarm", "infusion", dangerous_drug=7).danger is None
    assert said("certificate", "pump-1", dangerous_drug="baclofen").danger is None


def test_thresholds_say_their_value_and_whose_it_is() -> None:
    by_default = {each.path: each for each in said("bolus_demand", "attempts_24h").thresholds}
    assert by_default["bolus_demand.tail_probability"].words == (
        "One to three days are unusual if rarer than 1 in 5,000 for this patient"
    )
    assert "not validated" in by_default["bolus_demand.tail_probability"].source
    own = Policy.model_validate(
        {"low_reservoir": {"level_ml": 4, "hysteresis_ml": 0}, "alarm_priorities": {"motor_stall": "medium"}}
    )
    level, hysteresis, *_ = said("low_reservoir", "reservoir", own).thresholds
    assert level.words == "The alarm level is the one programmed in the pump and, where none is, 4 mL"
    assert level.source == "set by your clinic; Pumpwatch's default is 2"
    assert hysteresis.words == "An open alert ends from 0 mL above the alarm level on"
    assert said("pump_alarm", "infusion", own).thresholds[0].words == "A motor stall is of medium priority"


def test_that_the_policy_changed_since_is_said() -> None:
    changed = what_to_do("infusion", "volume", {}, Policy(), judged_by="a", version="b")
    assert changed is not None
    assert changed.policy_changed
    assert not said("infusion", "volume").policy_changed


def test_in_german_thresholds_say_value_priority_and_source_so() -> None:
    german = texts_in(Language.GERMAN)
    own = Policy.model_validate({"low_reservoir": {"level_ml": 4}, "alarm_priorities": {"motor_stall": "medium"}})
    stall = thresholds_of(Subject.INFUSION_STOPPED, own, german)[0]
    assert stall.words == "Ein Motorstillstand hat die Dringlichkeit mittel"
    assert stall.source == "von Ihrer Klinik festgelegt; die Vorgabe von Pumpwatch ist hoch"
    rare = thresholds_of(Subject.DEMAND_UP, Policy(), german)[0]
    assert rare.words.endswith("wenn sie für diesen Patienten seltener sind als 1 zu 5.000")
    for subject in Subject:
        pairs = zip(thresholds_of(subject, Policy()), thresholds_of(subject, Policy(), german), strict=True)
        assert [one.path for one, other in pairs if one.words == other.words] == []
