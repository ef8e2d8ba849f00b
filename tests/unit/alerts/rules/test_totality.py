"""Whatever a device may send, and whatever an earlier release let in, every rule and every page has an answer.

An exception here would be one pump's event that ends paging for everybody.
"""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.events import ReadingBasis
from schemas.policy import Policy
from services.alerts.delivery.escalate import due_deliveries
from services.alerts.delivery.page_text import page_text
from services.alerts.facts.model import PumpFacts, Reading, Therapy
from services.alerts.guidance.what_to_do import what_to_do
from services.alerts.lifecycle.reconcile import reconcile
from services.alerts.model import OpenAlert
from services.alerts.rules import evaluate
from services.alerts.rules.device_silent import silent_from
from services.alerts.web.pictures.demand_chart import demand_chart
from services.alerts.web.pictures.heartbeat_chart import heartbeat_chart
from tests.unit.alerts.facts.anything import facts
from tests.unit.alerts.rules.builders import NOW, occasion

BERLIN = ZoneInfo("Europe/Berlin")

NEVER = PumpFacts(
    "pump-1",
    "north",
    reading=Reading(5.0, ReadingBasis.COMPUTED, NOW),
    therapy=Therapy(NOW, daily_ml=0.000001, refill_due=date.max),
)


@given(facts, st.booleans())
@example(NEVER, True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_rule_has_an_answer_to_everything_that_can_be_stored(found: PumpFacts, patient_data: bool) -> None:
    policy = Policy()
    conditions = evaluate(found, policy, NOW)
    for transition in reconcile(conditions, (), NOW):
        condition = transition.condition
        assert condition is not None
        json.dumps(dict(condition.evidence), allow_nan=False)  # the database refuses NaN
        alert = OpenAlert.opened_by(condition, alert_id=UUID(int=1), clinic_id="north", pump_id="pump-1")
        page_text(alert, occasion("opened"), alert.priority, "https://x", include_patient_data=patient_data)
        list(due_deliveries(alert, policy, NOW))
        evidence = dict(condition.evidence)
        assert what_to_do(condition.rule, condition.key, evidence, policy, judged_by="", version="") is not None
        demand_chart(found, evidence, condition.since, NOW, BERLIN)
    heartbeat_chart(found, policy.device_silent, NOW, BERLIN)
    silent_from(found, policy, NOW)
