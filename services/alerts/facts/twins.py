"""PURE. A request that two devices of one pump hand in is one request.

Two handhelds of a pump, or a pump and its handheld, may each read the same press out of the pump's log and send it as
an event of its own, some seconds apart. Two deliveries by one pump are never closer than the lockout that is programmed
(docs/domain.md section 2), so a delivery that another device tells within the lockout of one is that one. Where no
lockout is known, and for presses that were refused, the two must be within a minute. One device's own are never taken
together; nor is `comm_failure`, of which only the handheld itself knows.

Failure modes: what was delivered under a shorter lockout, before the one that is programmed now, may be taken together;
of handhelds whose clocks differ by more than the lockout, nothing is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from schemas.events import BolusOutcome

TWIN_SECONDS: Final = 60.0
"""So far apart may clocks and transfers put the two where no lockout parts requests (GK)."""

_DELIVERED: Final = BolusOutcome.DELIVERED.value
_OWN: Final = BolusOutcome.COMM_FAILURE.value


def once(requests: Iterable[tuple[float, str, str]], lockout_minutes: int | None) -> list[tuple[float, str]]:
    """Give each press once, as (seconds since 1970, outcome), in their order.

    Args:
        requests: Seconds since 1970, outcome and device of each, in any order.
        lockout_minutes: As programmed now; None or 0: none is known.
    """
    lockout_seconds = 60.0 * lockout_minutes if lockout_minutes else TWIN_SECONDS
    found: list[tuple[float, str]] = []
    lately: defaultdict[str, list[tuple[float, set[str]]]] = defaultdict(list)
    for at, outcome, device_id in sorted(requests):
        if outcome != _OWN:
            within = lockout_seconds if outcome == _DELIVERED else TWIN_SECONDS
            near = [each for each in lately[outcome] if at - each[0] < within]
            told_by = next((devices for _, devices in near if device_id not in devices), None)
            if told_by is not None:
                told_by.add(device_id)
                lately[outcome] = near
                continue
            lately[outcome] = [*near, (at, {device_id})]
        found.append((at, outcome))
    return found
