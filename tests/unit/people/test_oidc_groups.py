"""What a group at the identity provider gives somebody here, and takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.model import Role
from services.people.oidc.groups import Groups, GroupsFileError, changes_of, read_groups

FILE = """\
clinics:
  north:
    viewer: [Everybody]
    responder: [Pump nurses north, "47"]
    administrator: [Pump leads]
  south:
    viewer: [Pump leads]
"""


def test_of_several_groups_the_one_that_may_do_most_counts():
    groups = read_groups(FILE, "oidc-groups.yaml")
    assert groups.roles_of(["Everybody", "Pump leads", "Choir"]) == {"north": Role.ADMINISTRATOR, "south": Role.VIEWER}
    assert groups.roles_of(["Pump leads", "Everybody"])["north"] == Role.ADMINISTRATOR
    assert groups.roles_of(["47"]) == {"north": Role.RESPONDER}
    assert groups.roles_of(["everybody"]) == {}


FAULTS = {
    "": "oidc-groups.yaml:1: expected one key, clinics",
    "clinics:": "oidc-groups.yaml:1: clinics: names no clinic",
    "clinics: {}\nmore: 1\n": "expected one key, clinics",
    "clinics:\n  north: [a]\n": "oidc-groups.yaml:2: clinics.north: expected roles below it: viewer, responder",
    "clinics:\n  north:\n    nurse: [a]\n": "oidc-groups.yaml:3: clinics.north.nurse: 'nurse' is no role",
    "clinics:\n  north:\n    viewer: a\n": "oidc-groups.yaml:3: clinics.north.viewer: expected a list of groups",
    "clinics:\n  north:\n    viewer: []\n": "expected a list of groups",
    "clinics:\n  north:\n    viewer: [a, 47]\n": "expected a group's name of at most 256 characters; one that is",
    "clinics:\n  north:\n    viewer: ['']\n": "expected a group's name",
    'clinics:\n  north:\n    viewer: ["a\\nb"]\n': "expected a group's name",
    "clinics:\n  north:\n    viewer: [a]\n  north:\n    viewer: [b]\n": "oidc-groups.yaml:4: is not valid YAML",
    "clinics: [": "is not valid YAML",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_file_that_says_something_else_is_refused_with_its_line(text: str):
    with pytest.raises(GroupsFileError) as refused:
        read_groups(text, "oidc-groups.yaml")
    assert FAULTS[text] in str(refused.value)


CLINICS = st.sampled_from(["north", "south", "east"])
ROLES = st.dictionaries(CLINICS, st.sampled_from(Role))


@given(by_groups=ROLES, local=ROLES, of_groups=ROLES, clinics=st.frozensets(CLINICS))
def test_after_a_sign_in_somebody_has_what_their_groups_say_and_what_a_person_gave(
    by_groups, local, of_groups, clinics
):
    local = {clinic: role for clinic, role in local.items() if clinic in clinics}
    of_groups = {clinic: role for clinic, role in of_groups.items() if clinic in clinics and clinic not in local}
    held = local | of_groups
    changes = changes_of(by_groups, held, frozenset(of_groups), clinics)
    after = {clinic: role for clinic, role in held.items() if clinic not in changes.taken} | dict(changes.given)
    assert after == {clinic: role for clinic, role in by_groups.items() if clinic in clinics} | local
    assert not changes.given.keys() & changes.taken.keys()
    assert changes.unknown == by_groups.keys() - clinics
    again = changes_of(by_groups, after, frozenset(after) - frozenset(local), clinics)
    assert not again.given
    assert not again.taken


def test_who_is_in_no_group_has_no_role():
    assert Groups().roles_of(["a"]) == {}
