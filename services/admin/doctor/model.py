"""PURE. What the doctor looks at, and what it finds.

Guarantee: nothing here holds a secret: of an address at most its host, of a file its path, of a setting its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    check: str
    """A short name that stays the same, for programs."""
    wrong: str
    do: str
    """What to do about it, in one sentence."""


@dataclass(frozen=True, slots=True)
class Session:
    """A service's connection to the database, as the database shows it."""

    application: str
    login: str
    is_superuser: bool


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the database says of itself and of the services."""

    clock_ahead_seconds: float
    """Of this machine's clock; below zero: behind."""
    pending: tuple[str, ...] = ()
    """Migrations that are not applied. While there are any, nothing below is known."""
    logins_missing: tuple[str, ...] = ()
    rights_missing: tuple[str, ...] = ()
    """Such as `pumpwatch_web: UPDATE on alerts`."""
    sessions: tuple[Session, ...] = ()
    clinics: tuple[str, ...] = ()
    """Those that have pumps."""
    alerts_alive_at: datetime | None = None
    ingest_alive_at: datetime | None = None
    unjudged: int = 0
    unreached: int = 0
    """Alerts of which somebody should have been told and nobody was."""
    drill: str | None = None
    """What is wrong with the drills; None: nothing."""
    upkeep: tuple[str, ...] = ()
    """What the database should have done by itself, in words."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """One clinic's policy, as far as telling people goes."""

    clinic_id: str
    faults: tuple[str, ...] = ()
    """Addresses that no page can be sent to."""
    nobody: tuple[str, ...] = ()
    """Steps in which nobody can be told."""
    high_steps: int = 1
    file: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """The certificate that a server shows, or why it could not be looked at."""

    where: str
    ends_at: datetime | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """The room on the disk of a folder."""

    folder: str
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Files that should be made again and again."""

    where: str
    newest_at: datetime | None
    expected_every_hours: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was gathered. None: it was not named, so it was not looked at."""

    settings_faults: tuple[str, ...] = ()
    database_fault: str | None = None
    database: DatabaseFacts | None = None
    broker_fault: str | None = None
    broker_settings: Mapping[str, str] | None = None
    """Of its configuration; the last of each name."""
    endings: tuple[str, ...] | None = None
    """What is said of the broker's certificates."""
    served: tuple[Served, ...] = ()
    policy_faults: tuple[str, ...] = ()
    policies: tuple[PolicyFacts, ...] | None = None
    has_watchdog: bool | None = None
    tells_of_a_missed_drill: bool | None = None
    open_secrets: tuple[tuple[str, str], ...] = ()
    """Variable and path of each file that everybody on the machine may read."""
    disks: tuple[Disk, ...] = ()
    anchors: Kept | None = None
    backups: Kept | None = None
    unseen: tuple[str, ...] = field(default=())
    """What was not looked at, and how it would be."""
