"""A backtest raises what the live worker raised; facts in memory are the facts of the database."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from schemas.policy import Contact, LowReservoirPolicy, Policy, Priority
from services.alerts.backtest.run import as_json, as_lines, backtest, difference
from services.alerts.backtest.store import load_arrivals
from services.alerts.facts.from_events import History
from services.alerts.facts.store import load_facts
from services.alerts.model import TransitionKind
from services.ingest.storage.store import QUERIES as INGEST
from services.people.model import Role
from services.runtime.database import Connection
from tests.alerts_world import POLICY, T0, Story, route
from tests.integration.alerts.timelines import CLOCKS, DEMAND, PUMP_ALARMS, RESERVOIR
from tests.signed_in import make_person
from tests.stack import Database

HOURLY = timedelta(hours=1)
RETIRED = "a retired pump's alerts close"
STORIES = [
    case
    for case in (*PUMP_ALARMS, *CLOCKS, *RESERVOIR, *DEMAND)
    if case.id != RETIRED and not any(text.startswith(("ack", "tick")) for _, text in case.values[0])
]


@pytest.mark.parametrize("steps", [pytest.param(case.values[0], id=case.id) for case in STORIES])
async def test_it_raises_what_the_live_worker_raised(database: Database, steps) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(steps)
    until = story.now
    async with database.pool.acquire() as connection:
        found = await backtest(
            connection, POLICY, T0 - HOURLY, until, clinic_id=story.clinic_id, sweep=timedelta(days=400)
        )
        again = await backtest(
            connection, POLICY, T0 - HOURLY, until, clinic_id=story.clinic_id, sweep=timedelta(days=400)
        )
    minute = timedelta(minutes=1)
    happened = [f"{(each.at - T0) / minute:g} {each.rule} {each.kind} {each.priority}" for each in found.changes]
    assert sorted(happened) == sorted(await story.trail())
    notified = [f"{(each.at - T0) / minute:g} {name}" for each in found.changes for name in each.notified]
    at_once = [page for page in await story.pages() if "step:" not in page]  # a replay does not repeat
    assert sorted(notified) == sorted(" ".join(page.split()[:2]) for page in at_once)
    assert as_json(again, None) == as_json(found, None)


async def test_the_difference_of_two_policies(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "level 3.5"), (60, "level 1.5"), (90, "alarm motor_stall raised")])
    other = POLICY.model_copy(update={"low_reservoir": LowReservoirPolicy(level_ml=4)})
    async with database.pool.acquire() as connection:
        first, second = [
            await backtest(connection, each, T0 - HOURLY, story.now, clinic_id=None, sweep=HOURLY)
            for each in (POLICY, other)
        ]
    assert [each.kind for each in first.changes] == [TransitionKind.OPENED] * 2
    apart = difference(first, second)
    assert [line.split()[0] for line in apart["only_against"]] == [T0.isoformat()]
    assert [line.split()[2] for line in apart["only_with_policy"]] == ["low_reservoir/reservoir"]
    text = "\n".join(as_lines(first, second))
    assert "  pump alarm: infusion " in text
    assert "pages at once, by whom they are for\n  nurse " in text
    assert '"difference"' in as_json(first, second)


async def test_persons_in_place_of_a_contact_are_paged_and_nobody_is_nobody(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised")])
    duty = Contact(name="duty", person="tann")
    policy = Policy(clinic_id=story.clinic_id, contacts=(duty,), routes={Priority.HIGH: route((0, "duty"))})
    done: list[tuple[int, int]] = []

    async def said(policy: Policy) -> str:
        async with database.pool.acquire() as connection:
            found = await backtest(
                connection, policy, T0 - HOURLY, story.now, clinic_id=story.clinic_id, sweep=HOURLY,
                tell=lambda *how_far: done.append(how_far),
            )  # fmt: skip
        return "\n".join(as_lines(found, None))

    assert "\n1 alert, 0 pages\n" in await said(policy)  # Ann is not there yet
    ann = await make_person(database.pool, "Ann", Role.RESPONDER, T0, clinic_id=story.clinic_id)
    await database.pool.execute(
        "INSERT INTO person_channels (person_id, position, name, url, made_at, verified_at) "
        "VALUES ($1, 1, 'phone', 'json://127.0.0.1:9/', $2, $2)", ann, T0,
    )  # fmt: skip
    assert "\n1 alert, 1 page\n" in await said(policy)
    assert "\n1 alert, 0 pages: this policy names nobody\n" in await said(Policy(clinic_id=story.clinic_id))
    assert done == [(0, 1)] * 3


async def test_what_stands_at_the_beginning_is_not_told_again(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "alarm motor_stall raised"), (600, "alarm motor_stall cleared")])
    async with database.pool.acquire() as connection:
        found = await backtest(connection, POLICY, T0 + HOURLY, story.now, clinic_id=None, sweep=HOURLY)
    assert [each.kind for each in found.changes] == [TransitionKind.CLEARED]


async def test_facts_in_memory_are_the_facts_of_the_database(database: Database) -> None:
    """Random histories of every kind, with late arrivals, clocks that are ahead, corrections, and two devices."""
    chance = random.Random(4)
    pumps = [f"pump-{number:03d}" for number in range(150)]
    async with database.pool.acquire() as connection:
        await connection.execute("INSERT INTO clinics VALUES ('north', 'North')")
        for kind, names in (("pump", pumps), ("handheld", [f"hand-{pump}" for pump in pumps])):
            await connection.executemany(
                "INSERT INTO devices (device_id, kind, clinic_id) VALUES ($1, $2, 'north')",
                [(name, kind) for name in names],
            )
        await connection.executemany(
            "INSERT INTO pairings (handheld_id, pump_id) VALUES ($1, $2)", [(f"hand-{pump}", pump) for pump in pumps]
        )
        for pump in pumps:
            entries: list[UUID] = []
            for _ in range(chance.randrange(40)):
                await _random_event(connection, pump, chance, entries)
            await _random_refused(connection, pump, chance)
        await connection.execute(  # every third press is told by the other device too
            "INSERT INTO bolus_requests (pump_id, observed_at, event_id, received_at, device_id, outcome) "
            "SELECT pump_id, observed_at + interval '5 s', gen_random_uuid(), received_at + interval '5 s', "
            "CASE device_id WHEN pump_id THEN 'hand-' || pump_id ELSE pump_id END, outcome FROM bolus_requests "
            "WHERE left(event_id::text, 1) IN ('0', '3', '6', '9', 'c', 'f')"
        )
        anew = {
            pump: T0 - timedelta(minutes=chance.choice([60, 1440, 1440 * chance.randrange(40)])) for pump in pumps[::2]
        }
        implant = "INSERT INTO implantations (pump_id, began_at) VALUES ($1, $2)"
        await connection.executemany(implant, list(anew.items()))
        for now in (T0, T0 + timedelta(hours=7)):
            await _keep_contacts(connection, now)
            found = await load_facts(connection, pumps, now, windows=40, as_of=now)
            arrivals = await load_arrivals(connection, pumps, now, now)
            for facts in found:
                history = History(facts.pump_id, "north", (f"hand-{facts.pump_id}",), anew.get(facts.pump_id))
                history.implantation = facts.implantation
                assert (facts.implantation is None) == (facts.pump_id not in anew)
                mine = list(arrivals.get(facts.pump_id, []))
                chance.shuffle(mine)
                for each in (*mine, *mine[:2]):
                    history.add(each.event, each.received_at, each.device_id)
                folded = history.facts(now, 40)
                known = {alarm.event_id for alarm in facts.alarms}
                assert known <= {alarm.event_id for alarm in folded.alarms}
                assert replace(folded, alarms=()) == replace(facts, alarms=()), facts.pump_id


async def _random_refused(connection: Connection, pump: str, chance: random.Random) -> None:
    for _ in range(chance.choice([0, 0, 1, 5])):
        received = T0 - timedelta(minutes=chance.choice([-60, 0, 5, 1440, 1440 * 31]))
        await connection.execute(
            "INSERT INTO refused_alarms (pump_id, event_id, device_id, code, state, seq, received_at, "
            "clock_offset_seconds) VALUES ($1, $2, $3, 'motor_stall', $4, $5, $6, $7)",
            pump,
            UUID(int=chance.getrandbits(128)),
            chance.choice([pump, f"hand-{pump}"]),
            chance.choice(["raised", "cleared"]),
            chance.choice([None, 1, 2]),
            received,
            chance.choice([1.7e9, -100_000.0]),
        )


async def _keep_contacts(connection: Connection, now: datetime) -> None:
    """What ingest keeps of each device by now, by its own statement, receipt by receipt."""
    await connection.execute("DELETE FROM device_last_seen")
    tables = (
        "reservoir_readings",
        "bolus_requests",
        "device_statuses",
        "refills",
        "patient_reports",
        "pump_alarms",
        "therapies",
    )
    every = " UNION ALL ".join(f"SELECT device_id, received_at, observed_at FROM {table}" for table in tables)  # noqa: S608
    heard = (
        "SELECT device_id, received_at, max(observed_at) AS observed_at "  # noqa: S608
        f"FROM ({every}) e WHERE received_at <= $1 GROUP BY 1, 2"
    )
    rows = await connection.fetch(
        "SELECT received_at, array_agg(device_id) AS devices, array_agg(date_part('epoch', observed_at)) AS observed "  # noqa: S608
        f"FROM ({heard}) h GROUP BY 1 ORDER BY 1",
        now,
    )
    for row in rows:
        await connection.execute(
            INGEST["upsert_last_seen"], row["received_at"], list(row["devices"]), list(row["observed"])
        )


async def _random_event(connection: Connection, pump: str, chance: random.Random, entries: list[UUID]) -> None:
    at = T0 - timedelta(minutes=chance.choice([-30, 0, 3, 3, 60, 1440, 2880, 1440 * chance.randrange(60)]))
    received = at + timedelta(minutes=chance.choice([0, 1, 300, 3000, -10, -60, -1200]))
    device = chance.choice([pump, f"hand-{pump}"])
    entries.append(UUID(int=chance.getrandbits(128)))
    replaces = chance.choice([None, chance.choice(entries)])
    common = (pump, at, entries[-1], received, device, chance.choice([None, None, 1, 2]))
    columns = "pump_id, observed_at, event_id, received_at, device_id, seq"
    volume = round(chance.uniform(0, 20), 2)
    profile = '[{"from": "06:00", "rate_ml_per_day": 0.3}, {"from": "22:00", "rate_ml_per_day": %s}]'
    drugs = '[{"name": "baclofen", "concentration_mcg_per_ml": 2000.0}]'
    table, names, values = chance.choice(
        [
            ("reservoir_readings", "volume_ml, basis", (volume, chance.choice(["computed", "measured"]))),
            ("bolus_requests", "outcome", (chance.choice(["delivered", "denied_limit", "denied_lockout"]),)),
            ("bolus_requests", "outcome", (chance.choice(["delivered", "comm_failure", "denied_other"]),)),
            ("device_statuses", "firmware", ("1",)),
            ("refills", "expected_ml, measured_ml, filled_ml, replaces", (2.0, volume, 18.0, replaces)),
            ("patient_reports", "complaint, score", (chance.choice(["pain", "alarm_heard"]), chance.choice([None, 9]))),
            ("pump_alarms", "code, state", ("motor_stall", chance.choice(["raised", "cleared"]))),
            (
                "therapies",
                "drugs, profile, bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, "
                "refill_due, replaces",
                (
                    drugs,
                    profile % chance.choice([0.1, 0.2]),
                    chance.choice([None, 20.0]),
                    chance.choice([0, 30, 240]),
                    4,
                    20.0,
                    date(2026, 4, 1),
                    replaces,
                ),
            ),
        ]
    )
    places = ", ".join(f"${n}" for n in range(1, len(common) + len(values) + 1))
    await connection.execute(
        f"INSERT INTO {table} ({columns}, {names}) VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608
        *common,
        *values,
    )
