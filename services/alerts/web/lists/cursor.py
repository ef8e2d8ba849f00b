"""PURE. Where a list goes on that is read in parts: after the last alert of the part before.

So that however many alerts open and close meanwhile, none that was there all the time is left out.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.alerts.web.lists.asked import NotUnderstood

_LONGEST: Final = 500
_PARTS: Final = 4
_MOST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Place:
    """Of one alert in the order of a list: what it is sorted by, and its own name."""

    pump: str
    urgency: int
    at: int
    alert_id: UUID

    @property
    def text(self) -> str:
        """As it stands in an address."""
        said = json.dumps([self.pump, self.urgency, self.at, str(self.alert_id)], separators=(",", ":"))
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def place_of(text: str) -> Place:
    """Read what `Place.text` gave.

    Raises:
        NotUnderstood: It gave it not.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        said = json.loads(base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", altchars=b"-_", validate=True))
        if not isinstance(said, list) or len(said) != _PARTS:
            raise ValueError
        pump, urgency, at, alert_id = said
        if type(pump) is not str or type(urgency) is not int or type(at) is not int or type(alert_id) is not str:
            raise ValueError
        if not (0 <= urgency < 100 and abs(at) < _MOST and pump.isprintable()):
            raise ValueError
        return Place(pump, urgency, at, UUID(alert_id))
    except (ValueError, binascii.Error, RecursionError):
        msg = "this cursor is of no list: expected the next_cursor of an answer, as it was"
        raise NotUnderstood(msg) from None
