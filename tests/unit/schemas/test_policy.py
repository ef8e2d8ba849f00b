"""The policy file: what loads is complete and consistent, and what does not says why."""

from __future__ import annotations

import pytest

from schemas.events import AlarmCode
from schemas.policy import DEFAULT_ALARM_PRIORITIES, Policy, Priority
from schemas.policy_file import PolicyError, load_policy

GOOD = """
clinic_id: north
alarm_priorities: {memory_error: low}
bolus_demand: {minimum_attempts: 8}
contacts:
  - name: nurse
    channels: [{name: sms, url: "env:NURSE_SMS"}, {name: mail, url: "mailto://user:secret@example.org"}]
routes:
  high: {steps: [{after_minutes: 0, contacts: [nurse]}]}
"""


def write(tmp_path, text):
    path = tmp_path / "clinic.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    policy = load_policy(write(tmp_path, GOOD))
    assert policy.priority_of(AlarmCode.MEMORY_ERROR) is Priority.LOW
    assert policy.priority_of(AlarmCode.MOTOR_STALL) is Priority.HIGH
    assert (policy.bolus_demand.minimum_attempts, policy.bolus_demand.minimum_days) == (8, 14)
    assert load_policy(write(tmp_path, "clinic_id: default")) == Policy()
    assert set(DEFAULT_ALARM_PRIORITIES) == set(AlarmCode)


def test_the_version_names_the_content(tmp_path):
    policy = load_policy(write(tmp_path, GOOD))
    assert policy.version == load_policy(write(tmp_path, "# a comment\n" + GOOD)).version
    assert policy.version != load_policy(write(tmp_path, GOOD.replace("8", "9"))).version


def test_priorities_can_be_compared():
    assert [p.value for p in sorted(Priority, key=lambda p: p.rank)] == ["info", "low", "medium", "high"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clinic_id: [", "is not valid YAML"),
        (b"\xff\xfe\xfa", "is not valid YAML"),
        ("low_reservoir: {level_ml: -1}", "low_reservoir.level_ml"),
        ("low_reservoir: {level: 3}", "low_reservoir.level: there is no such field"),
        ("bolus_demand: {minimum_days: 90, baseline_days: 80}", "minimum_days (90) must not exceed baseline_days (80)"),
        ("bolus_demand: {clear_probability: 0.00001}", "clear_probability must be at least tail_probability"),
        ("bolus_demand: {drift_clear_likelihood: 21}", "drift_clear_likelihood must be at most drift_likelihood"),
        ("bolus_limit: {limit_days: 8}", "limit_days (8) must not exceed of_days (7)"),
        (
            "routes: {high: {repeat_minutes: 0.5}}",
            "routes.high.repeat_minutes: 0.5 is too often: expected at least 1 minute",
        ),
        (GOOD.replace("[nurse]", "[doctor]"), "contact 'doctor' is not defined; defined are: nurse"),
        (GOOD.replace("env:NURSE_SMS", "nurse"), "expected an Apprise URL"),
        (
            GOOD.replace("contacts:\n", "contacts:\n  - {name: nurse, channels: [{name: a, url: 'b://c'}]}\n"),
            "different names",
        ),
        ("- 1", "file: "),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_what_was_expected(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"nowhere\.yaml: cannot be read"):
        load_policy(tmp_path / "nowhere.yaml")
