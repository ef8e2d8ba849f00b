"""PURE. How fast passwords of one account can be tried: it slows who guesses, and locks nobody out.

After `most` wrong ones within `within_seconds`, an account is looked at again when the oldest of them is that old.
Where its right password came from lately, it is looked at at once: who guesses elsewhere does not keep its owner out.
"""

from __future__ import annotations

from typing import Final

from services.runtime.http.attempts import Attempts

_MOST: Final = 5
_WITHIN_SECONDS: Final = 30.0


class Pace:
    """What is known of the accounts that were tried, of those that do not exist as well. Bounded."""

    def __init__(self, *, most: int = _MOST, within_seconds: float = _WITHIN_SECONDS) -> None:
        self._accounts = Attempts(most=most, within_seconds=within_seconds)
        self._pairs = Attempts(most=most, within_seconds=within_seconds)

    def wait_seconds(self, account: str, place: str, now: float) -> float:
        """For how long no password of the account is looked at from there; 0: it is. `now`: of one steady clock."""
        if self._pairs.is_known(_pair(account, place), now):
            return self._pairs.wait_seconds(_pair(account, place), now)
        return self._accounts.wait_seconds(account, now)

    def was_wrong(self, account: str, place: str, now: float) -> None:
        """Remember a wrong password."""
        if not self._pairs.is_known(_pair(account, place), now):
            self._accounts.was_wrong(account, now)

    def was_right(self, account: str, place: str, now: float) -> None:
        """Remember that the right one came from there."""
        self._pairs.was_right(_pair(account, place), now)


def _pair(account: str, place: str) -> str:
    return f"{account}\n{place}"
