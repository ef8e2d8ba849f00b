"""What the database keeps of rotas: what was put in is read again, nothing is lost, and no clinic reaches another's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.people.rota import edit, store
from services.people.rota.edit import RotaChangedMeanwhileError, RotaRefusedError
from services.people.rota.model import Change, ChangeKind, swapped
from services.people.rota.people import OwnChannel
from services.people.rota.turns import on_call
from tests.integration.people.clinic import ADA, ANN, BOB, CEM, EVE, NOW, VIC, Clinic, weekly
from tests.stack import Database

DAY = timedelta(days=1)


@pytest.fixture
async def clinic(database: Database) -> Clinic:
    made = Clinic(database)
    await made.make()
    return made


def taken(person: UUID, days: float = 1, instead_of: UUID | None = None) -> Change:
    kind = ChangeKind.ABSENCE if instead_of else ChangeKind.OVERRIDE
    return Change(
        change_id=uuid4(),
        kind=kind,
        person_id=person,
        instead_of=instead_of,
        begins=NOW - DAY,
        ends=NOW + days * DAY,
        made_at=NOW,
    )


async def test_what_was_kept_is_read_again_with_its_changes(clinic: Clinic) -> None:
    mine, theirs = (ANN, NOW, NOW + DAY), (BOB, NOW + 7 * DAY, NOW + 8 * DAY)
    changes = (taken(BOB), *swapped(mine, theirs, (uuid4(), uuid4()), NOW + timedelta(seconds=1)))
    async with clinic.database.pool.acquire() as connection:
        assert await edit.keep_rota(connection, weekly(ANN, BOB), ADA, NOW) == 1
        await edit.make_changes(connection, "north", "first", changes, ADA, NOW)
        [kept] = await store.load_rotas(connection, "north", NOW)
        people = await store.load_people(connection, "north", NOW)
    assert kept.rota == weekly(ANN, BOB).with_changes(*changes)
    assert (kept.version, kept.made_at, kept.made_name) == (1, NOW, "Ada")
    assert people.rotas == {"first": kept.rota}
    assert [(each.name, each.sign_in, each.is_disabled) for each in people.members] == [
        ("Ann", "ann", False),
        ("Bob", "bob", False),
        ("Cem", "cem", True),
        ("Vic", "vic", False),
    ]


async def test_a_name_that_an_earlier_release_took_is_read_again(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        await connection.execute("UPDATE rotas SET name = $1", "first\u200b")
        await connection.execute("ALTER TABLE rota_versions DISABLE TRIGGER USER")
        rename = """UPDATE rota_versions SET layers = replace(layers::text, '"week"', $1)::json"""
        await connection.execute(rename, '"week\u200b"')
        [kept] = await store.load_rotas(connection, "north", NOW)
    assert (kept.rota.name, kept.rota.layers[0].name) == ("first\u200b", "week\u200b")
    assert on_call(kept.rota, NOW) == ANN


async def test_a_rota_that_is_changed_keeps_what_it_said_before(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        await edit.make_changes(connection, "north", "first", [taken(BOB)], ADA, NOW)
        assert await edit.keep_rota(connection, weekly(BOB, ANN), ADA, NOW + DAY, based_on=1) == 2
        [kept] = await store.load_rotas(connection, None, NOW)
        versions = await connection.fetch("SELECT version, made_by, made_name FROM rota_versions ORDER BY version")
    assert kept.rota.layers == weekly(BOB, ANN).layers
    assert len(kept.rota.changes) == 1
    assert [tuple(row) for row in versions] == [(1, "test:ada", "Ada"), (2, "test:ada", "Ada")]


async def test_of_two_who_change_the_same_version_the_second_is_told(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW, based_on=0)
        await edit.keep_rota(connection, weekly(BOB), ADA, NOW, based_on=1)
        for stale in (0, 1):
            with pytest.raises(RotaChangedMeanwhileError, match="was changed by somebody else meanwhile"):
                await edit.keep_rota(connection, weekly(ANN, BOB), ADA, NOW, based_on=stale)
        [kept] = await store.load_rotas(connection, "north", NOW)
    assert kept.rota.layers == weekly(BOB).layers


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param(
            (ANN, EVE), "is not of the clinic; expected a responder or administrator of north", id="of another clinic"
        ),
        pytest.param((CEM,), "Cem is disabled; expected a responder", id="disabled"),
        pytest.param((VIC,), "Vic may only look, and answer no page", id="a viewer"),
        pytest.param((UUID(int=99),), "is not of the clinic", id="nobody"),
    ],
)
async def test_a_rota_names_persons_of_its_clinic_only(
    clinic: Clinic, members: tuple[UUID, ...], expected: str
) -> None:
    async with clinic.database.pool.acquire() as connection:
        with pytest.raises(RotaRefusedError, match=expected):
            await edit.keep_rota(connection, weekly(*members), ADA, NOW)
        assert await store.load_rotas(connection, None, NOW) == ()
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        with pytest.raises(RotaRefusedError, match=expected):
            await edit.make_changes(connection, "north", "first", [taken(BOB), taken(members[-1])], ADA, NOW)
        [kept] = await store.load_rotas(connection, None, NOW)
    assert kept.rota.changes == ()


async def test_what_is_not_there_or_over_is_refused(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        with pytest.raises(RotaRefusedError, match="there is no clinic 'west'"):
            await edit.keep_rota(connection, weekly(ANN, clinic="west"), ADA, NOW)
        for name in ("first", "second"):
            with pytest.raises(RotaRefusedError, match=f"clinic 'north' has no rota '{name}'"):
                await edit.make_changes(connection, "north", name, [taken(BOB)], ADA, NOW)
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        with pytest.raises(RotaRefusedError, match="which is over; expected an end that is to come"):
            await edit.make_changes(connection, "north", "first", [taken(BOB, days=0)], ADA, NOW)
        with pytest.raises(RotaRefusedError, match="clinic 'south' has no rota 'first'"):
            await edit.remove_rota(connection, "south", "first", ADA, NOW)


async def test_a_change_that_is_withdrawn_keeps_what_was(clinic: Clinic) -> None:
    change = taken(BOB)
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW - 2 * DAY)
        await edit.make_changes(connection, "north", "first", [change], ADA, NOW)
        with pytest.raises(RotaRefusedError, match="clinic 'south' has no change"):
            await edit.withdraw_change(connection, "south", change.change_id, ADA, NOW)
        assert await edit.withdraw_change(connection, "north", change.change_id, ADA, NOW) == (change.change_id,)
        with pytest.raises(RotaRefusedError, match="that is not over or withdrawn"):
            await edit.withdraw_change(connection, "north", change.change_id, ADA, NOW)
        [kept] = await store.load_rotas(connection, "north", NOW - 2 * DAY)
    assert on_call(kept.rota, NOW - timedelta(seconds=1)) == BOB
    assert on_call(kept.rota, NOW) == ANN


async def test_a_swap_is_withdrawn_whole(clinic: Clinic) -> None:
    mine, theirs = (ANN, NOW + DAY, NOW + 2 * DAY), (BOB, NOW + 7 * DAY, NOW + 8 * DAY)
    halves = swapped(mine, theirs, (uuid4(), uuid4()), NOW)
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN, BOB), ADA, NOW)
        await edit.make_changes(connection, "north", "first", halves, ADA, NOW)
        withdrawn = await edit.withdraw_change(connection, "north", halves[1].change_id, ADA, NOW)
        assert set(withdrawn) == {half.change_id for half in halves}
        [kept] = await store.load_rotas(connection, "north", NOW)
    assert kept.rota.changes == ()


async def test_a_name_is_free_again_when_its_rota_was_removed(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        await edit.make_changes(connection, "north", "first", [taken(BOB)], ADA, NOW)
        await edit.remove_rota(connection, "north", "first", ADA, NOW)
        assert await store.load_rotas(connection, "north", NOW) == ()
        assert await edit.keep_rota(connection, weekly(BOB), ADA, NOW, based_on=0) == 1
        [kept] = await store.load_rotas(connection, "north", NOW)
    assert kept.rota == weekly(BOB)


async def test_a_rota_that_another_release_kept_gives_nobody_and_the_others_go_on(clinic: Clinic) -> None:
    async with clinic.database.pool.acquire() as connection:
        for name in ("first", "second"):
            await edit.keep_rota(connection, weekly(ANN, name=name), ADA, NOW)
        await connection.execute(
            "UPDATE rota_versions SET layers = '[{\"new\": 1}]' WHERE rota_id = "
            "(SELECT rota_id FROM rotas WHERE name = 'first')"
        )
        assert [each.rota.name for each in await store.load_rotas(connection, None, NOW)] == ["second"]


async def test_everybody_is_known_with_their_channels_in_order(clinic: Clinic) -> None:
    for position, name, verified in ((2, "mail", NOW), (1, "phone", None)):
        await clinic.database.pool.execute(
            "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at) "
            "VALUES ($1, $2, $3, 'json://' || $3, $4, $5)",
            ANN,
            position,
            name,
            NOW,
            verified,
        )
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        everybody = await store.load_everybody(connection, NOW)
    assert set(everybody) == {"north", "south"}
    ann = everybody["north"].by_sign_in("ann")
    assert ann is not None
    assert ann.channels == (OwnChannel("phone", "json://phone", None), OwnChannel("mail", "json://mail", NOW))
    assert everybody["north"].rotas == {"first": weekly(ANN)}
    assert everybody["south"].rotas == {}


async def test_whatever_is_changed_in_a_rota_stands_in_the_audit_trail(clinic: Clinic) -> None:
    change = taken(BOB)
    async with clinic.database.pool.acquire() as connection:
        await edit.keep_rota(connection, weekly(ANN), ADA, NOW)
        await edit.make_changes(connection, "north", "first", [change], ADA, NOW)
        await edit.withdraw_change(connection, "north", change.change_id, ADA, NOW)
        await edit.remove_rota(connection, "north", "first", ADA, NOW)
        with pytest.raises(RotaRefusedError):
            await edit.remove_rota(connection, "north", "first", ADA, NOW)
        rows = await connection.fetch(
            "SELECT kind, actor, clinic_id, person_id, detail->>'name', detail->>'rota' FROM access_log "
            "ORDER BY access_seq"
        )
    assert [tuple(row) for row in rows] == [
        ("rota_kept", "test:ada", "north", None, "Ada", "first"),
        ("turn_changed", "test:ada", "north", BOB, "Ada", "first"),
        ("turn_change_withdrawn", "test:ada", "north", None, "Ada", None),
        ("rota_removed", "test:ada", "north", None, "Ada", "first"),
    ]
