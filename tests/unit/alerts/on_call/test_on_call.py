"""The policies of all clinics as they hold now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from schemas.policy import Policy, Priority
from services.alerts.health.policy_state import policy_state
from services.alerts.on_call import OnCall
from services.alerts.policies import Policies, policies_of
from services.people.rota.people import ClinicPeople
from tests.unit.people.rota.clinics import ALL, BOSS, DAY, DESK, MONDAY, ON_CALL, people, policy


def on_call(**clinics: object) -> OnCall:
    made = OnCall()
    made.people = clinics  # type: ignore[assignment]
    return made


def first(policies: Policies, clinic: str) -> tuple[str, ...]:
    return policies.of(clinic).routes[Priority.HIGH].steps[0].contacts


def test_a_change_of_person_holds_from_its_second_on() -> None:
    holder, given = on_call(north=people()), policies_of(policy("on call"))
    before = holder.holding(given, MONDAY)
    assert first(before, "north") == ("person:ann",)
    for seconds in (1, 3600, 7300, 86399):
        assert holder.holding(given, MONDAY + timedelta(seconds=seconds)) is before
    assert first(holder.holding(given, MONDAY + DAY), "north") == ("person:bob",)
    assert first(holder.holding(given, MONDAY), "north") == ("person:ann",)  # a clock that is set back


def test_persons_who_are_other_ones_hold_at_once() -> None:
    holder, given = on_call(), policies_of(policy("on call"))
    assert first(holder.holding(given, MONDAY), "north") == ()
    holder.people = {"north": people()}
    assert first(holder.holding(given, MONDAY), "north") == ("person:ann",)


def test_policies_with_addresses_only_stay_what_they_were() -> None:
    given = policies_of(policy("desk", contacts=(DESK,)))
    assert on_call(north=people()).holding(given, MONDAY) is not None
    holder = on_call(north=people())
    assert holder.holding(given, MONDAY) is given


def test_the_version_of_a_policy_is_that_of_its_file_whoever_has_it() -> None:
    holder, given = on_call(north=people()), policies_of(policy("on call"))
    versions = {holder.holding(given, MONDAY + n * DAY).version_of("north") for n in range(3)}
    assert versions == {given.version_of("north")}


def test_a_clinic_that_goes_by_the_file_for_all_others_has_its_own_persons() -> None:
    default = policy("on call", contacts=(ON_CALL, ALL)).model_copy(update={"clinic_id": "default"})
    holder = on_call(north=people(), south=people(BOSS))
    found = holder.holding(policies_of(default), MONDAY)
    assert first(found, "north") == ("person:ann",)
    assert first(found, "south") == ("person:cem",)
    assert (found.of("north").clinic_id, found.of("west").clinic_id) == ("north", "default")
    state = policy_state(found, {}, ["north", "south", "west"])
    assert [each.text for each in state.unpaged] == [
        "clinic 'west' has pumps, and its policy, the one for all others, names persons, of whom it has none"
    ]
    assert [each.text for each in state.doubtful] == [
        "of south: contact on call: rota first gives a person who is not of the clinic; told instead: Cem"
    ]


def test_a_step_that_stands_for_nobody_at_all_is_told_as_a_policy_that_pages_nobody() -> None:
    found = on_call(north=people(rota=None)).holding(policies_of(policy("on call", contacts=(ON_CALL,))), MONDAY)
    assert policy_state(found, {}, ["north"]).unpaged == ()
    found = on_call().holding(policies_of(policy("on call", contacts=(ON_CALL,))), MONDAY)
    state = policy_state(found, {}, ["north"])
    assert (
        "nobody can be told in this step of high, the last step: no usable address of anybody" in state.unpaged[0].text
    )
    assert "there is no rota first; no administrator can be told either" in state.doubtful[0].text


def test_what_is_told_needs_no_more_than_the_policy() -> None:
    assert OnCall().holding(Policies(), MONDAY).of("north") == Policy()


def test_a_fault_in_one_clinic_leaves_it_as_it_was_and_the_others_go_on() -> None:
    south = policy("on call").model_copy(update={"clinic_id": "south"})
    holder, given = on_call(north=people(), south=people()), policies_of(policy("on call"), south)
    assert first(holder.holding(given, MONDAY), "south") == ("person:ann",)
    holder.people = {"north": people(), "south": "no persons"}  # type: ignore[dict-item]
    after = holder.holding(given, MONDAY + DAY)
    assert (first(after, "north"), first(after, "south")) == (("person:bob",), ("person:ann",))


def test_pages_go_by_the_clock_of_the_first_rota() -> None:
    vienna = people()
    rotas = {name: rota.model_copy(update={"timezone": "Europe/Vienna"}) for name, rota in vienna.rotas.items()}
    holder = OnCall()
    assert holder.take({"north": replace(vienna, rotas=rotas), "south": people(), "east": ClinicPeople()})
    holding = holder.holding(policies_of(policy("on call")), MONDAY)
    assert [holding.zone_of(each).key for each in ("north", "south", "east")] == ["Europe/Vienna", "UTC", "UTC"]
    assert first(holding, "north") == ("person:ann",)
