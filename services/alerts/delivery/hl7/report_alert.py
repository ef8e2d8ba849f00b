"""PURE. A page as the message "Report Alert" of the IHE profile ACM: transaction PCD-04, ORU^R40^ORU_R40, HL7 v2.6.

Sources: IHE PCD (Devices) Technical Framework, volume 2, transaction PCD-04 and its appendix B (segments MSH, PID, OBR,
OBX), and HL7 v2.6 (chapter 2 for MSH, 3 for PID, 4 and 7 for OBR and OBX). What each field says stands beside it below.
Codes of MDC are those of ISO/IEEE 11073-10101 as PCD-04 and the examples of its makers write them.

One alert is known by its id: the message that starts it has it in OBR-3, and every later one points to it in OBR-29.
Its state is told in facets, each an OBX whose sub-id (OBX-4) ends with the facet's number:

| what happened to the alert           | phase (3) | state (4) | inactivation (5)   |
| ------------------------------------ | --------- | --------- | ------------------ |
| opened, returned                     | start     | active    | enabled            |
| nobody answered, told again          | continue  | active    | enabled            |
| became more urgent                   | escalate  | active    | enabled            |
| an acknowledgement expired           | update    | active    | enabled            |
| acknowledged                         | update    | active    | alert-acknowledged |
| condition gone, seen by nobody       | end       | latched   | enabled            |
| closed                               | end       | inactive  | enabled            |
| about Pumpwatch itself, or many      | tpoint    | active    | enabled            |

Guarantee: without `include_patient_data` a message holds the alert's id, priority and kind and nothing of the pump or
the patient; the same page gives the same bytes each time, so what is tried again is the same message.
"""

from __future__ import annotations

from typing import Final, assert_never

from schemas.policy import Priority
from services.alerts.delivery.hl7.encode import field, header, message, moment, repeated, segment
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import KEY_SIGN, Occasion, OccasionKind, RuleName
from services.alerts.wording import capitalised, rule_words

SENDER: Final = "PUMPWATCH"
LOCAL_CODES: Final = "99PUMPWATCH"
"""Our own codes; names of local code systems begin with 99 (HL7 v2.6, table 0396)."""
_PROFILE: Final = field("IHE_PCD_ACM_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.4.4", "ISO")

_PRIORITIES: Final = {Priority.HIGH: "PH", Priority.MEDIUM: "PM", Priority.LOW: "PL", Priority.INFO: "PN"}
"""High, medium, low, none (PCD-04, facet 6 and OBX-8)."""
_PHYSIOLOGICAL: Final = frozenset({RuleName.BOLUS_DEMAND, RuleName.BOLUS_LIMIT, RuleName.PATIENT_REPORT})
"""About the patient (SP); every other rule is about a device or about Pumpwatch: technical (ST)."""
_MDC: Final = {
    (RuleName.PUMP_ALARM, "catheter"): ("196940", "MDC_EVT_FLUID_LINE_OCCL"),
    (RuleName.PUMP_ALARM, "battery"): ("196802", "MDC_EVT_BATT_LO"),
}
"""Causes for which ISO/IEEE 11073-10101 has a code whose number could be verified; the others go by a local one."""
_KEYED: Final = frozenset({RuleName.PUMP_ALARM, RuleName.INFUSION, RuleName.BOLUS_DEMAND, RuleName.BOLUS_LIMIT})
"""Rules whose key names a cause. The key of another may be the id of a device."""
_NOW: Final = {
    OccasionKind.ACKNOWLEDGED: "Acknowledged",
    OccasionKind.CLEARED: "Ended, not acknowledged",
    OccasionKind.CLOSED: "Closed",
    OccasionKind.REOPENED: "Back",
}


def report_alert(page: OutgoingPage, *, application: str = "", facility: str = "") -> str:
    """The message for a page; `application` and `facility` name the receiver (MSH-5, MSH-6)."""
    with_patient = page.include_patient_data and page.about is not None and page.about.patient_ref is not None
    facets = _facets(page)
    return message(
        [
            _msh(page, application, facility),
            *(_patient(page.about, page.clinic_id) if with_patient and page.about else ()),
            _obr(page),
            facets[0],
            *_note(page),
            *facets[1:],
        ]
    )


def states_of(occasion: Occasion) -> tuple[str, str, str]:
    """Event phase, alert state and inactivation state (PCD-04, facets 3 to 5)."""
    match occasion.kind:
        case OccasionKind.OPENED | OccasionKind.RETURNED | OccasionKind.REOPENED:
            return ("continue" if occasion.step else "start", "active", "enabled")
        case OccasionKind.PRIORITY:
            return ("continue" if occasion.step else "escalate", "active", "enabled")
        case OccasionKind.EXPIRED:
            return ("continue" if occasion.step else "update", "active", "enabled")
        case OccasionKind.ACKNOWLEDGED:
            return ("update", "active", "alert-acknowledged")
        case OccasionKind.CLEARED:
            return ("end", "latched", "enabled")
        case OccasionKind.CLOSED:
            return ("end", "inactive", "enabled")
        case OccasionKind.GROUP | OccasionKind.NOTICE:
            return ("tpoint", "active", "enabled")
        case never:
            assert_never(never)


def _msh(page: OutgoingPage, application: str, facility: str) -> str:
    return header(
        {
            3: field(SENDER),  # who sends: Pumpwatch...
            4: field(page.clinic_id),  # ...for this clinic
            5: field(application),
            6: field(facility),
            7: moment(page.created_at),  # when it was planned: the same for each try
            9: field("ORU", "R40", "ORU_R40"),
            10: field(str(page.delivery_id)),  # control id, which an acknowledgement repeats: the delivery's
            11: field("P"),  # production
            12: field("2.6"),
            15: field("AL"),  # an accept acknowledgement, always...
            16: field("NE"),  # ...and never another one: what PCD-04 asks for
            18: field("UNICODE UTF-8"),
            21: _PROFILE,
        }
    )


def _patient(about: About, clinic_id: str) -> tuple[str]:
    """The clinic's own reference (PID-3, assigned by the clinic). The name is not known (PID-5, type U: table 0200)."""
    return (
        segment("PID", {3: field(about.patient_ref or "", "", "", clinic_id), 5: field("", "", "", "", "", "", "U")}),
    )


def _obr(page: OutgoingPage) -> str:
    phase, _, _ = states_of(page.occasion)
    alert_id = str(page.about.alert_id) if page.about else str(page.delivery_id)
    starts = phase in {"start", "tpoint"}
    fields = {
        1: field("1"),
        3: field(alert_id if starts else str(page.delivery_id), SENDER),  # filler's number: the alert, or this report
        4: field("196616", "MDC_EVT_ALARM", "MDC"),
        7: moment(page.created_at),  # the moment of what is reported
    }
    if not starts:
        fields[29] = field("", (alert_id, SENDER))  # parent, in the filler's numbers: the alert that it belongs to
    return segment("OBR", fields)


def _facets(page: OutgoingPage) -> list[str]:
    phase, state, inactivation = states_of(page.occasion)
    priority, kind = _PRIORITIES[page.priority], _type(page)
    flags = repeated(field(priority), field(kind))
    texts = {3: ("68481", "MDC_ATTR_EVENT_PHASE", phase), 4: ("68482", "MDC_ATTR_ALARM_STATE", state)}
    texts[5] = ("68483", "MDC_ATTR_ALARM_INACTIVATION_STATE", inactivation)
    texts[6] = ("68484", "MDC_ATTR_ALARM_PRIORITY", priority)
    texts[7] = ("68485", "MDC_ATTR_ALERT_TYPE", kind)
    source = (
        field("69985", "MDC_DEV_PUMP_INFUS_MDS", "MDC") if page.about else field("pumpwatch", "Pumpwatch", LOCAL_CODES)
    )
    return [
        _obx(page, 1, "CWE", field("196616", "MDC_EVT_ALARM", "MDC"), _event(page), flags),
        _obx(page, 2, "CWE", field("68480", "MDC_ATTR_ALERT_SOURCE", "MDC"), source),
        *(
            _obx(page, number, "ST", field(code, name, "MDC"), field(value))
            for number, (code, name, value) in texts.items()
        ),
    ]


def _obx(page: OutgoingPage, facet: int, value_type: str, identifier: str, value: str, flags: str = "") -> str:
    fields = {
        1: field(str(facet)),
        2: field(value_type),
        3: identifier,
        4: field(f"1.0.0.0.{facet}"),  # device, subsystem, channel, metric: none is told apart; then the facet
        5: value,
        11: field("F"),  # final
    }
    if flags:
        fields[8] = flags  # priority and type of the alert, on the first facet only
        fields[14] = moment(page.created_at)
        fields[18] = _equipment(page)
    return segment("OBX", fields)


def _equipment(page: OutgoingPage) -> str:
    """Which device: the pump, named as in the registry, only with patient data; else Pumpwatch itself."""
    if page.about and page.include_patient_data:
        return field(page.about.pump_id, page.clinic_id)
    return field(SENDER)


def _type(page: OutgoingPage) -> str:
    return "SP" if page.about and page.about.rule in _PHYSIOLOGICAL else "ST"


def _event(page: OutgoingPage) -> str:
    """What the alert is: a code of MDC where there is one and ours beside it, else ours alone; then the words."""
    about, title = page.about, page.title
    if about is None:
        return field(page.occasion.kind.value, "Pumpwatch", LOCAL_CODES, "", "", "", "", "", title)
    words = rule_words(about.rule, about.key)
    if page.occasion.kind in _NOW:
        title = f"{_NOW[page.occasion.kind]}: {words}"
    cause = about.key.partition(KEY_SIGN)[0] if page.include_patient_data and about.rule in _KEYED else ""
    own = (f"{about.rule}.{cause}" if cause else about.rule, capitalised(words), LOCAL_CODES)
    mdc = next((code for (rule, key), code in _MDC.items() if (rule, key) == (about.rule, cause)), None)
    codes = own if mdc is None else (*mdc, "MDC", *own)
    return field(*codes, *("",) * (8 - len(codes)), title)


def _note(page: OutgoingPage) -> tuple[str, ...]:
    """What else the page says, with the link to the board; a follow-up says no more than what is so now."""
    if page.occasion.kind.is_follow_up:
        return ()
    return (segment("NTE", {1: field("1"), 3: field(page.body)}),)
