"""Who is told of a time ahead in which nobody would be told, when, and in what words."""

from __future__ import annotations

from datetime import date, timedelta
from math import inf

from schemas.policy import Policy, QuietHours
from services.alerts.health.gaps import Ahead, clinics_with_persons, gap_notices, gaps_ahead, look_ahead
from services.alerts.policies import policies_of
from services.people.rota.effective import effective
from services.people.rota.model import Layer, Rota
from services.people.rota.people import ClinicPeople
from tests.unit.people.rota.clinics import ANN_, BOSS, DAY, DESK, MONDAY, ON_CALL, people, policy
from tests.unit.people.rota.made_up import ANN

WEEK = Rota(
    clinic_id="north",
    name="first",
    timezone="UTC",
    layers=(Layer(name="d", members=(ANN,), begins=date(2026, 11, 23), hand_over="08:00", ends=date(2026, 11, 30)),),
)
GIVEN = policy("on call", contacts=(ON_CALL,))
NOW = MONDAY + timedelta(hours=4)


def ahead(given: Policy = GIVEN, clinic: ClinicPeople | None = None, days: float = 0) -> Ahead:
    return look_ahead("north", given, clinic or people(ANN_, BOSS, rota=WEEK), NOW + days * DAY, lambda _: True)


def notices(
    seen: Ahead, given: Policy = GIVEN, clinic: ClinicPeople | None = None, days: float = 0
) -> list[tuple[str, str]]:
    now = NOW + days * DAY
    holding = effective(given, clinic or people(ANN_, BOSS, rota=WEEK), now)
    return [(each.contact, each.occasion.episode) for each in gap_notices(seen, holding, now, "https://pw/")]


def test_the_administrators_are_told_once_in_sight_and_once_the_day_before() -> None:
    in_sight = [("person:cem", "coverage:north:2026-11-30T08:00:00+00:00:ahead")]
    assert notices(ahead()) == notices(ahead(days=2), days=2) == in_sight
    assert notices(ahead(days=6.5), days=6.5) == [(who, what.replace("ahead", "soon")) for who, what in in_sight]


def test_what_is_ahead_is_said_in_words() -> None:
    seen = ahead()
    assert seen.seconds == (MONDAY + 7 * DAY - NOW).total_seconds()
    assert seen.words == (
        "north: from 30 Nov 2026 08:00 UTC until 7 Dec 2026 12:00 UTC, a high alarm would reach nobody "
        "within 15 minutes."
    )
    two = people(ANN_, BOSS, rota=WEEK.model_copy(update={"layers": (_weekdays("monday"), _weekdays("friday"))}))
    assert ", and 3 more times within 14 days, a high" in ahead(clinic=two).words


def _weekdays(day: str) -> Layer:
    return Layer.model_validate(
        {
            "name": day,
            "members": [ANN],
            "begins": date(2026, 11, 1),
            "hours": [{"weekdays": [day], "begins": "00:00", "ends": "00:00"}],
        }
    )


def test_a_gap_that_has_begun_is_told_each_day_and_keeps_its_begin_meanwhile() -> None:
    seen = [ahead(days=days) for days in (8, 8.3)]
    assert {each.seconds for each in seen} == {0}
    assert notices(seen[0], days=8) == notices(seen[1], days=8.3)
    assert notices(ahead(days=9), days=9) != notices(seen[0], days=8)


def test_nobody_is_woken_for_it() -> None:
    quiet = QuietHours(begins="11:00", ends="13:00", timezone="UTC")
    given = GIVEN.model_copy(update={"paging": GIVEN.paging.model_copy(update={"quiet_hours": quiet})})
    assert notices(ahead(given), given) == []


def test_without_an_administrator_the_first_step_is_told() -> None:
    clinic = people(ANN_, rota=WEEK)
    assert [who for who, _ in notices(ahead(clinic=clinic), clinic=clinic)] == ["person:ann"]
    assert notices(ahead(Policy(), clinic), Policy(), clinic) == []


def test_where_somebody_always_has_it_nothing_is_said() -> None:
    seen = ahead(clinic=people())
    assert (seen.gaps, seen.seconds, seen.words, seen.reached) == ((), inf, "", {"first": True})
    assert notices(seen) == []
    assert ahead(clinic=people(BOSS)).reached == {"first": False}


def test_a_clinic_may_look_no_day_ahead() -> None:
    given = GIVEN.model_copy(update={"paging": GIVEN.paging.model_copy(update={"coverage_days": 0})})
    assert gaps_ahead(given, people(rota=None), NOW, lambda _: True) == ()


def test_only_clinics_whose_contacts_are_persons_are_looked_at() -> None:
    desk = policy("desk", contacts=(DESK,)).model_copy(update={"clinic_id": "south"})
    known = {"north": people(), "south": people(), "west": people()}
    assert clinics_with_persons(policies_of(GIVEN, desk), known) == {"north": GIVEN}
