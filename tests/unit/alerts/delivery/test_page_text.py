"""What pages and the board say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.policy import Language, Priority
from schemas.topics import DRILL
from services.alerts.delivery.page_text import page_text
from services.alerts.web.board.wording import notified, since_words, timeline
from services.alerts.web.read_models import Delivery, HistoryEntry
from services.alerts.wording import age, capitalised, listed, moment, parts_of, rule_words
from services.texts.catalogue import read, texts_in
from services.texts.model import ENGLISH
from tests.unit.alerts.rules.builders import HIGH, MEDIUM, NOW, ago, alert, occasion

ALERT = alert(alert_id=UUID("7f3a0000-0000-4000-8000-000000000000"), pump_id="pump-0042", explanation="Since 9:00.")
LINK = "Open https://pw.example.org/alerts/7f3a0000-0000-4000-8000-000000000000"


def text(why: str, **kwargs: Any):
    return page_text(ALERT, occasion(why), HIGH, "https://pw.example.org/", **{"include_patient_data": False} | kwargs)


def test_a_page_holds_no_patient_data() -> None:
    found = text("opened")
    assert found.title == "Pumpwatch HIGH: pump alarm"
    assert found.body == f"Alert 7f3a0000. {LINK}"


def test_a_clinic_may_ask_for_patient_data() -> None:
    found = text("opened", include_patient_data=True)
    assert found.title == "Pumpwatch HIGH: pump pump-0042: Motor stall"
    assert found.body == f"Since 9:00. Alert 7f3a0000. {LINK}"


@pytest.mark.parametrize("include_patient_data", [True, False])
def test_the_page_of_a_drill_says_that_it_is_one(include_patient_data: bool) -> None:
    drill = replace(ALERT, clinic_id=DRILL, pump_id=DRILL)
    for why, head in (("opened", "DRILL"), ("opened/step:1", "DRILL (nobody has acknowledged)")):
        found = page_text(
            drill, occasion(why), HIGH, "https://pw.example.org", include_patient_data=include_patient_data
        )
        assert found.title == f"Pumpwatch {head}: a test alarm came through"
        assert found.body == f"No pump and no patient: nothing to do. Alert 7f3a0000. {LINK}"


@given(st.sampled_from(["opened", "returned:8", "expired:9/step:2"]), st.sampled_from(Priority))
def test_no_occasion_brings_patient_data_in(why: str, priority: Priority) -> None:
    found = page_text(ALERT, occasion(why), priority, "https://pw.example.org", include_patient_data=False)
    for private in (ALERT.pump_id, ALERT.explanation, ALERT.title, ALERT.clinic_id):
        assert private not in found.title + found.body


@pytest.mark.parametrize(
    ("why", "title"),
    [
        ("opened/step:1", "Pumpwatch HIGH (nobody has acknowledged): pump alarm"),
        ("priority:high", "Pumpwatch HIGH (now more urgent): pump alarm"),
        ("returned:8", "Pumpwatch HIGH (returned): pump alarm"),
        ("expired:9", "Pumpwatch HIGH (acknowledgement expired; the problem continues): pump alarm"),
    ],
)
def test_a_later_page_says_why(why: str, title: str) -> None:
    assert text(why).title == title


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 days"),
    ],
)
def test_ages(span: timedelta, expected: str) -> None:
    assert age(span) == expected


def test_small_words() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [capitalised(words) for words in ("", "motor stall", "ERI due")] == ["", "Motor stall", "ERI due"]
    assert moment(NOW) == "22 Nov 2026 12:00 UTC"
    assert [rule_words(rule) for rule in ("low_reservoir", "device_silent")] == ["low reservoir", "device silent"]
    moments = (NOW, ago(0.1), ago(3), ago(60))
    assert [since_words(at, NOW) for at in moments] == ["just now", "6 min ago", "3 h ago", "2 days ago"]
    assert [since_words(at, NOW, GERMAN) for at in moments] == ["gerade eben", "vor 6 min", "vor 3 h", "vor 2 Tagen"]


def test_moments_are_found_again_in_a_text() -> None:
    text = f"Motor stall since {moment(NOW)} (31 Feb 2026 10:00 UTC, MRI)."
    assert parts_of(text) == ("Motor stall since ", NOW, " (", "31 Feb 2026 10:00 UTC", ", MRI).")
    assert parts_of("no moment") == ("no moment",)
    assert parts_of("") == ()


def delivery(state: str, contact: str = "nurse", **values: Any) -> Delivery:
    defaults: dict[str, Any] = {
        "alert_id": UUID(int=7),
        "delivery_id": UUID(int=9),
        "occasion": "opened",
        "contact": contact,
        "channel": "sms",
        "priority": "high",
        "state": state,
        "created_at": ago(2),
        "due_at": ago(2),
        "attempts": 1,
        "last_error": None,
        "sent_at": ago(1) if state == "sent" else None,
        "held_by": None,
        "grouped": False,
        "bypassed": False,
    }
    given = defaults | values
    return Delivery(**given, why=occasion(given["occasion"]))


@pytest.mark.parametrize(
    ("deliveries", "state", "expected"),
    [
        ([], "active", [("Nobody was told: the policy names no contact for this priority.", "bad")]),
        ([], "acknowledged", [("Nobody was told: the policy names no contact for this priority.", "waiting")]),
        ([delivery("sent")], "active", [("Told: nurse by sms", "good")]),
        ([delivery("sent", grouped=True)], "active", [("Told, in one page with others: nurse by sms", "good")]),
        ([delivery("sent", bypassed=True)], "active", [("Told while the database was away: nurse by sms", "good")]),
        (
            [delivery("sent", receipt_said="arrived", receipt_said_at=NOW)],
            "active",
            [("On the phone: nurse by sms", "good")],
        ),
        (
            [delivery("sent", receipt_said="answered", receipt_said_at=NOW)],
            "active",
            [("Confirmed in the app: nurse by sms", "good")],
        ),
        (
            [delivery("due", held_by="quiet_hours")],
            "active",
            [("Not telling nurse by sms yet (quiet hours), until", "waiting")],
        ),
        ([delivery("due")], "active", [("Nobody reached yet.", "bad"), ("Telling nurse by sms now", "waiting")]),
        (
            [delivery("due", last_error="the receiver answered 500")],
            "active",
            [
                ("Nobody reached yet.", "bad"),
                ("Still trying nurse by sms: the receiver answered 500 (1 try), next", "bad"),
            ],
        ),
        (
            [delivery("sending", last_error="no answer within 10 s", attempts=3), delivery("sent", "doctor")],
            "active",
            [("Still trying nurse by sms: no answer within 10 s (3 tries)", "bad"), ("Told: doctor by sms", "good")],
        ),
        (
            [delivery("failed", last_error="the receiver answered 404")],
            "acknowledged",
            [("Could not tell nurse by sms: the receiver answered 404", "bad")],
        ),
        ([delivery("failed")], "closed", [("Could not tell nurse by sms: unknown error", "bad")]),
        ([delivery("cancelled")], "acknowledged", [("No longer needed: nurse by sms", "waiting")]),
        (
            [delivery("sent"), delivery("sent", occasion="returned:4", sent_at=NOW)],
            "active",
            [("Told: nurse by sms", "good")],
        ),
    ],
)
def test_who_was_told(deliveries: list[Delivery], state: str, expected: list[tuple[str, str]]) -> None:
    assert [(line.text + line.lead, line.tone) for line in notified(deliveries, state, "high", NOW)] == expected


def test_in_the_seconds_in_which_pages_are_gathered_it_is_not_said_that_nobody_was_reached() -> None:
    begun = NOW - timedelta(seconds=5)
    fresh = delivery("due", created_at=begun, attempts=0)
    assert [line.text for line in notified([fresh], "active", "high", NOW)] == ["Telling nurse by sms now"]
    for late in (NOW + timedelta(seconds=5, milliseconds=1), NOW + timedelta(hours=1)):
        assert notified([fresh], "active", "high", late)[0].text == "Nobody reached yet."
    for refused in (delivery("due", created_at=begun, last_error="no answer"), delivery("failed", created_at=begun)):
        assert notified([refused], "active", "high", NOW)[0].text == "Nobody reached yet."


def test_a_priority_that_pages_nobody_is_no_alarm_in_itself() -> None:
    assert [(line.text, line.tone) for line in notified([], "active", "low", NOW)] == [
        ("Nobody is paged for this priority.", "waiting")
    ]


def test_the_timeline_names_no_time_that_it_does_not_show() -> None:
    waiting = [delivery("due", last_error="no answer within 10 s"), delivery("due", "doctor", held_by="silence")]
    assert [line.head for line in timeline([], waiting)] == [
        "Still trying nurse by sms: no answer within 10 s (1 try)",
        "Not telling doctor by sms yet (silenced)",
    ]


def entry(kind: str, hours: float, **values: Any) -> HistoryEntry:
    defaults: dict[str, Any] = {
        "clinic_seq": 1,
        "at": ago(hours),
        "kind": kind,
        "from_state": None,
        "to_state": "active",
        "priority": "high",
        "reason": "condition_began",
        "actor": "pumpwatch",
        "detail": {},
    }
    return HistoryEntry(**defaults | values)


def test_the_timeline_tells_everything_the_newest_first() -> None:
    history = [
        entry("opened", 5, priority="medium", detail={"explanation": "1.9 mL left."}),
        entry("priority_raised", 4, detail={"explanation": "Empty."}),
        entry("acknowledged", 3, actor="Ann", reason="person_took_it", detail={"note": "on my way"}),
        entry("closed", 0, reason="condition_ended"),
        entry("of a later release", 6),
    ]
    deliveries = [
        delivery("sent", occasion="opened", sent_at=ago(4.9)),
        delivery("sent", occasion="opened/step:1", sent_at=ago(4.8)),
        delivery("sent", occasion="priority:high", sent_at=ago(3.9)),
        delivery("sent", occasion="returned:8", sent_at=ago(2)),
        delivery("cancelled", occasion="expired:9", created_at=ago(1)),
    ]
    lines = [(line.head, line.text) for line in timeline(history, deliveries)]
    assert lines == [
        ("Closed", "The condition has ended"),
        ("No longer needed: nurse by sms", "Because the acknowledgement had expired."),
        ("Told: nurse by sms", "Because it came back."),
        ("Acknowledged by Ann", "On my way"),
        ("Told: nurse by sms", "Because it became more urgent."),
        ("Became more urgent, high", "Empty."),
        ("Told: nurse by sms", "Because nobody had acknowledged."),
        ("Told: nurse by sms", ""),
        ("Opened, medium", "1.9 mL left."),
        ("Of a later release", ""),
    ]
    assert MEDIUM.rank < HIGH.rank


GERMAN = texts_in(Language.GERMAN)


@pytest.mark.parametrize("why", ["opened", "returned:8", "priority:high", "expired:9", "opened/step:2"])
@pytest.mark.parametrize("include_patient_data", [True, False])
@pytest.mark.parametrize("clinic_id", ["north", DRILL])
def test_a_page_in_german_holds_every_value_that_the_english_one_does(
    why: str, include_patient_data: bool, clinic_id: str
) -> None:
    shown = replace(ALERT, clinic_id=clinic_id, explanation=f"Motor stall since {moment(NOW)}.")
    how = {"include_patient_data": include_patient_data, "zone": ZoneInfo("Europe/Berlin")}
    about = (shown, occasion(why), HIGH, "https://pw.example.org")
    pages = [page_text(*about, texts=texts, **how) for texts in (ENGLISH, GERMAN)]  # type: ignore[arg-type]
    values = ["7f3a0000", "https://pw.example.org/alerts/7f3a0000-0000-4000-8000-000000000000"]
    if include_patient_data and clinic_id != DRILL:
        values += ["pump-0042", "13:00"]
    for page in pages:
        assert all(value in page.title + page.body for value in values), page
    assert pages[0] != pages[1]


def test_without_a_catalogue_a_page_goes_out_in_english(tmp_path: Path) -> None:
    with capture_logs():
        nothing = read(Language.GERMAN, tmp_path)
    assert text("opened", texts=nothing) == text("opened")
