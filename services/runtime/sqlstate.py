"""PURE. What an error of PostgreSQL asks of a service: wait and try again, refuse the data, or end as a bug.

Guarantees: the table is closed. An SQLSTATE that stands in it neither by its code nor by its class is a bug and ends
the process (docs/decisions/0015-wait-and-try-again.md). The words are for people: /readyz and the log say them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Meaning(Enum):
    """What a service does about an error of the database."""

    WAIT = auto()
    """Nothing is wrong with the call: the same one may succeed later, once somebody or time has mended the cause."""
    DATA_REFUSED = auto()
    """The data itself is refused, and will be again."""
    BUG = auto()
    """The call is wrong: no second try mends it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an SQLSTATE means, and why, in plain words."""

    meaning: Meaning
    words: str


def _wait(words: str) -> Verdict:
    return Verdict(Meaning.WAIT, words)


def _refused(words: str) -> Verdict:
    return Verdict(Meaning.DATA_REFUSED, words)


def _bug(words: str) -> Verdict:
    return Verdict(Meaning.BUG, words)


BY_CODE: Final[Mapping[str, Verdict]] = {
    "25006": _wait("the database can only be read: it is a standby, or was made read-only, as after a failover"),
    "25P03": _wait("the database ended a transaction that said nothing for too long"),
    "25P04": _wait("the database ended a transaction that took longer than its transaction_timeout"),
    "28P01": _wait("the database refuses the password"),
    "3D000": _wait("there is no database of this name: it is being restored, or the name is wrong"),
    # Not the statement but the login is wrong: a GRANT mends it, and during a restore grants come last.
    "42501": _wait("the login may not do this: a GRANT is missing"),
    "53100": _wait("the disk of the database is full"),
    "53200": _wait("the database has no memory left"),
    "53300": _wait("the database has no connection left for this login"),
    "54000": _wait("the database has reached a limit of its own: its NOTIFY queue is full, for one"),
    "55000": _wait("the database takes no connections now, or something in it is not ready"),
    "55006": _wait("the database is in use by something that nobody may share"),
    "55P03": _wait("a lock was not free within the database's lock_timeout"),
    "57014": _wait("the database cancelled a statement: somebody asked for it, or statement_timeout was over"),
    "57P01": _wait("the database ended the connection: it is shutting down, or an administrator asked for it"),
    "57P02": _wait("the database crashed"),
    "57P03": _wait("the database is starting, stopping or recovering"),
    "57P04": _wait("the database was dropped"),
    "57P05": _wait("the database ended a connection that said nothing for too long"),
}
"""By the whole code; these come before the classes."""

BY_CLASS: Final[Mapping[str, Verdict]] = {
    "08": _wait("the connection to the database was lost or could not be made"),
    "0A": _bug("the database does not have what a statement asks for"),
    "22": _refused("a value is refused"),
    "23": _refused("a constraint is violated"),
    "25": _bug("a statement came in a transaction where it cannot stand"),
    "28": _wait("the database refuses the login: its name, its rights or pg_hba.conf"),
    "40": _wait("the database undid a transaction that was in the way of another one"),
    "42": _bug("a statement is wrong, or names what the schema does not have"),
    "53": _wait("the database lacks something that it needs"),
    # The limits are the server's (stack, columns, queues); none of our statements comes near them by itself.
    "54": _wait("the database has reached a limit of its own"),
    "55": _wait("something in the database is not ready"),
    "57": _wait("the database was interrupted"),
    "58": _wait("the database's own machine failed: its disk or its files"),
    "72": _wait("the database no longer had what a long read needs"),
    "P0": _bug("a function or a trigger of the database refused"),
    "XX": _bug("the database found a fault in itself, or damaged data"),
}
"""By the first two characters."""

UNKNOWN: Final = _bug("the database said what this release does not know")


def verdict_on(sqlstate: str | None) -> Verdict:
    """Look up what an SQLSTATE means; None, and what the table does not have, is a bug."""
    code = sqlstate or ""
    return BY_CODE.get(code) or BY_CLASS.get(code[:2]) or UNKNOWN
