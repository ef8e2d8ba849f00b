"""PURE. What is wrong with a program's request, field by field, from what the validation of it says.

What was sent is not repeated: it may be what no answer can hold, or a patient's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.faults.expectations import sentence
from services.alerts.web.programs.negotiation import MOST_FAULTS

_BODY: Final = "body"


def faults_of_fields(said: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each fault with the parameter, or the place in the body, that it is about; at most `MOST_FAULTS`."""
    return [_fault(each) for each in said[:MOST_FAULTS]]


def in_a_sentence(faults: Sequence[Mapping[str, str]], in_all: int) -> str:
    """The first of them, and how many there are."""
    if not faults:
        return "the request is not understood"
    first = faults[0]
    where = first.get("parameter") or first.get("pointer", "#").removeprefix("#/").replace("/", ".")
    named = f"{where}: {first['detail']}" if where not in ("", "#") else first["detail"]
    return named if in_all == 1 else f"{named} (and {in_all - 1} more)"


def _fault(said: Mapping[str, Any]) -> dict[str, str]:
    where, *names = said["loc"]
    if said["type"] == "json_invalid":
        reason = (said.get("ctx") or {}).get("error", "")
        return {"pointer": "#", "detail": f"expected JSON: {reason}, at character {names[0] if names else 0}"}
    detail = sentence(said)
    if where == _BODY:
        return {"pointer": "#" + "".join(f"/{_escaped(each)}" for each in names), "detail": detail}
    return {"parameter": ".".join(map(str, names)) or str(where), "detail": detail}


def _escaped(name: object) -> str:
    """A name as a JSON Pointer has it (RFC 6901, section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")
