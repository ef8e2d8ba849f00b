"""Reads the certificates that the broker has (ALERTS_BROKER_CERTIFICATES); what they say is `endings`'s to judge."""

from __future__ import annotations

from pathlib import Path

from services.alerts.health.endings import FILES, Ending, endings


def read_endings(folder: Path | None) -> tuple[Ending, ...]:
    """Until when each file of the folder is good; nothing where no folder is named."""
    if folder is None:
        return ()
    return endings({what: _read(folder / name) for what, name in FILES.items()})


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
