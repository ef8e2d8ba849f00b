"""Who can be reached in a clinic."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from uuid import UUID

from services.people.model import Role
from services.people.rota.model import Layer, Rota
from services.people.rota.people import ClinicPeople, Member, OwnChannel
from tests.unit.people.rota.made_up import ANN, BOB, CEM, DOT

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
PHONE = OwnChannel("phone", "ntfys://one", AT)
FAILING = OwnChannel("mail", "mailto://two", AT, failing_since=AT)
UNSEEN = OwnChannel("pager", "json://three", None)


def member(person: UUID = ANN, *channels: OwnChannel, role: Role = Role.RESPONDER) -> Member:
    return Member(person, "Ann", "ann", role, channels=channels)


def test_nothing_is_sent_where_nobody_has_shown_that_it_arrives() -> None:
    assert member(ANN, PHONE, FAILING, UNSEEN).usable == (PHONE, FAILING)
    assert replace(member(ANN, PHONE), is_disabled=True).usable == ()


def test_who_has_one_channel_that_works_can_be_reached() -> None:
    assert member(ANN, FAILING, PHONE).can_be_reached
    assert not member(ANN, FAILING, UNSEEN).can_be_reached
    assert not member().can_be_reached
    assert not replace(member(ANN, PHONE), is_disabled=True).can_be_reached


def test_an_address_stands_in_no_text_about_a_channel() -> None:
    assert "ntfys://one" not in repr(member(ANN, PHONE))


def test_a_contact_keeps_its_name_when_a_person_takes_another() -> None:
    assert replace(member(), name="Anna").contact_name == "person:ann"
    assert replace(member(), sign_in=None).contact_name == f"person:{ANN}"


def test_a_clinic_knows_its_persons_and_who_of_them_has_it() -> None:
    layer = Layer(name="week", members=(ANN, BOB, CEM, DOT), begins=date(2026, 11, 2))
    rota = Rota(clinic_id="north", name="first", timezone="UTC", layers=(layer,))
    gone = replace(member(BOB, role=Role.ADMINISTRATOR), is_disabled=True, sign_in="bob")
    boss = replace(member(CEM, role=Role.ADMINISTRATOR), sign_in="cem")
    people = ClinicPeople((member(), gone, boss), MappingProxyType({"first": rota}))
    assert people.by_id(ANN) == people.by_sign_in("ann") == member()
    assert (people.by_id(DOT), people.by_sign_in("dot")) == (None, None)
    assert people.administrators == (boss,)
    by_week = [people.on_call("first", datetime(2026, 11, day, 9, tzinfo=UTC)) for day in (1, 2, 9, 16, 23)]
    assert by_week == [None, member(), None, boss, None]  # Bob is disabled, and Dot is of another clinic
    assert people.on_call("second", AT) is None
