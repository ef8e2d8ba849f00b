"""Finds commands by the table of contents: a module is imported when its command is asked for.

Guarantee: what `pumpwatch ingest` needs of this tree is one line of the table; `--help` needs no command at all. Every
command takes `--version` and, where somebody waits for what it finds, `--quiet`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from services.commands.terminal import say
from services.commands.tree.contents import CONTENTS, FORMER, entries, lines_of

_COLUMNS_OF_A_NAME: Final = 14
_TAKES: Final[dict[Any, str]] = {
    str: "TEXT",
    list[str]: "TEXT",
    int: "NUMBER",
    float: "NUMBER",
    Path: "PATH",
    list[Path]: "PATH",
}
"""What the help of an option calls what it takes, instead of Python's names."""
_NEW: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


def say_version(asked: bool) -> None:
    """What `--version` does, at whichever command: it says the versions, and nothing else happens."""
    if asked:
        from services.commands.tree.version import program_version, schema_version

        say(f"pumpwatch {program_version()}, schema {schema_version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", is_eager=True, expose_value=False, callback=say_version, help="Print the versions, and do nothing."
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", expose_value=False, help="Say nothing on standard error while it takes its time.")
]


class OnDemand(MutableMapping[str, Any]):
    """The commands of the table by their names, each made when it is first looked at; others may be put beside them."""

    def __init__(self, beside: MutableMapping[str, Any]) -> None:
        self._entries = entries()
        self._made: dict[str, Any] = {name: _with_options_of_all(command) for name, command in beside.items()}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, self._entries[name].at)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._entries, *self._made)))

    def __len__(self) -> int:
        return len(set(self._entries) | set(self._made))

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._made

    @property
    def beside(self) -> dict[str, Any]:
        """Those that are in no section."""
        return {name: command for name, command in self._made.items() if name not in self._entries}


class Group(TyperGroup):
    """A group whose help says of each command the whole first sentence, before the options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """What there is, and below it the options."""
        self.format_commands(ctx, formatter)
        TyperCommand.format_options(self, ctx, formatter)  # type: ignore[arg-type]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as its base has it
        """The commands, each with what it is for."""
        with formatter.section("Commands"):
            _write(formatter, [(name, first_sentence(each.help)) for name, each in self.commands.items()])


class Contents(Group):
    """`pumpwatch` itself: its help is the table of contents."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: OnDemand = OnDemand(self.commands)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as its base has it
        """Their names, without making any."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as its base has it
        """The table of contents."""
        for section in CONTENTS:
            with formatter.section(section.title):
                _write(formatter, lines_of(section))
        beside = self.commands.beside
        more = [(name, first_sentence(each.help)) for name, each in beside.items() if not each.hidden]
        if more:
            with formatter.section("More"):
                _write(formatter, more)
        formatter.write_paragraph()
        formatter.write_text("`pumpwatch COMMAND --help` says more of each. docs/operating is the guide.")


def first_sentence(text: str | None) -> str:
    """Of what a command says of itself, without its stop."""
    return " ".join((text or "").split()).partition(". ")[0].rstrip(".")


def _write(formatter: Any, lines: Any) -> None:
    formatter.write_dl([(f"{name:<{_COLUMNS_OF_A_NAME}}", words) for name, words in lines])


def _made(name: str, at: str) -> Any:
    module_name, _, attribute = at.partition(":")
    found = getattr(import_module(module_name), attribute)
    if isinstance(found, typer.Typer):
        found.rich_markup_mode, found.info.cls = None, Group  # plain text, as all of it
        command: Any = get_group(found)
    else:
        alone = typer.Typer(**_NEW)
        alone.command(name)(found)
        command = get_command(alone)
    command.name, command.hidden = name, name in {each.name for each in FORMER}
    return _with_options_of_all(command)


def _with_options_of_all(command: Any) -> Any:
    """Let a command, or each command of a group, take what every one takes."""
    version, quiet = _options_of_all()
    for below in getattr(command, "commands", {}).values():
        _with_options_of_all(below)
    if not any(each.name == version.name for each in command.params):
        waits = any(each.name == "database_url" or "--json" in each.opts for each in command.params)
        command.params = [*command.params, *([quiet] if waits else []), version]
    for each in command.params:
        _call_it_as_people_do(each)
    return command


def _call_it_as_people_do(word: Any) -> None:
    """What help says that an option takes, and what it calls an argument."""
    described = word.type_descriptor
    if word.param_type_name == "option":
        if word.metavar is None and not (word.is_flag or described.is_choice):
            word.metavar = _TAKES.get(described.annotation)
        return
    word.display_type_rich = lambda ctx: ""  # noqa: ARG005 - as the method that it stands for
    if word.metavar is None and word.nargs == 1:
        word.metavar = word.name.upper().replace("_", "-")


@cache
def _options_of_all() -> tuple[Any, Any]:
    alone = typer.Typer(**_NEW)

    @alone.command()
    def of_all(version: Version = False, quiet: Quiet = False) -> None:
        """Is never run: it carries two options."""

    version, quiet = get_command(alone).params[:2]
    return version, quiet
