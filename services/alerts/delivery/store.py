"""Pages on their way to people, and the silences that hold them. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from schemas.policy import Priority
from services.alerts.delivery.grouping import waits_for_others
from services.alerts.delivery.mute import Mute, Silence, SilenceKind, SilenceRequest
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.persons.who_has_it import ToldOfTaken
from services.alerts.delivery.planned import About, Failed, Notice, OutgoingPage, PlannedDelivery
from services.alerts.model import Occasion, OccasionKind, OpenAlert
from services.people.model import Actor
from services.runtime.database import Connection, Pool, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery to be written: which alert, to whom, and what it says."""

    alert: OpenAlert
    planned: PlannedDelivery
    priority: Priority
    text: PageText
    policy_version: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process is to send."""

    delivery_id: UUID
    clinic_id: str
    contact: str
    channel: str
    occasion: Occasion
    priority: Priority
    title: str
    body: str
    attempts: int
    created_at: datetime
    pump_id: str | None
    rule: str | None
    alert_id: UUID | None
    key: str | None
    patient_ref: str | None
    wanted: bool
    """False: its alert is taken or over; left by a process that died while sending."""

    @property
    def channel_key(self) -> tuple[str, str, str]:
        """Which channel it needs: clinic, contact and channel."""
        return (self.clinic_id, self.contact, self.channel)

    @property
    def cause(self) -> tuple[str, str, str] | None:
        """Pump, rule and key of its alert; None: it is about no single one."""
        if self.pump_id is None or self.rule is None or self.key is None:
            return None
        return (self.pump_id, self.rule, self.key)

    def page(self, *, include_patient_data: bool) -> OutgoingPage:
        """What is handed to the channel."""
        about = None
        if self.alert_id is not None and self.pump_id is not None and self.rule is not None and self.key is not None:
            about = About(self.alert_id, self.rule, self.key, self.pump_id, self.patient_ref)
        return OutgoingPage(
            self.delivery_id,
            self.clinic_id,
            self.occasion,
            self.priority,
            self.title,
            self.body,
            self.created_at,
            about,
            include_patient_data,
        )


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A delivery that this process holds, before anything of it but its id is understood."""

    delivery_id: UUID
    row: asyncpg.Record

    def claim(self) -> Claim:
        """What is to be sent.

        Raises:
            ValueError: The row holds what this release does not know.
        """
        values = dict(self.row)
        occasion = Occasion(OccasionKind(values.pop("kind")), values.pop("episode"), values.pop("step"))
        return Claim(**values | {"priority": Priority(values["priority"]), "occasion": occasion})


@dataclass(frozen=True, slots=True)
class KindOfPage:
    """What pages have in common that may go out as one."""

    clinic_id: str
    contact: str
    channel: str
    rule: str
    priority: Priority
    step: int


@dataclass(frozen=True, slots=True)
class KindWaiting:
    """Pages of one kind that wait: how many, since when the first and the last, and when a group of them last went."""

    kind: KindOfPage
    count: int
    first_at: datetime
    last_at: datetime
    last_group_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """One page of a kind that waits, and the pump that it is about."""

    delivery_id: UUID
    pump_id: str


async def insert_deliveries(connection: Connection, rows: Sequence[DeliveryRow], now: datetime) -> int:
    """Write deliveries that are due at once, or as soon as others like them are there; returns how many are new."""
    if not rows:
        return 0
    written = await connection.fetch(
        QUERIES["insert_deliveries"],
        [row.alert.alert_id for row in rows],
        [row.alert.clinic_id for row in rows],
        [row.planned.occasion.kind.value for row in rows],
        [row.planned.occasion.episode for row in rows],
        [row.planned.occasion.step for row in rows],
        [row.planned.contact for row in rows],
        [row.planned.channel for row in rows],
        [row.priority.value for row in rows],
        [row.text.title for row in rows],
        [row.text.body for row in rows],
        [waits_for_others(row.priority) for row in rows],
        now,
        [row.planned.repeats for row in rows],
        [row.policy_version for row in rows],
    )
    return len(written)


async def insert_notices(connection: Connection, notices: Sequence[Notice], now: datetime) -> int:
    """Write pages about Pumpwatch itself; returns how many are new."""
    written = await connection.fetch(
        QUERIES["insert_notice"],
        [notice.clinic_id for notice in notices],
        [notice.occasion.episode for notice in notices],
        [notice.contact for notice in notices],
        [notice.channel for notice in notices],
        [notice.text.title for notice in notices],
        [notice.text.body for notice in notices],
        now,
        [notice.priority.value for notice in notices],
    )
    return len(written)


async def claim_delivery(
    pool: Pool,
    now: datetime,
    claimed_until: datetime,
    *,
    busy: Iterable[tuple[str, str, str]],
    worker_id: str,
    under_way: Iterable[UUID],
) -> ClaimedRow | None:
    """Claim the most urgent delivery that is due and whose channel is not `busy`; None: there is none."""
    channels = list(busy)
    row = await pool.fetchrow(
        QUERIES["claim_delivery"],
        now,
        claimed_until,
        [clinic_id for clinic_id, _, _ in channels],
        [contact for _, contact, _ in channels],
        [channel for _, _, channel in channels],
        worker_id,
        list(under_way),
    )
    return None if row is None else ClaimedRow(row["delivery_id"], row)


async def record_cancelled(pool: Pool, delivery_id: UUID, *, follows: bool = False) -> None:
    """Nobody is to be told of it any more; the same of the pages that go out with it.

    `follows`: it may have gone to a receiver that is to hear how the alert goes on.
    """
    await pool.execute(QUERIES["record_cancelled"], delivery_id, follows)


async def record_sent(pool: Pool, delivery_id: UUID, now: datetime, *, follows: bool = False) -> None:
    """It went out, and those that go out with it. `follows`: its receiver is to hear how the alert goes on."""
    await pool.execute(QUERIES["record_sent"], delivery_id, now, follows)


async def record_failed(connection: Connection | Pool, delivery_id: UUID, error: str | None) -> None:
    """It will not go out, and why."""
    await connection.execute(QUERIES["record_failed"], delivery_id, error)


async def record_retry(
    connection: Connection, delivery_id: UUID, due_at: datetime, error: str | None, *, follows: bool = False
) -> None:
    """It did not go out, as far as is known, and is tried again then. `follows`: its receiver may have it."""
    await connection.execute(QUERIES["record_retry"], delivery_id, due_at, error, follows)


async def record_held(connection: Connection, delivery_id: UUID, mute: Mute) -> None:
    """Something holds it until then."""
    await connection.execute(QUERIES["record_held"], delivery_id, mute.until, mute.reason.value, mute.silence_id)


async def put_back(pool: Pool, delivery_id: UUID, now: datetime) -> None:
    """It is not for now: its server has no place free."""
    await pool.execute(QUERIES["record_held"], delivery_id, now, None, None)


async def insert_instead(
    connection: Connection, failed: Failed, planned: PlannedDelivery, policy_version: str, now: datetime
) -> None:
    """Tell somebody else, or over another channel, what could not be sent."""
    await connection.execute(
        QUERIES["insert_instead"],
        failed.delivery_id,
        planned.contact,
        planned.channel,
        now,
        planned.occasion.step - failed.occasion.step,
        waits_for_others(failed.priority),
        policy_version,
    )


async def anybody_follows(connection: Connection) -> bool:
    """Whether there is a receiver that is to hear how an alert goes on."""
    follows: bool = await connection.fetchval(QUERIES["anybody_follows"])
    return follows


async def insert_follow_ups(connection: Connection, now: datetime) -> None:
    """Write what receivers that follow alerts are to hear, and let go of alerts that do not return."""
    await connection.execute(QUERIES["insert_follow_ups"], now)
    await connection.execute(QUERIES["stop_following"], now)


async def told_of_taken(connection: Connection, since: datetime) -> list[ToldOfTaken]:
    """Who was told of alerts that were taken since then, and has not heard yet who has them."""
    return [ToldOfTaken(**dict(row)) for row in await connection.fetch(QUERIES["told_of_taken"], since)]


async def insert_who_has_it(
    connection: Connection, hears: Sequence[tuple[ToldOfTaken, PageText]], now: datetime
) -> None:
    """Write what these are to hear; what is there already stays as it is."""
    if hears:
        await connection.execute(
            QUERIES["insert_who_has_it"],
            [told.alert_id for told, _ in hears],
            [told.clinic_id for told, _ in hears],
            [str(told.clinic_seq) for told, _ in hears],
            [told.contact for told, _ in hears],
            [told.channel for told, _ in hears],
            [text.title for _, text in hears],
            [text.body for _, text in hears],
            now,
        )


async def lock_grouping(connection: Connection) -> bool:
    """Be the one that puts pages together until the transaction ends; False: another process is."""
    return bool(await connection.fetchval(QUERIES["lock_grouping"]))


async def kinds_waiting(connection: Connection, now: datetime) -> list[KindWaiting]:
    """The kinds of pages that wait for more of their kind."""
    return [_kind_waiting(**dict(row)) for row in await connection.fetch(QUERIES["kinds_waiting"], now)]


def _kind_waiting(
    *, count: int, first_at: datetime, last_at: datetime, last_group_at: datetime | None, priority: str, **kind: str
) -> KindWaiting:
    of = KindOfPage(**kind, priority=Priority(priority))  # type: ignore[arg-type] # `step` is a number
    return KindWaiting(of, count, first_at, last_at, last_group_at)


async def pages_of_kind(connection: Connection, kind: KindOfPage, now: datetime) -> list[WaitingPage]:
    """The pages of one kind that wait, held until the transaction ends."""
    rows = await connection.fetch(
        QUERIES["pages_of_kind"],
        kind.clinic_id,
        kind.contact,
        kind.channel,
        kind.rule,
        kind.priority.value,
        kind.step,
        now,
    )
    return [WaitingPage(**dict(row)) for row in rows]


async def release_pages(connection: Connection, delivery_ids: Sequence[UUID]) -> None:
    """Let pages go out one by one."""
    await connection.execute(QUERIES["release_pages"], delivery_ids)


async def insert_group(
    connection: Connection, kind: KindOfPage, text: PageText, members: Sequence[UUID], now: datetime
) -> None:
    """Let pages of one kind go out as one."""
    group_id = await connection.fetchval(
        QUERIES["insert_group"],
        kind.clinic_id,
        f"{kind.rule}:{now.isoformat()}",
        kind.step,
        kind.contact,
        kind.channel,
        kind.priority.value,
        text.title,
        text.body,
        now,
    )
    await connection.execute(QUERIES["join_group"], members, group_id)


async def clinic_exists(connection: Connection, clinic_id: str) -> bool:
    """Whether the registry knows such a clinic."""
    exists: bool = await connection.fetchval(QUERIES["clinic_exists"], clinic_id)
    return exists


async def pump_is_watched(connection: Connection, clinic_id: str, pump_id: str) -> bool:
    """Whether the registry knows such a pump in the clinic, and it is not retired."""
    watched: bool = await connection.fetchval(QUERIES["pump_is_watched"], clinic_id, pump_id)
    return watched


async def pumps_watched(connection: Connection, clinic_id: str) -> tuple[str, ...]:
    """The names of a clinic's pumps, of a very large clinic the first 20,000."""
    return tuple(row["device_id"] for row in await connection.fetch(QUERIES["pumps_watched"], clinic_id))


async def insert_silence(connection: Connection, asked: SilenceRequest, by: Actor, now: datetime) -> UUID:
    """Store a silence; returns its id."""
    silence_id: UUID = await connection.fetchval(
        QUERIES["insert_silence"],
        asked.clinic_id,
        asked.kind.value,
        asked.pump_id,
        asked.rule,
        asked.includes_high,
        asked.reason.strip(),
        by.name,
        now,
        asked.begins_at,
        asked.ends_at,
        by.id,
    )
    return silence_id


async def end_silence(connection: Connection, silence_id: UUID, by: Actor, now: datetime) -> bool:
    """End a silence, and let go what it held; False: there is none, or it is over."""
    if await connection.fetchval(QUERIES["end_silence"], silence_id, now, by.name, by.id) is None:
        return False
    await connection.execute(QUERIES["release_held"], silence_id, now)
    return True


async def list_silences(connection: Connection, clinic_id: str | None, now: datetime) -> tuple[Silence, ...]:
    """Silences that hold now or are to come, of one clinic or of all."""
    return _silences(await connection.fetch(QUERIES["list_silences"], clinic_id, now))


async def silences_now(connection: Connection, clinic_id: str, now: datetime) -> tuple[Silence, ...]:
    """What may hold pages of a clinic now."""
    return _silences(await connection.fetch(QUERIES["silences_now"], clinic_id, now))


def _silences(rows: Sequence[asyncpg.Record]) -> tuple[Silence, ...]:
    return tuple(Silence(**(dict(row) | {"kind": SilenceKind(row["kind"])})) for row in rows)
