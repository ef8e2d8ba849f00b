"""PURE. Which policy of a clinic holds, when files say one thing and what was last good another.

Guarantees: of what is good the newest change holds, on every host alike; a file that breaks, vanishes, names another
clinic or stands beside another one of its clinic takes nothing away; nothing but a command removes a clinic
(docs/decisions/0020-the-last-good-policy-holds.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from schemas.policy import Policy
from schemas.yaml_lines import visible_path


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file of the folder; `policy` is None where `fault` says why."""

    path: PurePath
    changed_at: datetime
    policy: Policy | None = None
    version: str = ""
    fault: str = ""
    named: str | None = None
    """The clinic that this file was good for last, as far as this process knows."""

    @property
    def name(self) -> str:
        """Its name without the folder, as it can be shown and stored."""
        return visible_path(PurePath(self.path.name))

    @property
    def shown(self) -> str:
        """Its name with the folder, as it can be shown and stored."""
        return visible_path(self.path)


@dataclass(frozen=True, slots=True)
class LastGood:
    """What a clinic's file said when it was last good; `policy` is None: removed by command since."""

    clinic_id: str
    policy: Policy | None
    version: str
    changed_at: datetime
    file: str
    """Its name, without the folder."""
    host: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds, and what is wrong with the files here."""

    last_good: Mapping[str, LastGood]
    stale: Mapping[str, str]
    """Clinics that go on with what was last good, each with the fault of its file."""
    unusable: tuple[str, ...]
    """Faults of files of which nobody knows whose they are."""
    faults: tuple[str, ...]


def newest(*several: Mapping[str, LastGood]) -> dict[str, LastGood]:
    """Of each clinic the newest; of two that are as new, the one that is named first."""
    found: dict[str, LastGood] = {}
    for known in several:
        for clinic, last in known.items():
            if clinic not in found or last.changed_at > found[clinic].changed_at:
                found[clinic] = last
    return found


def agree(files: Sequence[FileRead], folder_fault: str, known: Mapping[str, LastGood], host: str) -> Agreement:
    """Decide by the files of this host (`folder_fault`: they cannot be listed) and what is known to be last good."""
    last_good = dict(known)
    faults = [folder_fault] if folder_fault else []
    why: dict[str, str] = {}
    named: dict[str, list[FileRead]] = {}
    for file in files:
        if file.policy is not None:
            named.setdefault(file.policy.clinic_id, []).append(file)
    for clinic, mine in named.items():
        fault = _taken(mine, clinic, last_good, host)
        if fault:
            why[clinic] = fault
            faults.append(fault)
    unusable = []
    for file in files:
        if file.policy is not None:
            continue
        faults.append(file.fault)
        owner = file.named or _owner(file, known.values())
        if owner is None or (last := last_good.get(owner)) is None or last.policy is None:
            unusable.append(file.fault)
        elif owner not in named:
            why.setdefault(owner, file.fault)
    for clinic, last in last_good.items():
        if last.policy is None or clinic in named or clinic in why:
            continue
        why[clinic] = folder_fault or _vanished(last, files, host)
        if not folder_fault:
            faults.append(why[clinic])
    stale = {clinic: fault for clinic, fault in why.items() if clinic in last_good and last_good[clinic].policy}
    unusable += [fault for clinic, fault in why.items() if clinic not in stale]
    if folder_fault and not stale:
        unusable.append(folder_fault)
    return Agreement(last_good, stale, tuple(unusable), tuple(faults))


def _taken(mine: Sequence[FileRead], clinic: str, last_good: dict[str, LastGood], host: str) -> str:
    """Take a clinic's file for what holds; gives the fault where it cannot be."""
    if len(mine) > 1:
        names = " and ".join(file.shown for file in mine)
        return f"{names}: each names clinic {clinic!r}, and none of them is used; expected one file"
    [file] = mine
    last = last_good.get(clinic)
    if last is not None and last.version == file.version:
        return ""
    if last is None or file.changed_at > last.changed_at:
        last_good[clinic] = LastGood(clinic, file.policy, file.version, file.changed_at, file.name, host)
        return ""
    if last.policy is None:
        return (
            f"{file.shown}: clinic {clinic!r} was removed at {_moment(last)}, after this file was changed, and it is "
            f"not used; touch the file to have it back"
        )
    return (
        f"{file.shown}: version {file.version} is older than the one of clinic {clinic!r} that holds, version "
        f"{last.version} of {last.file} on {last.host}, {_moment(last)}; expected the same file on every host, or "
        f"touch this one to have it used"
    )


def _owner(file: FileRead, known: Iterable[LastGood]) -> str | None:
    """Whose file it was by its name, before this process began."""
    owners = [last.clinic_id for last in known if last.file == file.name]
    return owners[0] if len(owners) == 1 else None


def _vanished(last: LastGood, files: Iterable[FileRead], host: str) -> str:
    what = next((f"{file.shown}: no longer names" for file in files if file.name == last.file), None)
    if what is None:
        what = f"{last.file}: is gone;" if last.host == host else f"{last.file}: is not here, but was on {last.host};"
    return (
        f"{what} clinic {last.clinic_id!r}, which goes on with what stood there. Expected a file of this clinic, or "
        f"`pumpwatch policy remove {last.clinic_id}`"
    )


def _moment(last: LastGood) -> str:
    return f"{last.changed_at:%Y-%m-%d %H:%M:%S}Z"
