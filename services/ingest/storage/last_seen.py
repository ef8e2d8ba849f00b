"""PURE. Which devices' last-seen is due to be written: each at most once in so many seconds.

A row that is written for every message would be the busiest row of the database and say no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class LastSeenLimiter:
    """Remembers whose last-seen was written lately.

    Bounded by the devices heard in twice the interval: what is older is due in any case, and forgotten.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._recent: dict[str, float] = {}
        self._older: dict[str, float] = {}
        self._turned_at = 0.0

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def due(self, heard: Mapping[str, float], *, monotonic_seconds: float) -> dict[str, float]:
        """Those of `heard` whose last-seen was not written within the interval."""
        before = monotonic_seconds - self._every_seconds
        recent, older = self._recent, self._older
        return {
            device_id: at
            for device_id, at in heard.items()
            if recent.get(device_id, older.get(device_id, before)) <= before
        }

    def written(self, device_ids: Iterable[str], *, monotonic_seconds: float) -> None:
        """Take note that these were written, and committed."""
        if monotonic_seconds - self._turned_at > self._every_seconds:
            self._older, self._recent, self._turned_at = self._recent, {}, monotonic_seconds
        self._recent.update(dict.fromkeys(device_ids, monotonic_seconds))
