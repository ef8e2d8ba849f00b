"""Where the contracts lie in the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SQL_FOLDER: Final = Path(__file__).parent / "sql"
GRANTS_FILE: Final = Path(__file__).parent / "grants.sql"
PUBLISHED_FOLDER: Final = Path(__file__).parent / "published"
