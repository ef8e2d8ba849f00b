"""PURE. What the headers and the address of a program's request ask for, and whether they can be met.

Nothing is passed over: a parameter that is unknown or stands there twice is refused by name, with what was expected.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from services.alerts.wording import near_names

JSON: Final = "application/json"
MOST_FAULTS: Final = 20
"""So many faults of one request are named."""
_LONGEST_SHOWN: Final = 80
_READ_AT: Final = re.compile(rb'\A\{"read_at":"[^"]*",')
"""With which each answer begins: when it was true. All else of it is the same as long as nothing has changed."""
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_NOTHING: Final = re.compile(r"0(?:\.0{0,3})?")


def faults_of_parameters(given: Iterable[tuple[str, str]], known: Sequence[str]) -> list[dict[str, str]]:
    """What is wrong with the names of the parameters: each that is unknown, and each that stands there twice."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name, _ in given:
        if len(found) == MOST_FAULTS:
            break
        if name not in known:
            shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
            expected = f"expected one of {', '.join(known)}" if known else "expected none"
            found[shown] = f"there is no parameter {shown!r}{near_names(shown, known)}: {expected}"
        elif name in seen:
            found[name] = f"{name} stands in the address twice: expected it once"
        seen.add(name)
    return [{"parameter": name, "detail": detail} for name, detail in found.items()]


def takes_json(accept: str) -> bool:
    """Tell whether an `Accept` header lets an answer be JSON; an empty one lets it be anything."""
    best: tuple[int, bool] = (-1, not accept.strip())
    for each in accept.split(","):
        media, _, rest = each.partition(";")
        closeness = {"*/*": 0, "application/*": 1, JSON: 2}.get(media.strip().lower(), -1)
        if closeness >= best[0] and closeness >= 0:  # the one that says most of JSON counts
            best = (closeness, not _is_refused(rest))
    return best[1]


def is_json(content_type: str) -> bool:
    """Tell whether a `Content-Type` is JSON, or JSON of a kind."""
    media = content_type.partition(";")[0].strip().lower()
    return media == JSON or (media.startswith("application/") and media.endswith("+json"))


def has_body(content_length: str | None, transfer_encoding: str | None) -> bool:
    """Tell whether a request brings a body, by its headers."""
    return transfer_encoding is not None or (content_length or "0").strip() != "0"


def etag_of(body: bytes) -> str:
    """What an answer is called, as long as nothing in it has changed but the moment at which it was read.

    Weak (RFC 9110, section 8.8.1): two answers of one name say the same, and are not the same to the byte.
    """
    content = _READ_AT.sub(b"{", body, count=1)
    return f'W/"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def is_known(if_none_match: str, etag: str) -> bool:
    """Tell whether a program has this answer already: one of those that it names, weakly compared, or any (`*`)."""
    if if_none_match.strip() == "*":
        return True
    wanted = etag.removeprefix("W/").strip('"')
    return any(match[1] == wanted for match in _TAG.finditer(if_none_match))


def _is_refused(parameters: str) -> bool:
    """Whether a range of media stands there with the weight 0: it is what is not wanted."""
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            return _NOTHING.fullmatch(value.strip()) is not None
    return False
