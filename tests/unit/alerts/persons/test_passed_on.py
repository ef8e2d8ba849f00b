"""Somebody is out: what they had goes over to who stands in, once, and never to nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Policy, Priority
from services.alerts.delivery.persons.passed_on import Out, pass_on, passed_on_notices, people_out
from services.alerts.delivery.planned import PlannedDelivery
from services.alerts.model import AlertState, OpenAlert, TransitionKind
from services.people.rota.effective import effective
from services.people.rota.model import Change, ChangeKind
from services.people.rota.people import ClinicPeople, Member
from tests.unit.alerts.rules.builders import LOW, alert, occasion
from tests.unit.people.rota.clinics import ANN_, BOB_, BOSS, MONDAY, ROTA, VIEWER, people, policy
from tests.unit.people.rota.made_up import ANN, BOB, CEM

FIRST = occasion("opened")
TOLD_ANN = {FIRST: {"person:ann"}}


def absence(person: UUID, has_it: UUID, number: int = 1) -> Change:
    return Change(
        change_id=UUID(int=number), kind=ChangeKind.ABSENCE, person_id=has_it, instead_of=person,
        begins=MONDAY, ends=MONDAY + timedelta(days=2), made_at=MONDAY + timedelta(hours=1),
    )  # fmt: skip


def out_of(*changes: Change, members: tuple[Member, ...] = (), given: Policy | None = None) -> list[Out]:
    now = MONDAY + timedelta(hours=2)
    clinic: ClinicPeople = people(*members, rota=ROTA.with_changes(*changes))
    return list(people_out("north", clinic, effective(given or policy("on call", "chief"), clinic, now), now))


def taken_by_ann(**values: object) -> OpenAlert:
    by = {"acknowledged_by": "Ann", "acknowledged_by_id": f"person:{ANN}"}
    return alert(state=AlertState.ACKNOWLEDGED, **by, **values)


def names(out: Out) -> list[str]:
    return [contact.name for contact in out.told]


def test_who_stands_in_has_it_since_it_began_or_was_written_down() -> None:
    [out] = out_of(absence(ANN, BOB))
    assert (out.person, out.has_it, names(out)) == (ANN_, BOB_, ["person:bob"])
    assert out.since == MONDAY + timedelta(hours=1)
    assert out.note == "Ann is out; Bob has it now"
    assert out_of() == []
    early = people(rota=ROTA.with_changes(absence(ANN, BOB)))
    for now, is_out in ((MONDAY - timedelta(seconds=1), False), (MONDAY, True), (MONDAY + timedelta(days=2), False)):
        assert bool(people_out("north", early, effective(policy("on call"), early, now), now)) is is_out


def test_who_stands_in_and_is_out_too_has_somebody_themselves() -> None:
    [first, second] = out_of(absence(ANN, BOB), absence(BOB, CEM, 2))
    assert [(each.person, each.has_it) for each in (first, second)] == [(ANN_, BOSS), (BOB_, BOSS)]


@pytest.mark.parametrize(
    ("changes", "members"),
    [
        pytest.param((absence(ANN, BOB), absence(BOB, ANN, 2)), (), id="all of them are out"),
        pytest.param((absence(ANN, BOB),), (ANN_, replace(BOB_, channels=()), BOSS), id="who has no channel"),
        pytest.param((absence(ANN, BOB),), (ANN_, replace(BOB_, is_disabled=True), BOSS), id="who is disabled"),
        pytest.param((absence(ANN, BOB),), (ANN_, BOSS), id="who is of the clinic no more"),
    ],
)
def test_where_nobody_who_stands_in_can_be_told_the_administrators_are(
    changes: tuple[Change, ...], members: tuple[Member, ...]
) -> None:
    out = out_of(*changes, members=members)[0]
    assert (out.has_it, names(out)) == (None, ["person:cem"])
    assert out.note == "Ann is out; nobody who can be told; told are person:cem"
    passed = pass_on(taken_by_ann(), out, {})
    assert passed is not None
    assert (passed.transition.kind, passed.transition.to_state) == (
        TransitionKind.ACKNOWLEDGEMENT_EXPIRED,
        AlertState.ACTIVE,
    )
    [notice] = passed_on_notices(out, [passed], policy("on call"), "https://pw/")
    assert notice.text.title == "Pumpwatch HIGH: Ann is out, and nobody has 1 alert"


def test_without_an_administrator_the_first_step_is_told_and_without_any_nobody_is_paged_for_ever() -> None:
    [out] = out_of(absence(ANN, BOB), members=(ANN_, replace(BOB_, channels=())), given=policy("desk", "on call"))
    assert names(out) == ["desk"]
    [nobody] = out_of(absence(ANN, BOB), members=(ANN_, replace(BOB_, channels=())), given=Policy(clinic_id="north"))
    assert names(nobody) == []
    assert nobody.note.endswith("told are nobody")
    assert pass_on(alert(), nobody, TOLD_ANN) is None


def test_an_absence_of_somebody_who_is_of_the_clinic_no_more_passes_nothing_on() -> None:
    assert out_of(absence(ANN, BOB), members=(BOB_, BOSS, VIEWER)) == []


def test_what_was_taken_is_taken_by_who_stands_in() -> None:
    [out] = out_of(absence(ANN, BOB))
    calm = taken_by_ann(calm_since=MONDAY)
    passed = pass_on(calm, out, TOLD_ANN)
    assert passed is not None
    assert passed.is_taken
    assert (passed.transition.kind, passed.transition.calm_since) == (TransitionKind.PASSED_ON, MONDAY)
    assert pass_on(replace(calm, acknowledged_by_id=f"person:{BOB}"), out, TOLD_ANN) is None


def test_what_nobody_has_taken_pages_who_stands_in_at_the_step_at_which_the_other_was_told() -> None:
    [out] = out_of(absence(ANN, BOB))
    second = occasion("opened/step:1")
    passed = pass_on(alert(), out, {FIRST: {"person:ann"}, second: {"person:ann", "desk"}})
    assert passed is not None
    assert passed.pages == (PlannedDelivery(second, "person:bob", "ntfys"),)
    assert passed.transition.to_state is AlertState.ACTIVE
    assert not passed.is_taken


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({}, id="nobody was told"),
        pytest.param({FIRST: {"desk"}}, id="others were"),
        pytest.param({occasion("returned:9"): {"person:ann"}}, id="of another episode"),
        pytest.param({FIRST: {"person:ann"}, occasion("opened/step:1"): {"person:bob"}}, id="who stands in was, too"),
    ],
)
def test_nothing_is_passed_on_where_there_is_nothing_to_pass_on(told: dict[object, set[str]]) -> None:
    [out] = out_of(absence(ANN, BOB))
    assert pass_on(alert(), out, told) is None  # type: ignore[arg-type]
    assert pass_on(alert(pages=()), out, TOLD_ANN) is None
    assert pass_on(alert(state=AlertState.CLEARED), out, TOLD_ANN) is None


def test_one_message_names_what_was_passed_on_the_most_urgent_first_and_no_pump() -> None:
    [out] = out_of(absence(ANN, BOB))
    low = taken_by_ann(alert_id=UUID(int=9), priority=LOW, rule="device_silent", key="pump-1")
    both = [pass_on(alert(), out, TOLD_ANN), pass_on(low, out, TOLD_ANN)]
    passed = [each for each in both if each is not None]
    given = policy("on call").model_copy(update={"contacts": out.told})
    [notice] = passed_on_notices(out, passed, given, "https://pw/")
    assert (notice.contact, notice.priority) == ("person:bob", Priority.HIGH)
    assert notice.text.title == "Pumpwatch HIGH: 2 alerts of Ann are yours now"
    assert "Ann had acknowledged: device silent (low, alert 00000000)." in notice.text.body
    assert "Nobody has acknowledged: pump alarm (high, alert 00000000)." in notice.text.body
    assert "pump-1" not in notice.text.body
    frank = given.model_copy(update={"include_patient_data": True})
    assert "pump pump-1: Motor stall" in next(passed_on_notices(out, passed, frank, "https://pw/")).text.body
    assert list(passed_on_notices(out, [], given, "https://pw/")) == []


def test_a_long_message_says_how_many_more_there_are() -> None:
    [out] = out_of(absence(ANN, BOB))
    found = [pass_on(taken_by_ann(alert_id=UUID(int=n)), out, {}) for n in range(12)]
    [notice] = passed_on_notices(out, [each for each in found if each], policy("on call"), "https://pw/")
    assert notice.text.body.count("alert 0000") == 10
    assert "; and 2 more." in notice.text.body


@given(st.sets(st.integers(1, 40), min_size=1), st.integers(0, 4))
def test_each_is_passed_on_once_however_often_the_worker_is_started_anew(taken: set[int], restarts: int) -> None:
    [out] = out_of(absence(ANN, BOB))
    alerts = {n: taken_by_ann(alert_id=UUID(int=n)) if n % 2 else alert(alert_id=UUID(int=n)) for n in taken}
    told = {n: {FIRST: {"person:ann"}} for n in taken}
    episodes: list[str] = []
    for _ in range(2 + restarts):
        found = [(n, passed) for n, each in alerts.items() if (passed := pass_on(each, out, told[n])) is not None]
        for n, passed in found:  # as the store writes it down
            for page in passed.pages:
                told[n].setdefault(page.occasion, set()).add(page.contact)
            if passed.is_taken:
                alerts[n] = replace(alerts[n], acknowledged_by="Bob", acknowledged_by_id=f"person:{BOB}")
        notices = passed_on_notices(out, [each for _, each in found], policy("on call"), "https://pw/")
        episodes += [each.occasion.episode for each in notices]
    assert len(episodes) == 1
    assert all(n % 2 or told[n] == {FIRST: {"person:ann", "person:bob"}} for n in taken)
    assert all(n % 2 == 0 or alerts[n].acknowledged_by == "Bob" for n in taken)
