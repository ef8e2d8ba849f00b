"""A page as the PCD-04 message, read field by field by python-hl7, which is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Priority
from services.alerts.delivery.hl7.report_alert import report_alert, states_of
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import Occasion, OccasionKind, RuleName

ALERT_ID = UUID("0b5f4b2e-0000-4000-8000-000000000001")
DELIVERY_ID = UUID("0b5f4b2e-0000-4000-8000-000000000002")
AT = datetime(2026, 3, 2, 9, 0, 5, 123456, tzinfo=UTC)
ABOUT = About(ALERT_ID, "pump_alarm", "catheter", "pump-0001", "case/17")
PAGE = OutgoingPage(
    DELIVERY_ID,
    "north",
    Occasion(OccasionKind.OPENED),
    Priority.HIGH,
    "Pumpwatch HIGH: pump alarm",
    "Alert 0b5f4b2e. Open https://pw.example.org",
    AT,
    ABOUT,
)


def read(page: OutgoingPage, **receiver: str) -> dict[str, list[str]]:
    """Each segment's fields, the OBX by their facet; what stands in a field, unescaped."""
    parsed = hl7.parse(report_alert(page, **receiver))
    found = {}
    for each in parsed:
        fields = [str(value) for value in each]
        found[f"OBX {fields[1]}" if fields[0] == "OBX" else fields[0]] = [parsed.unescape(value) for value in fields]
    return found


def test_the_header_says_what_it_is_and_that_an_acknowledgement_is_waited_for() -> None:
    msh = read(PAGE, application="MW", facility="HOSPITAL")["MSH"]
    assert msh[3:8] == ["PUMPWATCH", "north", "MW", "HOSPITAL", "20260302090005+0000"]
    assert msh[9:13] == ["ORU^R40^ORU_R40", str(DELIVERY_ID), "P", "2.6"]
    assert msh[15:17] == ["AL", "NE"]
    assert msh[18] == "UNICODE UTF-8"
    assert msh[21] == "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"


@pytest.mark.parametrize(
    ("kind", "step", "states"),
    [
        (OccasionKind.OPENED, 0, ("start", "active", "enabled")),
        (OccasionKind.OPENED, 2, ("continue", "active", "enabled")),
        (OccasionKind.PRIORITY, 0, ("escalate", "active", "enabled")),
        (OccasionKind.PRIORITY, 1, ("continue", "active", "enabled")),
        (OccasionKind.RETURNED, 0, ("start", "active", "enabled")),
        (OccasionKind.REOPENED, 0, ("start", "active", "enabled")),
        (OccasionKind.EXPIRED, 0, ("update", "active", "enabled")),
        (OccasionKind.EXPIRED, 1, ("continue", "active", "enabled")),
        (OccasionKind.ACKNOWLEDGED, 0, ("update", "active", "alert-acknowledged")),
        (OccasionKind.CLEARED, 0, ("end", "latched", "enabled")),
        (OccasionKind.CLOSED, 0, ("end", "inactive", "enabled")),
        (OccasionKind.NOTICE, 0, ("tpoint", "active", "enabled")),
        (OccasionKind.GROUP, 0, ("tpoint", "active", "enabled")),
    ],
)
def test_each_state_of_an_alert_has_its_facets(kind: OccasionKind, step: int, states: tuple[str, str, str]) -> None:
    occasion = Occasion(kind, "8", step)
    found = read(replace(PAGE, occasion=occasion))
    assert states_of(occasion) == tuple(found[f"OBX {facet}"][5] for facet in (3, 4, 5)) == states
    starts = states[0] in {"start", "tpoint"}
    assert found["OBR"][3] == f"{ALERT_ID if starts else DELIVERY_ID}^PUMPWATCH"
    assert found["OBR"][29:] == ([] if starts else [f"^{ALERT_ID}&PUMPWATCH"])
    assert ("NTE" in found) is not kind.is_follow_up


@pytest.mark.parametrize(
    ("rule", "priority", "flags"),
    [
        (RuleName.PUMP_ALARM, Priority.HIGH, ("PH", "ST")),
        (RuleName.BOLUS_DEMAND, Priority.MEDIUM, ("PM", "SP")),
        (RuleName.PATIENT_REPORT, Priority.LOW, ("PL", "SP")),
        (RuleName.DEVICE_SILENT, Priority.INFO, ("PN", "ST")),
    ],
)
def test_priority_and_type_stand_on_the_first_facet_and_in_their_own(
    rule: RuleName, priority: Priority, flags: tuple[str, str]
) -> None:
    found = read(replace(PAGE, priority=priority, about=replace(ABOUT, rule=rule.value)))
    assert found["OBX 1"][8] == "~".join(flags)
    assert (found["OBX 6"][5], found["OBX 7"][5]) == flags


def test_without_patient_data_a_message_says_nothing_of_the_pump_or_the_patient() -> None:
    sent = report_alert(PAGE)
    assert "PID" not in read(PAGE)
    for secret in ("pump-0001", "case/17", "catheter", "196940"):
        assert secret not in sent
    assert read(PAGE)["OBX 1"][5] == "pump_alarm^Pump alarm^99PUMPWATCH^^^^^^Pumpwatch HIGH: pump alarm"
    assert read(PAGE)["OBX 1"][18] == "PUMPWATCH"


def test_with_patient_data_it_names_the_pump_the_cause_and_the_clinics_reference() -> None:
    found = read(replace(PAGE, include_patient_data=True))
    assert found["PID"][3:] == ["case/17^^^north", "", "^^^^^^U"]
    assert found["OBX 1"][18] == "pump-0001^north"
    code = "196940^MDC_EVT_FLUID_LINE_OCCL^MDC^pump_alarm.catheter^Pump alarm^99PUMPWATCH"
    assert found["OBX 1"][5] == f"{code}^^^{PAGE.title}"
    assert found["OBX 2"][5] == "69985^MDC_DEV_PUMP_INFUS_MDS^MDC"


def test_a_patient_that_is_not_known_is_left_out_rather_than_guessed() -> None:
    assert "PID" not in read(replace(PAGE, about=replace(ABOUT, patient_ref=None), include_patient_data=True))


def test_a_key_that_may_name_a_device_is_no_code() -> None:
    about = replace(ABOUT, rule="device_silent", key="handheld-7")
    assert "handheld-7" not in report_alert(replace(PAGE, about=about, include_patient_data=True))


def test_the_time_in_a_key_is_no_part_of_its_code() -> None:
    about = replace(ABOUT, rule="infusion", key="refill@2026-03-02T09:00:00Z")
    event = read(replace(PAGE, about=about, include_patient_data=True))["OBX 1"][5]
    assert event.startswith("infusion.refill^Over- or under-infusion^99PUMPWATCH^^^^^^")


def test_a_page_about_pumpwatch_itself_is_a_technical_event_of_its_own() -> None:
    found = read(replace(PAGE, about=None, occasion=Occasion(OccasionKind.NOTICE, "x"), include_patient_data=True))
    assert found["OBR"][3] == f"{DELIVERY_ID}^PUMPWATCH"
    assert found["OBX 1"][5].startswith("notice^Pumpwatch^99PUMPWATCH^")
    assert (found["OBX 1"][8], found["OBX 2"][5]) == ("PH~ST", "pumpwatch^Pumpwatch^99PUMPWATCH")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OccasionKind.ACKNOWLEDGED, "Acknowledged: pump alarm"),
        (OccasionKind.CLEARED, "Ended, not acknowledged: pump alarm"),
        (OccasionKind.CLOSED, "Closed: pump alarm"),
        (OccasionKind.REOPENED, "Back: pump alarm"),
    ],
)
def test_a_follow_up_says_what_is_so_now(kind: OccasionKind, words: str) -> None:
    assert read(replace(PAGE, occasion=Occasion(kind, "8")))["OBX 1"][5].endswith(f"^{words}")


SPITEFUL = st.text(st.sampled_from("|^~\\&\r\n\x0b\x1c\0PIDOBX1 ä"), max_size=30)


@given(texts=st.tuples(*[SPITEFUL | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))] * 6))
def test_no_text_forges_a_segment_and_each_is_read_back(texts: tuple[str, ...]) -> None:
    title, body, clinic, pump, reference, application = texts
    about = replace(ABOUT, pump_id=pump, patient_ref=reference)
    page = replace(PAGE, title=title, body=body, clinic_id=clinic, about=about, include_patient_data=True)
    sent = report_alert(page, application=application)
    assert "\x0b" not in sent
    assert "\x1c" not in sent
    parsed = hl7.parse(sent)
    assert [str(each[0]) for each in parsed] == ["MSH", "PID", "OBR", "OBX", "NTE", *["OBX"] * 6]

    def at(number: int, field: int, component: int = 1) -> str:
        parts = str(parsed[number][field]).split("^")
        return str(parsed.unescape(parts[component - 1])) if len(parts) >= component else ""

    assert (at(0, 4), at(0, 5)) == (clinic, application)
    assert (at(1, 3), at(1, 3, 4)) == (reference, clinic)
    assert (at(3, 5, 9), at(3, 18), at(3, 18, 2)) == (title, pump, clinic)
    assert (at(4, 3) if body else "") == body


def test_a_try_again_is_the_same_message() -> None:
    assert report_alert(PAGE) == report_alert(replace(PAGE))
