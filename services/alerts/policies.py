"""The clinics' policies: a folder of YAML files, read at start and again when one changes.

Guarantees: a file that breaks or vanishes keeps its last good content while the process lives, and is named in
`faults`; a clinic that never had a file gets the file whose clinic_id is "default", or `Policy()` where there is none;
addresses are looked up when a page is sent and never logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from schemas.policy import Channel, Policy
from schemas.policy_file import PolicyError, load_policy
from services.runtime.isolation import described

DEFAULT_CLINIC = "default"
ENVIRONMENT = "env:"
"""How an address begins that stands in a variable of the environment."""
_LEAST_WINDOWS = 28
"""What the rules look at whatever the baseline is (services.alerts.rules.demand.baseline, bolus_limit)."""
_EXPECTED = "Expected a file of this clinic: the next start finds none"
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
    stale: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Clinics that run on the last good content of a file that broke or vanished, each with the fault."""
    from_files: bool = False
    """There is a folder to read; without one (a trial, a test) no clinic can be expected to have a policy."""

    def of(self, clinic_id: str) -> Policy:
        """The policy of one clinic."""
        return self.by_clinic.get(clinic_id, self.default)

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
        self._gone: dict[str, tuple[Path, Policy]] = {}
        """Of clinics whose file vanished: what it said last, and where."""
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
            unusable = () if self._last_good() else (fault,)
            now = policies_of(*self._last_good(), faults=(fault,), unusable=unusable)
            stale = dict.fromkeys(now.by_clinic, fault)
            self.now = replace(now, stale=MappingProxyType(stale), from_files=True)
            self._seen = None
            return changed
        if found == self._seen:
            return False
        self._seen = found
        self.now = self._read(found)
        return True

    def _last_good(self) -> tuple[Policy, ...]:
        return (*self._good.values(), *(policy for _, policy in self._gone.values()))

    def _read(self, found: Mapping[Path, object]) -> Policies:
        faults: list[str] = []
        unusable: list[str] = []
        owners: dict[str, Path] = {}
        good: dict[Path, Policy] = {}
        stale: dict[str, str] = {}
        for path in found:
            try:
                good[path] = load_policy(path)
            except Exception as error:  # noqa: BLE001 - whatever a file holds, it is this clinic's alone (decision 11)
                fault = str(error) if isinstance(error, PolicyError) else f"{path}: cannot be read: {described(error)}"
                faults.append(fault)
                if path in self._good:
                    good[path] = self._good[path]
                    stale[good[path].clinic_id] = fault
                else:
                    unusable.append(fault)
        now_there = {policy.clinic_id for policy in good.values()}
        before = self._gone | {policy.clinic_id: (path, policy) for path, policy in self._good.items()}
        self._gone = {clinic: last for clinic, last in before.items() if clinic not in now_there}
        for clinic, (path, _) in self._gone.items():
            what = "no longer names" if path in found else "is gone;"
            stale[clinic] = f"{path}: {what} clinic {clinic!r}, which goes on with what stood there. {_EXPECTED}"
            faults.append(stale[clinic])
        for path, policy in good.items():
            owner = owners.setdefault(policy.clinic_id, path)
            if owner != path:
                fault = f"{path}: clinic {policy.clinic_id!r} already has {owner.name}; this file is not used"
                faults.append(fault)
        self._good = good
        now = policies_of(*self._last_good(), faults=tuple(faults), unusable=tuple(unusable))
        return replace(now, stale=MappingProxyType(stale), from_files=True)


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
