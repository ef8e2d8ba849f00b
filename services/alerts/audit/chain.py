"""PURE. Is a chain of audit rows whole? Every row carries the hash of the one before it in its clinic.

A changed row no longer gives its own hash; a missing row leaves a gap in the numbers and a hash that nothing precedes;
a missing end is seen by the clinic's head. The database adds its own time to each row (since migration 0040), so a row
whose date is not of the moment at which it was written shows as well.

A row whose text was erased no longer gives its own hash. It is whole if a later row says that it was erased, and if
what is left of it gives the hash that stands there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

DATED_WITHIN: Final = timedelta(minutes=5)
"""How far the clock of who decided and that of the database may be apart, with the time that a transaction takes."""
CLOCK_STEPS_BACK: Final = timedelta(minutes=1)
"""How far the database's clock may go back between two rows: it was set, or another server took over."""


class FaultKind(StrEnum):
    """What is wrong: with the chain itself, with a date, or with what was seen of it elsewhere."""

    CHAIN = "chain"
    DATE = "date"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the checks need of one audit row; `computed_hash` is what its content gives now."""

    clinic_id: str
    clinic_seq: int
    previous_hash: bytes
    row_hash: bytes
    computed_hash: bytes
    at: datetime
    recorded_at: datetime | None
    """By the database's clock; None: before migration 0040."""


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of one clinic's chain."""

    clinic_id: str
    clinic_seq: int
    row_hash: bytes


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Something that is not as it was written."""

    clinic_id: str
    clinic_seq: int
    fault: str
    kind: FaultKind = FaultKind.CHAIN


class ChainCheck:
    """Follows chains row by row, ordered by clinic and number; holds one row of each clinic at a time."""

    def __init__(self, erased: Mapping[tuple[str, int], str] | None = None) -> None:
        """Take what later rows say of those that were erased: by clinic and number, the hash of what is left."""
        self.rows = 0
        self.erased = 0
        self._of_erased = erased or {}
        self._ends: dict[str, AuditHead] = {}
        self._recorded: dict[str, datetime] = {}

    def faults_of(self, row: AuditRow) -> Iterator[AuditFault]:
        """What is wrong with the next row."""
        self.rows += 1
        end = self._ends.get(row.clinic_id, AuditHead(row.clinic_id, 0, b""))
        expected = end.clinic_seq + 1
        if row.clinic_seq != expected:
            last = row.clinic_seq - 1
            which = f"row {expected} is" if last == expected else f"rows {expected} to {last} are"
            yield AuditFault(row.clinic_id, row.clinic_seq, f"{which} missing before it")
        elif row.previous_hash != end.row_hash:
            yield AuditFault(row.clinic_id, row.clinic_seq, "does not follow from the row before it")
        if row.computed_hash != row.row_hash:
            if row.computed_hash.hex() == self._of_erased.get((row.clinic_id, row.clinic_seq)):
                self.erased += 1
            else:
                yield AuditFault(row.clinic_id, row.clinic_seq, "was changed after it was written")
        yield from (AuditFault(row.clinic_id, row.clinic_seq, fault, FaultKind.DATE) for fault in self._dates(row))
        self._ends[row.clinic_id] = AuditHead(row.clinic_id, row.clinic_seq, row.row_hash)

    def _dates(self, row: AuditRow) -> Iterator[str]:
        before = self._recorded.get(row.clinic_id)
        if row.recorded_at is None:
            if before is not None:
                yield "has no time of the database's clock, and a row before it has"
            return
        if before is not None and row.recorded_at < before - CLOCK_STEPS_BACK:
            yield f"was written {row.recorded_at.isoformat()}, and a row before it {before.isoformat()}"
        if abs(row.at - row.recorded_at) > DATED_WITHIN:
            yield f"is dated {row.at.isoformat()}, and was written {row.recorded_at.isoformat()}"
        self._recorded[row.clinic_id] = max(row.recorded_at, before or row.recorded_at)

    def faults_of_heads(self, heads: Iterable[AuditHead]) -> Iterator[AuditFault]:
        """What is missing at the ends, once every row was seen."""
        remembered = {head.clinic_id: head for head in heads if head.clinic_seq}
        for clinic_id in sorted(remembered.keys() | self._ends.keys()):
            end, head = self._ends.get(clinic_id), remembered.get(clinic_id)
            if head is None:
                yield AuditFault(clinic_id, 0, "the clinic's head is missing")
            elif end is None or (end.clinic_seq, end.row_hash) != (head.clinic_seq, head.row_hash):
                found = end.clinic_seq if end else 0
                fault = f"the trail ends at row {found}, and its head says {head.clinic_seq}"
                yield AuditFault(clinic_id, head.clinic_seq, fault)
