"""A pump that was in two patients, each with a row of everything, and what a dump of the database holds of them."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.admin.patients.model import EVENT_TABLES
from services.devstack.servers import installations
from services.runtime.database import Connection

DAY = timedelta(days=1)
FIRST, SECOND = "A-17.x", "A-17.x9"
"""The one reference begins as the other does."""

_COLUMNS = {
    "reservoir": ("volume_ml, basis", "7.25, 'computed'"),
    "bolus": ("outcome, dose_mcg", "'delivered', 25"),
    "alarm": ("code, state", "'motor_stall', 'raised'"),
    "therapy": ("drugs, profile, reservoir_size_ml", "'[]', '[]', 20"),
    "refill": ("expected_ml, measured_ml, filled_ml", "3, 3.4, 18"),
    "status": ("battery_percent", "80"),
    "report": ("complaint, score", "'pain', 7"),
}


@dataclass
class World:
    """What was put in, patient by patient."""

    connection: Connection
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - 30 * DAY)
    events: dict[str, list[str]] = field(default_factory=lambda: {FIRST: [], SECOND: []})
    alerts: dict[str, list[str]] = field(default_factory=lambda: {FIRST: [], SECOND: []})
    texts: dict[str, list[str]] = field(default_factory=lambda: {FIRST: [], SECOND: []})

    async def event(self, whose: str, kind: str, observed: datetime, received: datetime | None = None) -> None:
        """Store an event of the pump."""
        event_id, (columns, values) = str(uuid.uuid4()), _COLUMNS[kind]
        await self.connection.execute(
            f"""INSERT INTO {EVENT_TABLES[kind]} (pump_id, observed_at, event_id, received_at, device_id, {columns})
                VALUES ('p-1', $1, $2, $3, 'p-1', {values})""",  # noqa: S608
            observed,
            event_id,
            received or observed,
        )
        self.events[whose].append(event_id)

    async def alert(self, whose: str, opened: datetime, implantation: int | None) -> None:
        """An alert that is over, its trail, its pages, and what somebody wrote about it."""
        text = f"secret{uuid.uuid4().hex}"
        self.texts[whose].append(text)
        alert_id = await self.connection.fetchval(
            """INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, said, evidence,
                                   since, opened_at, updated_at,
                                   closed_at, policy_version, implantation_id, resolved_by, resolved_at, resolution)
               VALUES ('north', 'p-1', 'pump_alarm', $1, 'high', 'closed', $1, $1, jsonb_build_array($1::text),
                       jsonb_build_object('said', $1::text),
                       $2, $2, $2, $2, 'v', $3, 'Ann', $2, $1)
               RETURNING alert_id""",
            text,
            opened,
            implantation,
        )
        self.alerts[whose].append(str(alert_id))
        for detail in ("{}", json.dumps({"comment": text})):
            await self.connection.fetch(
                """SELECT append_to_audit('{north}', ARRAY[$1::uuid], '{commented}', '{active}', '{active}', '{high}',
                       '{person_wrote}', '{Ann}', now(), ARRAY[$2::text])""",
                alert_id,
                detail,
            )
        group = await self.connection.fetchval(
            """INSERT INTO deliveries (clinic_id, kind, episode, contact, channel, priority, title, body, state,
                                       created_at, due_at, last_error)
               VALUES ('north', 'group', $1, 'nurse', 'ntfy', 'high', $2, $2, 'sent', now(), now(), $2)
               RETURNING delivery_id""",
            str(alert_id),
            text,
        )
        await self.connection.execute(
            """INSERT INTO deliveries (alert_id, clinic_id, kind, contact, channel, priority, title, body, state,
                                       created_at, due_at, group_id)
               VALUES ($1, 'north', 'opened', 'nurse', 'ntfy', 'high', $2, $2, 'grouped', now(), now(), $3)""",
            alert_id,
            text,
            group,
        )
        await self.connection.execute(
            """INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority,
                                           title, body, sent_at, settled_at)
               VALUES (gen_random_uuid(), 'p-1', 'north', 'pump_alarm', $1, 0, 'nurse', 'ntfy', 'high', $1, $1, $2,
                       $2)""",
            text,
            opened,
        )
        promise = await self.connection.fetchval(
            """INSERT INTO promises (promise_id, clinic_id, alert_id, words, due_at, made_at, made_by, made_name)
               VALUES (gen_random_uuid(), 'north', $1, $2, $3, $3, 'Ann', 'Ann') RETURNING promise_id""",
            alert_id,
            text,
            opened,
        )
        await self.connection.execute(
            """INSERT INTO deliveries (clinic_id, kind, episode, contact, channel, priority, title, body, state,
                                       created_at, due_at, sent_at)
               VALUES ('north', 'notice', 'promise:' || $1, 'nurse', 'ntfy', 'medium', $2, $2, 'sent', $3, $3, $3)""",
            str(promise),
            text,
            opened,
        )
        await self.connection.execute(
            """INSERT INTO silences (clinic_id, kind, pump_id, reason, created_by, created_at, begins_at, ends_at)
               VALUES ('north', 'silence', 'p-1', $1, 'Ann', $2::timestamptz, $2, $2 + interval '1 hour')""",
            text,
            opened,
        )

    async def visits(self, whose: str, said: datetime) -> None:
        """A refill visit that was booked and done; who said so stands there by a name of their own."""
        text = f"secret{uuid.uuid4().hex}"
        self.texts[whose].append(text)
        follows = None
        for kind in ("booked", "done"):
            follows = await self.connection.fetchval(
                """INSERT INTO refill_visits
                   SELECT gen_random_uuid(), 'north', pump_id, implantation_id, $4, $3, $2::timestamptz, $2, false,
                          clock_timestamp(), 'Ann', $1
                   FROM implantations WHERE pump_id = 'p-1' AND patient_ref = $5 RETURNING entry_id""",
                text,
                said,
                kind,
                follows,
                whose,
            )

    async def letter(self, device: str, received: datetime, payload: str) -> None:
        """A message that was refused."""
        await self.connection.execute(
            """INSERT INTO dead_letters (digest, event_index, first_received_at, last_received_at, topic, device_id,
                                         payload, reason, detail)
               VALUES (sha256(gen_random_uuid()::text::bytea), -1, $1, $1, 'pumpwatch/v1/' || $2, $2,
                       convert_to($3, 'UTF8'), 'not_json', 'made up')""",
            received,
            device,
            payload,
        )

    def payload(self, *owners: tuple[str, datetime]) -> str:
        """An array of events, each of a patient and a time."""
        array = []
        for whose, observed in owners:
            array.append({"event_id": str(uuid.uuid4()), "observed_at": observed.isoformat()})
            self.events[whose].append(array[-1]["event_id"])
        return json.dumps(array)


async def make(connection: Connection) -> World:
    """The pump p-1, its handheld h-1, and another pump p-2 of a third patient."""
    world = World(connection)
    at = world.changed_at
    await connection.execute(
        """INSERT INTO clinics VALUES ('north', 'North');
           INSERT INTO devices (device_id, kind, clinic_id)
           VALUES ('p-1', 'pump', 'north'), ('p-2', 'pump', 'north'), ('h-1', 'handheld', 'north');
           INSERT INTO pairings (handheld_id, pump_id) VALUES ('h-1', 'p-1')"""
    )
    await connection.execute(f"UPDATE implantations SET patient_ref = '{FIRST}' WHERE pump_id = 'p-1'")  # noqa: S608
    second = await connection.fetchval(
        "INSERT INTO implantations (pump_id, began_at, patient_ref) VALUES ('p-1', $1, $2) RETURNING implantation_id",
        at,
        SECOND,
    )
    for who in (FIRST, SECOND):
        await connection.execute(
            """INSERT INTO registry_changes (actor, command, device_ids, detail)
               VALUES ('Ann', 'implant', '{p-1}',
                       jsonb_build_object('did', ARRAY['p-1 is in patient ' || $1 || ' since then']))""",
            who,
        )
    for who in (FIRST, SECOND):
        await world.visits(who, at)
    for kind in EVENT_TABLES:
        for days in (1, 40, 200):
            await world.event(FIRST, kind, at - days * DAY)
        await world.event(FIRST, kind, at - DAY / 2, at + 2 * DAY)  # handed in when the pump was in the next patient
        await world.event(FIRST, kind, at + DAY / 24, at - DAY / 24)  # dated ahead
        for days in (0, 1, 20):
            await world.event(SECOND, kind, at + days * DAY)
    await world.alert(FIRST, at - 3 * DAY, None)
    await world.alert(FIRST, at - 2 * DAY, None)
    await world.alert(SECOND, at + 2 * DAY, second)
    for whose, received in ((FIRST, at - DAY), (SECOND, at + DAY)):
        event_id = str(uuid.uuid4())
        await connection.execute(
            "INSERT INTO refused_alarms VALUES ('p-1', $1, 'p-1', 'motor_stall', 'raised', NULL, $2, -90000)",
            event_id,
            received,
        )
        world.events[whose].append(event_id)
    await world.letter("p-1", at - DAY, world.payload((FIRST, at - DAY)))
    await world.letter("h-1", at + DAY, world.payload((FIRST, at - DAY), (SECOND, at + DAY)))
    await world.letter("h-1", at + DAY, world.payload((SECOND, at + DAY)))
    world.texts[FIRST].append("secretgarbage")
    await world.letter("h-1", at - DAY, "secretgarbage that nothing can read")
    await world.letter("h-1", at + DAY, "garbage of the second")
    await connection.execute(
        "INSERT INTO late_messages (received_at, topic, payload, events_stored) VALUES ($1, $2, $3, 0)",
        at - DAY,
        "pumpwatch/v1/h-1/events/batch",
        world.payload((FIRST, at - DAY)).encode(),
    )
    await connection.execute(
        """INSERT INTO device_last_seen
           VALUES ('h-1', now(), now(), 0, ARRAY[$1, $3]::timestamptz[], ARRAY[$2, $4]::timestamptz[])""",
        at - 9 * DAY,
        at - 8 * DAY,
        at + 8 * DAY,
        at + 9 * DAY,
    )
    return world


def dump(dsn: str) -> str:
    """Every row of a database, as pg_dump writes it, and bytes also as the text that they are."""
    program = installations.embedded().programs / "pg_dump"
    done = subprocess.run(
        [str(program), "--data-only", "--format", "plain", "--dbname", dsn],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    payloads = re.findall(r"\\\\x([0-9a-f]+)", done.stdout)
    assert payloads
    return done.stdout + "".join(bytes.fromhex(each).decode(errors="replace") for each in payloads)


async def rows(connection: Connection, table: str, condition: str = "true") -> list[str]:
    """The rows of a table as text, to compare."""
    found = await connection.fetch(f"SELECT t::text AS row FROM {table} t WHERE {condition} ORDER BY 1")  # noqa: S608
    return [row["row"] for row in found]
