"""Every statement of ingest. The large one is a decoded batch in one transaction: events, dead letters, last-seen
and the evaluation queue.

Guarantees: either all of a batch is committed, or none of it; an event that is there already changes nothing and counts
as a duplicate, or, where its content is another, becomes a rejection; a row that the database refuses is found by
halving and becomes a rejection, and the rest is stored.
What the database cannot do now is raised as one of `database.UNAVAILABLE`: the same call may be made again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import compress
from pathlib import Path
from typing import Any, Final

from schemas.events import EventKind, RejectionReason
from services.ingest.messages.conflicts import Conflict, rejections_of
from services.ingest.messages.decode import WHOLE_MESSAGE, Decoded, Incoming, Rejection, Stored
from services.ingest.messages.faults import Fault
from services.ingest.messages.quota import Quota, Used, judge, speaker
from services.ingest.messages.rows import DEVICE_ID, EVENT_ID, MESSAGE_NUMBER, PUMP_ID, Row, key
from services.ingest.messages.whose import Enrolment, enrolment
from services.runtime.database import REFUSED, UNAVAILABLE, Connection, load_queries

_FILES: Final = ("queries.sql", "registry.sql", "dead_letters.sql", "late.sql")
QUERIES: Final[Mapping[str, str]] = load_queries(*(Path(__file__).with_name(name) for name in _FILES))

_INSERT: Final = {kind: QUERIES[f"insert_{kind}"] for kind in EventKind}
_DIFFERING: Final = {kind: QUERIES[f"differing_{kind}"] for kind in EventKind}
_INSERT_RETURNING: Final = {kind: f"{sql}\nRETURNING pump_id, observed_at, event_id" for kind, sql in _INSERT.items()}


class _DuplicatesPresentError(Exception):
    """Some rows were there already, and nobody yet knows which; the transaction is rolled back."""


async def write(
    connection: Connection,
    batch: Decoded,
    messages: list[Incoming],
    seen: Mapping[str, float],
    *,
    count_each: bool,
) -> Stored:
    """Write one batch. Inside a transaction of the caller's, it is the caller's commit that counts.

    Args:
        connection: To the database.
        batch: What `decode` made of `messages`.
        messages: For the bytes of a row that the database refuses.
        seen: Devices whose last-seen is to be written, with the newest time that each reported.
        count_each: Some message wants a receipt, so duplicates are counted for each message.
    """
    stored = Stored(list(batch.rejections))
    await _write_rows(connection, batch, messages, stored, seen, count_each=count_each)
    return stored


async def write_what_is_new(connection: Connection, batch: Decoded) -> tuple[Counter[int], dict[EventKind, list[Row]]]:
    """Write the rows that are new, and look at nothing that is stored: also where an old part cannot be read just now.

    Args:
        connection: In a transaction.
        batch: Its rows are written, and nothing else of it.

    Returns:
        For each message how many of its rows were new, and the rows that were not.
    """
    new, not_new = await _insert_returning(connection, batch)
    if new:
        await connection.execute(QUERIES["queue_evaluation"], *batch.pumps_to_evaluate())
    return new, not_new


async def limit_lock_waits(connection: Connection, milliseconds: int) -> None:
    """Wait for no lock longer than that, until the end of the transaction."""
    await connection.execute(QUERIES["limit_lock_waits"], str(milliseconds))


async def keep_late(connection: Connection, received_at: datetime, late: Sequence[tuple[Any, ...]]) -> None:
    """Keep messages that wait for a lock: each its topic, payload, response topic, correlation data, events stored."""
    await connection.execute(QUERIES["keep_late_messages"], received_at, *zip(*late, strict=True))


async def take_late(connection: Connection, *, not_tried_for: timedelta, at_most: int) -> list[dict[str, Any]]:
    """Take messages that wait in hand until the end of the transaction, those that waited longest first."""
    rows = await connection.fetch(QUERIES["take_late_messages"], not_tried_for, at_most)
    return [dict(row) for row in rows]


async def leave_late(connection: Connection, stored: Mapping[int, int]) -> None:
    """Let these wait on. The mapping says for each how many more of its events are stored by now."""
    await connection.execute(QUERIES["leave_late_messages"], list(stored.keys()), list(stored.values()))


async def forget_late(connection: Connection, late_message_ids: Collection[int]) -> None:
    """Take them away: their events are stored in the same transaction."""
    await connection.execute(QUERIES["forget_late_messages"], list(late_message_ids))


async def oldest_late_seconds(connection: Connection) -> float | None:
    """For how long the oldest has waited; None: none does."""
    seconds: float | None = await connection.fetchval(QUERIES["oldest_late_seconds"])
    return seconds


async def wake_alerts(connection: Connection) -> None:
    """Tell the alert workers, after the commit, that the queue has something; they look by themselves too, if later."""
    with suppress(*UNAVAILABLE):
        await connection.execute(QUERIES["wake_alerts"])


async def fetch_enrolments(connection: Connection, device_ids: Collection[str]) -> dict[str, Enrolment]:
    """Look up those of `device_ids` that are enrolled."""
    rows = await connection.fetch(QUERIES["look_up_devices"], list(device_ids))
    return {device_id: enrolment(*columns) for device_id, *columns in rows}


async def enrol_pumps(connection: Connection, clinic_id: str, device_ids: Collection[str]) -> None:
    """Enrol devices that nobody knows as pumps of one clinic; what is enrolled already stays as it is."""
    await connection.execute(QUERIES["enrol_clinic"], clinic_id)
    await connection.execute(QUERIES["enrol_devices"], clinic_id, list(device_ids))


async def record_heartbeat(connection: Connection, client_id: str) -> None:
    """Say that this ingestor lives and takes events."""
    await connection.execute(QUERIES["record_heartbeat"], client_id)


async def _write_rows(
    connection: Connection,
    batch: Decoded,
    messages: list[Incoming],
    stored: Stored,
    seen: Mapping[str, float],
    *,
    count_each: bool,
) -> None:
    try:
        await _write_once(connection, batch, messages, stored, seen, count_each=count_each)
    except REFUSED as error:
        if batch.events == 0:
            raise
        if batch.events == 1:
            rejection = _refused_by_database(batch, messages, str(error))
            stored.rejections.append(rejection)
            rest = replace(batch, rows={}, rejections=[*batch.rejections, rejection])
            await _write_rows(connection, rest, messages, stored, seen, count_each=count_each)
            return
        left, right = _halves(batch)
        await _write_rows(connection, left, messages, stored, seen, count_each=count_each)
        await _write_rows(connection, right, messages, stored, {}, count_each=count_each)


async def _write_once(
    connection: Connection,
    batch: Decoded,
    messages: list[Incoming],
    stored: Stored,
    seen: Mapping[str, float],
    *,
    count_each: bool,
) -> None:
    """Write in one transaction; when duplicates must be told apart and there are some, write again with care.

    Telling which rows were new costs a tenth of the insert, and duplicates are rare: so the first try only counts.
    """
    try:
        async with connection.transaction():
            batch = await _where_it_is(connection, batch)
            inserted = 0
            not_all_new: dict[EventKind, list[Row]] = {}
            for kind, rows in batch.rows.items():
                status = await connection.execute(_INSERT[kind], batch.received_at, *_columns(rows))
                new = int(status.rpartition(" ")[2])
                inserted += new
                if new < len(rows):
                    not_all_new[kind] = rows
            if count_each and not_all_new:
                raise _DuplicatesPresentError
            conflicting = await _conflicting(connection, not_all_new, messages)
            not_kept = await _write_the_rest(connection, batch, conflicting, seen)
    except _DuplicatesPresentError:
        await _write_with_care(connection, batch, messages, stored, seen)
        return
    stored.rejections += conflicting
    stored.not_kept += not_kept
    stored.inserted += inserted
    stored.duplicates += batch.events - inserted - len(conflicting)


async def _write_with_care(
    connection: Connection, batch: Decoded, messages: list[Incoming], stored: Stored, seen: Mapping[str, float]
) -> None:
    async with connection.transaction():
        batch = await _where_it_is(connection, batch)
        new, not_new = await _insert_returning(connection, batch)
        conflicting = await _conflicting(connection, not_new, messages)
        not_kept = await _write_the_rest(connection, batch, conflicting, seen)
    duplicates = Counter(row[MESSAGE_NUMBER] for rows in not_new.values() for row in rows)
    duplicates.subtract(rejection.message for rejection in conflicting)
    stored.rejections += conflicting
    stored.not_kept += not_kept
    stored.inserted += new.total()
    stored.duplicates += duplicates.total()
    stored.duplicates_by_message.update(duplicates)


async def _insert_returning(
    connection: Connection, batch: Decoded
) -> tuple[Counter[int], defaultdict[EventKind, list[Row]]]:
    """Insert the rows; returns for each message how many of its rows were new, and the rows that were not."""
    new_of_message: Counter[int] = Counter()
    not_new: defaultdict[EventKind, list[Row]] = defaultdict(list)
    for kind, rows in batch.rows.items():
        returned = await connection.fetch(_INSERT_RETURNING[kind], batch.received_at, *_columns(rows))
        new = Counter((pump_id, at.timestamp(), event_id) for pump_id, at, event_id in returned)
        for row in rows:
            if new[key(row)] > 0:
                new[key(row)] -= 1
                new_of_message[row[MESSAGE_NUMBER]] += 1
            else:
                not_new[kind].append(row)
    return new_of_message, not_new


async def _where_it_is(connection: Connection, batch: Decoded) -> Decoded:
    """Let a re-send go where its event is stored, though the registry may say another pump by now.

    Else what a handheld sends again after its pairings were corrected would be stored a second time. Only of handhelds
    that were ever paired with several pumps; they are locked, so that two processes do not both find nothing.
    """
    if not batch.pumps_of:
        return batch
    await connection.execute(QUERIES["lock_handhelds"], list(batch.pumps_of))
    rows = {kind: list(rows) for kind, rows in batch.rows.items()}
    asked = [
        (kind, place, pump_id, row)
        for kind, each in rows.items()
        for place, row in enumerate(each)
        for pump_id in batch.pumps_of.get(row[DEVICE_ID], ())
    ]
    found = await connection.fetch(
        QUERIES["stored_for"],
        [kind for kind, *_ in asked],
        [pump_id for *_, pump_id, _ in asked],
        [key(row)[1] for *_, row in asked],
        [row[EVENT_ID] for *_, row in asked],
    )
    stored: defaultdict[tuple[EventKind, int], set[str]] = defaultdict(set)
    for [number] in found:
        kind, place, pump_id, _ = asked[number - 1]
        stored[kind, place].add(pump_id)
    for (kind, place), pump_ids in stored.items():
        row = rows[kind][place]
        if row[PUMP_ID] not in pump_ids:
            rows[kind][place] = (min(pump_ids), *row[1:])
    return replace(batch, rows=rows)


async def _conflicting(
    connection: Connection, rows_by_kind: Mapping[EventKind, list[Row]], messages: list[Incoming]
) -> list[Rejection]:
    """Find those of these rows, all of which are stored by now, that are stored with other content."""
    conflicts = [
        Conflict(kind, rows[found["place"] - 1], found["differs"])
        for kind, rows in rows_by_kind.items()
        for found in await connection.fetch(_DIFFERING[kind], *_columns(rows))
    ]
    return rejections_of(conflicts, messages)


async def _write_the_rest(
    connection: Connection, batch: Decoded, conflicting: list[Rejection], seen: Mapping[str, float]
) -> int:
    """Write what is not a row; returns how many dead letters were not kept."""
    rejections, not_kept = [*batch.rejections, *conflicting], 0
    if rejections and batch.quota is not None:
        not_kept = await _keep_dead_letters(connection, batch.received_at, rejections, batch.quota)
    if batch.quota is not None:
        await _keep_refused_dates(connection, batch)
    if seen:
        await connection.execute(QUERIES["upsert_last_seen"], batch.received_at, list(seen.keys()), list(seen.values()))
    if batch.rows or batch.refused_alarms:
        await connection.execute(QUERIES["queue_evaluation"], *batch.pumps_to_evaluate())
    return not_kept


async def _keep_dead_letters(
    connection: Connection, received_at: datetime, rejections: list[Rejection], quota: Quota
) -> int:
    """Keep what the quotas of its devices allow, and say how much they did not. What is kept already costs no quota.

    Nothing is locked, so that no batch waits for another: two that are written at the same moment may each use up what
    is left of a quota.
    """
    times = Counter((r.digest, r.event_index) for r in rejections)
    each = {(r.digest, r.event_index): r for r in rejections}
    digests, indexes = zip(*each, strict=True)
    found = await connection.fetch(QUERIES["known_dead_letters"], digests, indexes)
    places = {row["place"] - 1 for row in found}
    known = [r for place, r in enumerate(each.values()) if place in places]
    new = [r for place, r in enumerate(each.values()) if place not in places]
    day, speakers = received_at.astimezone(UTC).date(), {speaker(r.topic) for r in new}
    rows = await connection.fetch(QUERIES["dead_letters_of_day"], day, list(speakers)) if new else []
    verdict = judge(new, {row["device_id"]: Used(row["kept"], row["kept_bytes"]) for row in rows}, quota)
    kept = sorted([*known, *compress(new, verdict.is_kept)], key=lambda r: (r.digest, r.event_index))
    if kept:
        await connection.execute(
            QUERIES["insert_dead_letters"],
            received_at,
            [r.digest for r in kept],
            [r.event_index for r in kept],
            [r.topic.replace("\0", "\ufffd") for r in kept],
            [r.device_id for r in kept],
            [r.event_id for r in kept],
            [r.payload for r in kept],
            [r.reason for r in kept],
            [r.detail.replace("\0", "\ufffd") for r in kept],
            [times[r.digest, r.event_index] for r in kept],
        )
    if new:
        counts = [(who, verdict.kept.get(who, Used()), verdict.not_kept.get(who, Used())) for who in sorted(speakers)]
        columns = zip(*((who, k.letters, k.size_bytes, n.letters, n.size_bytes) for who, k, n in counts), strict=True)
        await connection.execute(QUERIES["count_dead_letters"], day, *columns)
    return len(new) - sum(verdict.is_kept)


async def _keep_refused_dates(connection: Connection, batch: Decoded) -> None:
    if batch.refused_alarms:
        columns = zip(*batch.refused_alarms, strict=True)
        await connection.execute(QUERIES["insert_refused_alarms"], batch.received_at, *columns)
    if batch.refused_clocks:
        clocks = batch.refused_clocks
        await connection.execute(
            QUERIES["upsert_refused_clocks"], batch.received_at, list(clocks.keys()), list(clocks.values())
        )


def _columns(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Turn rows of one kind into the parameters of its statement: what is stored, column by column."""
    *stored, _message_numbers = zip(*rows, strict=True)
    return stored


def _halves(batch: Decoded) -> tuple[Decoded, Decoded]:
    """Split the rows in two; the rejections go with the first half."""
    flat = [(kind, row) for kind, rows in batch.rows.items() for row in rows]
    middle = len(flat) // 2
    left = replace(batch, rows=_grouped(flat[:middle]))
    right = replace(batch, rows=_grouped(flat[middle:]), rejections=[], refused_alarms=[], refused_clocks={})
    return left, right


def _grouped(flat: list[tuple[EventKind, Row]]) -> dict[EventKind, list[Row]]:
    grouped: dict[EventKind, list[Row]] = {}
    for kind, row in flat:
        grouped.setdefault(kind, []).append(row)
    return grouped


def _refused_by_database(batch: Decoded, messages: list[Incoming], error: str) -> Rejection:
    [(kind, [row])] = batch.rows.items()
    number, event_id = row[MESSAGE_NUMBER], row[EVENT_ID]
    fault = Fault(RejectionReason.REFUSED_BY_DATABASE, f"{kind} {event_id}: {error}", event_id)
    return Rejection.of(number, messages[number], WHOLE_MESSAGE, fault)
