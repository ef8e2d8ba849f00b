"""What commands share: a connection whose failures are one line, results for people and programs, one form of error.

Guarantees: text cannot steer the terminal; with --json standard output holds one JSON document and nothing else, and an
error is one on standard error; while work takes its time, somebody who looks is told (services/commands/progress.py).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

from services.commands.progress import UNDER_WAY, under_way

if TYPE_CHECKING:
    from datetime import datetime

    from services.runtime.database import Connection

Answer = TypeVar("Answer")
DatabaseUrl = Annotated[
    str, typer.Option(envvar="DATABASE_URL", help="The database's address, such as postgresql://user@host/database.")
]
FILE_VARIABLE: Final = "DATABASE_PASSWORD_FILE"
"""The variable that names the file of the password, where the address holds none."""
COULD_NOT: Final = 1
WRONG_WORDS: Final = 2
READER_LEFT: Final = 141
"""As a shell says it of a program that SIGPIPE ended."""
_TITLES: Final = {COULD_NOT: "not done, or something is wrong", WRONG_WORDS: "not understood"}


def with_database(
    url: str,
    work: Callable[[Connection], Awaitable[Answer]],
    *expected: type[Exception],
    schemas: str | None = None,
) -> Answer:
    """Run `work` on a connection. An error that is expected, or of the connection, ends the command with one line.

    Args:
        url: The database's address.
        work: What is done; somebody who waits is told that it goes on.
        expected: Errors whose message says all.
        schemas: Where names are looked up, if not where the login does.
    """
    import asyncpg

    from services.runtime.addresses import check_database_url
    from services.runtime.database import UNAVAILABLE
    from services.runtime.secrets.file import password_now
    from services.runtime.secrets.settings import refuse_two_passwords

    unusable: tuple[type[Exception], ...] = (*UNAVAILABLE, ValueError)

    async def connected() -> Answer:
        check_database_url(url)
        file = os.environ.get(FILE_VARIABLE)
        if file:
            refuse_two_passwords(url, "the address", FILE_VARIABLE)
        password = password_now(Path(file), FILE_VARIABLE) if file else None
        settings = {} if schemas is None else {"search_path": schemas}
        connection = await asyncpg.connect(url, password=password, timeout=10, server_settings=settings)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        with under_way(quiet=words_ask_for("--quiet"), for_programs=words_ask_for("--json")):
            return asyncio.run(connected())
    except asyncpg.InsufficientPrivilegeError as error:
        fail(f"this login of the database may not do that: {error}; expected the owner's")
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError):
        fail("this database's schema is missing or older than this release: run `pumpwatch migrate`")
    except expected as error:
        fail(str(error))
    except unusable as error:
        if isinstance(error, OSError) and error.filename is not None:
            fail(f"{error.filename}: {error.strerror}; expected a file that may be read")
        fail(f"the database cannot be used: {error or type(error).__name__}")


def fail(message: str, *more: str, exit_code: int = COULD_NOT) -> NoReturn:
    """End the command with one line on standard error, or with several; for a program with one JSON document there."""
    if (progress := UNDER_WAY.get()) is not None:
        progress.make_room()
    if words_ask_for("--json"):
        title = _TITLES.get(exit_code, _TITLES[COULD_NOT])
        problem = {"title": title, "detail": message, "more": list(more), "exit_code": exit_code}
        print(json.dumps(problem), file=sys.stderr)
    else:
        for line in (f"error: {message}", *more):
            print(printable(line), file=sys.stderr)
    raise typer.Exit(exit_code)


def words_ask_for(option: str) -> bool:
    """Whether what was typed asks for it, also where the rest of what was typed could not be understood."""
    words = sys.argv[1:]
    return option in (words[: words.index("--")] if "--" in words else words)


def json_of(*names: str) -> Any:
    """The option --json of a command whose document has these members; its help is where they are documented."""
    return typer.Option("--json", help=f"Print one JSON document: {', '.join(names)}.")


def answer(document: Mapping[str, object], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what came of a command: as one JSON document, or as lines for a person."""
    if as_json:
        say_lines(json.dumps(document, default=_plain, indent=1))
        return
    for line in lines:
        say(line)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Rows under headings, each column as wide as it must be; no line where there is no row."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    for row in (headings, *cells):
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def utc(at: datetime | None, none: str = "-") -> str:
    """A moment in a table: "2026-11-27 03:12Z"."""
    from datetime import UTC

    return none if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def say(line: str) -> None:
    """Print one line, whatever stands in it."""
    say_lines(printable(line))


def printable(text: str) -> str:
    """A text on one line, with everything escaped that a terminal would take for a command."""
    from services.runtime.log import printable as as_in_the_log

    return as_in_the_log(text)


def say_lines(text: str) -> None:
    """Print a text of several lines that is printable already, or ASCII as `json.dumps` writes it."""
    if (progress := UNDER_WAY.get()) is not None:
        progress.make_room()
    try:
        print(text)
    except BrokenPipeError:
        nobody_reads()
        raise typer.Exit(READER_LEFT) from None


def nobody_reads() -> None:
    """Whoever read standard output went away: what is left for them is dropped, and not told of."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def one_line(value: str | None) -> str | None:
    """What an option may hold, also where it comes from the environment, and `main` has not seen it.

    Raises:
        typer.BadParameter: It has more than one line, or control characters.
    """
    from schemas.line_text import refusal

    if value is not None and (why := refusal(value)):
        raise typer.BadParameter(why)
    return value


def readable(payload: bytes) -> tuple[bool, str]:
    """A payload as it is when it is text, else in hexadecimal, 32 bytes to a line; and whether it is text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and all(c.isprintable() or c in "\n\t" for c in text.replace("\r\n", "\n")):
        return True, text
    return False, "\n".join(payload[at : at + 32].hex(" ", 4) for at in range(0, len(payload), 32))


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    import dataclasses
    from datetime import date

    if isinstance(value, date):  # a moment is one
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
