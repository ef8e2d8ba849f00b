"""Every command that a document tells a reader to type is one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from services.cli import app
from tests.contract.prose import ROOT_FOLDER

PAGES = sorted(
    path.relative_to(ROOT_FOLDER).as_posix() for path in (*ROOT_FOLDER.glob("*.md"), *ROOT_FOLDER.glob("docs/**/*.md"))
)
TOLD_OF_BEFORE = frozenset({"CHANGELOG.md"})
_TYPED = re.compile(r"(?:^|[\s`(/])pumpwatch ((?:[a-z][a-z-]*)(?: [^`\n|]*)?)", re.MULTILINE)
_RUN_BY_COMPOSE = re.compile(r"run --rm (?:--\S+(?: \S+:\S+)? )*(?:migrate|alerts) ([a-z][^`\n|]*)")
COMMANDS = typer.main.get_command(app)


def fault(words: list[str]) -> str | None:
    """What of a command there is not; None: all of it is."""
    command: Any = COMMANDS
    for word in words:
        below = getattr(command, "commands", None)  # a group's
        if below is None:
            break
        if word not in below:
            return f"{' '.join(words)}: {word}"
        command = below[word]
    given = {name.partition("=")[0] for name in words if name.startswith("--")} - {"--help", "--version"}
    unknown = given - {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return f"{' '.join(words)}: {', '.join(sorted(unknown))}" if unknown else None


def commands_of(page: str) -> Iterator[list[str]]:
    """Each command of a page, in words; what stands in prose is one as far as it is in lower case."""
    text = (ROOT_FOLDER / page).read_text().replace("\\\n", " ")
    in_code = "\n".join(re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)) + "\n"
    in_code += "\n".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    for typed in (*_TYPED.findall(in_code), *_RUN_BY_COMPOSE.findall(in_code)):
        try:
            yield [word for word in shlex.split(typed, comments=True) if word not in {"...", ">", "|"}]
        except ValueError:  # an example that goes on in the next line
            yield typed.split()[:2]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in TOLD_OF_BEFORE])
def test_every_command_that_a_page_names_is_one_and_has_these_options(page: str) -> None:
    assert [wrong for words in commands_of(page) if (wrong := fault(words))] == []


def test_commands_are_found() -> None:
    found = [words for page in PAGES for words in commands_of(page)]
    assert len(found) > 100
    assert fault(["devices", "lost"]) == "devices lost: lost"
    assert fault(["devices", "list", "--colour"]) == "devices list --colour: --colour"
