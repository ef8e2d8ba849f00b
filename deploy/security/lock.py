"""What requirements.lock says: name, version, where it is needed, and the hashes of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).parents[2] / "requirements.lock"
_PACKAGE: Final = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))? \\$")
_HASH: Final = re.compile(r"^ {4}--hash=sha256:(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package."""

    name: str
    version: str
    marker: str
    """Where it is needed, such as `sys_platform == 'win32'`; empty: everywhere."""
    sha256: tuple[str, ...]


def locked(text: str) -> tuple[Locked, ...]:
    """Read a lock file as `uv pip compile --generate-hashes` writes it.

    Raises:
        ValueError: A line is neither a package, a hash nor a comment.
    """
    found: list[tuple[re.Match[str], list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if package := _PACKAGE.match(line):
            found.append((package, []))
        elif digest := _HASH.match(line):
            found[-1][1].append(digest["digest"])
        elif line.strip() and not line.lstrip().startswith("#"):
            msg = f"line {number}: expected a package with its version, a hash or a comment: {line!r}"
            raise ValueError(msg)
    return tuple(
        Locked(package["name"], package["version"], package["marker"] or "", tuple(sorted(digests)))
        for package, digests in found
    )
