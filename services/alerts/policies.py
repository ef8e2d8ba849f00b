"""The clinics' policies as they hold at one moment (services/alerts/policy_files/ reads and keeps them).

Guarantees: a clinic that never had a file gets the file whose clinic_id is "default", or `Policy()` where there is
none; addresses are looked up when a page is sent and never logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from schemas.policy import Channel, Policy
from services.people.rota.effective import Nobody

DEFAULT_CLINIC = "default"
ENVIRONMENT = "env:"
"""How an address begins that stands in a variable of the environment."""
_UTC = "UTC"
_LEAST_WINDOWS = 28
"""What the rules look at whatever the baseline is (services.alerts.rules.demand.baseline, bolus_limit)."""


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies at one moment, and what is wrong with the files."""

    by_clinic: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    default: Policy = field(default_factory=Policy)
    faults: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    """Faults of files that were never good: their clinics run on defaults, and nobody of theirs is told."""
    stale: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Clinics that run on what was last good, because their file here cannot be used, each with the fault."""
    stale_since: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Clinics whose file on another host cannot be used there, or differs, each with that host and the fault."""
    asked: bool = True
    """The database has said what was last good. Until it has, only the files of this host are known."""
    nobody: Mapping[str, tuple[Nobody, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By clinic, contacts that stand for nobody who can be told now (services/alerts/on_call.py)."""
    from_files: bool = False
    """There is a folder to read; without one (a trial, a test) no clinic can be expected to have a policy."""

    rota_zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By clinic, the time zone of its rotas, where that is known (services/alerts/on_call.py)."""

    def of(self, clinic_id: str) -> Policy:
        """The policy of one clinic."""
        return self.by_clinic.get(clinic_id, self.default)

    def zone_of(self, clinic_id: str) -> ZoneInfo:
        """By what clock the pages of a clinic are written."""
        return zone_for(self.of(clinic_id), self.rota_zones.get(clinic_id))

    def without_policy(self, clinics: Iterable[str]) -> tuple[str, ...]:
        """Which of these clinics run on defaults, because there is no file for them: nobody of theirs is told."""
        if not self.from_files or DEFAULT_CLINIC in self.by_clinic:
            return ()
        return tuple(sorted(set(clinics) - set(self.by_clinic)))

    def version_of(self, clinic_id: str) -> str:
        """The version of the clinic's policy; cheap, unlike `Policy.version`."""
        return self.versions.get(clinic_id) or self.versions.get(DEFAULT_CLINIC) or self.default.version

    @property
    def longest_baseline_days(self) -> int:
        """How many 24-hour windows the facts must reach back, for the clinic that looks back furthest."""
        days = (policy.bolus_demand.baseline_days for policy in (self.default, *self.by_clinic.values()))
        return max(_LEAST_WINDOWS, *days)

    @property
    def longest_flapping(self) -> timedelta:
        """How far back an alert may have closed and still be the same one, for the clinic that looks back furthest."""
        policies = (self.default, *self.by_clinic.values())
        return timedelta(minutes=max(policy.paging.flapping_minutes for policy in policies))


def zone_for(policy: Policy, of_rotas: str | None) -> ZoneInfo:
    """The clock that a clinic goes by: that of its rotas; where they name UTC or there is none, of its quiet hours.

    Args:
        policy: The clinic's.
        of_rotas: The time zone of its rotas; None: it has none.
    """
    quiet = policy.paging.quiet_hours
    if of_rotas in (None, _UTC):
        return ZoneInfo(_UTC if quiet is None else quiet.timezone)
    return ZoneInfo(of_rotas)


def policies_of(*policies: Policy, faults: tuple[str, ...] = (), unusable: tuple[str, ...] = ()) -> Policies:
    """Collect policies by clinic; of two for one clinic the first counts."""
    by_clinic: dict[str, Policy] = {}
    for policy in policies:
        by_clinic.setdefault(policy.clinic_id, policy)
    default = by_clinic.get(DEFAULT_CLINIC, Policy())
    versions = {clinic: policy.version for clinic, policy in by_clinic.items()}
    versions.setdefault(DEFAULT_CLINIC, default.version)
    return Policies(MappingProxyType(by_clinic), MappingProxyType(versions), default, faults, unusable)


def address_of(policy: Policy, contact_name: str, channel_name: str, environment: Mapping[str, str]) -> str | None:
    """The channel's Apprise URL; None when the policy or the environment no longer has it."""
    for contact in policy.contacts:
        for channel in contact.channels:
            if (contact.name, channel.name) == (contact_name, channel_name):
                return address_in(channel, environment)
    return None


def address_in(channel: Channel, environment: Mapping[str, str]) -> str | None:
    """The channel's Apprise URL; None when the environment does not have it."""
    if channel.url.startswith(ENVIRONMENT):
        return environment.get(channel.url.removeprefix(ENVIRONMENT)) or None
    return channel.url
