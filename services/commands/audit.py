"""`pumpwatch audit`: whether the audit trail is whole and what was seen of it, and a copy of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.terminal import (
    READER_LEFT,
    DatabaseUrl,
    answer,
    fail,
    json_of,
    nobody_reads,
    printable,
    with_database,
)

if TYPE_CHECKING:
    from services.alerts.audit.anchors import Anchor
    from services.alerts.audit.verify import AuditReport
    from services.runtime.database import Connection

app = typer.Typer(help="The audit trail of alerts, and of what persons did and read.", no_args_is_help=True)

Access = Annotated[bool, typer.Option("--access", help="Sign-ins, changes of persons, and who read of which pump.")]

Clinic = Annotated[str | None, typer.Option(help="Of one clinic; default: of every one.")]


@app.command()
def verify(
    database_url: DatabaseUrl,
    clinic: Clinic = None,
    anchors: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The file or folder of ALERTS_AUDIT_ANCHORS: compare with what was seen."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(envvar="ALERTS_AUDIT_KEY_FILE", help="What the anchors were signed with.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="ALERTS_AUDIT_KEY", hidden=True, help="The key itself, by its variable.")
    ] = None,
    as_json: Annotated[
        bool, json_of("whole", "rows", "erased", "access_rows", "faults", "troubles", "anchors", "heads")
    ] = False,
) -> None:
    """Check that no row of the audit trail was changed, removed, put in or dated back; exit code 1 if one was.

    Without anchors, a trail that was rewritten as a whole, and a database that was put back, are not found.
    """
    from services.alerts.audit.verify import verify_access, verify_chain

    seen, troubles = _anchors(anchors, key_file, key) if anchors is not None else ([], [])

    async def work(connection: Connection) -> tuple[AuditReport, AuditReport]:
        return await verify_chain(connection, clinic, seen), await verify_access(connection)

    report, access = with_database(database_url, work)
    whole = not (report.faults or access.faults or troubles)
    document = {
        "whole": whole,
        "rows": report.rows,
        "erased": report.erased,
        "access_rows": access.rows,
        "faults": [*report.faults, *access.faults],
        "troubles": troubles,
        "anchors": len(seen),
        "heads": [*report.heads, *access.heads],
    }
    answer(document, _verified(report, access, seen) if whole else _faults(report, access, troubles), as_json=as_json)
    if not whole:
        raise typer.Exit(1)


def _faults(report: AuditReport, access: AuditReport, troubles: list[str]) -> Iterator[str]:
    yield from troubles
    for found in report.faults:
        yield f"clinic {found.clinic_id}, row {found.clinic_seq}: {found.fault}"
    for found in access.faults:
        yield f"access log, row {found.clinic_seq}: {found.fault}"


def _verified(report: AuditReport, access: AuditReport, seen: list[Anchor]) -> Iterator[str]:
    erased = f", {report.erased} of them erased by an order that stands in the trail" if report.erased else ""
    if seen:
        newest = max(anchor.seen_at for anchor in seen)
        saw = f"what {len(seen)} anchors saw; the newest is of {newest.isoformat()}"
        yield f"{report.rows} rows, unbroken{erased}, and {saw}"
        yield f"access log: {access.rows} rows, unbroken"
        return
    yield f"{report.rows} rows, unbroken{erased}; keep these ends elsewhere to find out if everything was rewritten:"
    for head in report.heads:
        yield f"  clinic {head.clinic_id}: row {head.clinic_seq}, {head.row_hash.hex()}"
    for head in access.heads:
        yield f"  access log: row {head.clinic_seq}, {head.row_hash.hex()}"


def _anchors(path: Path, key_file: Path | None, key: str | None) -> tuple[list[Anchor], list[str]]:
    """Those that can be trusted, and what is wrong with the others."""
    from services.alerts.audit.anchoring import KeyFault, read_anchors, read_key

    if key_file is None and key is None:
        fail("the anchors are signed: --key-file FILE, or ALERTS_AUDIT_KEY, as the alert service has it", exit_code=2)
    try:
        secret = read_key(
            key_file.read_bytes() if key_file else (key or "").encode(), str(key_file or "ALERTS_AUDIT_KEY")
        )
        found = list(read_anchors(path, secret))
    except KeyFault as error:
        fail(str(error), exit_code=2)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    troubles = [each for each in found if isinstance(each, str)]
    seen = [each for each in found if not isinstance(each, str)]
    if not found:
        fail(f"{path}: there is no anchor in it")
    return seen, troubles


@app.command()
def export(
    database_url: DatabaseUrl,
    clinic: Clinic = None,
    form: Annotated[str, typer.Option("--format", help="jsonl (one row a line), or csv for spreadsheets.")] = "jsonl",
    access: Access = False,
) -> None:
    """Write the audit trail to standard output, every row with its hashes."""
    from services.alerts.audit.export import ExportFormat, export_access, export_trail

    if form not in tuple(ExportFormat):
        fail(f"--format {printable(form)}: expected {' or '.join(ExportFormat)}", exit_code=2)

    async def work(connection: Connection) -> int:
        write = export_access if access else export_trail
        try:
            return await write(connection, clinic, ExportFormat(form), sys.stdout)
        except BrokenPipeError:
            nobody_reads()
            raise typer.Exit(READER_LEFT) from None

    rows = with_database(database_url, work)
    print(f"{rows} row{'' if rows == 1 else 's'}", file=sys.stderr)
