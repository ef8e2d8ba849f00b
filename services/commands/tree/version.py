"""`pumpwatch version` and `--version`: which program this is, and which schema it works on."""

from __future__ import annotations

from typing import Annotated

from services.commands.terminal import answer, json_of


def version(as_json: Annotated[bool, json_of("version", "schema")] = False) -> None:
    """Print the version; with --json also the number of the schema that this release works on."""
    answer({"version": program_version(), "schema": schema_version()}, [program_version()], as_json=as_json)


def program_version() -> str:
    """Of this release."""
    from importlib.metadata import version as version_of

    return version_of("pumpwatch")


def schema_version() -> str:
    """The number of the newest migration that this release brings, such as "0065"."""
    from schemas.paths import SQL_FOLDER

    return max(path.name.partition("_")[0] for path in SQL_FOLDER.glob("[0-9]*.sql"))
