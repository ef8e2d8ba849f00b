"""The clinics' policies: a folder of YAML files, read at start and again when one changes.

Guarantees: a file that breaks keeps its last good content and is named in `faults`; a clinic without a file
gets the file whose clinic_id is "default", or `Policy()` where there is none; addresses are looked up when
a page is sent and never logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from schemas.policy import Policy
from schemas.policy_file import PolicyError, load_policy
from services.runtime.isolation import described

DEFAULT_CLINIC = "default"
_LEAST_WINDOWS = 28
"""What the rules look at whatever the baseline is (services.alerts.rules.demand.baseline, bolus_limit)."""
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies at one moment, and what is wrong with the files."""

    by_clinic: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    default: Policy = field(default_factory=Policy)
    faults: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    """Faults of files that were never good: their clinics run on defaults, and nobody of theirs is told."""

    def of(self, clinic_id: str) -> Policy:
        """The policy of one clinic."""
        return self.by_clinic.get(clinic_id, self.default)

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


def policies_of(*policies: Policy, faults: tuple[str, ...] = (), unusable: tuple[str, ...] = ()) -> Policies:
    """Collect policies by clinic; of two for one clinic the first counts."""
    by_clinic: dict[str, Policy] = {}
    for policy in policies:
        by_clinic.setdefault(policy.clinic_id, policy)
    default = by_clinic.get(DEFAULT_CLINIC, Policy())
    versions = {clinic: policy.version for clinic, policy in by_clinic.items()}
    versions.setdefault(DEFAULT_CLINIC, default.version)
    return Policies(MappingProxyType(by_clinic), MappingProxyType(versions), default, faults, unusable)


class PolicyFolder:
    """Reads the folder again when a file appeared, changed or went away; `now` is what holds at the moment."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seen: dict[Path, tuple[int, int]] | None = None
        self._good: dict[Path, Policy] = {}
        self.now = Policies()

    def reload(self) -> bool:
        """Look at the files; True: `now` is new. Never raises: what is wrong stands in `faults`."""
        if self._folder is None:
            return False
        try:
            found = {
                path: (path.stat().st_mtime_ns, path.stat().st_size)
                for path in sorted(self._folder.iterdir())
                if path.suffix in _SUFFIXES
            }
        except OSError as error:
            fault = f"{self._folder}: cannot be read: {error.strerror}"
            changed = self.now.faults != (fault,)
            unusable = () if self._good else (fault,)
            self.now = policies_of(*self._good.values(), faults=(fault,), unusable=unusable)
            self._seen = None
            return changed
        if found == self._seen:
            return False
        self._seen = found
        self.now = self._read(found)
        return True

    def _read(self, found: Mapping[Path, object]) -> Policies:
        faults: list[str] = []
        unusable: list[str] = []
        owners: dict[str, Path] = {}
        good: dict[Path, Policy] = {}
        for path in found:
            try:
                good[path] = load_policy(path)
            except Exception as error:  # noqa: BLE001 - whatever a file holds, it is this clinic's alone (decision 11)
                fault = str(error) if isinstance(error, PolicyError) else f"{path}: cannot be read: {described(error)}"
                faults.append(fault)
                if path in self._good:
                    good[path] = self._good[path]
                else:
                    unusable.append(fault)
        for path, policy in good.items():
            owner = owners.setdefault(policy.clinic_id, path)
            if owner != path:
                fault = f"{path}: clinic {policy.clinic_id!r} already has {owner.name}; this file is not used"
                faults.append(fault)
        self._good = good
        return policies_of(*good.values(), faults=tuple(faults), unusable=tuple(unusable))


def address_of(policy: Policy, contact_name: str, channel_name: str, environment: Mapping[str, str]) -> str | None:
    """The channel's Apprise URL; None when the policy or the environment no longer has it."""
    for contact in policy.contacts:
        for channel in contact.channels:
            if (contact.name, channel.name) == (contact_name, channel_name):
                if channel.url.startswith("env:"):
                    return environment.get(channel.url.removeprefix("env:")) or None
                return channel.url
    return None
