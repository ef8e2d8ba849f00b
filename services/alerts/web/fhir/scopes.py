"""PURE. What a key may read, in the words of SMART App Launch 2.0 for systems: `system/Observation.rs`, `system/*.rs`.

`r` is reading by id, `s` searching; `.read` of version 1 is both. Nothing here can be written, so nothing that writes
is a scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

RESOURCES: Final = ("Communication", "DetectedIssue", "Device", "DeviceMetric", "Flag", "Observation")
OF_THE_API: Final = ("alerts.read", "alerts.act", "on-call.read", "refills.read")
"""What opens /v1: reading alerts, acting on them (which holds reading), who is on call, and when refills are."""
_SCOPE: Final = re.compile(r"system/(?P<resource>\*|[A-Za-z]+)\.(?P<may>r?s?|read)")


class ScopeError(ValueError):
    """A scope that is none; the message says what was expected."""


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes, each once.

    Raises:
        ScopeError: One is none of ours.
    """
    found = tuple(dict.fromkeys(scopes))
    for scope in found:
        if scope in OF_THE_API:
            continue
        match = _SCOPE.fullmatch(scope)
        if match is None or not match["may"] or match["resource"] not in ("*", *RESOURCES):
            msg = (
                f"{scope!r} is no scope: expected system/ and one of {', '.join(RESOURCES)} or *, "
                f"then .r (read by id), .s (search), .rs or .read; or one of {', '.join(OF_THE_API)}"
            )
            raise ScopeError(msg)
    if not found:
        msg = "expected at least one scope, such as system/Observation.rs"
        raise ScopeError(msg)
    return found


def allows(scopes: Iterable[str], resource: str, may: str) -> bool:
    """Whether the scopes let a program read (`r`) or search (`s`) a kind of resource."""
    for scope in scopes:
        match = _SCOPE.fullmatch(scope)
        if match and match["resource"] in ("*", resource) and (match["may"] == "read" or may in match["may"]):
            return True
    return False
