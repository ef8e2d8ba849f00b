"""The table of contents fits a terminal and leads to something."""

from __future__ import annotations

from importlib import import_module

import typer

from services.commands.tree.contents import CONTENTS, FORMER, entries, lines_of

COLUMNS = 80
NAME_COLUMNS = 16


def test_each_line_fits_beside_its_name() -> None:
    lines = [line for section in CONTENTS for line in lines_of(section)]
    assert all(len(name) <= NAME_COLUMNS - 2 for name, _ in lines)
    assert [words for _, words in lines if not words or len(words) > COLUMNS - NAME_COLUMNS - 6] == []
    assert [words for _, words in lines if words.endswith(".")] == []
    assert len({name for name, _ in lines}) == len(lines)


def test_each_entry_leads_to_a_command() -> None:
    for entry in entries().values():
        module, _, name = entry.at.partition(":")
        found = getattr(import_module(module), name)
        assert isinstance(found, typer.Typer) or callable(found), entry.name


def test_a_name_that_stands_in_two_sections_is_one_command() -> None:
    names = [entry.name for section in CONTENTS for entry in section.entries]
    assert names.count("alerts") == 2
    assert list(entries()) == [*dict.fromkeys(names), *(each.name for each in FORMER)]
    assert len({entry.at for section in CONTENTS for entry in section.entries if entry.name == "alerts"}) == 1
    assert entries()["alerts"].help
