"""End a connection at once, in whatever state it is.

A TLS transport that was closed twice has let go of what would end it: asyncio of Python 3.11.2, which Debian 12 has,
then fails instead of doing nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


def drop(writer: asyncio.StreamWriter) -> None:
    """What was not sent yet is lost; nothing is waited for."""
    with suppress(AttributeError):
        writer.transport.abort()
