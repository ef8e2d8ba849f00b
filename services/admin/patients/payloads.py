"""PURE. Of the bytes that a device sent and that stand in no table of events: which are about the patient?

A message may hold events of two patients, as a log that is handed in late does. It is told apart event by event, by the
moment at which each is judged to have happened; what cannot be read belongs to who had the device when it came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.admin.patients.model import Span

BELIEVED: Final = timedelta(days=400)
"""What is dated further back than any upload comes was dated by a clock that is wrong, and counts as of its receipt."""


def split(
    payload: bytes, device_id: str, received_at: datetime, spans: Sequence[Span]
) -> tuple[bytes | None, bytes | None]:
    """What of a message is about the patient, and what is not; None: nothing of it.

    Args:
        payload: One event, an array of them, or bytes that are neither.
        device_id: Who sent it.
        received_at: When it first came.
        spans: When which device reported about the patient.
    """
    own = [span for span in spans if span.device_id == device_id]
    content = _content(payload)
    if not isinstance(content, list):
        return (payload, None) if _theirs(content, received_at, own) else (None, payload)
    theirs = [each for each in content if _theirs(each, received_at, own)]
    others = [each for each in content if not _theirs(each, received_at, own)]
    if not content:
        return (payload, None) if _theirs(None, received_at, own) else (None, payload)
    if not theirs or not others:
        return (payload, None) if theirs else (None, payload)
    return json.dumps(theirs).encode(), json.dumps(others).encode()


def _content(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _theirs(event: Any, received_at: datetime, own: Sequence[Span]) -> bool:
    moment = _judged(event, received_at)
    return any(span.since <= moment < span.until for span in own)


def _judged(event: Any, received_at: datetime) -> datetime:
    observed = event.get("observed_at") if isinstance(event, dict) else None
    if not isinstance(observed, str):
        return received_at
    try:
        at = datetime.fromisoformat(observed)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at if received_at - BELIEVED <= at <= received_at else received_at
    except (ValueError, OverflowError):
        return received_at
