"""Errors as programs read them: `application/problem+json` (RFC 9457). Which kinds there are, each service says itself.

Guarantee: whatever the words hold, they can be written down: what is no Unicode is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
_NO_KEY: Final = 401
CHALLENGE: Final = 'Bearer realm="Pumpwatch"'


class Kind(Protocol):
    """A kind of error."""

    @property
    def uri(self) -> str:
        """Its name, by which a program decides."""

    @property
    def status(self) -> int:
        """The status of the answer."""

    @property
    def heading(self) -> str:
        """The same in a few words."""


def problem(
    kind: Kind,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    instance: str | None = None,
) -> Response:
    """An answer that says what was wrong and what was expected.

    Args:
        kind: Of error.
        detail: In a sentence, this time.
        errors: Each thing that was wrong, with its `detail` and its `parameter` or `pointer`.
        headers: That the answer has beside its own.
        instance: What this one time is called in the log.
    """
    said: dict[str, object] = {"type": kind.uri, "title": kind.heading, "status": kind.status, "detail": detail}
    if instance is not None:
        said["instance"] = instance
    if errors:
        said["errors"] = [dict(each) for each in errors]
    needed = {"WWW-Authenticate": CHALLENGE} if kind.status == _NO_KEY else {}
    return Response(json.dumps(said), kind.status, needed | dict(headers or {}), media_type=MEDIA_TYPE)
