"""An alert as plain text: what its page says, in lines that a terminal of 80 columns holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Policy
from services.alerts.guidance.what_to_do import what_to_do
from services.alerts.health.hand_over.model import Promise
from services.alerts.model import Occasion, OccasionKind
from services.alerts.web.board.wording import notified
from services.alerts.web.read_models import AlertView, Delivery, HeldBy, HistoryEntry
from services.commands.alerting.text import Opened, lines_of

NOW = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy(clinic_id="north", what_to_do={"pump_alarm": ("Ring the ward " + "at once, " * 20,)})

DELIVERY = Delivery(
    UUID(int=1), UUID(int=2), "opened", Occasion(OccasionKind.OPENED, "e", 0), "nurse", "sms", "high", "sent",
    NOW - HOUR, NOW - HOUR, 1, None, NOW - HOUR, None, grouped=False, bypassed=False,
)  # fmt: skip
ENTRY = HistoryEntry(1, NOW - HOUR, "opened", None, "active", "high", "condition_began", "pumpwatch", {})
ALERT = AlertView(
    alert_id=UUID(int=1), clinic_id="north", pump_id="pump-1", rule="pump_alarm", key="infusion", priority="high",
    state="active", title="Pump stopped", explanation="The pump says that it was stopped.", evidence={},
    since=NOW - 2 * HOUR, opened_at=NOW, updated_at=NOW, acknowledged_by=None, acknowledged_at=None,
    acknowledgement_expires_at=None, cleared_at=None, closed_at=None, policy_version="v1", resolved_by=None,
    resolved_at=None, resolution=None, accepted_by=None, accepted_at=None, acceptance=None, accepted_since=None,
    accepted_per_day=None, deliveries=(DELIVERY,), held=None,
)  # fmt: skip
PROMISE = Promise(
    UUID(int=3), "north", UUID(int=1), "pump-1", "Pump stopped", "ring again", NOW - HOUR, NOW - HOUR, "Ann"
)


def opened(alert: AlertView = ALERT, *, version: str = "v1", **more: Any) -> Opened:
    guide = what_to_do(
        alert.rule, alert.key, {"dangerous_drug": "baclofen"}, POLICY, judged_by=alert.policy_version, version=version
    )
    said = notified(alert.deliveries, alert.state, alert.priority, NOW)
    return Opened(NOW, alert, said, guide, (), (ENTRY,), ZoneInfo("Europe/Berlin"), **more)


def text(each: Opened) -> str:
    return "\n".join(lines_of(each))


def test_it_says_what_the_page_says() -> None:
    said = text(opened())
    assert said.startswith("HIGH: Pump stopped\nPump pump-1 of clinic north; pump alarm; waiting for somebody.\n")
    flat = " ".join(said.split())
    assert "Began 2026-11-27 01:12Z (2 h ago) by the device's clock; raised here 2026-11-27 03:12Z (just now)." in flat
    assert "- Told: nurse by sms 2026-11-27 02:12Z" in said
    guide = opened().guide
    assert guide is not None
    assert guide.danger is not None
    for words in (guide.guide.means, guide.danger, *guide.guide.steps, *guide.guide.cannot_see):
        assert " ".join(words.split()) in flat
    assert "In north:\n1. Ring the ward" in said
    assert "Pumpwatch's own list:\n1. " in said
    assert "WHAT IT WAS JUDGED BY" in said
    assert "has changed" not in said
    assert "- 2026-11-27 02:12Z  Opened, high" in said
    assert "PROMISED" not in said
    assert max(map(len, said.splitlines())) <= 78


def test_a_policy_that_changed_since_and_a_promise_are_said() -> None:
    said = text(replace(opened(version="v2"), promises=(PROMISE, replace(PROMISE, due_at=NOW + HOUR))))
    assert "policy has changed since this alert was last judged" in " ".join(said.split())
    flat = " ".join(said.split())
    assert "- Fri 27 Nov 2026, 03:12 (Europe/Berlin), and that time is over: ring again, by Ann" in flat
    assert "- Fri 27 Nov 2026, 05:12 (Europe/Berlin): ring again, by Ann" in said


def test_an_alert_that_this_release_does_not_know_has_no_list() -> None:
    assert "WHAT TO DO" not in text(opened(replace(ALERT, rule="of_tomorrow", key="x")))
    assert "low reservoir" in text(opened(replace(ALERT, rule="low_reservoir", key="reservoir")))


def test_without_thresholds_or_own_steps_neither_has_a_heading() -> None:
    guide = opened().guide
    assert guide is not None
    said = text(replace(opened(), guide=replace(guide, thresholds=(), own_steps=(), danger=None)))
    assert "JUDGED BY" not in said
    assert "In north:" not in said
    assert "\n! " not in said


def test_who_has_it_in_each_state() -> None:
    taken = replace(
        ALERT, state="acknowledged", acknowledged_by="Ann", acknowledged_at=NOW, acknowledgement_expires_at=NOW + HOUR
    )
    assert "pump alarm; taken by Ann." in text(opened(taken))
    assert "- Ann has it, since 2026-11-27 03:12Z; until 2026-11-27 04:12Z" in text(opened(taken))
    for_ever = replace(taken, acknowledgement_expires_at=None)
    assert "- Ann has it, since 2026-11-27 03:12Z\n" in text(opened(for_ever))
    closed = replace(taken, state="closed", closed_at=NOW)
    assert "pump alarm; closed." in text(opened(closed))
    resolved = replace(closed, resolved_by="Ben", resolved_at=NOW, resolution="reset")
    assert "resolved by Ben." in text(opened(resolved))
    assert "- Ben resolved it 2026-11-27 03:12Z (just now): reset" in text(opened(resolved))
    accepted = replace(closed, accepted_by="Cem", accepted_at=NOW, acceptance="new dose")
    assert "accepted as the new level by Cem." in text(opened(accepted))
    assert "- Cem accepted it as the new level 2026-11-27 03:12Z (just now): new dose" in text(opened(accepted))
    assert "ended, not yet seen by anybody." in text(opened(replace(ALERT, state="cleared", cleared_at=NOW)))


def test_pages_that_are_held_say_by_whom_and_until_when() -> None:
    for kind, words in (("maintenance", "maintenance"), ("silence", "silenced")):
        held = HeldBy(UUID(int=9), kind, "Ann", NOW + HOUR, "tests")
        said = " ".join(text(opened(replace(ALERT, held=held))).split())
        assert f"- No pages: {words} by Ann until 2026-11-27 04:12Z (tests)" in said


def test_an_alert_without_a_text_is_drawn_too() -> None:
    assert text(opened(replace(ALERT, explanation="", deliveries=())))
