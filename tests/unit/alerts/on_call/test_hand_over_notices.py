"""What people hear of a turn that ends, of one that nobody took over, and of a promise that is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.policy import Channel, Contact, EscalationStep, PagingPolicy, Policy, Priority, Route
from services.alerts.health.hand_over.model import Promise, StillOpen
from services.alerts.health.hand_over.notices import Turn, hand_over_notices, late_notices, promise_notices
from services.people.model import Role
from services.people.rota.hand_over import HandOver
from services.people.rota.model import Rota
from services.people.rota.people import ClinicPeople, Member, OwnChannel

EIGHT = datetime(2026, 11, 3, 7, 0, tzinfo=UTC)  # 08:00 in Berlin
OWN = (OwnChannel("phone", "ntfy://x/y", EIGHT),)
ANN, BEA, VIC = (
    Member(UUID(int=number), name, name.lower(), role, channels=OWN)
    for number, name, role in ((1, "Ann", Role.RESPONDER), (2, "Bea", Role.RESPONDER), (3, "Vic", Role.ADMINISTRATOR))
)
PEOPLE = ClinicPeople((ANN, BEA, VIC))
CONTACTS = tuple(
    Contact.model_construct(name=each.contact_name, channels=(Channel(name="phone", url="ntfy://x/y"),))
    for each in PEOPLE.members
)
FIRST = Route(steps=(EscalationStep(after_minutes=0, contacts=(BEA.contact_name,)),))
POLICY = Policy.model_construct(contacts=CONTACTS, routes={Priority.HIGH: FIRST}, paging=PagingPolicy())
URL = "https://pw.example.org/"
CHANGE = HandOver(EIGHT, EIGHT + timedelta(days=1), ANN.person_id, BEA.person_id)
TURN = Turn(UUID(int=9), Rota(clinic_id="north", name="first", timezone="Europe/Berlin"), CHANGE)
LEFT = StillOpen(waiting=2, taken=1, promises=1, worst=Priority.HIGH)
LATER = EIGHT + timedelta(minutes=60)
NOTHING = StillOpen()


def told(turn: Turn = TURN, left: StillOpen = NOTHING, people: ClinicPeople = PEOPLE) -> dict[str, tuple[str, str]]:
    notices = hand_over_notices(turn, people, POLICY, left, URL)
    return {each.contact: (each.priority.value, f"{each.text.title}: {each.text.body}") for each in notices}


def test_both_hear_of_it_by_the_clock_of_the_rota() -> None:
    found = told()
    assert set(found) == {"person:ann", "person:bea"}
    priority, words = found["person:bea"]
    assert priority == "low"
    assert "You have first of north since Tue 03 Nov, 08:00, until Wed 04 Nov, 08:00, after Ann." in words
    assert "Nothing is open." in words
    assert f"https://pw.example.org/on-call/{TURN.rota_id}/brief" in words
    assert "Bea has it now" in found["person:ann"][1]


def test_what_waits_for_somebody_is_as_urgent_for_who_comes_as_the_worst_of_it() -> None:
    found = told(left=LEFT)
    assert found["person:bea"][0] == "high"
    assert "Open: 2 alerts wait for somebody, 1 acknowledged or ended, 1 promised." in found["person:bea"][1]
    assert found["person:ann"][0] == "low"
    assert "1 alert waits for somebody." in told(left=StillOpen(1, worst=Priority.LOW))["person:bea"][1]


def test_where_nobody_comes_or_nobody_left_the_other_is_told() -> None:
    assert "Nobody has it now" in told(replace(TURN, hand_over=replace(CHANGE, coming=None)))["person:ann"][1]
    alone = told(replace(TURN, hand_over=replace(CHANGE, leaving=None, ends=EIGHT + timedelta(days=400))))
    assert set(alone) == {"person:bea"}
    assert "since Tue 03 Nov, 08:00. " in alone["person:bea"][1], "an end far ahead is none"
    gone = ClinicPeople((ANN, replace(BEA, is_disabled=True), VIC))
    assert set(told(people=gone)) == {"person:ann"}
    assert told(people=ClinicPeople((VIC,))) == {}


def late(turn: Turn = TURN, policy: Policy = POLICY, left: StillOpen = LEFT, now: datetime = LATER) -> set[str]:
    return {each.contact for each in late_notices(turn, PEOPLE, policy, left, now, URL)}


def test_a_turn_that_nobody_took_over_is_told_to_who_left_and_to_the_administrators() -> None:
    assert late() == {"person:ann", "person:vic"}
    assert late(replace(TURN, hand_over=replace(CHANGE, leaving=None))) == {"person:vic"}
    [words] = {each.text.body for each in late_notices(TURN, PEOPLE, POLICY, LEFT, LATER, URL)}
    assert "Bea has first of north since Tue 03 Nov, 08:00, and has not said that they know what is open." in words


@pytest.mark.parametrize(
    "changed",
    [
        {"now": LATER - timedelta(seconds=1)},
        {"left": StillOpen()},
        {"policy": POLICY.model_copy(update={"paging": PagingPolicy(hand_over_within_minutes=0)})},
        {"turn": replace(TURN, hand_over=replace(CHANGE, coming=None))},
    ],
    ids=["not yet", "nothing is open", "not asked for", "nobody comes"],
)
def test_otherwise_nobody_is(changed: dict) -> None:  # type: ignore[type-arg]
    assert late(**changed) == set()


def test_a_promise_that_is_due_goes_to_whoever_is_told_first_at_any_hour() -> None:
    promise = Promise(
        UUID(int=5),
        "north",
        UUID(int=6),
        "pump-1",
        "Motor stall",
        "Call again",
        EIGHT,
        EIGHT - timedelta(hours=2),
        "Ann",
    )
    [notice] = promise_notices(promise, POLICY, URL)
    assert (notice.contact, notice.priority) == ("person:bea", Priority.MEDIUM)
    assert "pump-1" not in notice.text.body, "no patient data unless the policy says so"
    assert notice.text.body.endswith(f"https://pw.example.org/alerts/{promise.alert_id}")
    [open_one] = promise_notices(promise, POLICY.model_copy(update={"include_patient_data": True}), URL)
    assert "Pump pump-1, Motor stall: Call again (promised by Ann)." in open_one.text.body
    assert list(promise_notices(promise, Policy(), URL)) == []


def test_each_occasion_is_of_one_turn_or_promise() -> None:
    episodes = {each.occasion.episode for each in hand_over_notices(TURN, PEOPLE, POLICY, LEFT, URL)}
    assert len(episodes) == 2
    assert all(each.startswith(f"hand-over:{TURN.rota_id}:{EIGHT.isoformat()}:") for each in episodes)
    assert StillOpen(promises=1).is_anything
