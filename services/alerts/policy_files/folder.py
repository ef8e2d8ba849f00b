"""The folder of policy files, read at start and again when a file changes; what holds at the moment stands in `now`.

Guarantees: only what is new is read, in a thread and for a limited time, so that neither a file nor a server that does
not answer holds up the event loop; hidden files (an editor's own) are nobody's; whatever a file holds, it is the fault
of that file alone. What was last good is handed over by `adopt` (services/alerts/policy_files/keep.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from schemas.policy import Policy
from schemas.policy_file import PolicyError, load_policy
from schemas.yaml_lines import visible_path
from services.alerts.clock import Clock, utc_now
from services.alerts.policies import Policies, policies_of
from services.alerts.policy_files.agreement import Agreement, FileRead, LastGood, agree, newest
from services.alerts.policy_files.blocking import within
from services.runtime.isolation import described

_SUFFIXES: Final = (".yaml", ".yml")
_READ_SECONDS: Final = 10.0

_Signature = tuple[int, ...]
_Found = TypeVar("_Found")


class PolicyFolder:
    """Reads the folder again when a file appeared, changed or went away; `now` is what holds at the moment."""

    def __init__(
        self,
        folder: Path | None,
        *,
        host: str = "this host",
        clock: Clock = utc_now,
        load: Callable[[Path], Policy] = load_policy,
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        self.host = host
        self.now = Policies()
        self.last_good: Mapping[str, LastGood] = {}
        """By clinic, also those that were removed."""
        self._folder = folder
        self._clock = clock
        self._load = load
        self._read_seconds = read_seconds
        self._signatures: dict[Path, _Signature] | None = None
        self._files: dict[Path, FileRead] = {}
        self._folder_fault = ""
        self._since: dict[str, datetime] = {}
        self._elsewhere: tuple[tuple[str, str], ...] = ()
        self._asked = False
        self._under_way: set[Path] = set()

    @property
    def is_set(self) -> bool:
        """Whether there is a folder to read."""
        return self._folder is not None

    async def reload(self) -> bool:
        """Look at the files; True: `now` is new. Never raises: what is wrong stands in `faults`."""
        if self._folder is None:
            return False
        try:
            found = await self._unhindered(self._folder, partial(_listing, self._folder))
        except OSError as error:
            fault = f"{self._folder}: cannot be read: {error.strerror or error}"
            is_new = fault != self._folder_fault
            self._folder_fault = fault
            if is_new:
                self._settle()
            return is_new
        seen = self._signatures or {}
        # What changes before our eyes changed now; of the rest, its own date says when.
        is_watched = self._signatures is not None and not self._folder_fault
        is_new = self._signatures is None or bool(self._folder_fault) or bool(seen.keys() - found.keys())
        files: dict[Path, FileRead] = {}
        for path, signature in found.items():
            before = self._files.get(path)
            if before is not None and seen.get(path) == signature:
                files[path] = before
                continue
            files[path] = await self._read(path, None if is_watched else signature[0])
            is_new |= before is None or (before.version, before.fault) != (files[path].version, files[path].fault)
        self._signatures = {path: found[path] for path in found if path not in self._under_way}
        self._files, self._folder_fault = files, ""
        if is_new:
            self._settle()
        return is_new

    def adopt(
        self,
        stored: Mapping[str, LastGood],
        since: Mapping[str, datetime] = MappingProxyType({}),
        elsewhere: Sequence[tuple[str, str]] = (),
    ) -> bool:
        """Take over what the database keeps; True: `now` is new.

        Args:
            stored: The last good policies of all clinics.
            since: Of clinics whose file cannot be used here, since when that is so.
            elsewhere: Clinics whose file cannot be used on another host, each with that host and the fault.
        """
        known = newest(stored, self.last_good)
        begun = {clinic: since.get(clinic, at) for clinic, at in self._since.items()}
        if self._asked and (known, begun, tuple(elsewhere)) == (self.last_good, self._since, self._elsewhere):
            return False
        self._asked, self.last_good, self._since, self._elsewhere = True, known, begun, tuple(elsewhere)
        if self._folder is None and not known:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        here = () if self._folder_fault else tuple(self._files.values())
        agreed = agree(here, self._folder_fault, self.last_good, self.host)
        if self._folder is None:  # no file is expected here
            agreed = Agreement(agreed.last_good, {}, (), ())
        self.last_good = agreed.last_good
        self._since = {clinic: self._since.get(clinic) or self._clock() for clinic in agreed.stale}
        holds = [last.policy for last in agreed.last_good.values() if last.policy is not None]
        self.now = replace(
            policies_of(*holds, faults=agreed.faults, unusable=agreed.unusable),
            stale=MappingProxyType(dict(agreed.stale)),
            stale_since=MappingProxyType(dict(self._since)),
            elsewhere=self._elsewhere,
            from_files=self._folder is not None,
            asked=self._asked,
        )

    async def _read(self, path: Path, changed_ns: int | None) -> FileRead:
        before, now = self._files.get(path), self._clock()
        changed_at = now if changed_ns is None else min(now, datetime.fromtimestamp(changed_ns / 1e9, UTC))
        try:
            policy = await self._unhindered(path, partial(self._load, path))
            return FileRead(path, changed_at, policy, policy.version, named=policy.clinic_id)
        except Exception as error:  # noqa: BLE001 - whatever a file holds, it is this clinic's alone (decision 11)
            said = isinstance(error, PolicyError)
            fault = str(error) if said else f"{visible_path(path)}: cannot be read: {described(error)}"
            return FileRead(path, changed_at, fault=fault, named=before.named if before else None)

    async def _unhindered(self, path: Path, work: Callable[[], _Found]) -> _Found:
        """Do it in a thread, for a limited time; not a second time beside a first that hangs."""
        fault = f"does not answer within {self._read_seconds:g} s"
        if path in self._under_way:
            raise TimeoutError(fault)
        self._under_way.add(path)

        def done() -> _Found:
            try:
                return work()
            finally:
                self._under_way.discard(path)

        try:
            return await within(self._read_seconds, done)
        except TimeoutError as error:
            raise TimeoutError(fault) from error


def _listing(folder: Path) -> dict[Path, _Signature]:
    """Every file that may be a policy, and what tells that it changed; its date, in nanoseconds, comes first."""
    found: dict[Path, _Signature] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in _SUFFIXES or path.name.startswith("."):
            continue
        try:
            state = path.stat()
            found[path] = (state.st_mtime_ns, state.st_size, state.st_ino, state.st_ctime_ns)
        except OSError:  # such as a link to nowhere: reading it says so
            found[path] = (0,)
    return found
