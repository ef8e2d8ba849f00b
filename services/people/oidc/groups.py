"""PURE. Which groups of an identity provider have which role in which clinic, as a site writes it down.

The file (docs/operating/people/sign-in-by-provider.md has an example):

    clinics:
      north:
        responder: [Pump nurses north]
        administrator: [Pump leads]

A role that was given here by a person is theirs to keep: groups give, change and take only what groups gave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.line_text import refusal
from schemas.yaml_lines import Lined, Place, YamlFaultError, read_yaml, visible
from services.people.model import Role

_ROLES: Final = ", ".join(Role)
_LONGEST: Final = 256


class GroupsFileError(ValueError):
    """The file cannot be used; the message names the line, what was wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What membership of a group gives: by the group's name as the provider writes it, pairs of clinic and role."""

    gives: Mapping[str, frozenset[tuple[str, Role]]] = field(default_factory=dict)

    def roles_of(self, member_of: Collection[str]) -> dict[str, Role]:
        """The role by clinic of who is in these groups; of several in one clinic the one that may do most."""
        roles: dict[str, Role] = {}
        for group in member_of:
            for clinic_id, role in self.gives.get(group, ()):
                if clinic_id not in roles or role.allows(roles[clinic_id]):
                    roles[clinic_id] = role
        return roles


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sign-in changes of somebody's roles."""

    given: Mapping[str, Role]
    taken: Mapping[str, Role]
    unknown: frozenset[str]
    """Clinics of the file that do not exist here; nothing is given in them."""


def changes_of(
    by_groups: Mapping[str, Role],
    held: Mapping[str, Role],
    held_by_groups: Collection[str],
    clinics: Collection[str],
) -> Changes:
    """What is to change so that somebody has what their groups say, and keeps what a person gave them.

    Args:
        by_groups: What their groups give now.
        held: What they have, whoever gave it.
        held_by_groups: The clinics in which groups gave it.
        clinics: Every clinic that there is.
    """
    given = {
        clinic_id: role
        for clinic_id, role in by_groups.items()
        if clinic_id in clinics
        and held.get(clinic_id) != role
        and (clinic_id not in held or clinic_id in held_by_groups)
    }
    taken = {clinic_id: held[clinic_id] for clinic_id in held_by_groups if clinic_id not in by_groups}
    return Changes(given, taken, frozenset(by_groups) - frozenset(clinics))


def read_groups(text: str, name: str) -> Groups:
    """Read the file's text; `name` is what messages call it.

    Raises:
        GroupsFileError: It says something else.
    """
    try:
        lined = read_yaml(text)
    except YamlFaultError as error:
        msg = f"{name}:{error.line}: is not valid YAML: {error}"
        raise GroupsFileError(msg) from error
    if not isinstance(lined.values, dict) or set(lined.values) != {"clinics"}:
        raise _fault(name, lined, (), "expected one key, clinics, with a clinic in each line below it")
    clinics = lined.values["clinics"]
    if not isinstance(clinics, dict) or not clinics:
        raise _fault(name, lined, ("clinics",), "names no clinic; expected clinics, each with roles below it")
    gives: dict[str, set[tuple[str, Role]]] = {}
    for clinic_id, roles in clinics.items():
        if not isinstance(roles, dict):
            raise _fault(name, lined, ("clinics", clinic_id), f"expected roles below it: {_ROLES}")
        for role, groups in roles.items():
            place = ("clinics", clinic_id, role)
            if role not in list(Role):
                raise _fault(name, lined, place, f"{visible(role)!r} is no role; expected one of {_ROLES}")
            for group in _names(name, lined, place, groups):
                gives.setdefault(group, set()).add((clinic_id, Role(role)))
    return Groups({group: frozenset(pairs) for group, pairs in gives.items()})


def _names(name: str, lined: Lined, place: Place, groups: Any) -> list[str]:
    if not isinstance(groups, list) or not groups:
        raise _fault(name, lined, place, "expected a list of groups, such as [Pump nurses north]")
    for number, group in enumerate(groups):
        if isinstance(group, str) and (why := refusal(group)):
            raise _fault(name, lined, (*place, number), f"expected a group's name; this one {why}")
        if not isinstance(group, str) or not group or len(group) > _LONGEST:
            said = f"expected a group's name of at most {_LONGEST} characters; one that is a number in quotes"
            raise _fault(name, lined, (*place, number), said)
    return groups


def _fault(name: str, lined: Lined, place: Place, said: str) -> GroupsFileError:
    where = ".".join(visible(str(each), 60) for each in place)
    return GroupsFileError(f"{name}:{lined.line_of(place)}: {where + ': ' if where else ''}{said}")
