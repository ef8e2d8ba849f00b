"""Reads a clinic's policy file, YAML.

Guarantees: whatever lies there, it is a policy or a `PolicyError` with every fault (the first 20), its line and what
was expected; only a regular file of at most 256 kB is read, so that it cannot take long or much memory.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from schemas.policy import Policy
from schemas.yaml_lines import Lined, YamlFaultError, read_yaml, visible, visible_path

LARGEST_BYTES: Final = 256_000
MOST_FAULTS: Final = 20


class PolicyError(ValueError):
    """The policy file cannot be used; the message names each fault, its line and what was expected."""


def load_policy(path: Path) -> Policy:
    """Read one policy file.

    Raises:
        PolicyError: The file cannot be read, is no YAML, or breaks a rule; each fault on a line of its own that begins
            with the file and the line it is about.
    """
    return load_with_lines(path)[0]


def load_with_lines(path: Path) -> tuple[Policy, Lined]:
    """Read one policy file, and tell where in it each thing stands; raises as `load_policy` does."""
    name = visible_path(path)
    return parse_policy(_content(path, name), name)


def parse_policy(content: bytes, name: str) -> tuple[Policy, Lined]:
    """A policy from a file's bytes; raises as `load_policy` does, and calls the file `name`."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{name}:{line}: is not valid YAML: not UTF-8 at byte {error.start}; expected a text saved as UTF-8"
        raise PolicyError(msg) from error
    try:
        lined = read_yaml(text)
    except YamlFaultError as error:
        msg = f"{name}:{error.line}: is not valid YAML: {error}"
        raise PolicyError(msg) from error
    if lined.values is None:
        msg = f"{name}:1: says nothing; expected at least the clinic_id"
        raise PolicyError(msg)
    try:
        policy = Policy.model_validate(lined.values)
    except ValidationError as error:
        raise PolicyError("\n".join(_faults(error, lined, name))) from error
    if "clinic_id" not in policy.model_fields_set:
        msg = f"{name}:1: clinic_id: is missing; expected the clinic that this file is for, or default"
        raise PolicyError(msg)
    return policy, lined


def _content(path: Path, name: str) -> bytes:
    try:
        # Not blocking: to open a pipe would wait for somebody who writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                msg = f"{name}: cannot be read: is no regular file"
                raise PolicyError(msg)
            content = file.read(LARGEST_BYTES + 1)
            after = os.fstat(descriptor)
    except OSError as error:
        msg = f"{name}: cannot be read: {error.strerror}"
        raise PolicyError(msg) from error
    if len(content) > LARGEST_BYTES:
        msg = f"{name}: is larger than {LARGEST_BYTES // 1000} kB; expected a policy of some kB"
        raise PolicyError(msg)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        msg = f"{name}: was written to while it was read; it is read again"
        raise PolicyError(msg)
    return content


def _faults(error: ValidationError, lined: Lined, name: str) -> list[str]:
    faults = error.errors(include_url=False, include_input=False)
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
    return lined.line_of(place), f"{what}: {visible(fault['msg'].removeprefix('Value error, '), 400)}"
