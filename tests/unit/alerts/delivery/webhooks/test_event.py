"""A page as a CloudEvent: as published, the same bytes each time, nothing of a patient unless the policy says so."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.paths import PUBLISHED_FOLDER
from schemas.webhooks.event import WebhookType
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.delivery.webhooks.event import body_of, meaning_of
from services.alerts.model import Occasion, OccasionKind, RuleName
from tests.unit.alerts.delivery.webhooks.pages import ABOUT, ALERT_ID, DELIVERY_ID, PAGE

PUBLISHED = {
    name: Draft202012Validator(json.loads((PUBLISHED_FOLDER / f"{name}.schema.json").read_text()))
    for name in ("webhook", "webhook-data")
}
ANY_TEXT = st.text(st.characters())
"""With halves of surrogate pairs: a device may send them as JSON."""
KINDS = st.builds(Occasion, st.sampled_from(OccasionKind), st.text(), st.integers(0, 99))
ABOUTS = st.builds(
    About, st.uuids(), st.sampled_from([str(each) for each in RuleName]), ANY_TEXT, ANY_TEXT, st.none() | ANY_TEXT
)


def read(page: OutgoingPage) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(body_of(page))
    PUBLISHED["webhook"].validate(event)
    PUBLISHED["webhook-data"].validate(event["data"])
    return event


def test_the_attributes_that_cloudevents_asks_for() -> None:
    event = read(PAGE)
    assert event["specversion"] == "1.0"
    assert (event["id"], event["source"]) == (str(DELIVERY_ID), "urn:pumpwatch:clinic:north")
    assert (event["type"], event["subject"]) == ("pumpwatch.alert.opened", str(ALERT_ID))
    assert event["time"] == "2026-03-02T09:00:05.123456Z"
    assert event["datacontenttype"] == "application/json"
    assert event["dataschema"] == "urn:pumpwatch:v1:webhook-data"
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)


@pytest.mark.parametrize(
    ("occasion", "kind", "state"),
    [
        (Occasion(OccasionKind.OPENED), "pumpwatch.alert.opened", "active"),
        (Occasion(OccasionKind.OPENED, "", 1), "pumpwatch.alert.escalated", "active"),
        (Occasion(OccasionKind.PRIORITY, "high:3"), "pumpwatch.alert.priority_raised", "active"),
        (Occasion(OccasionKind.PRIORITY, "high:3", 2), "pumpwatch.alert.escalated", "active"),
        (Occasion(OccasionKind.RETURNED, "4"), "pumpwatch.alert.returned", "active"),
        (Occasion(OccasionKind.EXPIRED, "4"), "pumpwatch.alert.acknowledgement_expired", "active"),
        (Occasion(OccasionKind.ACKNOWLEDGED, "5"), "pumpwatch.alert.acknowledged", "acknowledged"),
        (Occasion(OccasionKind.CLEARED, "6"), "pumpwatch.alert.cleared", "cleared"),
        (Occasion(OccasionKind.CLOSED, "7"), "pumpwatch.alert.closed", "closed"),
        (Occasion(OccasionKind.REOPENED, "8"), "pumpwatch.alert.reopened", "active"),
    ],
)
def test_what_happened_and_what_the_alert_is_by_it(occasion: Occasion, kind: str, state: str) -> None:
    event = read(replace(PAGE, occasion=occasion))
    assert (event["type"], event["data"]["state"], event["data"]["step"]) == (kind, state, occasion.step)


def test_every_occasion_has_a_type_and_every_type_an_occasion() -> None:
    occasions = [Occasion(kind, "", step) for kind in OccasionKind for step in (0, 1)]
    assert {meaning_of(each)[0] for each in occasions} == set(WebhookType)


@pytest.mark.parametrize("kind", [OccasionKind.GROUP, OccasionKind.NOTICE])
@pytest.mark.parametrize("step", [0, 3])
def test_what_is_about_no_single_alert_says_so(kind: OccasionKind, step: int) -> None:
    event = read(replace(PAGE, occasion=Occasion(kind, "x", step), about=None))
    assert event["subject"] == "pumpwatch"
    assert (event["data"]["state"], event["data"]["alert"]) == (None, None)
    assert event["type"] in {"pumpwatch.alerts.grouped", "pumpwatch.notice"}


def test_a_follow_up_says_what_is_so_now_and_not_what_the_page_said() -> None:
    data = read(replace(PAGE, occasion=Occasion(OccasionKind.CLOSED, "7")))["data"]
    assert (data["title"], data["text"]) == ("Closed: pump alarm", "")


def test_without_the_policys_word_it_names_neither_pump_nor_patient() -> None:
    alert = read(PAGE)["data"]["alert"]
    assert (alert["pump_id"], alert["key"], alert["patient_ref"]) == (None, None, None)
    assert not any(word in body_of(PAGE).decode() for word in ("pump-0001", "catheter", "case/17"))


def test_with_the_policys_word_it_names_them_as_far_as_they_are_known() -> None:
    said = replace(PAGE, include_patient_data=True)
    alert = read(said)["data"]["alert"]
    assert (alert["pump_id"], alert["key"], alert["patient_ref"]) == ("pump-0001", "catheter", "case/17")
    unknown = replace(said, about=replace(ABOUT, patient_ref=None))
    assert read(unknown)["data"]["alert"]["patient_ref"] is None


def test_past_the_database_it_says_that_the_id_is_the_events() -> None:
    assert read(PAGE)["data"]["alert"]["recorded"] is True
    assert read(replace(PAGE, about=replace(ABOUT, recorded=False)))["data"]["alert"]["recorded"] is False


def test_a_clinics_name_stays_inside_the_source() -> None:
    assert read(replace(PAGE, clinic_id="a/b ü"))["source"] == "urn:pumpwatch:clinic:a%2Fb%20%C3%BC"


@given(occasion=KINDS, about=st.none() | ABOUTS, title=ANY_TEXT, body=ANY_TEXT, with_patient=st.booleans())
def test_whatever_a_page_says_there_is_an_event_as_published_and_the_same_each_time(
    occasion: Occasion, about: About | None, title: str, body: str, with_patient: bool
) -> None:
    page = replace(PAGE, occasion=occasion, about=about, title=title, body=body, include_patient_data=with_patient)
    assert body_of(page) == body_of(page)
    assert body_of(page).isascii()
    read(page)
