"""`pumpwatch`: the entry point of every command and service.

The commands stand in the table of contents, services/commands/tree/contents.py, and are imported when they are asked
for. Each calls the function that does the work, and prints. Exit codes and errors: services/commands/tree/errors.py.
"""

from __future__ import annotations

import sys

import typer
from typer.main import get_command

from services.commands.tree.errors import refused, run
from services.commands.tree.lazy import Contents, Version

app = typer.Typer(
    cls=Contents,
    help=(
        "Watches implanted drug pumps.\n\nCommands that read or change what is stored take the database's address as "
        "--database-url or DATABASE_URL. Those that print a result take --json. Exit codes: 0 done, 1 not done or "
        "something is wrong, 2 not understood."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def pumpwatch(version: Version = False) -> None:
    """Watches implanted drug pumps."""


def main() -> None:
    """The entry point. No command has a use for an argument of several lines, or one that steers a terminal."""
    from schemas.line_text import refusal

    for word in sys.argv[1:]:
        if why := refusal(word):
            sys.exit(refused(f"{word[:80]!a} {why}"))
    sys.exit(run(get_command(app), sys.argv[1:]))


if __name__ == "__main__":
    main()
