"""PURE. What each message is told after the commit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from schemas.events import Receipt
from services.ingest.messages.decode import Decoded, Rejection, Stored


def receipts(batch: Decoded, stored: Stored, wanted: Collection[int]) -> Mapping[int, Receipt]:
    """Build the receipts of the messages whose numbers are `wanted`.

    Each event of a message is counted once: stored, duplicate or rejected. A row that the database refused was a row
    first and a rejection in the end, so it is counted as the rejection.
    """
    if not wanted:
        return {}
    rows = Counter(row[-1] for rows in batch.rows.values() for row in rows)
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
