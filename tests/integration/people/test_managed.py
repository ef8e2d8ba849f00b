"""An administrator manages the persons of their clinics; the database refuses the rest, whatever a handler forgets."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.alerts.web.api import create_app
from services.people.model import Role
from tests.alerts_pages import person, web_of_story
from tests.integration.people.two_clinics import TwoClinics, asked_by, two_clinics
from tests.logins import web_pool
from tests.signed_in import make_person
from tests.stack import Database, eventually

GIVE = (
    "INSERT INTO person_roles (person_id, clinic_id, role, given_at, given_by) VALUES ($1, $2, $3, now(), 'x') "
    "ON CONFLICT (person_id, clinic_id) DO UPDATE SET role = EXCLUDED.role"
)
TAKE = "DELETE FROM person_roles WHERE person_id = $1 AND clinic_id = $2"
DISABLE = "UPDATE persons SET disabled_at = now(), disabled_by = 'x' WHERE person_id = $1"
RESET = (
    "UPDATE persons SET password_hash = NULL, set_up_digest = sha256('x'), set_up_until = now() WHERE person_id = $1"
)
TAKEN_OVER = "UPDATE persons SET password_hash = 'known' WHERE person_id = $1"


@pytest.fixture
async def two(database: Database) -> TwoClinics:
    return await two_clinics(database)


async def somebody(two: TwoClinics, name: str, **roles: Role) -> UUID:
    """A person with roles by `north` and `south`; without any they run the installation."""
    now = two.north.now
    person_id = await make_person(two.pool, name, None, now, is_operator=not roles)
    for clinic, role in roles.items():
        story = {"north": two.north, "south": two.south}[clinic]
        await make_person(two.pool, name, role, now, clinic_id=story.clinic_id)
    return person_id


async def refused(two: TwoClinics, who: UUID, statement: str, *values: object) -> bool:
    async with asked_by(two, person=who) as connection, connection.transaction():
        try:
            async with connection.transaction():
                await connection.execute(statement, *values)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError):
            return True
        finally:
            await connection.execute("SELECT set_config('pumpwatch.person', '', false)")
    return False


async def test_the_database_gives_and_takes_roles_in_ones_own_clinics_only(two: TwoClinics) -> None:
    north, south = two.north.clinic_id, two.south.clinic_id
    boss = await two.person(Role.ADMINISTRATOR, "Boss")
    await two.person(Role.ADMINISTRATOR, "Second")
    nurse = await somebody(two, "Nurse", north=Role.VIEWER)
    both = await somebody(two, "Both", north=Role.VIEWER, south=Role.VIEWER)
    runs = await somebody(two, "Runs")
    for role in (Role.VIEWER, Role.RESPONDER):
        assert await refused(two, await two.person(role, f"Only {role}"), GIVE, nurse, north, "administrator"), role
    assert await refused(two, boss, GIVE, nurse, south, "viewer")
    assert await refused(two, boss, GIVE, both, south, "administrator")
    assert await refused(two, boss, TAKE, both, south)
    assert await refused(two, boss, GIVE, two.member_of_south, north, "viewer"), "somebody who is none of theirs"
    assert await refused(two, boss, GIVE, boss, south, "administrator")
    for statement in (DISABLE, RESET, TAKEN_OVER):
        for whom in (both, runs, two.member_of_south):
            assert await refused(two, boss, statement, whom), (statement, whom)
    assert await refused(two, boss, TAKEN_OVER, nurse), "a password that the administrator knows"
    assert await refused(two, boss, DISABLE, boss)
    assert await refused(two, boss, "UPDATE persons SET is_operator = true WHERE person_id = $1", boss)
    assert not await refused(two, boss, GIVE, nurse, north, "responder")
    assert not await refused(two, boss, RESET, nurse)
    assert not await refused(two, boss, DISABLE, nurse)
    assert not await refused(two, boss, TAKE, both, north)


OPERATOR = "INSERT INTO persons (name, sign_in, is_operator, made_at, made_by) VALUES ('X', 'x', true, now(), 'x')"
INVITED = (
    "INSERT INTO persons (name, sign_in, is_operator, set_up_digest, set_up_until, made_at, made_by) "
    "VALUES ('X', 'x', false, sha256('x'), now(), now(), 'x')"
)
BY_PROVIDER = (
    "INSERT INTO persons (name, sign_in, is_operator, oidc_issuer, oidc_subject, made_at, made_by) "
    "VALUES ('X', 'x', {}, 'https://id.example.org', 'x', now(), 'x')"
)


async def test_where_nobody_asks_no_operator_is_made_and_nobody_disabled(two: TwoClinics) -> None:
    """With the login of the board, which says of nobody that they ask, as it does while somebody signs in."""
    nurse = await somebody(two, "Nurse", north=Role.VIEWER)
    refusals = [(OPERATOR, ()), (INVITED, ()), (BY_PROVIDER.format("true"), ()), (DISABLE, (nurse,)), (RESET, (nurse,))]
    async with web_pool(two.pool).acquire() as connection:
        for statement, values in refusals:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="nobody asks"):
                await connection.execute(statement, *values)
        await connection.execute(TAKEN_OVER, nurse)  # a set-up link does so
        await connection.execute(BY_PROVIDER.format("false"))


async def test_a_clinic_keeps_an_administrator_though_two_take_each_other_away(two: TwoClinics) -> None:
    """The second comes while the first is not committed yet, and cannot see it."""
    north = two.north.clinic_id
    for statement, values in ((GIVE, (north, "viewer")), (DISABLE, ()), (TAKE, (north,))):
        ann, bob = [await two.person(Role.ADMINISTRATOR, name) for name in ("Ann", "Bob")]
        async with asked_by(two, person=ann) as connection, connection.transaction():
            await connection.execute(GIVE, bob, north, "viewer")
            second = asyncio.create_task(refused(two, bob, statement, ann, *values))

            async def waits(second: asyncio.Task[bool] = second) -> bool:
                waiting = (
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                return second.done() or bool(await two.pool.fetchval(waiting))

            await eventually(waits)
        assert await second, statement
        assert await refused(two, ann, TAKE, ann, north), "the last one"
        assert await refused(two, ann, GIVE, ann, north, "responder")


async def test_the_page_shows_ones_own_and_does_what_its_forms_say(two: TwoClinics) -> None:
    north = two.north.clinic_id
    await two.person(Role.ADMINISTRATOR, "Second")
    both = await somebody(two, "Both", north=Role.VIEWER, south=Role.ADMINISTRATOR)
    boss = person(two.north, "Boss", role=Role.ADMINISTRATOR, clinic_id=north)
    transport = httpx.ASGITransport(create_app(web_of_story(two.north)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=boss) as client:
        page = (await client.get("/people")).text
        assert f"Member of {north}" in page
        assert "south" not in page
        assert "json://" not in page
        form = {"sign_in": "new.nurse", "name": "New\r\nNurse", "clinic_id": north, "role": "responder"}
        assert (await client.post("/people", data=form)).status_code == 409, "a name of two lines"
        invited = await client.post("/people", data=form | {"name": "<b>New</b> Nurse"})
        assert invited.status_code == 200
        [code] = re.findall(r"/set-up\?code=([\w-]+)", invited.text)
        assert "&lt;b&gt;New" in invited.text
        assert code not in (await client.get("/people")).text, "it is shown once"
        taken = await client.post("/people", data=form | {"name": "Other"})
        assert (taken.status_code, "somebody has the sign-in name" in taken.text) == (409, True)
        made = await two.pool.fetchval("SELECT person_id FROM persons WHERE sign_in = 'new.nurse'")
        role = {"clinic_id": north, "role": "viewer"}
        assert (await client.post(f"/people/{made}/role", data=role)).status_code == 303
        assert (await client.post(f"/people/{made}/role", data=role | {"role": "operator"})).status_code == 409
        elsewhere = await client.post(f"/people/{made}/role", data=role | {"clinic_id": two.south.clinic_id})
        assert (elsewhere.status_code, "is no clinic of which you are" in elsewhere.text) == (409, True)
        for what, status in (("reset", 200), ("disable", 303), ("enable", 303), ("promote", 404)):
            assert (await client.post(f"/people/{made}/{what}")).status_code == status, what
        assert (await client.post(f"/people/{both}/disable")).status_code == 409
        assert (await client.post(f"/people/{both}/role", data=role | {"role": "none"})).status_code == 303
        assert (await client.post(f"/people/{both}/role", data=role)).status_code == 404, "theirs no longer"
        # Whoever opens a set-up link is not whom the browser knew.
        again = await client.post(f"/people/{made}/reset")
        [code] = re.findall(r"/set-up\?code=([\w-]+)", again.text)
        words = "correct horse battery staple"
        chosen = await client.post("/set-up", data={"code": code, "password": words, "again": words})
        assert chosen.status_code in (200, 303)
    assert await two.pool.fetchval("SELECT password_hash FROM persons WHERE person_id = $1", made)
    log = [row["kind"] for row in await two.pool.fetch(
        "SELECT kind FROM access_log WHERE person_id = $1 AND actor LIKE 'person:%' ORDER BY access_seq", made
    )]  # fmt: skip
    assert log[:6] == ["person_made", "role_given", "role_given", "person_reset", "person_disabled", "person_enabled"]
    nurse = person(two.north, "Nurse", role=Role.RESPONDER, clinic_id=north)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=nurse) as client:
        assert (await client.get("/people")).status_code == 403
        assert 'href="/people"' not in (await client.get("/")).text
