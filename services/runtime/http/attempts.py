"""PURE. Wrong passwords, counted by where they come from.

Who has guessed too often is answered nothing for a while, whatever they bring, unless the right password came from
there lately: so a stranger who guesses behind a hospital's one address locks nobody out who works there.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from typing import Final

_MOST: Final = 20
_WITHIN_SECONDS: Final = 60.0
_KNOWN_SECONDS: Final = 12 * 3600.0
_MOST_PLACES: Final = 10_000


def place_of(host: str) -> str:
    """Whose attempts count together: an IPv4 address, or a network of IPv6, as one customer has all of it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Attempts:
    """What is known of the places that tried. Bounded: the place that tried longest ago is forgotten first."""

    def __init__(
        self,
        *,
        most: int = _MOST,
        within_seconds: float = _WITHIN_SECONDS,
        known_seconds: float = _KNOWN_SECONDS,
        most_places: int = _MOST_PLACES,
    ) -> None:
        self._most = most
        self._within_seconds = within_seconds
        self._known_seconds = known_seconds
        self._most_places = most_places
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._right: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, place: str, now: float) -> float:
        """For how long nothing that comes from there is looked at; 0: it is. `now` in seconds of one steady clock."""
        wrong = self._wrong.get(place)
        if wrong is None or len(wrong) < self._most or self.is_known(place, now):
            return 0.0
        return max(0.0, wrong[0] + self._within_seconds - now)

    def is_known(self, place: str, now: float) -> bool:
        """Whether the right one came from there lately."""
        right = self._right.get(place)
        return right is not None and now - right < self._known_seconds

    def was_wrong(self, place: str, now: float) -> None:
        """Remember a wrong one."""
        wrong = self._wrong.setdefault(place, deque(maxlen=self._most))
        wrong.append(now)
        _keep(self._wrong, place, self._most_places)

    def was_right(self, place: str, now: float) -> None:
        """Remember that the right one came."""
        self._right[place] = now
        _keep(self._right, place, self._most_places)


def _keep(places: OrderedDict[str, deque[float]] | OrderedDict[str, float], place: str, most: int) -> None:
    places.move_to_end(place)
    if len(places) > most:
        places.popitem(last=False)
