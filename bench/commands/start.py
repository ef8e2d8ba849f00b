"""How long a command takes to begin: `python -m bench.commands.start [FOLDER ...]`.

Each folder is a checkout, by default this one; they take turns, so that a busy machine is as busy for each. What is
timed is a process from its start to its end: `--help`, a group's help, a command that ends before it reaches the
database, and each service until it says which setting is missing. Medians, and their ratio to the first folder's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_TIMES: Final = 15
_LINES: Final = (
    ("version",),
    ("--help",),
    ("devices", "--help"),
    ("gaps", "--since", "soon", "--database-url", "postgresql://127.0.0.1:1/x"),
    ("alerts",),
    ("ingest",),
    ("web",),
)


def main() -> None:
    """Measure and print."""
    folders = [Path(each).resolve() for each in sys.argv[1:]] or [Path.cwd()]
    for line in _LINES:
        taken: dict[Path, list[float]] = {folder: [] for folder in folders}
        for _ in range(_TIMES + 1):
            for folder in folders:
                taken[folder].append(_seconds(folder, line))
        medians = [statistics.median(seconds[1:]) for seconds in taken.values()]  # the first fills the disk's cache
        said = "  ".join(f"{median * 1000:6.0f} ms ({median / medians[0]:.2f})" for median in medians)
        print(f"{' '.join(line[:3]):24}{said}")


def _seconds(folder: Path, line: tuple[str, ...]) -> float:
    environment = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "services.cli", *line],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        check=False,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
