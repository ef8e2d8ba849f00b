"""Whatever a rule finds, it says in German too: each sentence, each value; and what is stored says the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deploy.texts.literals import texts_of_module
from schemas.parts.languages import Language
from schemas.policy import ForecastBy, Policy
from services.alerts.evaluation.unjudged import unjudged
from services.alerts.facts.model import PumpFacts
from services.alerts.model import Condition, OpenAlert, Strength
from services.alerts.rules import evaluate
from services.alerts.said.explained import explained
from services.alerts.said.model import Sentence, Value, Word, Words, in_words, plural_sentence, sentence_in_words
from services.alerts.said.stored import read, written
from services.alerts.title_words import title_words
from services.texts.catalogue import texts_in
from tests.unit.alerts.facts.anything import facts
from tests.unit.alerts.rules.builders import NOW, alarm, demand, reading, windows
from tests.unit.alerts.rules.builders import facts as of_pump

SERVICES = Path(__file__).parents[4] / "services/alerts"
GERMAN = texts_in(Language.GERMAN)
ENGLISH_WORDS = re.compile(
    r"\b(?:the|and|of|is|were|not|it|by|than|until|since|with|days?|refill|pump|left|requests?)\b"
)
"""Words of English that no German sentence has."""
POLICIES = [
    Policy(),
    Policy.model_validate({"low_reservoir": {"forecast_by": ForecastBy.WORST_CASE}}),
    Policy.model_validate({"bolus_limit": {"limit_days": 1, "of_days": 1, "minimum_attempts": 1}}),
]
BUSY = of_pump(
    alarms=(alarm("motor_stall raised", 30, detail="code 7"), alarm("empty_reservoir raised", 1)),
    reading=reading(1.8),
    demand=demand(1, denied_lockout=4, denied_limit=3, denied_other=2, comm_failure=1),
    windows=windows(11, *[1, 0, 1, 2] * 10),
)


def texts_in_code() -> Iterator[str | tuple[str, str]]:
    """Every text that a rule may say."""
    for path in [*sorted((SERVICES / "rules").rglob("*.py")), SERVICES / "evaluation/unjudged.py"]:
        yield from texts_of_module(path.read_text())


def values_of(said: Value) -> Iterator[Value]:
    """Every value in a sentence that is none itself."""
    match said:
        case Sentence():
            for each in said.values.values():
                yield from values_of(each)
        case Words():
            for each in said.parts:
                yield from values_of(each)
        case _:
            yield said


def words_of(value: Value) -> str:
    """A value as it stands in a sentence, told by a sentence that holds nothing else."""
    return sentence_in_words(Sentence("%(value)s", {"value": value}), GERMAN)


@given(facts, st.sampled_from(POLICIES), st.booleans())
@example(BUSY, POLICIES[0], True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_a_rule_says_is_said_in_german_with_every_value(found: PumpFacts, policy: Policy, implanted: bool) -> None:
    conditions = evaluate(found if implanted else of_pump(implanted=False, alarms=found.alarms), policy, NOW)
    for condition in (*conditions, unjudged("division by zero", NOW)):
        check(condition)


def check(condition: Condition) -> None:
    alert = OpenAlert.opened_by(condition, alert_id=UUID(int=1), clinic_id="north", pump_id="pump-1")
    assert read(alert.said) == condition.said
    assert in_words(read(alert.said) or ()) == alert.explanation == condition.explanation
    json.loads(alert.said or "", parse_constant=pytest.fail)  # the database refuses NaN
    if condition.strength is Strength.FULL:  # what only holds an alert open has its title from it
        assert title_words(condition.title, GERMAN) != condition.title
    german = explained(alert.explanation, alert.said, GERMAN)
    assert german.language is Language.GERMAN
    assert german.text != alert.explanation
    for each in condition.said:
        for value in values_of(each):
            assert words_of(value).casefold() in german.text.casefold()  # a sentence begins with a capital
            assert not isinstance(value, Word) or words_of(value) not in alert.explanation


@pytest.mark.parametrize("text", sorted(set(texts_in_code()), key=str))
def test_german_has_each_text_of_the_rules_and_nothing_english_is_left_in_it(text: str | tuple[str, str]) -> None:
    one = text if isinstance(text, str) else text[0]
    forms = GERMAN.messages[one]
    assert len(forms) == (1 if isinstance(text, str) else 2)
    for form in forms:
        assert form != one
        assert ENGLISH_WORDS.findall(re.sub(r"%\(\w+\)s", "", form)) == []


def test_the_code_of_the_rules_is_read() -> None:
    found = set(texts_in_code())
    assert "%(alarm)s since %(at)s." in found
    assert ("%(count)s request in 24 h", "%(count)s requests in 24 h") in found
    assert len(found) > 90


def test_kinds_of_values_as_german_writes_them() -> None:
    [condition] = [each for each in evaluate(BUSY, Policy(), NOW) if each.key == "infusion"]
    german = explained(condition.explanation, written(condition.said), GERMAN).text
    assert german == (
        "Motorstillstand seit 21 Nov 2026 06:00 UTC (code 7). "
        "Der Motor ist nach 24 h nicht wieder angelaufen: die Pumpe muss abgefragt werden."
    )
    assert condition.explanation == (
        "Motor stall since 21 Nov 2026 06:00 UTC (code 7). "
        "It has not recovered within 24 h: the pump must be interrogated."
    )
    values: tuple[Value, ...] = (date(2026, 11, 22), timedelta(hours=3), datetime(2026, 11, 22, tzinfo=UTC))
    assert [words_of(each) for each in values] == ["22. Nov. 2026", "3 h", "22 Nov 2026 00:00 UTC"]


@pytest.mark.parametrize(
    ("attempts", "english", "german"),
    [
        (1, "1 request in 24 h", "1 Anforderung in 24 h"),
        (2, "2 requests in 24 h", "2 Anforderungen in 24 h"),
        (0, "0 requests in 24 h", "0 Anforderungen in 24 h"),
    ],
)
def test_one_is_no_plural(attempts: int, english: str, german: str) -> None:
    said = plural_sentence("%(count)s request in 24 h", "%(count)s requests in 24 h", attempts)
    assert (sentence_in_words(said), sentence_in_words(said, GERMAN)) == (english, german)
