"""Reads a YAML file that people write: a clinic's policy, its rotas.

Guarantees: whatever lies there, it is what was expected or a `PartFileError` with every fault (the first 20), its line
and what was expected; only a regular file of at most 256 kB is read, so that it cannot take long or much memory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from schemas.faults.expectations import EXPECTED, sentence
from schemas.yaml_lines import Lined, YamlFaultError, read_yaml, visible, visible_path

LARGEST_BYTES: Final = 256_000
MOST_FAULTS: Final = 20

_IN_YAML: Final[Mapping[str, str]] = {
    name: {"an object": "a mapping", "an array": "a list"}.get(words, words) for name, words in EXPECTED.items()
}
_SHOWN: Final = frozenset({"bool", "enum", "finite", "float", "greater", "int", "less", "literal"})
"""By the first word of a type of error: of a number or a choice it is told what stood there. Of a text it is not, as it
may be an address with a password."""

Read = TypeVar("Read")


class PartFileError(ValueError):
    """The file cannot be used; the message names each fault, its line and what was expected."""


def file_content(path: Path, what: str) -> bytes:
    """The bytes of a file; `what` is what it should be, such as "policy".

    Raises:
        PartFileError: It cannot be read, is no regular file, is too large, or was written to meanwhile.
    """
    name = visible_path(path)
    try:
        # Not blocking: to open a pipe would wait for somebody who writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                msg = f"{name}: cannot be read: is no regular file"
                raise PartFileError(msg)
            content = file.read(LARGEST_BYTES + 1)
            after = os.fstat(descriptor)
    except OSError as error:
        msg = f"{name}: cannot be read: {error.strerror}"
        raise PartFileError(msg) from error
    if len(content) > LARGEST_BYTES:
        msg = f"{name}: is larger than {LARGEST_BYTES // 1000} kB; expected a {what} of some kB"
        raise PartFileError(msg)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        msg = f"{name}: was written to while it was read; it is read again"
        raise PartFileError(msg)
    return content


def parse_part(content: bytes, name: str, validate: Callable[[Any], Read]) -> tuple[Read, Lined]:
    """What a file's bytes say, and where; the file is called `name`, and `validate` is a Pydantic model's.

    Raises:
        PartFileError: It is no YAML, or breaks a rule; each fault on a line of its own that begins with the file and
            the line it is about.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{name}:{line}: is not valid YAML: not UTF-8 at byte {error.start}; expected a text saved as UTF-8"
        raise PartFileError(msg) from error
    try:
        lined = read_yaml(text)
    except YamlFaultError as error:
        msg = f"{name}:{error.line}: is not valid YAML: {error}"
        raise PartFileError(msg) from error
    if lined.values is None:
        msg = f"{name}:1: says nothing; expected at least the clinic_id"
        raise PartFileError(msg)
    try:
        return validate(lined.values), lined
    except ValidationError as error:
        raise PartFileError("\n".join(_faults(error, lined, name))) from error


def _faults(error: ValidationError, lined: Lined, name: str) -> list[str]:
    faults = error.errors(include_url=False)
    beneath = {fault["loc"][:length] for fault in faults for length in range(len(fault["loc"]))}
    found = []
    for fault in faults:
        if fault["type"] == "too_short" and fault["loc"] in beneath:
            continue  # the list is not too short: its items are refused
        found.append(_fault(fault, lined))
    more = len(found) - MOST_FAULTS
    said = [f"{name}:{line}: {text}" for line, text in sorted(found)[:MOST_FAULTS]]
    return [*said, f"{name}: and {more} more faults"] if more > 0 else said


def _fault(fault: Any, lined: Lined) -> tuple[int, str]:
    # "[key]" marks a fault of a mapping's key, and is no place in the file.
    place = tuple(level for level in fault["loc"] if level != "[key]")
    what = visible(".".join(str(level) for level in place)) or "file"
    shows = fault["type"].split("_")[0] in _SHOWN and not isinstance(fault["input"], dict | list)
    return lined.line_of(place), f"{what}: {visible(sentence(fault, shows=shows, words=_IN_YAML), 400)}"
