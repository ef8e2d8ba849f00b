"""Accounts and sessions on a real database: who can sign in, and until when."""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.people.accounts import changes
from services.people.accounts.passwords import Passwords
from services.people.accounts.sign_in import From, change, choose_by_code, sign_in, sign_out
from services.people.model import Actor, Person, Role
from services.people.sessions import life
from tests.command import pumpwatch
from tests.stack import Database

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
ROOT = Actor("login:root", "root")
HERE = From("192.0.2.7")
PASSWORD = "rain on the quay"  # noqa: S105
PASSWORDS = Passwords()


@pytest.fixture
async def connection(database: Database):
    async with database.pool.acquire() as connection:
        await connection.execute("INSERT INTO clinics (clinic_id, name) VALUES ('north', 'North'), ('south', 'South')")
        yield connection


async def add(connection, sign_in_name="ann", **roles: Role):
    return await changes.add(
        connection, sign_in_name, "Ann Example", roles or {"north": Role.RESPONDER}, is_operator=False, by=ROOT, now=NOW
    )


async def ann_with_a_session(connection) -> str:
    invited = await add(connection)
    token = await choose_by_code(connection, PASSWORDS, invited.code, PASSWORD, HERE, NOW)
    assert token
    return token


async def person_of(connection, token: str | None) -> Person:
    session = await life.find(connection, token or "", NOW)
    assert session is not None
    return session.person


async def kinds(connection) -> list[str]:
    return [row["kind"] for row in await connection.fetch("SELECT kind FROM access_log ORDER BY access_seq")]


async def test_a_person_chooses_a_password_by_a_code_that_is_good_once(connection):
    invited = await add(connection)
    token = await choose_by_code(connection, PASSWORDS, invited.code, PASSWORD, HERE, NOW)
    found = await person_of(connection, token)
    assert found.name == "Ann Example"
    assert found.roles == {"north": Role.RESPONDER}
    assert await choose_by_code(connection, PASSWORDS, invited.code, "another password", HERE, NOW) is None
    assert await sign_in(connection, PASSWORDS, " ANN ", PASSWORD, HERE, NOW)
    assert await kinds(connection) == ["person_made", "role_given", "password_set", "signed_in", "signed_in"]


async def test_a_code_ends(connection):
    invited = await add(connection)
    late = invited.until + timedelta(seconds=1)
    assert await choose_by_code(connection, PASSWORDS, invited.code, PASSWORD, HERE, late) is None


async def test_nothing_that_opens_anything_stands_in_the_database(connection):
    invited = await add(connection)
    token = await choose_by_code(connection, PASSWORDS, invited.code, PASSWORD, HERE, NOW)
    for table in ("persons", "sessions", "access_log"):
        text = str(await connection.fetch(f"SELECT * FROM {table}"))  # noqa: S608
        assert not any(secret in text for secret in (invited.code, str(token), PASSWORD))


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike_and_take_as_long(connection):
    await ann_with_a_session(connection)
    await sign_in(connection, PASSWORDS, "ann", PASSWORD, HERE, NOW)
    seconds: dict[str, list[float]] = {"ann": [], "nobody-of-that-name": []}
    for _ in range(15):
        for name, spent in seconds.items():
            began = time.process_time()
            assert await sign_in(connection, PASSWORDS, name, "not the password", HERE, NOW) is None
            spent.append(time.process_time() - began)
    known, unknown = (statistics.median(each) for each in seconds.values())
    assert 0.7 < known / unknown < 1.4


async def test_what_was_typed_is_not_written_down(connection):
    await sign_in(connection, PASSWORDS, "my password by mistake", "x", HERE, NOW)
    row = await connection.fetchrow("SELECT * FROM access_log")
    assert (row["kind"], row["actor"]) == ("sign_in_failed", "nobody")
    assert json.loads(row["detail"]) == {"how": "password", "from": "192.0.2.7"}


@pytest.mark.parametrize("minutes", [61, 12 * 60 + 1])
async def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_twelve_hours(connection, minutes):
    token = await ann_with_a_session(connection)
    step = 50 if minutes > 61 else minutes
    for at in range(0, minutes, step):
        assert await life.find(connection, token, NOW + timedelta(minutes=at))
    assert await life.find(connection, token, NOW + timedelta(minutes=minutes)) is None


async def test_each_sign_in_has_a_session_of_its_own_and_sign_out_ends_one(connection):
    first = await ann_with_a_session(connection)
    second = await sign_in(connection, PASSWORDS, "ann", PASSWORD, HERE, NOW)
    assert first != second
    person = await person_of(connection, first)
    await sign_out(connection, person.actor, person.person_id, first, NOW)
    assert await life.find(connection, first, NOW) is None
    assert await person_of(connection, second)


@pytest.mark.parametrize("how", ["disable", "reset", "change"])
async def test_who_is_disabled_or_reset_or_has_a_new_password_is_signed_out_everywhere(connection, how):
    token = await ann_with_a_session(connection)
    if how == "change":
        person = await person_of(connection, token)
        fresh = await change(connection, PASSWORDS, person, PASSWORD, "wind on the quay", HERE, NOW)
        assert await person_of(connection, fresh)
    elif how == "disable":
        await changes.disable(connection, "ann", by=ROOT, now=NOW)
    else:
        await changes.reset(connection, "ann", by=ROOT, now=NOW)
    assert await life.find(connection, token, NOW) is None
    assert await sign_in(connection, PASSWORDS, "ann", PASSWORD, HERE, NOW) is None


async def test_a_new_password_needs_the_old_one(connection):
    token = await ann_with_a_session(connection)
    person = await person_of(connection, token)
    assert await change(connection, PASSWORDS, person, "not the old one", "wind on the quay", HERE, NOW) is None
    assert await life.find(connection, token, NOW)


async def test_roles_hold_from_the_next_request_on(connection):
    token = await ann_with_a_session(connection)
    await changes.give_role(connection, "ann", "south", Role.VIEWER, by=ROOT, now=NOW)
    await changes.take_role(connection, "ann", "north", by=ROOT, now=NOW)
    assert (await person_of(connection, token)).roles == {"south": Role.VIEWER}


@pytest.mark.parametrize("token", ["", "x" * 43, "x" * 5000, "'; --", "\ud800"])
async def test_what_is_no_session_opens_nothing(connection, token):
    await ann_with_a_session(connection)
    assert await life.find(connection, token, NOW) is None


async def test_rows_of_the_trail_follow_from_each_other_and_stay(connection):
    await ann_with_a_session(connection)
    rows = await connection.fetch(
        "SELECT row_hash, previous_hash, access_log_hash(l) AS computed FROM access_log l ORDER BY access_seq"
    )
    assert [row["row_hash"] for row in rows] == [row["computed"] for row in rows]
    assert [row["previous_hash"] for row in rows] == [b"", *(row["row_hash"] for row in rows[:-1])]
    with pytest.raises(Exception, match="append-only"):
        await connection.execute("UPDATE access_log SET actor = 'x'")


# --- by hand --------------------------------------------------------------------------------------------------------


async def test_an_administrator_makes_persons_by_the_command_and_no_password_is_ever_shown(database, connection):
    url = database.dsn
    made = pumpwatch(
        "user", "add", "ann", "--name", "Ann Example", "--role", "north:administrator", "--operator",
        "--database-url", url, "--public-url", "https://pw.example.org/", "--by", "root",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    link = urlsplit(made.stdout.splitlines()[0])
    assert (link.netloc, link.path) == ("pw.example.org", "/set-up")
    [code] = parse_qs(link.query)["code"]
    assert await choose_by_code(connection, PASSWORDS, code, PASSWORD, HERE, datetime.now(UTC))
    listed = pumpwatch("user", "list", "--database-url", url).stdout
    assert "\nann          Ann Example  north:administrator, operator  can sign in  20" in listed
    for *words, said in (
        ("role", "ann", "south:viewer", "ann is viewer in south"),
        ("unrole", "ann", "south", "ann has no role in south any more"),
        ("disable", "ann", "ann is disabled, and signed out everywhere"),
        ("enable", "ann", "ann can sign in again"),
    ):
        assert pumpwatch("user", *words, "--database-url", url).stdout.strip() == said
    assert pumpwatch("user", "reset", "ann", "--database-url", url).stdout.startswith("http://127.0.0.1:8081/set-up?")
    assert await sign_in(connection, PASSWORDS, "ann", PASSWORD, HERE, datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Ann Example", "--name", "Ann"), "'Ann Example' is no sign-in name: expected at most 64 of a-z"),
        (("add", "ann", "--name", " "), "'' is no name: expected one line"),
        (("add", "ann", "--name", "Ann\u200b"), "holds U+200B (zero width space) at place 4, which cannot be seen"),
        (("add", "ann", "--name", "Ann", "--role", "north"), "'north': expected a clinic and a role, such as"),
        (("add", "ann", "--name", "Ann", "--role", "east:viewer"), "there is no clinic 'east'; expected one of: north"),
        (("add", "bob", "--name", "Bob"), "somebody has the sign-in name 'bob' already"),
        (("disable", "eve"), "nobody has the sign-in name 'eve'; `pumpwatch user list` shows everybody"),
        (("enable", "bob"), "'bob' is not disabled"),
        (("unrole", "bob", "south"), "'bob' has no role in clinic 'south'"),
    ],
)
async def test_a_refusal_names_what_was_wrong_and_changes_nothing(database, connection, words, said):
    await add(connection, "bob")
    before = await connection.fetch("SELECT * FROM access_log")
    refused = pumpwatch("user", *words, "--database-url", database.dsn)
    assert refused.returncode in (1, 2)
    assert said in refused.stderr
    assert await connection.fetch("SELECT * FROM access_log") == before


async def test_the_trail_of_persons_is_verified_and_exported_and_a_change_in_it_is_found(database, connection):
    await add(connection)
    await connection.execute("ALTER TABLE access_log DISABLE TRIGGER append_only")
    await connection.execute("UPDATE access_log SET at = recorded_at")  # this test's clock is another one
    await connection.execute("UPDATE access_log SET row_hash = access_log_hash(access_log) WHERE access_seq = 1")
    await connection.execute(
        "UPDATE access_log SET previous_hash = (SELECT row_hash FROM access_log WHERE access_seq = 1)"
        " WHERE access_seq = 2"
    )
    await connection.execute("UPDATE access_log SET row_hash = access_log_hash(access_log) WHERE access_seq = 2")
    await connection.execute(
        "UPDATE access_log_head SET row_hash = (SELECT row_hash FROM access_log WHERE access_seq = 2)"
    )
    whole = pumpwatch("audit", "verify", "--database-url", database.dsn)
    assert (whole.returncode, "access log: row 2, " in whole.stdout) == (0, True), whole.stdout
    lines = pumpwatch("audit", "export", "--access", "--database-url", database.dsn).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["person_made", "role_given"]
    table = pumpwatch(
        "audit", "export", "--access", "--format", "csv", "--clinic", "north", "--database-url", database.dsn
    )
    assert len(table.stdout.splitlines()) == 2
    await connection.execute("UPDATE access_log SET actor = 'login:nobody' WHERE access_seq = 1")
    broken = pumpwatch("audit", "verify", "--database-url", database.dsn)
    assert (broken.returncode, "access log, row 1: was changed after it was written" in broken.stdout) == (1, True)
