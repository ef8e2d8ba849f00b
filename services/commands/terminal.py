"""What commands share: a connection whose failures are one line, and text that cannot steer the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from services.runtime.database import Connection

Answer = TypeVar("Answer")
DatabaseUrl = Annotated[str, typer.Option(envvar="DATABASE_URL", help="Such as postgresql://user@host/database")]
FILE_VARIABLE: Final = "DATABASE_PASSWORD_FILE"
"""The variable that names the file of the password, where the address holds none."""


def with_database(url: str, work: Callable[[Connection], Awaitable[Answer]], *expected: type[Exception]) -> Answer:
    """Run `work` on a connection. An error that is expected, or of the connection, ends the command with one line."""
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
        connection = await asyncpg.connect(url, password=password, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError):
        fail("this database's schema is missing or older than this release: run `pumpwatch migrate`")
    except expected as error:
        fail(str(error))
    except unusable as error:
        fail(f"the database cannot be used: {error or type(error).__name__}")


def fail(message: str, *more: str, exit_code: int = 1) -> NoReturn:
    """End the command with one line on standard error, or with several."""
    for line in (f"error: {message}", *more):
        print(printable(line), file=sys.stderr)
    raise typer.Exit(exit_code)


def say(line: str) -> None:
    """Print one line, whatever stands in it."""
    print(printable(line))


def printable(text: str) -> str:
    """A text on one line, with everything escaped that a terminal would take for a command."""
    from services.runtime.log import printable as as_in_the_log

    return as_in_the_log(text)


def say_lines(text: str) -> None:
    """Print a text of several lines that is printable already, or ASCII as `json.dumps` writes it."""
    print(text)


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
