"""Whether Pumpwatch is well, and what is paged past a database that is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.policy import Channel, Contact, EscalationStep, PagingPolicy, Policy, Priority, QuietHours, Route
from services.alerts.evaluation.unjudged import unjudged, unjudged_notices
from services.alerts.health.troubles import Vitals, ingest_notices, is_late, policy_notices, troubles
from services.alerts.model import Occasion, OccasionKind
from services.alerts.outage.bypass_plan import HeardAlarm, bypass_text, emergencies
from services.alerts.policies import policies_of
from tests.unit.alerts.rules.builders import HIGH, NOW, ago, alarm

WELL = Vitals(database=True, ingest_at=NOW - timedelta(seconds=5))
NURSE = Contact(name="nurse", channels=(Channel(name="sms", url="json://x"), Channel(name="mail", url="json://x")))
DOCTOR = Contact(name="doctor", channels=(Channel(name="sms", url="json://x"),))
POLICY = Policy(
    clinic_id="north",
    contacts=(NURSE, DOCTOR),
    routes={HIGH: Route(steps=(EscalationStep(after_minutes=0, contacts=("nurse",)),))},
)


@pytest.mark.parametrize(
    ("vitals", "expected"),
    [
        (WELL, ()),
        (replace(WELL, queued_at=NOW - timedelta(seconds=60)), ()),
        (Vitals(database=False), ("the database does not answer",)),
        (Vitals(database=True), ("ingest has never been heard of",)),
        (replace(WELL, failing=("sweep", "queue")), ("queue cannot work", "sweep cannot work")),
        (replace(WELL, ingest_at=ago(1)), ("ingest was last heard of 1 h ago",)),
        (replace(WELL, unjudged=1), ("1 pump cannot be judged",)),
        (replace(WELL, unjudged=2), ("2 pumps cannot be judged",)),
        (
            replace(WELL, ended=1),
            ("a certificate of the broker, or its list of revoked ones, has ended: see /readyz",),
        ),
        (replace(WELL, unpaged=1), ("in 1 place a policy lets nobody be told: see /readyz",)),
        (replace(WELL, unpaged=2), ("in 2 places a policy lets nobody be told: see /readyz",)),
        (replace(WELL, queued_at=ago(2)), ("a pump that changed has waited for 2 h",)),
    ],
)
def test_when_the_ping_stops(vitals: Vitals, expected: tuple[str, ...]) -> None:
    assert troubles(vitals, NOW) == expected


@pytest.mark.parametrize(
    ("at", "late"),
    [
        pytest.param(None, True, id="never"),
        pytest.param(NOW, False, id="now"),
        pytest.param(NOW - timedelta(seconds=60), False, id="a minute ago"),
        pytest.param(NOW - timedelta(seconds=60, microseconds=1), True, id="longer ago"),
        pytest.param(NOW + timedelta(hours=1), False, id="by a clock that is ahead"),
    ],
)
def test_what_is_late(at: datetime | None, late: bool) -> None:
    assert is_late(at, NOW) is late


def test_the_first_step_of_every_clinic_is_told_once_when_ingest_is_lost() -> None:
    policies = [
        POLICY,
        Policy(clinic_id="south"),
        POLICY.model_copy(update={"clinic_id": "east", "routes": {HIGH: Route()}}),
    ]
    for at in (None, NOW - timedelta(seconds=60)):
        assert list(ingest_notices(at, policies, NOW, "https://x/")) == []
    (notice,) = ingest_notices(ago(1), policies, NOW, "https://x/")
    assert (notice.clinic_id, notice.contact, notice.channel) == ("north", "nurse", "sms")
    assert notice.occasion == Occasion(OccasionKind.NOTICE, f"ingest:{ago(1).isoformat()}")


@pytest.mark.parametrize(("patient_data", "which"), [(False, "a pump"), (True, "pump pump-1")])
def test_where_no_alert_can_be_written_the_first_step_is_told_once_a_day(patient_data: bool, which: str) -> None:
    policy = POLICY.model_copy(update={"include_patient_data": patient_data})
    first, again, later = (
        next(unjudged_notices("pump-1", policy, "north", at, "https://x/"))
        for at in (NOW, NOW + timedelta(hours=1), NOW + timedelta(days=1))
    )
    assert first.text.title == f"Pumpwatch HIGH: {which} cannot be judged"
    assert first == again
    assert first.occasion != later.occasion
    assert unjudged("KeyError: 'name'", NOW).priority is HIGH


def heard(text: str, hours: float, number: int, *, pump: str = "pump-1", after: float = 0) -> HeardAlarm:
    return HeardAlarm("north", pump, alarm(text, hours, number=number), NOW - timedelta(seconds=9 - after))


@pytest.mark.parametrize(
    ("alarms", "known", "expected"),
    [
        pytest.param([], (), [], id="nothing"),
        pytest.param([heard("motor_stall raised", 1, 1)], (), [("pump_alarm", "infusion", 1)], id="a stall"),
        pytest.param([heard("empty_reservoir raised", 1, 1)], (), [("low_reservoir", "reservoir", 1)], id="empty"),
        pytest.param([heard("motor_stall raised", 1, 1), heard("motor_stall cleared", 0, 2)], (), [], id="over"),
        pytest.param([heard("low_reservoir raised", 1, 1)], (), [], id="not high"),
        pytest.param(
            [heard("motor_stall raised", 1, 2), heard("motor_stall raised", 0.5, 1, after=1)],
            (),
            [("pump_alarm", "infusion", 2)],
            id="said twice: one alert, by what came first",
        ),
        pytest.param(
            [heard("motor_stall raised", 1, 1)], [("pump-1", "pump_alarm", "infusion")], [], id="open already"
        ),
        pytest.param(
            [heard("motor_stall raised", 1, 1), heard("pump_stopped raised", 1, 2, pump="pump-2")],
            (),
            [("pump_alarm", "infusion", 1), ("pump_alarm", "infusion", 2)],
            id="two pumps",
        ),
    ],
)
def test_emergencies(alarms: list[HeardAlarm], known: tuple[tuple[str, str, str], ...], expected: list[object]) -> None:
    found = emergencies(alarms, Policy(), NOW, known)
    assert [(each.rule, each.key, each.alert_id.int) for each in found] == expected


def test_the_text_of_a_bypass_names_the_pump_only_where_the_clinic_wants_it() -> None:
    (alert,) = emergencies([heard("motor_stall raised", 1, 1)], Policy(), NOW, ())
    assert alert.alert_id == UUID(int=1)
    plain = bypass_text(alert, 0, "https://x/", include_patient_data=False)
    assert plain.title == "Pumpwatch HIGH, not recorded: pump alarm"
    assert "pump-1" not in plain.title + plain.body
    named = bypass_text(alert, 1, "https://x/", include_patient_data=True)
    assert named.title == "Pumpwatch HIGH (nobody has acknowledged), not recorded: pump pump-1: Motor stall"


TO_DOCTOR = Route(steps=(EscalationStep(after_minutes=0, contacts=("doctor",)),))
LOW_TOO = POLICY.model_copy(update={"routes": {**POLICY.routes, Priority.LOW: TO_DOCTOR}})
QUIET = PagingPolicy(quiet_hours=QuietHours(begins="22:00", ends="07:00"))


@pytest.mark.parametrize(
    ("policies", "minutes", "told"),
    [
        pytest.param([POLICY], 9, [], id="an edit takes so long"),
        pytest.param([POLICY], 10, [("north", "nurse")], id="nobody but for high"),
        pytest.param([LOW_TOO], 10, [("north", "doctor")], id="the least urgent route"),
        pytest.param([POLICY.model_copy(update={"routes": {}})], 10, [], id="nobody at all"),
        pytest.param(
            [POLICY, LOW_TOO.model_copy(update={"clinic_id": "default"})],
            10,
            [("north", "nurse"), ("default", "doctor")],
            id="the installation too",
        ),
        pytest.param([POLICY.model_copy(update={"paging": QUIET})], 16 * 60, [], id="in quiet hours"),
        pytest.param([POLICY.model_copy(update={"paging": QUIET})], 10, [("north", "nurse")], id="before quiet hours"),
    ],
)
def test_a_policy_file_that_stays_of_no_use_is_told_and_wakes_nobody(
    policies: list[Policy], minutes: int, told: list[tuple[str, str]]
) -> None:
    since = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    holds = replace(policies_of(*policies), stale={"north": "broken"}, stale_since={"north": since})
    found = list(policy_notices(holds, since + timedelta(minutes=minutes), "https://pw.example.org"))
    assert [(notice.clinic_id, notice.contact) for notice in found] == told
    assert {notice.priority for notice in found} <= {Priority.LOW}
    episodes = {notice.occasion.episode for notice in found}
    assert episodes <= {f"policy:north:{since.isoformat()}:0"}
    again = {n.occasion.episode for n in policy_notices(holds, since + timedelta(days=1, minutes=minutes), "u")}
    assert not episodes & again
