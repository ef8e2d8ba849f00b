"""Write `deploy/grafana/dashboards/`. The same code gives the same bytes.

python -m deploy.grafana.build            write the files
python -m deploy.grafana.build --check    fail, and name the file, when one is not what the code says
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from deploy.generated import write_or_check
from deploy.grafana.clinic import clinic
from deploy.grafana.fleet import fleet
from deploy.grafana.pump import pump
from deploy.grafana.quality import quality

FOLDER: Final = Path(__file__).parent / "dashboards"


def documents() -> dict[str, str]:
    """Build every dashboard: file name to text."""
    return {
        f"{name}.json": json.dumps(board, indent=2, ensure_ascii=False) + "\n"
        for name, board in (("clinic", clinic()), ("fleet", fleet()), ("pump", pump()), ("quality", quality()))
    }


def drifted(folder: Path = FOLDER) -> tuple[str, ...]:
    """Name the files that are not what the code says."""
    wanted = documents()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return tuple(name for name in sorted(wanted.keys() | present.keys()) if wanted.get(name) != present.get(name))


def main(arguments: list[str]) -> int:
    """Write the files, or check them; the exit status is 1 when they have drifted."""
    return write_or_check(
        arguments, FOLDER, documents, drifted, shown="dashboards", command="python -m deploy.grafana.build"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
