"""Files that are made from the code: written, or checked to be what the code says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def write_or_check(
    arguments: list[str],
    folder: Path,
    documents: Callable[[], Mapping[str, str]],
    drifted: Callable[[], tuple[str, ...]],
    *,
    shown: str,
    command: str,
) -> int:
    """Write the files into the folder or, with `--check`, name those that have drifted; returns the exit status.

    `shown` is what the folder is called, and `command` what mends it, for whoever is told.
    """
    if arguments == ["--check"]:
        faults = drifted()
        sys.stderr.writelines(f"{shown}/{name}: run `{command}` and commit\n" for name in faults)
        return 1 if faults else 0
    folder.mkdir(exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0
