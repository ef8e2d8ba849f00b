"""The tree of commands keeps its promises: each has help, JSON where it prints, and a place in a guide."""

from __future__ import annotations

import re

import pytest

from services.commands.tree.contents import entries
from tests.command_tree import COMMANDS, GROUPS, PRINT_NO_RESULT, ROOT, option
from tests.contract.prose import ROOT_FOLDER

GUIDES = "".join(
    path.read_text()
    for path in (ROOT_FOLDER / "README.md", *sorted((ROOT_FOLDER / "docs").glob("**/*.md")))
    if "decisions" not in path.parts
)
RUNS_ITSELF = {"alerts"}
"""A group that is the worker where no word follows."""


def test_every_command_of_the_program_is_in_a_section() -> None:
    assert set(ROOT.commands) == set(entries())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_each_of_its_words_says_what_it_is(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.help.splitlines()[0]) > 15
    assert [each.opts for each in command.params if not (each.help or "").strip()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_lengths_of_time_and_sizes_say_their_unit(name: str) -> None:
    """By the option's own name, or in its help."""
    units = "second|minute|hour|day|how many|processes|which|As `list`|number|first so many"
    numbers = [each for each in COMMANDS[name].params if each.type_descriptor.annotation in (int, float)]
    assert [each.opts for each in numbers if not re.search(units, f"{each.name} {each.help}", re.IGNORECASE)] == []


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - PRINT_NO_RESULT))
def test_each_that_prints_a_result_prints_it_for_programs_and_names_the_members(name: str) -> None:
    as_json = option(COMMANDS[name], "--json")
    assert as_json is not None
    assert re.fullmatch(r"Print one JSON document: [a-z_]+(, [a-z_]+)*\.", as_json.help)


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_each_says_its_version(name: str) -> None:
    assert option((COMMANDS | GROUPS)[name], "--version") is not None


@pytest.mark.parametrize("name", [name for name in COMMANDS if option(COMMANDS[name], "--database-url")])
def test_each_that_may_take_long_can_be_told_to_be_quiet(name: str) -> None:
    assert option(COMMANDS[name], "--quiet") is not None


@pytest.mark.parametrize("name", sorted(set(GROUPS) - RUNS_ITSELF))
def test_each_group_alone_says_its_help(name: str) -> None:
    assert GROUPS[name].no_args_is_help
    assert GROUPS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_each_stands_in_a_guide(name: str) -> None:
    group, _, last = name.rpartition(" ")
    named = rf"\b{re.escape(name)}\b" if not group else rf"\b{re.escape(group)}\b.{{0,400}}\b{re.escape(last)}\b"
    assert re.search(named, GUIDES, re.DOTALL), name
