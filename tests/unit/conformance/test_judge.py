"""Each requirement is found broken by what breaks it, and by nothing else; a device that does all of it passes all."""

from __future__ import annotations

import json

import pytest

from services.conformance.finding import Verdict
from services.conformance.judge import CHECKS, broken, judge
from services.conformance.observations import By, Connect, Opened, Probe
from services.conformance.requirements import REQUIREMENTS
from tests.unit.conformance import written
from tests.unit.conformance.written import DEVICE, PACE, TOPIC, Written, conforming, event_id, findings, numbers
from tests.unit.conformance.wrong import ALSO, BREAKS, a_will, away_with, without

SEEN_IN_A_RUN = {
    *("D-01", "D-02", "D-03", "D-04", "D-05", "D-07", "D-08", "D-09", "D-12", "D-13", "D-14"),
    *("D-20", "D-21", "D-22", "D-23", "D-24", "D-25"),
    *("D-40", "D-41", "D-42", "D-43", "D-44", "D-45", "D-46", "D-47", "D-48", "D-49"),
    *("D-60", "D-62", "D-63", "D-70", "D-71", "D-72", "D-73"),
}


def test_a_device_that_does_all_of_it_passes_and_nothing_is_said_of_what_it_does_not_have():
    run = conforming()
    assert numbers(run, Verdict.FAILED) == set()
    assert numbers(run, Verdict.PASSED) == SEEN_IN_A_RUN
    assert numbers(run, Verdict.NOT_SEEN) == {"D-15", "D-30"}
    assert numbers(run, Verdict.NOT_APPLICABLE) == {"D-06", "D-10", "D-11", "D-61"}
    assert numbers(run, Verdict.CANNOT_BE_SEEN) == {each.number for each in REQUIREMENTS if each.unseen}


def test_nothing_is_said_of_a_run_in_which_nothing_happened():
    assert numbers(Written(), Verdict.FAILED) == set()
    assert numbers(Written(), Verdict.PASSED) == set()


def test_every_requirement_that_can_be_seen_has_its_check_and_no_other():
    assert list(CHECKS) == [each.number for each in REQUIREMENTS if not each.unseen]


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_a_requirement_is_found_by_its_number(name: str) -> None:
    number, build, words = BREAKS[name]
    found = findings(build())
    assert {each for each, finding in found.items() if finding.verdict is Verdict.FAILED} == {
        number,
        *ALSO.get(name, ()),
    }
    assert words in found[number].evidence


def test_every_check_is_broken_by_something():
    assert {number for number, _, _ in BREAKS.values()} == set(CHECKS)


def test_only_what_must_be_so_keeps_a_device_from_conforming():
    run = without(LOST=lambda run: written.lost(run, (1, 2, 4)))
    assert numbers(run, Verdict.FAILED) == {"D-43"}
    assert broken(judge(DEVICE, PACE, run.observations)) == []


def test_what_is_allowed_passes():
    run = conforming()
    run.publish(25, topic_alias=10)
    run.observe(26, "refill", expected_ml=3.0, measured_ml=3.0, filled_ml=18.0)
    run.publish(26, "refill")
    run.observe(27, "refill", expected_ml=3.0, measured_ml=3.0, filled_ml=17.0, replaces=str(event_id(26)))
    run.publish(27, "refill")
    run.publish(28, "batch", payload=b"[" + run.observe(28) + b"," + run.observe(29) + b"]")
    run.end(By.DEVICE)
    for number in (30, 31):
        run.connect(will=a_will(number))
        run.end(By.DEVICE)
    assert numbers(run, Verdict.PASSED) == {*SEEN_IN_A_RUN, "D-06", "D-10", "D-11", "D-30", "D-61"}


def test_what_was_on_its_way_before_the_device_knew_that_it_was_away_may_come_before_an_alarm():
    run = without(AWAY=away_with((20, "bolus"), (21, "alarm"), early=0.1))
    assert findings(run)["D-62"].verdict is Verdict.PASSED


def test_a_certificate_says_who_a_device_is_whatever_its_user_name():
    run = written.changed(conforming(), Opened, tls="TLSv1.3", common_names=(DEVICE,))
    found = findings(written.changed(run, Connect, login="anybody"))
    assert (found["D-02"].verdict, found["D-15"].verdict) == (Verdict.PASSED, Verdict.PASSED)
    assert found["D-15"].evidence == "TLSv1.3"


def test_events_without_a_counter_are_told_of_what_they_lack():
    run = Written()
    run.connect()
    run.publish(9, payload=json.dumps({"event_id": str(event_id(9)), "observed_at": run.wall.isoformat()}).encode())
    assert "no event has a seq" in findings(run)["D-25"].evidence


def test_a_device_that_falls_silent_after_its_clock_was_rejected_is_not_judged_by_that():
    run = Written()
    run.connect()
    run.begin(Probe.CLOCK)
    run.publish(16)
    run.catch(Probe.CLOCK, 16)
    run.reject(16, "clock_behind")
    assert findings(run)["D-73"].verdict is Verdict.NOT_SEEN


@pytest.mark.parametrize("topic", [f"{TOPIC}/answers", TOPIC])
def test_what_does_not_come_on_the_receipts_topic_is_no_receipt(topic):
    run = Written()
    run.connect()
    run.publish(9)
    run.receipt(9, topic=topic)
    run.receipt(9, b"no receipt")
    assert findings(run)["D-45"].verdict is Verdict.NOT_SEEN


def test_receipts_of_which_none_reached_the_device_did_it_no_harm_and_no_good():
    run = Written()
    run.connect()
    run.begin(Probe.NOISE)
    run.publish(12)
    run.catch(Probe.NOISE, 12)
    run.finish(Probe.NOISE)
    assert (findings(run)["D-48"].verdict, findings(run)["D-48"].evidence) == (
        Verdict.NOT_SEEN,
        "none of them reached the device",
    )


def test_what_came_to_the_broker_by_another_way_is_nothing_to_try_a_device_on():
    run = Written()
    run.connect()
    written.sent_and_counted(run, 9)
    run.begin(Probe.LOST)
    run.catch(Probe.LOST, 10)
    run.finish(Probe.LOST)
    assert findings(run)["D-42"].verdict is Verdict.NOT_SEEN
