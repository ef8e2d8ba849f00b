"""Anchors of the audit trail are left where the site says: in a file, in a folder, or in syslog.

Guarantees: each anchor is one write, and a file is flushed to the disk; a place that hangs, is full or is gone holds up
no page, and is logged and counted each time; a file of anchors is made readable for its owner alone.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from services.alerts.audit.anchors import SHORTEST_KEY_BYTES, Anchor, AnchorError, read_anchor
from services.alerts.audit.store import last_rows
from services.alerts.policy_files.blocking import within
from services.alerts.resources import Resources
from services.alerts.settings import AlertsSettings
from services.runtime.database import UNAVAILABLE, borrow, plainly

SYSLOG: Final = re.compile(r"^syslog(?::(?P<address>/.+))?$")
_SYSLOG_SOCKET: Final = "/dev/log"
_AUTH_INFO: Final = 4 * 8 + 6
"""Facility and severity of a message, as syslog numbers them."""
_CLINICS_A_MESSAGE: Final = 20
"""Syslog daemons cut messages off, some at 2 kB."""
_ANSWER_SECONDS: Final = 30.0
_WRITE_SECONDS: Final = 30.0

log = structlog.get_logger()


class KeyFault(ValueError):  # noqa: N818 - it names what is wrong with the key
    """The key cannot be used; the message says why, and never what it is."""


def read_key(content: bytes, where: str) -> bytes:
    """The key in what a file or a setting holds, without the space around it.

    Raises:
        KeyFault: It is too short.
    """
    key = content.strip()
    if len(key) < SHORTEST_KEY_BYTES:
        msg = f"{where}: expected a key of at least {SHORTEST_KEY_BYTES} characters; found {len(key)}"
        raise KeyFault(msg)
    return key


async def keep_anchoring(resources: Resources) -> None:
    """Leave an anchor now and then until cancelled; returns at once when no place for them is set."""
    settings = resources.settings
    if settings.audit_anchors is None:
        return
    while True:
        try:
            await anchor_once(resources)
        except UNAVAILABLE as error:
            _failed(resources, plainly(error))
        except KeyFault as error:
            _failed(resources, str(error))
        await asyncio.sleep(settings.audit_anchor_seconds)


async def anchor_once(resources: Resources) -> None:
    """Leave one anchor; what the place refuses is logged and counted.

    Raises:
        KeyFault: There is no key that can be used.
        One of `services.runtime.database.UNAVAILABLE`.
    """
    settings = resources.settings
    place = settings.audit_anchors
    assert place is not None  # noqa: S101 - who calls has looked
    async with borrow(resources.pool, within_seconds=_ANSWER_SECONDS) as connection:
        heads = await last_rows(connection)
    anchor = Anchor(resources.clock(), resources.worker_id, heads)
    try:
        await within(_WRITE_SECONDS, lambda: leave(anchor, place, _key(settings)))
    except (OSError, TimeoutError) as error:
        _failed(resources, str(error) or "the place of the anchors does not answer")
    else:
        resources.metrics.audit_anchors.labels("left").inc()


def _failed(resources: Resources, why: str) -> None:
    resources.metrics.audit_anchors.labels("failed").inc()
    log.warning("audit_anchor_not_left", place=resources.settings.audit_anchors, error=why)


def _key(settings: AlertsSettings) -> bytes:
    if settings.audit_key_file is not None:
        return read_key(settings.audit_key_file.read_bytes(), "ALERTS_AUDIT_KEY_FILE")
    return read_key(settings.audit_key.get_secret_value().encode() if settings.audit_key else b"", "ALERTS_AUDIT_KEY")


def leave(anchor: Anchor, place: str, key: bytes) -> None:
    """Write one anchor to `place`: a folder gets a file for each, a file a line, syslog a message."""
    if match := SYSLOG.fullmatch(place):
        for at in range(0, max(1, len(anchor.heads)), _CLINICS_A_MESSAGE):
            part = replace(anchor, heads=anchor.heads[at : at + _CLINICS_A_MESSAGE])
            _tell_syslog(part.line(key), match["address"] or _SYSLOG_SOCKET)
        return
    path, line = Path(place), anchor.line(key)
    if path.is_dir():
        name = f"audit-anchor-{anchor.seen_at:%Y%m%dT%H%M%S.%fZ}-{re.sub(r'[^A-Za-z0-9.-]', '_', anchor.seen_by)}.json"
        _write(path / name, line, os.O_EXCL)
    else:
        _write(path, line, os.O_APPEND)


def _write(path: Path, line: str, how: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tell_syslog(line: str, address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log_socket:
        log_socket.sendto(f"<{_AUTH_INFO}>pumpwatch: {line}".encode(), address)


def read_anchors(path: Path, key: bytes) -> Iterator[Anchor | str]:
    """The anchors of a file, or of every file of a folder; for one that is none, what is wrong with it and where.

    Raises:
        OSError: There is no such file or folder, or it cannot be read.
    """
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    anchor = read_anchor(line, key)
                except AnchorError as error:
                    yield f"{file}:{number}: this anchor {error}"
                else:
                    if anchor is not None:
                        yield anchor
