"""The container's `pumpwatch`: the same commands; before `ingest` it takes a name (services/ingest/name.py).

The image has no shell, so what happens before a command is here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.ingest.name import NoNameError, hold_name

_NAMES: Final = "/var/lib/pumpwatch/names"


def _command() -> None:
    from services import cli  # once it has a name

    cli.main()


def main(run: Callable[[], object] = _command) -> None:
    """Run the command of the process's arguments. `PUMPWATCH_NAMES`: another folder of names."""
    if sys.argv[1:2] == ["ingest"] and not os.environ.get("INGEST_CLIENT_ID"):
        try:
            os.environ["INGEST_CLIENT_ID"] = hold_name(Path(os.environ.get("PUMPWATCH_NAMES") or _NAMES))
        except NoNameError as error:
            sys.exit(f"error: {error}")
    run()


if __name__ == "__main__":
    main()
