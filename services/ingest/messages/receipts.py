"""PURE. What each message is told after the commit, in as many bytes as the broker takes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from schemas.events import Receipt, RejectedEvent
from services.ingest.messages.decode import Decoded, Rejection, Stored
from services.ingest.messages.rows import MESSAGE_NUMBER

_DETAIL_CHARACTERS: Final = (120, 40, 0)
"""Steps in which the details of a receipt that is too large are shortened."""


class NotSent(StrEnum):
    """Why a receipt that was asked for was not sent. A closed vocabulary: a metric uses it."""

    BAD_RESPONSE_TOPIC = "bad_response_topic"
    """It is not in the device's own subtree, or no broker takes it."""
    TOO_LARGE = "too_large"
    """Not even the counts fit into the broker's largest packet, beside the Correlation Data."""
    CONNECTION_LOST = "connection_lost"
    """The connection that the message came by ended first."""
    ENDED_A_CONNECTION = "ended_a_connection"
    """The message came again after a connection had ended just as its receipt was sent."""


def receipts(batch: Decoded, stored: Stored, wanted: Collection[int]) -> Mapping[int, Receipt]:
    """Build the receipts of the messages whose numbers are `wanted`.

    Each event of a message is counted once: stored, duplicate or rejected. A row that the database refused was a row
    first and a rejection in the end, so it is counted as the rejection. A message that is not done has none yet.
    """
    wanted = [number for number in wanted if number not in stored.waiting]
    if not wanted:
        return {}
    rows = Counter(row[MESSAGE_NUMBER] for rows in batch.rows.values() for row in rows)
    refused = Counter(rejection.message for rejection in stored.rejections[len(batch.rejections) :])
    rejections: defaultdict[int, list[Rejection]] = defaultdict(list)
    for rejection in stored.rejections:
        rejections[rejection.message].append(rejection)
    return {
        number: Receipt(
            stored=rows[number] - refused[number] - stored.duplicates_by_message[number],
            duplicates=stored.duplicates_by_message[number],
            rejected=tuple(rejection.for_receipt() for rejection in rejections[number]),
        )
        for number in wanted
    }


def with_stored_before(receipt: Receipt, events: int) -> Receipt:
    """Count as stored what was stored of a message before the rest of it, and looks like duplicates now."""
    events = min(events, receipt.duplicates)
    return receipt.model_copy(update={"stored": receipt.stored + events, "duplicates": receipt.duplicates - events})


def encoded_to_fit(receipt: Receipt, at_most_bytes: int) -> bytes | None:
    """Encode a receipt; what is too large loses its details first, and then the end of its list. The counts stay.

    Returns:
        None where not even the counts fit.
    """
    encoded = _encoded(receipt)
    for characters in _DETAIL_CHARACTERS:
        if len(encoded) <= at_most_bytes:
            return encoded
        receipt = receipt.model_copy(update={"rejected": tuple(_shortened(r, characters) for r in receipt.rejected)})
        encoded = _encoded(receipt)
    every = len(receipt.rejected)
    listed = bisect_right(range(every + 1), at_most_bytes, key=lambda listed: len(_encoded(_cut(receipt, listed)))) - 1
    return _encoded(_cut(receipt, listed)) if listed >= 0 else None


def _encoded(receipt: Receipt) -> bytes:
    return receipt.model_dump_json().encode()


def _shortened(rejected: RejectedEvent, characters: int) -> RejectedEvent:
    if len(rejected.detail) <= characters:
        return rejected
    return rejected.model_copy(update={"detail": f"{rejected.detail[:characters]}..." if characters else ""})


def _cut(receipt: Receipt, listed: int) -> Receipt:
    not_listed = len(receipt.rejected) - listed
    return receipt.model_copy(update={"rejected": receipt.rejected[:listed], "not_listed": not_listed})
