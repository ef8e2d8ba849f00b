"""Can every clinic be told, as far as its policy goes?

What keeps somebody from being told at all is `unpaged`; what a person should mend before it does, `doubtful`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from schemas.policy import Policy
from services.alerts.delivery.addresses import reach_of, secret_files, webhook_faults
from services.alerts.policies import Policies
from services.alerts.policy_files.blocking import within
from services.people.rota.effective import Nobody, needs_people

_MOST_LINES: Final = 8
_MOST_TOLD: Final = 1000
_READ_SECONDS: Final = 60.0
_HANGS: Final = "the files of the secrets of webhooks cannot be read: their disk does not answer"


@dataclass(frozen=True, slots=True)
class PolicyTrouble:
    """One thing that is wrong; `clinic_id` is None where nobody can tell whose file it is."""

    clinic_id: str | None
    text: str
    """For whoever runs the servers; it may name a file."""
    words: str
    """For a person at the board."""


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What is wrong with the policies of all clinics."""

    unpaged: tuple[PolicyTrouble, ...] = ()
    """A clinic, or a step of its routes, of which nobody can be told."""
    doubtful: tuple[PolicyTrouble, ...] = ()
    """Files whose last good content holds, and single addresses that no page can be sent to."""


@dataclass(frozen=True, slots=True)
class BoardWarning:
    """One sentence for people at the board; `clinic_id` is None where it concerns every clinic."""

    clinic_id: str | None
    words: str


def warnings_for(clinic_id: str | None, warnings: Sequence[BoardWarning]) -> tuple[str, ...]:
    """What a person at the board should know, of one clinic or of all (None)."""
    mine = [each.words for each in warnings if None in (clinic_id, each.clinic_id) or each.clinic_id == clinic_id]
    more = len(mine) - _MOST_LINES
    return (*mine[:_MOST_LINES], *((f"Policies: {more} more faults; see the worker's /readyz.",) if more > 0 else ()))


def warnings_about(policies: Policies, state: PolicyState) -> tuple[BoardWarning, ...]:
    """What people should know of the policies: at most `_MOST_TOLD`, what keeps somebody from being told first."""
    found = [BoardWarning(each.clinic_id, each.words) for each in (*state.unpaged, *state.doubtful)]
    if policies.faults:
        found.insert(0, BoardWarning(None, "A policy file cannot be used; see the worker's /readyz and log."))
    return tuple(dict.fromkeys(found))[:_MOST_TOLD]


def _moment(policies: Policies, clinic: str) -> str:
    return f"{policies.stale_since[clinic]:%Y-%m-%d %H:%M}Z"


def policy_state(policies: Policies, environment: Mapping[str, str], clinics: Iterable[str]) -> PolicyState:
    """Look at the policies of all clinics; `clinics` are those that have pumps."""
    clinics = tuple(clinics)
    kept = (
        "" if policies.asked else " What was last good is kept in the database, which has not answered since the start."
    )
    unpaged = [
        PolicyTrouble(
            None, fault + kept, "A policy file cannot be used, and its clinic is not paged. Tell the operator."
        )
        for fault in policies.unusable
    ]
    unpaged += [
        PolicyTrouble(
            clinic,
            f"clinic {clinic!r} has pumps and no policy file: nobody is told; expected a file with this clinic_id",
            f"{clinic} has no policy: nobody of it is paged. Tell the operator.",
        )
        for clinic in policies.without_policy(clinics)
    ]
    unpaged += [
        PolicyTrouble(
            clinic,
            f"clinic {clinic!r} has pumps, and its policy, the one for all others, names persons, of whom it has none",
            f"{clinic} has no persons: nobody of it is paged. Tell the operator.",
        )
        for clinic in clinics
        if clinic not in policies.by_clinic and needs_people(policies.default)
    ]
    doubtful = [
        PolicyTrouble(
            clinic,
            f"since {_moment(policies, clinic)}: {fault}",
            f"The policy file of {clinic} cannot be used since {_moment(policies, clinic)}; what it said last holds. "
            "Tell the operator.",
        )
        for clinic, fault in policies.stale.items()
    ]
    doubtful += [
        PolicyTrouble(
            clinic,
            fault,
            f"The policy file of {clinic} differs on another host, or is missing there. Tell the operator.",
        )
        for clinic, fault in policies.elsewhere
    ]
    doubtful += [
        PolicyTrouble(clinic, f"of {clinic}: {words}", f"{clinic}: {words}.")
        for clinic, found in policies.nobody.items()
        for words in map(_instead, found)
    ]
    for clinic, policy in policies.by_clinic.items():
        reach = reach_of(policy, environment)
        for found, faults in ((unpaged, reach.nobody), (doubtful, reach.faults)):
            found += [
                PolicyTrouble(
                    clinic,
                    f"of {clinic}: {'.'.join(map(str, each.place))}: {each.fault}",
                    f"Policy of {clinic}: {each.fault}. Tell the operator.",
                )
                for each in faults
            ]
    return PolicyState(tuple(unpaged), tuple(doubtful))


async def policy_state_now(policies: Policies, environment: Mapping[str, str], clinics: Iterable[str]) -> PolicyState:
    """`policy_state`, out of the loop's way where it reads files of secrets: a disk that hangs is a trouble itself."""
    look = partial(policy_state, policies, environment, clinics)
    if not _names_secrets(policies, environment):
        return look()
    try:
        return await within(_READ_SECONDS, look)
    except TimeoutError:
        return PolicyState(
            (PolicyTrouble(None, _HANGS, f"Nobody knows who can be told: {_HANGS}. Tell the operator."),)
        )


async def secrets_now(policies: Policies, environment: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with secrets of webhooks, so that a state is made anew when one goes or is mended."""
    if not _names_secrets(policies, environment):
        return ()
    try:
        return await within(_READ_SECONDS, partial(webhook_faults, _all(policies), environment))
    except TimeoutError:
        return (_HANGS,)


def _names_secrets(policies: Policies, environment: Mapping[str, str]) -> bool:
    return any(True for policy in _all(policies) for _ in secret_files(policy, environment))


def _all(policies: Policies) -> tuple[Policy, ...]:
    return (policies.default, *policies.by_clinic.values())


def _instead(nobody: Nobody) -> str:
    told = f"told instead: {', '.join(nobody.instead)}" if nobody.instead else "no administrator can be told either"
    return f"contact {nobody.contact}: {nobody.why}; {told}"
