"""Passwords as they are kept: Argon2id, with its parameters in the text.

Guarantee: at most `_AT_ONCE` are worked on at a time, so that many sign-ins at once take no more memory; to check the
password of nobody takes as long as that of somebody.
"""

from __future__ import annotations

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE: Final = 2
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""19 MiB and two passes: the least that OWASP's Password Storage Cheat Sheet takes for Argon2id."""
_OF_NOBODY: Final = _HASHER.hash("of nobody")


class Passwords:
    """Makes and checks them, beside the loop. Made once for a process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def hash_of(self, password: str) -> str:
        """What is kept of a password."""
        async with self._turn:
            return await asyncio.to_thread(_HASHER.hash, password.encode(errors="surrogatepass"))

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one that is kept; None: nothing is, and it takes as long to say no."""
        async with self._turn:
            return await asyncio.to_thread(_is_right, password.encode(errors="surrogatepass"), kept)


def _is_right(password: bytes, kept: str | None) -> bool:
    try:
        return _HASHER.verify(kept or _OF_NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
