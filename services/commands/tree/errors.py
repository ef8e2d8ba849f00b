"""Runs what was typed, and says what went wrong: one line that begins with `error:`, with what was expected.

Guarantee: exit codes are the same at every command. 0: done. 1: it was understood, and could not be done, or found
something wrong. 2: what was typed, or a setting, could not be understood. 130: it was stopped (Ctrl-C). 141: whoever
read its output went away, as `head` does. What nobody expected still ends with a traceback, and 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import typer
from typer._click import exceptions as click

from services.commands.terminal import READER_LEFT, WRONG_WORDS, fail, nobody_reads

STOPPED: Final = 130


def run(command: Any, words: Sequence[str]) -> int:
    """Do what the words say; returns the exit code."""
    try:
        code = command.main(list(words), prog_name="pumpwatch", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()
        return READER_LEFT
    except KeyboardInterrupt:
        code = STOPPED
    except typer.Abort:  # a question was not answered
        code = STOPPED
    except typer.TyperException as error:
        return _refused(error)
    if code == STOPPED:
        print("stopped", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _refused(error: typer.TyperException) -> int:
    if isinstance(error, click.NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return WRONG_WORDS
    return refused(in_one_line(error), error.exit_code)


def refused(why: str, exit_code: int = WRONG_WORDS) -> int:
    """Say why nothing was done; returns the exit code."""
    try:
        fail(why, exit_code=exit_code)
    except typer.Exit as ended:
        return ended.exit_code


def in_one_line(error: typer.TyperException) -> str:
    """What was wrong with the words, what was expected, and where to read more."""
    context = getattr(error, "ctx", None)
    more = f" (`{context.command_path} --help` says more)" if context is not None else ""
    match error:
        case click.MissingParameter(param=param) if param is not None:
            said = f"{_name_of(param)} is missing: expected {_expected(param)}"
        case click.BadParameter(param=param) if param is not None:
            said = f"{_name_of(param)}: {_what_was_wrong(error)}"
        case click.NoSuchOption():
            near = f": expected {' or '.join(sorted(error.possibilities))}" if error.possibilities else ""
            said = f"there is no option {error.option_name}{near}"
        case _:
            said = error.format_message()
    said = " ".join(said.replace(". Did you mean", ": did you mean").split()).rstrip(".")
    return f"{_uncapitalised(said)}{more}"


def _what_was_wrong(error: click.BadParameter) -> str:
    """In our words, where a library looked at the value."""
    from pydantic import ValidationError

    from schemas.faults.expectations import sentence

    found = error.__cause__
    return sentence(found.errors(include_url=False)[0]) if isinstance(found, ValidationError) else error.message


def _name_of(param: Any) -> str:
    if param.param_type_name != "option":
        return str(param.metavar or param.name).upper()
    variable = f" (or {param.envvar})" if param.envvar else ""
    return f"{param.opts[0]}{variable}"


def _expected(param: Any) -> str:
    help_text = (param.help or "a value").rstrip(".")
    return _uncapitalised(help_text)


def _uncapitalised(text: str) -> str:
    """As it stands within a sentence; a name in capitals stays."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"
