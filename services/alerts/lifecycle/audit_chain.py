"""PURE. Is a chain of audit rows whole? Every row carries the hash of the one before it in its clinic.

A changed row no longer gives its own hash; a missing row leaves a gap in the numbers and a hash that nothing precedes;
a missing end is seen by the clinic's head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the chain needs of one audit row; `computed_hash` is what its content gives now."""

    clinic_id: str
    clinic_seq: int
    previous_hash: bytes
    row_hash: bytes
    computed_hash: bytes


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


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How many rows were looked at, what is wrong, and where each clinic's chain ends."""

    rows: int
    faults: tuple[AuditFault, ...]
    heads: tuple[AuditHead, ...]


class ChainCheck:
    """Follows chains row by row, ordered by clinic and number; holds one row at a time."""

    def __init__(self) -> None:
        self.rows = 0
        self._ends: dict[str, AuditHead] = {}

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
            yield AuditFault(row.clinic_id, row.clinic_seq, "was changed after it was written")
        self._ends[row.clinic_id] = AuditHead(row.clinic_id, row.clinic_seq, row.row_hash)

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
