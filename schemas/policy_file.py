"""Reads a clinic's policy file, YAML.

Guarantees: whatever lies there, it is a policy or a `PolicyError` with every fault (the first 20), its line and what
was expected (schemas/parts/file.py).
"""

from __future__ import annotations

from pathlib import Path

from schemas.parts.file import LARGEST_BYTES, MOST_FAULTS, PartFileError, file_content, parse_part
from schemas.policy import Policy
from schemas.yaml_lines import Lined, visible_path

__all__ = ["LARGEST_BYTES", "MOST_FAULTS", "PolicyError", "load_policy", "load_with_lines", "parse_policy"]


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
        content = file_content(path, "policy")
    except PartFileError as error:
        raise PolicyError(str(error)) from error
    return parse_policy(content, visible_path(path))


def parse_policy(content: bytes, name: str) -> tuple[Policy, Lined]:
    """A policy from a file's bytes; raises as `load_policy` does, and calls the file `name`."""
    try:
        policy, lined = parse_part(content, name, Policy.model_validate)
    except PartFileError as error:
        raise PolicyError(str(error)) from error
    if "clinic_id" not in policy.model_fields_set:
        msg = f"{name}:1: clinic_id: is missing; expected the clinic that this file is for, or default"
        raise PolicyError(msg)
    return policy, lined
