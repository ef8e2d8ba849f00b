"""Reads a clinic's policy file, YAML.

Guarantee: what cannot be used is refused with every fault, its line and what was expected.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from schemas.policy import Policy
from schemas.yaml_lines import Lined, YamlFaultError, read_yaml


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
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise PolicyError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not valid YAML: not UTF-8 at byte {error.start}"
        raise PolicyError(msg) from error
    try:
        lined = read_yaml(text)
    except YamlFaultError as error:
        msg = f"{path}:{error.line}: is not valid YAML: {error}"
        raise PolicyError(msg) from error
    try:
        return Policy.model_validate(lined.values or {}), lined
    except ValidationError as error:
        raise PolicyError("\n".join(_faults(error, lined, path))) from error


def _faults(error: ValidationError, lined: Lined, path: Path) -> list[str]:
    faults = error.errors(include_url=False, include_input=False)
    found = []
    for fault in faults:
        beneath = [each for each in faults if each["loc"][: len(fault["loc"])] == fault["loc"] and each is not fault]
        if fault["type"] == "too_short" and beneath:
            continue  # the list is not too short: its items are refused
        # "[key]" marks a fault of a mapping's key, and is no place in the file.
        place = tuple(level for level in fault["loc"] if level != "[key]")
        name = ".".join(str(level) for level in place) or "file"
        found.append((lined.line_of(place), f"{name}: {fault['msg'].removeprefix('Value error, ')}"))
    return [f"{path}:{line}: {text}" for line, text in sorted(found)]
