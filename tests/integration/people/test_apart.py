"""The database shows who asks their own clinics, whatever a handler forgets: each view, tried by another."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.people.model import Role
from services.runtime.database import Connection
from services.runtime.http.keys import id_in
from tests.integration.people.two_clinics import TwoClinics, asked_by, two_clinics
from tests.logins import web_pool
from tests.stack import Database

OF_THE_INSTALLATION = {
    "api_keys", "clinic_policies", "clinics", "link_answers", "oidc_sessions", "person_roles", "persons",
    "schema_migrations", "sessions", "trail_ends", "upkeep", "worker_heartbeats", "worker_states",
}  # fmt: skip
"""Views with nothing of a patient: what is asked before it is known who asks, and the installation's own."""
OF_ONE_PERSON = {
    "person_channels": "name", "channel_messages": "episode",
    "person_hours": "(SELECT name FROM public.persons p WHERE p.person_id = person_hours.person_id)",
}  # fmt: skip
"""What a person sees of themselves alone, and what of it names whose it is."""
OF_WHO_ADMINISTERS = {"managed_persons"}
"""Shown to an administrator alone: test_managed.py."""
BENEATH = {"own_pumps", "own_periods"}
"""What other views are made of; the login has no right on them."""
WHOSE = {
    "alert_transitions": "clinic_id", "alerts": "clinic_id", "bolus_requests": "pump_id", "bypassed_pages": "clinic_id",
    "certificates": "device_id",
    "deliveries": "clinic_id", "device_contacts": "pump_id", "device_statuses": "pump_id", "devices": "clinic_id",
    "evaluation_queue": "pump_ids", "hand_overs": "clinic_id",
    "implantations": "pump_id", "pairings": "pump_id", "patient_reports": "pump_id",
    "promises": "clinic_id", "refill_visits": "clinic_id",
    "pump_alarms": "pump_id", "pump_evaluations": "pump_id", "refills": "pump_id", "refused_alarms": "pump_id",
    "reservoir_readings": "pump_id", "rota_changes": "made_name", "rota_versions": "made_name", "rotas": "clinic_id",
    "channel_states": "name", "seen_periods": "clinic_id", "silences": "clinic_id", "therapies": "pump_id",
}  # fmt: skip
"""Every other view, and the column that says whose a row is."""
NO_TABLE_OF_THAT_NAME = {"channel_states"}
EMPTY_HERE = {"certificates", "evaluation_queue"}


@pytest.fixture
async def two(database: Database) -> TwoClinics:
    return await two_clinics(database)


async def owners(connection: Connection, view: str, column: str) -> set[str]:
    return {row[0] for row in await connection.fetch(f"SELECT DISTINCT {column}::text FROM {view}")}  # noqa: S608


async def test_each_view_is_known_to_be_somebodys_or_the_installations(two: TwoClinics) -> None:
    """A view that is added says here whose its rows are."""
    views = {row[0] for row in await two.pool.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'web'")}
    assert views == OF_THE_INSTALLATION | BENEATH | WHOSE.keys() | OF_ONE_PERSON.keys() | OF_WHO_ADMINISTERS
    barriers = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'web'::regnamespace AND relkind = 'v' AND reloptions::text"
    )
    assert {row[0] for row in await two.pool.fetch(f"{barriers} LIKE '%security_barrier%'")} == views - BENEATH


@pytest.mark.parametrize("who", ["person", "key", "nobody", "disabled", "revoked", "somebody who is not there"])
async def test_each_view_shows_the_clinics_of_who_asks_and_nothing_else(two: TwoClinics, who: str) -> None:
    person = await two.person(Role.VIEWER) if who in ("person", "disabled") else None
    key = id_in(await two.key("alerts.read")) or "" if who in ("key", "revoked") else ""
    if who == "somebody who is not there":
        person = UUID(int=7)
    await two.pool.execute("UPDATE persons SET disabled_at = now() WHERE $1::boolean", who == "disabled")
    await two.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE $1::boolean", who == "revoked")
    sees = who in ("person", "key")
    await two.pool.execute("GRANT SELECT ON ALL TABLES IN SCHEMA web TO pumpwatch_web")  # so that every column is tried
    async with asked_by(two, person=person, key=key) as connection:
        for view, column in WHOSE.items():
            found = await owners(connection, view, column)
            assert not {each for each in found if "south" in each}, view
            assert bool(found) is (sees and view not in EMPTY_HERE), view
    for view, column in WHOSE.items():  # and south's are there
        if view not in EMPTY_HERE | NO_TABLE_OF_THAT_NAME:
            async with two.pool.acquire() as owner:
                assert {each for each in await owners(owner, view, column) if "south" in each}, view


async def test_what_is_one_persons_is_shown_to_nobody_else(two: TwoClinics) -> None:
    """Not to a colleague, not to a program, and not to a handler that told the database nobody."""
    await two.pool.execute("GRANT SELECT ON ALL TABLES IN SCHEMA web TO pumpwatch_web")
    await two.pool.execute("GRANT SELECT ON public.persons TO pumpwatch_web")
    member = await two.pool.fetchval(
        "SELECT person_id FROM persons WHERE name = $1", f"Member of {two.north.clinic_id}"
    )
    colleague, key = await two.person(Role.ADMINISTRATOR), id_in(await two.key("alerts.act")) or ""
    for view, column in OF_ONE_PERSON.items():
        async with asked_by(two, person=member) as connection:
            found = await owners(connection, view, column)
            assert len(found) == 1, view
            assert two.north.clinic_id in found.pop(), view
        for who in ({"person": colleague}, {"key": key}, {}):
            async with asked_by(two, **who) as connection:
                assert await owners(connection, view, column) == set(), (view, who)


async def test_a_turn_is_changed_by_who_may_act_and_a_rota_by_an_administrator(two: TwoClinics) -> None:
    rota = await two.pool.fetchval("SELECT rota_id FROM rotas WHERE clinic_id = $1", two.north.clinic_id)
    turn = "UPDATE rota_changes SET withdrawn_at = now(), withdrawn_by = 'x'"
    version = "INSERT INTO rota_versions VALUES ($1, 2, 'UTC', '[]', now(), 'x', 'x')"
    await two.pool.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA web TO pumpwatch_web")
    for role, may in ((Role.VIEWER, 0), (Role.RESPONDER, 1), (Role.ADMINISTRATOR, 2)):
        async with asked_by(two, person=await two.person(role)) as connection:
            for needed, statement, values in ((1, turn, ()), (2, version, (rota,))):
                if may >= needed:
                    assert await connection.execute(statement, *values) in ("UPDATE 1", "INSERT 0 1")
                else:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement, *values)


async def test_nobody_takes_over_or_promises_in_the_name_of_others(two: TwoClinics) -> None:
    await two.pool.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA web TO pumpwatch_web")
    nora, viewer = await two.person(Role.RESPONDER), await two.person(Role.VIEWER, "Vic")
    member = await two.pool.fetchval(
        "SELECT person_id FROM persons WHERE name = $1", f"Member of {two.north.clinic_id}"
    )
    rota = await two.pool.fetchval("SELECT rota_id FROM rotas WHERE clinic_id = $1", two.north.clinic_id)
    alert = await two.pool.fetchval("SELECT alert_id FROM alerts WHERE clinic_id = $1 LIMIT 1", two.north.clinic_id)
    take = "INSERT INTO hand_overs VALUES ($1, $2, $3, $4, $2, $5, 'x')"
    promise = "INSERT INTO promises VALUES (gen_random_uuid(), $1, $2, 'w', $3, $3, $4, 'x')"
    keep = "UPDATE promises SET kept_at = $2, kept_by = $1"
    turn, said = two.north.clinic_id, two.north.now + timedelta(hours=1)
    for who, person, by, may in (
        (nora, nora, nora, True), (nora, member, nora, False), (nora, nora, member, False),
        (viewer, viewer, viewer, False),
    ):  # fmt: skip
        actor = f"person:{by}"
        async with asked_by(two, person=who) as connection:
            for statement, values in (
                (take, (rota, said, turn, person, actor)),
                (promise, (turn, alert, said, actor if person == who else f"person:{person}")),
                (keep, (actor if person == who else f"person:{person}", said)),
            ):
                if may:
                    await connection.execute(statement, *values)
                else:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement, *values)
    async with asked_by(two, person=nora) as connection:  # a rota and an alert of another clinic are not one's own's
        for statement, values in (
            (take, (two.rota_of_south, said, turn, nora, f"person:{nora}")),
            (promise, (turn, two.alert_of_south, said, f"person:{nora}")),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement, *values)


async def test_a_visit_is_booked_by_a_responder_for_themselves_and_for_the_patient_of_now(two: TwoClinics) -> None:
    await two.pool.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA web TO pumpwatch_web")
    nora, viewer = await two.person(Role.RESPONDER), await two.person(Role.VIEWER, "Vic")
    book = (
        "INSERT INTO refill_visits SELECT gen_random_uuid(), $1, $2, i.implantation_id, v.entry_id, 'moved', now(), "
        "now(), false, now(), $3, 'x' FROM implantations i LEFT JOIN refill_visits v ON v.pump_id = i.pump_id "
        "WHERE i.pump_id = $2 ORDER BY (i.began_at = '-infinity') = $4 DESC LIMIT 1"
    )
    clinic, pump = two.north.clinic_id, two.north.pump_id
    for who, by, first_patient, may in (
        (viewer, viewer, False, False), (nora, viewer, False, False), (nora, nora, True, False),
        (nora, nora, False, True),
    ):  # fmt: skip
        async with asked_by(two, person=who) as connection:
            if may:
                assert await connection.execute(book, clinic, pump, f"person:{by}", first_patient) == "INSERT 0 1"
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(book, clinic, pump, f"person:{by}", first_patient)
    whose = "SELECT implantation_id FROM refill_visits WHERE pump_id = $1"
    patient = await two.pool.fetchval(whose, two.south.pump_id)
    other = (
        "INSERT INTO refill_visits VALUES (gen_random_uuid(), $1, $2, $3, NULL, 'booked', now(), $4, true, $4, $5, 'x')"
    )
    async with asked_by(two, person=nora) as connection:  # a pump of south, in its own name and in north's
        for named in (clinic, two.south.clinic_id):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(other, named, two.south.pump_id, patient, two.north.now, f"person:{nora}")


async def test_a_connection_that_comes_back_forgets_whom_it_served(two: TwoClinics) -> None:
    async with asked_by(two, person=await two.person(Role.VIEWER)) as connection:
        process = connection.get_server_pid()
        assert await connection.fetchval("SELECT count(*) FROM alerts")
    async with web_pool(two.pool).acquire() as connection:
        assert connection.get_server_pid() == process
        assert await connection.fetchval("SELECT count(*) FROM alerts") == 0


async def test_the_login_has_no_right_on_a_table(two: TwoClinics) -> None:
    tables = await two.pool.fetch(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace "
        "AND c.relkind IN ('r', 'p') AND has_any_column_privilege('pumpwatch_web', c.oid, 'SELECT, INSERT, UPDATE')"
    )
    assert [row[0] for row in tables] == []


APPEND = (
    "SELECT * FROM append_to_audit(ARRAY[$1::text], ARRAY[$2::uuid], '{remark}', '{active}', '{active}', '{high}', "
    "'{person}', '{Dr Who}', now(), '{\"{}\"}')"
)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.VIEWER])
async def test_nothing_of_another_clinic_is_changed(two: TwoClinics, role: Role) -> None:
    async with asked_by(two, person=await two.person(role)) as connection:
        for change in (
            "UPDATE alerts SET state = 'closed', closed_at = now() WHERE clinic_id LIKE '%south'",
            "UPDATE deliveries SET state = 'cancelled' WHERE clinic_id LIKE '%south'",
            "UPDATE silences SET ended_at = now() WHERE clinic_id LIKE '%south'",
        ):
            assert await connection.execute(change) == "UPDATE 0"
        for change in (
            "INSERT INTO silences (clinic_id, kind, reason, created_by, created_by_id, created_at, begins_at, ends_at) "
            "VALUES ('clinic-of-pump-south', 'silence', 'x', 'x', 'x', now(), now(), 'infinity')",
            "INSERT INTO pump_evaluations (pump_id, evaluated_at) VALUES ('pump-south', now()) "
            "ON CONFLICT (pump_id) DO UPDATE SET evaluated_at = pump_evaluations.evaluated_at",
            "INSERT INTO evaluation_queue (pump_ids) VALUES ('{pump-south}')",
            "INSERT INTO evaluation_queue (pump_ids) VALUES ('{pump-north,pump-south}')",
            "UPDATE alerts SET clinic_id = 'clinic-of-pump-south'",
        ):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.WithCheckOptionViolationError)):
                await connection.execute(change)
        for clinic in (two.south.clinic_id, two.north.clinic_id):  # by its own clinic, and by one's own
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(APPEND, clinic, two.alert_of_south)


async def test_who_may_only_read_changes_nothing_of_their_own_clinic_either(two: TwoClinics) -> None:
    alert = await two.pool.fetchval("SELECT alert_id FROM alerts WHERE clinic_id = $1", two.north.clinic_id)
    for key, person in ((id_in(await two.key("alerts.read")), None), ("", await two.person(Role.VIEWER))):
        async with asked_by(two, person=person, key=key or "") as connection:
            for change in (
                "UPDATE alerts SET state = 'closed', closed_at = now()",
                "UPDATE deliveries SET state = 'cancelled'",
                "UPDATE silences SET ended_at = now()",
                "INSERT INTO evaluation_queue (pump_ids) VALUES ('{pump-north}')",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(APPEND, two.north.clinic_id, alert)


async def test_the_trail_says_whom_the_database_knows_to_ask(two: TwoClinics) -> None:
    alert = await two.pool.fetchval("SELECT alert_id FROM alerts WHERE clinic_id = $1", two.north.clinic_id)
    person, key = await two.person(Role.RESPONDER), id_in(await two.key("alerts.act"))
    for who, expected in (({"person": person}, f"person:{person}"), ({"key": key}, f"key:{key}")):
        async with asked_by(two, **who) as connection:
            [row] = await connection.fetch(APPEND, two.north.clinic_id, alert)
        said = "SELECT actor FROM alert_transitions WHERE clinic_id = $1 AND clinic_seq = $2"
        assert await two.pool.fetchval(said, two.north.clinic_id, row["clinic_seq"]) == expected


async def test_whoever_is_said_to_have_read_of_a_pump_has_a_role_there_and_is_said_once_an_hour(
    two: TwoClinics,
) -> None:
    """Many readers of open boards are written down in one statement: of other clinics, or shut out, nobody."""
    north, south = two.north.clinic_id, two.south.clinic_id
    ann, bob, gone = [await two.person(Role.VIEWER, name) for name in ("Ann", "Bob", "Gone")]
    await two.pool.execute("UPDATE persons SET disabled_at = $2 WHERE person_id = $1", gone, two.north.now)
    said = [(ann, "Ann", north), (bob, "Bob", north), (ann, "Ann", south), (gone, "Gone", north)]
    persons, names, clinics = (list(each) for each in zip(*said, strict=True))
    async with asked_by(two) as connection:
        for _ in range(2):
            await connection.execute(
                "SELECT web.note_reads_of_persons($1, $2, $3, $4, $5)",
                two.north.now, persons, names, clinics, ["pump"] * len(said),
            )  # fmt: skip
    rows = await two.pool.fetch(
        "SELECT actor, clinic_id, detail FROM access_log WHERE pump_id = 'pump' ORDER BY detail"
    )
    assert [tuple(row) for row in rows] == [
        (f"person:{ann}", north, '{"name": "Ann"}'),
        (f"person:{bob}", north, '{"name": "Bob"}'),
    ]


async def test_a_pump_that_moved_leaves_its_time_and_its_patient_behind(two: TwoClinics) -> None:
    """South's pump comes to north with a new patient: north sees from then on, and south what was before."""
    pool, moved_at = two.pool, "2026-03-03T00:00:00Z"
    await pool.execute(
        "INSERT INTO implantations (pump_id, began_at, patient_ref) "
        "VALUES ('pump-south', $1::text::timestamptz, 'new')",
        moved_at,
    )
    await pool.execute("UPDATE memberships SET ended_at = $1::text::timestamptz WHERE pump_id = 'pump-south'", moved_at)
    await pool.execute(
        "INSERT INTO memberships VALUES ('pump-south', $1::text::timestamptz, 'infinity', $2)",
        moved_at,
        two.north.clinic_id,
    )
    await pool.execute(
        "INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis) "
        "VALUES ('pump-south', '2026-03-04Z', gen_random_uuid(), '2026-03-04Z', 'pump-south', 3.5, 'computed')"
    )
    async with asked_by(two, person=await two.person(Role.VIEWER)) as connection:
        levels = await connection.fetch("SELECT volume_ml FROM reservoir_readings WHERE pump_id = 'pump-south'")
        patients = await connection.fetch("SELECT patient_ref FROM implantations WHERE pump_id = 'pump-south'")
    assert ([row[0] for row in levels], [row[0] for row in patients]) == ([3.5], ["new"])
