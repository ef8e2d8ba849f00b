"""`pumpwatch doctor`: what is wrong with this installation, and what to do."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.commands.progress import under_way
from services.commands.terminal import answer, fail, json_of, say, words_ask_for


def doctor(
    broker_config: Annotated[
        Path | None,
        typer.Option(exists=True, envvar="PUMPWATCH_BROKER_CONFIG", help="The broker's configuration, file or folder."),
    ] = None,
    backups: Annotated[
        Path | None, typer.Option(exists=True, envvar="PUMPWATCH_BACKUPS", help="Where the backups lie, one a day.")
    ] = None,
    disk: Annotated[
        list[Path] | None, typer.Option(exists=True, help="A folder whose disk is looked at; default: this one.")
    ] = None,
    as_json: Annotated[bool, json_of("findings", "not_looked_at")] = False,
) -> None:
    """Look for what sites get wrong, and say what to do. Run it where the alert worker runs: it reads ALERTS_...

    Exit code 1: something is wrong. It changes nothing, and shows no secret.
    """
    from services.admin.doctor.checks import findings
    from services.admin.doctor.gather import Places, gather

    places = Places(broker_config, backups, tuple(disk or [Path.cwd()]))
    try:
        with under_way(quiet=words_ask_for("--quiet"), for_programs=words_ask_for("--json")):
            facts = asyncio.run(gather(os.environ, places))
    except OSError as error:  # each server is looked at with its errors; this is a file or a folder
        fail(f"{error.filename or 'a file'} cannot be read: {error.strerror or error}; expected one that may be read")
    except UnicodeDecodeError:
        fail("--broker-config: expected text in UTF-8")
    found = findings(facts, datetime.now(UTC))
    lines = [line for each in found for line in (f"{each.check}: {each.wrong}", f"    {each.do}")]
    lines += [f"not looked at: {line}" for line in facts.unseen]
    answer({"findings": found, "not_looked_at": facts.unseen}, lines, as_json=as_json)
    if found:
        fail(f"{len(found)} thing{'s' if len(found) > 1 else ''} to be mended")
    if not as_json:
        say("nothing is wrong, as far as was looked at")
