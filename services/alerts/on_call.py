"""The clinics' policies as they hold now: with the persons of now in the place of rotas (services/people/rota/).

Guarantees: what was read last is used while the database is away; a change of person holds from its second on; a
policy without such contacts stays the very object that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import structlog

from schemas.policy import Policy
from services.alerts.policies import DEFAULT_CLINIC, Policies
from services.people.rota.effective import NOBODY, Nobody, holds_until, needs_people, resolve
from services.people.rota.people import ClinicPeople

_LONGEST: Final = timedelta(hours=1)


_TRY_AGAIN: Final = timedelta(seconds=5)

log = structlog.get_logger()


class OnCall:
    """Who can be told, by clinic, and the policies by it."""

    def __init__(self) -> None:
        self.people: Mapping[str, ClinicPeople] = MappingProxyType({})
        self._of: tuple[Policies, Mapping[str, ClinicPeople]] | None = None
        self._from = self._until = datetime.min.replace(tzinfo=UTC)
        self._holding = Policies()
        self._zones: dict[str, str] = {}

    def take(self, people: Mapping[str, ClinicPeople]) -> bool:
        """Go by these persons, channels and rotas from now on; True: they are other ones than before."""
        if people == self.people:
            return False
        self.people = MappingProxyType(dict(people))
        self._zones = {clinic: zone for clinic, each in people.items() if (zone := each.timezone)}
        return True

    def holding(self, policies: Policies, now: datetime) -> Policies:
        """The policies as they hold now; the same object until somebody else is on call or something was changed."""
        same = self._of is not None and self._of[0] is policies and self._of[1] is self.people
        if not (same and self._from <= now < self._until):
            self._resolve(policies, now)
        return self._holding

    def _resolve(self, policies: Policies, now: datetime) -> None:
        until = now + _LONGEST
        by_clinic: dict[str, Policy] = dict(policies.by_clinic)
        nobody: dict[str, tuple[Nobody, ...]] = {}
        # A clinic that has no file of its own goes by that of "default", with its own persons.
        of_default = self.people.keys() if needs_people(policies.default) else ()
        for clinic in sorted({*policies.by_clinic, *of_default}):
            policy, people = policies.of(clinic), self.people.get(clinic, NOBODY)
            # What the file for all others says is asked of each of them, and of "default" only if it has persons.
            if needs_people(policy) and (clinic != DEFAULT_CLINIC or people is not NOBODY):
                try:
                    found = resolve(policy, people, now)
                    until = holds_until(policy, people, now, until)
                except Exception:  # a fault of ours in one clinic: the others go on, and it as it was (decision 11)
                    log.exception("who_is_on_call_not_known", clinic_id=clinic)
                    by_clinic[clinic] = self._holding.by_clinic.get(clinic, policy)
                    until = min(until, now + _TRY_AGAIN)
                    continue
                by_clinic[clinic] = found.policy.model_copy(update={"clinic_id": clinic})
                nobody |= {clinic: found.troubles} if found.troubles else {}
        holding = policies
        if by_clinic != policies.by_clinic:
            holding = replace(policies, by_clinic=MappingProxyType(by_clinic), nobody=MappingProxyType(nobody))
        if self._zones:
            holding = replace(holding, rota_zones=MappingProxyType(self._zones))
        if holding != self._holding:
            self._holding = holding
        self._of, self._from, self._until = (policies, self.people), now, until
