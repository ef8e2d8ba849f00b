"""What is asked for by FHIR, by which scopes, and the ids of what is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.web.fhir import resources
from services.alerts.web.fhir.capability import capability
from services.alerts.web.fhir.ids import EventId, device_id_as_fhir, event_in, is_id, metric_in, uuid_in
from services.alerts.web.fhir.models import as_json
from services.alerts.web.fhir.scopes import RESOURCES, ScopeError, allows, check_scopes
from services.alerts.web.fhir.search import EARLIEST, LATEST, SearchError, cursor_in, cursor_of, search_of

AT = datetime(2026, 11, 1, 8, 30, 15, 250_000, tzinfo=UTC)
MINUTE = AT.replace(second=0, microsecond=0)
NAME = UUID("6f2b2f0e-6f0b-4a57-9d0d-0c5f6f6a7d11")
DEVICE_IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")


@given(DEVICE_IDS, DEVICE_IDS)
def test_every_device_has_an_id_of_its_own_that_fhir_takes(one: str, other: str) -> None:
    assert is_id(device_id_as_fhir(one))
    assert is_id(f"{device_id_as_fhir(one)}.reservoir")
    assert metric_in(f"{device_id_as_fhir(one)}.battery") == (device_id_as_fhir(one), "battery")
    assert (device_id_as_fhir(one) == device_id_as_fhir(other)) == (one == other)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.uuids())
def test_an_event_is_found_by_its_id(at: datetime, event_id: UUID) -> None:
    event = EventId("r", at, event_id)
    assert is_id(str(event))
    assert event_in(str(event)) == event


@pytest.mark.parametrize("text", ["", "r", "r.1", f"r.x.{NAME}", f"r.{10**16}.{NAME}", "r.1." + "-" * 36, "R.1.x"])
def test_what_names_no_event(text: str) -> None:
    assert event_in(text) is None


def test_what_names_no_metric_and_no_alert() -> None:
    assert metric_in("pump-1") is None
    assert uuid_in("x") is None
    assert uuid_in(str(NAME).upper()) is None
    assert uuid_in(str(NAME)) == NAME


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("eq2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        ("ge2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), LATEST),
        ("gt2026-11-01", datetime(2026, 11, 2, tzinfo=UTC), LATEST),
        ("le2026-11-01", EARLIEST, datetime(2026, 11, 2, tzinfo=UTC)),
        ("lt2026-11-01", EARLIEST, datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T09:30:15.25+01:00", AT, AT + timedelta(milliseconds=10)),
        ("2026-11-01T08:30:15Z", AT.replace(microsecond=0), AT.replace(microsecond=0) + timedelta(seconds=1)),
        ("2026-11-01T08:30Z", MINUTE, MINUTE + timedelta(minutes=1)),
    ],
)
def test_a_date_is_a_span_and_its_prefix_says_which_side(text: str, since: datetime, until: datetime) -> None:
    search = search_of("DetectedIssue", [("identified", text)])
    assert (search.since, search.until) == (since, until)


def test_dates_together_bound_both_sides_and_others_are_read_as_they_stand() -> None:
    search = search_of(
        "Observation",
        [("date", "ge2026-11-01"), ("date", "lt2026-11-03"), ("device", "Device/a,b"), ("code", "s|x,y"),
         ("_count", "7"), ("_format", "json")],
    )  # fmt: skip
    assert (search.since.day, search.until.day) == (1, 3)
    assert (search.devices, search.codes, search.count) == (("a", "b"), (("s", "x"), (None, "y")), 7)
    changed = search_of("DetectedIssue", [("_lastUpdated", "ge2026-11-01"), ("_id", str(NAME))])
    assert (changed.changed_since.day, changed.since, changed.ids) == (1, EARLIEST, (str(NAME),))
    assert search_of("Device", [("type", "pump"), ("identifier", "x")]).kinds == ("pump",)


@pytest.mark.parametrize(
    ("resource", "asked", "words"),
    [
        ("Observation", [], "expected device"),
        ("Device", [("colour", "red")], "'colour' is no parameter"),
        ("Device", [("_count", "201")], "a number from 1 to 200"),
        ("Device", [("_count", "x")], "a number from 1 to 200"),
        ("Device", [("_format", "xml")], "expected json"),
        ("Device", [("_id", "a/b")], "an id of 1 to 64"),
        ("Device", [("_id", "a"), ("_id", "b")], "given twice"),
        ("Device", [("identifier", "s|")], "a code"),
        ("Flag", [("date", "yesterday")], "a date, or a moment"),
        ("Flag", [("date", "2026-02-30")], "a date, or a moment"),
        ("Flag", [("date", "9999")], "a date, or a moment"),
        ("Flag", [("date", "2026-02-01T08:00:00")], "a date, or a moment"),
        ("Flag", [("_cursor", "%")], "_cursor"),
        ("Flag", [("_cursor", cursor_of(["a"] * 5))], "_cursor"),
        ("Flag", [("_cursor", cursor_of(["\0"]))], "_cursor"),
    ],
)
def test_what_is_not_understood_is_named(resource: str, asked: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(SearchError, match=words.replace("[", r"\[")):
        search_of(resource, asked)


@given(st.lists(st.text(max_size=80).filter(str.isprintable), max_size=4))
def test_a_place_to_go_on_comes_back_as_it_was(place: list[str]) -> None:
    assert cursor_in(cursor_of(place)) == tuple(place)


@pytest.mark.parametrize(
    ("scope", "resource", "may", "expected"),
    [
        ("system/Device.rs", "Device", "r", True),
        ("system/Device.rs", "Device", "s", True),
        ("system/Device.r", "Device", "s", False),
        ("system/Device.s", "Device", "r", False),
        ("system/Device.read", "Device", "s", True),
        ("system/*.r", "Flag", "r", True),
        ("system/Device.rs", "Flag", "r", False),
        ("system/Device.", "Device", "r", False),
        ("user/Device.rs", "Device", "r", False),
    ],
)
def test_what_a_scope_lets_a_program_do(scope: str, resource: str, may: str, expected: bool) -> None:
    assert allows([scope], resource, may) is expected


def test_a_scope_that_is_none_is_refused_with_what_was_expected() -> None:
    assert check_scopes(["system/*.rs", "system/*.rs"]) == ("system/*.rs",)
    for scope in ("system/Patient.rs", "system/Device.", "system/Device.cruds", "x", ""):
        with pytest.raises(ScopeError, match="is no scope: expected system/ and one of"):
            check_scopes([scope])
    with pytest.raises(ScopeError, match="at least one"):
        check_scopes([])


ALERT = {
    "alert_id": NAME, "clinic_id": "north", "pump": "pump-1", "rule": "pump_alarm", "priority": "medium",
    "state": "closed", "title": "Motor stall", "explanation": "Since then.", "opened_at": AT, "updated_at": AT,
    "acknowledged_at": AT, "closed_at": AT, "patient_ref": None,
}  # fmt: skip
PAGE = {
    "delivery_id": NAME,
    "clinic_id": "north",
    "alert_id": NAME,
    "pump": "pump-1",
    "priority": "low",
    "sent_at": None,
}
EVENT = {
    "observed_at": AT, "event_id": NAME, "pump": "pump-1", "judged_at": AT, "received_at": AT, "clinic_id": "north",
    "patient_ref": "ref-1",
}  # fmt: skip


def test_each_resource_is_what_the_standard_says() -> None:
    device = {"id": "a", "device_id": "a", "kind": "pump", "clinic_id": "north", "enrolled_at": AT, "retired_at": AT,
              "patient_ref": "ref-1"}  # fmt: skip
    made = [
        resources.device(device),
        *resources.metrics(device),
        *resources.metrics(device | {"retired_at": None}),
        resources.observation(EVENT | {"kind": "r", "value": 12.5, "text": "computed"}),
        resources.observation(EVENT | {"kind": "b", "value": None, "text": "denied_lockout"}),
        resources.observation(EVENT | {"kind": "b", "value": 20.0, "text": "delivered"}),
        resources.observation(EVENT | {"kind": "s", "value": 80.0, "text": None}),
        resources.detected_issue(ALERT),
        resources.detected_issue(ALERT | {"acknowledged_at": None, "state": "active"}),
        resources.flag(ALERT),
        resources.flag(ALERT | {"closed_at": None, "patient_ref": "ref-1"}),
        resources.communication(PAGE | {"state": "sent", "sent_at": AT, "held": False}),
        resources.communication(PAGE | {"state": "due", "held": True}),
        resources.communication(PAGE | {"state": "due", "held": False}),
        resources.outcome("error", "invalid", "why"),
        capability("http://127.0.0.1/fhir/R4", "1"),
    ]
    assert {each["resourceType"] for each in made} >= set(RESOURCES)
    for each in made:
        assert as_json(each)
    assert [each["status"] for each in made if each["resourceType"] == "Communication"] == [
        "completed", "on-hold", "in-progress"
    ]  # fmt: skip
    assert resources.flag(ALERT)["subject"]["type"] == "Organization"


def test_a_key_may_open_the_api_beside_resources_and_what_opens_it_reads_no_resource() -> None:
    assert check_scopes(["alerts.act", "system/Device.r"]) == ("alerts.act", "system/Device.r")
    assert not allows(["alerts.act", "alerts.read"], "Device", "r")
