"""`pumpwatch patient`: a copy of what is recorded of one patient, and its erasure."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, one_line, say, with_database

if TYPE_CHECKING:
    from collections import Counter

    from services.admin.patients.erase import Erased
    from services.runtime.database import Connection

app = typer.Typer(help="One patient's data: a copy of it, and its erasure.", no_args_is_help=True)

Whose = Annotated[
    str, typer.Argument(metavar="REFERENCE-OR-PUMP", help="The clinic's reference of the patient, or a pump.")
]
Number = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="With a pump: which of its implantations, 1 is the first."),
]


@app.command()
def export(
    whose: Whose,
    database_url: DatabaseUrl,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A file that is not there yet; only you may read it.")],
    implantation: Number = None,
    as_json: Annotated[bool, json_of("file", "counts")] = False,
) -> None:
    """Write all that is recorded of one implantation as JSON lines, the first with the counts of each kind."""
    from services.admin.patients.export import export as write
    from services.admin.patients.model import PatientError

    async def work(connection: Connection) -> Counter[str]:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
            try:
                return await write(connection, whose, implantation, output, datetime.now(UTC))
            except BaseException:
                out.unlink()
                raise

    if out.exists() or not out.parent.is_dir():
        fail(f"--out {out}: expected a file that is not there yet, in a folder that is", exit_code=2)
    counts = with_database(database_url, work, PatientError)
    answer({"file": str(out), "counts": counts}, [f"{out}: {_said(counts)}"], as_json=as_json)


@app.command()
def erase(
    whose: Whose,
    database_url: DatabaseUrl,
    by: Annotated[str, typer.Option(envvar="PUMPWATCH_BY", callback=one_line, help="Who orders it, for the record.")],
    reason: Annotated[str, typer.Option(callback=one_line, help="Why, for the record; without the reference.")],
    implantation: Number = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking; --json needs it.")] = False,
    as_json: Annotated[bool, json_of("pump_id", "implantation", "counts")] = False,
) -> None:
    """Erase all that is recorded of one implantation that is over. There is no way back but a backup."""
    from services.admin.patients.erase import Order
    from services.admin.patients.erase import erase as do
    from services.admin.patients.export import count
    from services.admin.patients.model import PatientError

    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            fail(f"{option}: expected a text, and it is empty", exit_code=2)
    if as_json and not yes:
        fail("--json asks nothing: expected --yes as well", exit_code=2)
    if not yes:
        meant, counts = with_database(
            database_url, lambda connection: count(connection, whose, implantation), PatientError
        )
        say(meant.said())
        say(f"to be erased or blanked: {_said(counts)}")
        try:
            typed = str(typer.prompt(f"Type {meant.name} to erase it for good", default="", show_default=False))
        except typer.Abort:
            typed = ""
        if typed.strip() != meant.name:
            fail(f"nothing was erased: expected {meant.name} to be typed")

    async def work(connection: Connection) -> Erased:
        return await do(connection, whose, implantation, Order(by, reason))

    done = with_database(database_url, work, PatientError)
    answer(
        {"pump_id": done.pump_id, "implantation": done.number, "counts": done.counts},
        [
            f"pump {done.pump_id}, implantation {done.number}: erased or blanked {_said(done.counts)}",
            "backups, exported files, logs and what receivers of pages keep still hold it",
        ],
        as_json=as_json,
    )


def _said(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in sorted(counts.items()) if number) or "nothing"
