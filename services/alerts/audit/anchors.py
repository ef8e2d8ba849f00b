"""PURE. Anchors: where each clinic's chain ended at a moment, signed, and kept where the database's owner cannot write.

Whoever can rewrite the whole trail can make it follow from itself again; it then no longer ends in what an anchor saw.
An anchor is one line of JSON with an HMAC-SHA256 of the rest. Who holds the key can make anchors: it is kept from the
database, and so are the anchors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from services.alerts.audit.chain import DATED_WITHIN, AuditFault, AuditHead, AuditRow, FaultKind

MARK: Final = "pumpwatch_audit_anchor"
"""The key of the format's number: lines without it, as in a log of other things too, are passed over."""
SHORTEST_KEY_BYTES: Final = 16
_FORMAT: Final = 1


class AnchorError(ValueError):
    """A line is no anchor, or was not signed with this key; the message says which."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What one process saw of every clinic's chain."""

    seen_at: datetime
    """By the clock of the process, which is not that of the database."""
    seen_by: str
    heads: tuple[AuditHead, ...]

    def line(self, key: bytes) -> str:
        """As it is kept: one line of ASCII, without the line's end."""
        content = {
            MARK: _FORMAT,
            "seen_at": self.seen_at.isoformat(),
            "seen_by": self.seen_by,
            "heads": {head.clinic_id: [head.clinic_seq, head.row_hash.hex()] for head in self.heads},
        }
        return json.dumps(content | {"hmac": _signature(content, key)}, sort_keys=True)


def _signature(content: Mapping[str, object], key: bytes) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def read_anchor(line: str, key: bytes) -> Anchor | None:
    """The anchor of a line, which may have a log's date before it; None: the line is about something else.

    Raises:
        AnchorError: It was changed, was signed with another key, or cannot be read.
    """
    if MARK not in line:
        return None
    try:
        content: dict[str, Any] = json.loads(line[line.index("{") :])
        signature = str(content.pop("hmac"))
        heads = content["heads"].items()
        anchor = Anchor(
            datetime.fromisoformat(content["seen_at"]),
            str(content["seen_by"]),
            tuple(AuditHead(clinic_id, int(number), bytes.fromhex(digest)) for clinic_id, (number, digest) in heads),
        )
        moment_is_known = anchor.seen_at.utcoffset() is not None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = "cannot be read: it was cut off or changed"
        raise AnchorError(msg) from error
    if content[MARK] != _FORMAT or not moment_is_known:
        msg = f"is of a format that this release does not know; expected {_FORMAT}"
        raise AnchorError(msg)
    if not hmac.compare_digest(signature.encode(), _signature(content, key).encode()):
        msg = "was changed, or signed with another key"
        raise AnchorError(msg)
    return anchor


@dataclass(slots=True)
class _Seen:
    """What the anchors say of one clinic, by row; the row's hashes, and between which moments it was written."""

    rows: list[int] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    not_before: list[datetime] = field(default_factory=list)
    """The newest moment at which a row up to this one was the last."""
    not_after: list[datetime] = field(default_factory=list)
    """The oldest moment at which this row or a later one was the last."""
    broken: bool = False


class AnchorCheck:
    """Compares a trail with anchors of it, row by row in the order of clinic and number."""

    def __init__(self, anchors: Iterable[Anchor], clinic_id: str | None = None) -> None:
        by_clinic: dict[str, list[tuple[int, datetime, bytes]]] = {}
        for anchor in anchors:
            for head in anchor.heads:
                if clinic_id in (None, head.clinic_id):
                    seen = (head.clinic_seq, anchor.seen_at, head.row_hash)
                    by_clinic.setdefault(head.clinic_id, []).append(seen)
        self._seen = {clinic: _seen(sorted(heads)) for clinic, heads in by_clinic.items()}
        self._last: dict[str, int] = {}

    def faults_of(self, row: AuditRow) -> Iterator[AuditFault]:
        """What the anchors say against the next row; only the first row of a clinic that is another one is told."""
        self._last[row.clinic_id] = row.clinic_seq
        seen = self._seen.get(row.clinic_id)
        if seen is None or seen.broken:
            return
        place = bisect_left(seen.rows, row.clinic_seq)
        if row.recorded_at is not None:
            yield from (_fault(row, text) for text in _outside(row.recorded_at, seen, place))
        while place < len(seen.rows) and seen.rows[place] == row.clinic_seq:
            if seen.hashes[place] != row.row_hash:
                seen.broken = True
                yield _fault(
                    row,
                    f"is not the row that was seen {seen.moments[place].isoformat()}: it, or one before it, was "
                    "changed, put in or taken out, or the database was put back to an older state and went on",
                )
                return
            place += 1

    def faults_of_ends(self) -> Iterator[AuditFault]:
        """What was seen and is no longer there, once every row was looked at."""
        for clinic_id in sorted(self._seen):
            seen, last = self._seen[clinic_id], self._last.get(clinic_id, 0)
            if seen.rows[-1] > last:
                moment = seen.moments[-1].isoformat()
                fault = (
                    f"the trail ends at row {last}, and this row was seen {moment}: rows were cut off, or the database "
                    "was put back to an older state"
                )
                yield AuditFault(clinic_id, seen.rows[-1], fault, FaultKind.ANCHOR)


def _seen(heads: list[tuple[int, datetime, bytes]]) -> _Seen:
    rows, moments, hashes = (list(column) for column in zip(*heads, strict=True))
    not_before = list(accumulate(moments, max))
    not_after = list(accumulate(reversed(moments), min))[::-1]
    return _Seen(rows, hashes, moments, not_before, not_after)


def _outside(recorded_at: datetime, seen: _Seen, place: int) -> Iterator[str]:
    if place and recorded_at < seen.not_before[place - 1] - DATED_WITHIN:
        moment = seen.not_before[place - 1].isoformat()
        yield f"says that it was written {recorded_at.isoformat()}, and it was not there yet at {moment}"
    if place < len(seen.rows) and recorded_at > seen.not_after[place] + DATED_WITHIN:
        moment = seen.not_after[place].isoformat()
        yield f"says that it was written {recorded_at.isoformat()}, and it was there already at {moment}"


def _fault(row: AuditRow, text: str) -> AuditFault:
    return AuditFault(row.clinic_id, row.clinic_seq, text, FaultKind.ANCHOR)
