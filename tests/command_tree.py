"""The tree of commands as tests walk it: every command and group by its name, but for names of before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer

from services.cli import app

ROOT: Final[Any] = typer.main.get_command(app)
PRINT_NO_RESULT: Final = frozenset(
    {
        "ingest", "web", "simulate", "demo",  # services: they log
        "audit export", "rota export",  # write a file's text, in a form of its own
    }
)  # fmt: skip


def commands(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that is no group."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path), command
        return
    for name in below:
        if not below[name].hidden:
            yield from commands(below[name], (*path, name))


def groups(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every group, and the program as a whole by an empty name."""
    below = getattr(command, "commands", None)
    if below is not None:
        yield " ".join(path), command
        for name in below:
            yield from groups(below[name], (*path, name))


COMMANDS: Final = dict(commands())
GROUPS: Final = dict(groups())


def option(command: Any, name: str) -> Any:
    """An option by its word; None: the command has none."""
    return next((each for each in command.params if name in each.opts), None)
