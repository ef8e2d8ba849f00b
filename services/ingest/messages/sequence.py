"""PURE. Notices skipped sequence numbers as events come by; the metric that says "something is being lost".

A hint, made to cost next to nothing. It forgets with the process, it counts a gap that a late event closes afterwards,
and it needs to see all of a device's messages, so it means nothing where several ingestors share the work. Which
numbers are missing, the database's function `sequence_gaps` says exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.counters import steps

LARGEST_GAP: Final = 100_000
"""A jump over more numbers than this is a new counter and not a loss; the database's `gaps_in` says the same."""

_MOST_AHEAD: Final = 1_000
"""So many numbers of a device that overtook are remembered."""

_RESTART_AFTER: Final = 1_000
"""A number this far below the last one may be a counter that began again; anything nearer is late or a duplicate."""


class SequenceTracker:
    """The last sequence number of each device.

    Bounded: knows at least the `max_devices` // 2 devices heard last, and at most `max_devices`.
    """

    def __init__(self, max_devices: int = 262_144) -> None:
        self._recent: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._generation = max(1, max_devices // 2)
        self._ahead: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def overtake(self, events: Iterable[tuple[str, int | None]]) -> None:
        """Take events that came by a way of their own, before some that were sent earlier: alone they reveal nothing.

        They fill the place that they have in the count once a later number comes.
        """
        for device_id, seq in events:
            if seq is not None:
                numbers = self._ahead.setdefault(device_id, [])
                numbers.append(seq)
                del numbers[:-_MOST_AHEAD]
        if len(self._ahead) > self._generation:
            self._ahead.clear()

    def observe(self, events: Iterable[tuple[str, int | None]]) -> int:
        """Take the (device, sequence number) of one batch's events, in any order, and count the gaps they reveal.

        The first number ever heard of a device reveals nothing. Batches must come in the order of arrival.
        """
        recent = self._recent
        out_of_line: dict[str, list[int]] = {}
        for device_id, seq in events:
            if seq is None:
                continue
            if recent.get(device_id) == seq - 1:
                recent[device_id] = seq
            elif device_id in out_of_line:
                out_of_line[device_id].append(seq)
            else:
                out_of_line[device_id] = [seq]
        gaps = 0
        for device_id, numbers in out_of_line.items():
            if device_id in self._ahead:
                ahead, newest = self._ahead.pop(device_id), max(numbers)
                numbers += [seq for seq in ahead if seq < newest]
                if later := [seq for seq in ahead if seq > newest]:
                    self._ahead[device_id] = later
            last = recent.get(device_id)
            if last is None:
                last = self._older.pop(device_id, None)
            recent[device_id], found = _advance(last, numbers)
            gaps += found
        if len(recent) >= self._generation:
            self._older, self._recent = recent, {}
        return gaps


def _advance(last: int | None, numbers: list[int]) -> tuple[int, int]:
    """Put new numbers of one device behind its last one: the new last one, and the gaps between."""
    near = max(numbers) if last is None else last
    said = {_unrolled(seq, near): seq for seq in numbers}
    ordered = sorted(said)
    if last is None:
        last, gaps = _follow(ordered[0], ordered)
        return said[last], gaps
    onwards = [seq for seq in ordered if seq > last]
    again = ordered[: len(ordered) - len(onwards)]
    last, gaps = _follow(last, onwards)
    again = [seq for seq in again if _is_restart(seq, last)]
    if again:
        last, more = _follow(again[0], again)
        gaps += more
    return said.get(last, last), gaps


def _unrolled(seq: int, near: int) -> int:
    """The number as if the counter did not go round, where it did so near another one; may be below 0."""
    distance = steps(near, seq)
    return near + distance if abs(distance) <= LARGEST_GAP + 1 else seq


def _follow(last: int, ascending: list[int]) -> tuple[int, int]:
    gaps = 0
    for seq in ascending:
        gaps += 1 < seq - last <= LARGEST_GAP + 1
        last = seq
    return last, gaps


def _is_restart(seq: int, last: int) -> bool:
    """Whether the counter began again (a pump that was reset); it begins low, a late event is near."""
    return last - seq > _RESTART_AFTER and 0 <= seq * 2 < last
