"""What each SQLSTATE asks of a service, and that the types of asyncpg that services catch say exactly the same."""

from __future__ import annotations

import asyncpg
import pytest

from services.runtime.database import REFUSED, UNAVAILABLE, NoAnswerError, plainly
from services.runtime.isolation import concerns_all
from services.runtime.sqlstate import BY_CLASS, BY_CODE, UNKNOWN, Meaning, verdict_on

WAIT = [
    "25006",
    "25P03",
    "25P04",
    "28P01",
    "28000",
    "3D000",
    "42501",
    "53100",
    "53200",
    "53300",
    "53400",
    "53000",
    "54000",
    "54001",
    "55000",
    "55006",
    "55P03",
    "55P04",
    "57014",
    "57P01",
    "57P02",
    "57P03",
    "57P04",
    "57P05",
    "57000",
    "08000",
    "08001",
    "08006",
    "08P01",
    "40001",
    "40P01",
    "58000",
    "58030",
    "58P01",
    "72000",
]
DATA_REFUSED = ["22000", "22001", "22003", "22021", "22P05", "23000", "23502", "23503", "23505", "23514", "23P01"]
BUG = ["42601", "42P01", "42703", "42883", "42804", "0A000", "25000", "25P02", "P0001", "XX000", "XX001"]
NOWHERE = ["21000", "26000", "3F000", "99999", "", None]

CASES: list[tuple[str | None, Meaning]] = [(code, Meaning.WAIT) for code in WAIT]
CASES += [(code, Meaning.DATA_REFUSED) for code in DATA_REFUSED]
CASES += [(code, Meaning.BUG) for code in [*BUG, *NOWHERE]]


@pytest.mark.parametrize(("sqlstate", "meaning"), CASES)
def test_each_sqlstate_means_one_thing(sqlstate, meaning):
    assert verdict_on(sqlstate).meaning is meaning


@pytest.mark.parametrize("sqlstate", NOWHERE)
def test_what_the_table_does_not_have_is_a_bug(sqlstate):
    assert verdict_on(sqlstate) is UNKNOWN


def test_every_entry_of_the_table_has_a_case_above():
    cases = {code for code, _ in CASES if code}
    assert set(BY_CODE) <= cases
    assert set(BY_CLASS) <= {code[:2] for code in cases - set(BY_CODE)}


ERRORS = [
    each
    for each in vars(asyncpg.exceptions).values()
    if isinstance(each, type)
    and issubclass(each, asyncpg.PostgresError)
    and each.sqlstate is not None
    # This one has a meaning of its own: the next try prepares the statement anew.
    and each is not asyncpg.exceptions.InvalidCachedStatementError
]


@pytest.mark.parametrize("error", ERRORS, ids=[str(each.sqlstate) for each in ERRORS])
def test_the_types_that_services_catch_are_the_table(error):
    meaning = verdict_on(error.sqlstate).meaning
    assert issubclass(error, UNAVAILABLE) == (meaning is Meaning.WAIT)
    assert issubclass(error, REFUSED) == (meaning is Meaning.DATA_REFUSED)


@pytest.mark.parametrize(
    ("error", "everybody"),
    [
        (asyncpg.exceptions.LockNotAvailableError(), True),
        (asyncpg.InsufficientPrivilegeError(), True),
        (asyncpg.UndefinedTableError(), True),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.InternalServerError(), False),
        (ZeroDivisionError(), False),
    ],
)
def test_what_meets_everybody_is_not_laid_at_one_door(error, everybody):
    assert concerns_all(error) is everybody


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            asyncpg.InvalidPasswordError('password authentication failed for user "x"'),
            'the database refuses the password (28P01): password authentication failed for user "x"',
        ),
        (asyncpg.TooManyConnectionsError(""), "the database has no connection left for this login (53300)"),
        (ConnectionRefusedError("refused"), "the database cannot be reached: refused"),
        (TimeoutError(), "the database does not answer"),
        (NoAnswerError(3, 1), "the database does not answer: no answer from the database within 3 s"),
        (
            asyncpg.InterfaceError("connection is closed"),
            "the connection to the database was lost: connection is closed",
        ),
        (
            asyncpg.exceptions.InvalidCachedStatementError("cached"),
            "the schema of the database changed under a statement (0A000): cached",
        ),
    ],
)
def test_why_the_database_cannot_be_used_is_said_in_plain_words(error, words):
    assert plainly(error) == words
