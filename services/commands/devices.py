"""`pumpwatch devices`: what the registry says of devices, and changing it.

Guarantees: what is refused is one line that names what was wrong and what was expected, and changes nothing; who did it
is written down; what is ended or left behind is said.
"""

from __future__ import annotations

import dataclasses
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from services.commands import fleet
from services.commands.terminal import (
    DatabaseUrl,
    answer,
    fail,
    json_of,
    one_line,
    printable,
    table,
    utc,
    with_database,
)

if TYPE_CHECKING:
    from services.admin.registry.changes import Actor, Done
    from services.admin.registry.model import AlertLine, Listed, Shown
    from services.runtime.database import Connection

MOST: Final = 1_000
"""So many devices a list shows at most, unless it is told otherwise."""

By = Annotated[
    str,
    typer.Option(
        envvar="PUMPWATCH_BY", callback=one_line, help="Who does it, for the record; else the login of this machine."
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(envvar="PUMPWATCH_ZONE", help="Of times without an offset, such as Europe/Berlin."),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Such as '2026-11-03 08:00' or 2026-11-03T08:00+01:00.")
]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When; else now.")]
Changed = Annotated[bool, json_of("sentences", "alerts")]
Pump = Annotated[str, typer.Argument(help="The pump's id.")]
Handheld = Annotated[str, typer.Argument(help="The handheld's id.")]
Undo = Annotated[bool, typer.Option("--undo", help="It was entered by mistake: take it back.")]

app = typer.Typer(help="Devices: whose they are, from when to when.", no_args_is_help=True)


@app.command("list")
def list_(
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(help="Only of this clinic.")] = None,
    kind: Annotated[Literal["pump", "handheld"] | None, typer.Option(help="Only of this kind.")] = None,
    state: Annotated[
        Literal["in use", "explanted", "unpaired", "retired"] | None, typer.Option(help="Only in this state.")
    ] = None,
    retired: Annotated[bool, typer.Option("--retired", help="Also those that are retired.")] = False,
    silent_for: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those not heard for so long, such as 12h or 3d, or never.")
    ] = None,
    expiring_within_days: Annotated[
        int | None,
        typer.Option(min=0, max=36_500, help="Only those whose certificate ends within so many days, or has."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="How many at most.")] = MOST,
    page: Annotated[int, typer.Option(min=1, max=100_000, help="With --limit: the first so many, the next, ...")] = 1,
    as_json: Annotated[bool, json_of("total", "page", "limit", "devices")] = False,
) -> None:
    """Devices by clinic: state, whose they are, when last heard, their certificate's end, and open alerts.

    How many there are in all is said, however many are shown.
    """
    from services.admin.ages import parse_age
    from services.admin.registry.model import RegistryError, Wanted
    from services.admin.registry.store import clinic_ids, list_devices
    from services.alerts.wording import near_names

    now = datetime.now(UTC)
    try:
        heard_before = None if silent_for is None else now - parse_age(silent_for)
    except ValueError as error:
        fail(f"--silent-for: {error}", exit_code=2)
    ends_before = None if expiring_within_days is None else now + timedelta(days=expiring_within_days)
    wanted = Wanted(clinic, kind, state, retired or state == "retired", heard_before, ends_before)

    async def work(connection: Connection) -> tuple[tuple[Listed, ...], int]:
        known = await clinic_ids(connection)
        if clinic is not None and clinic not in known:
            msg = f"there is no clinic {clinic!r}{near_names(clinic, known)}; there is: {', '.join(known) or 'none'}"
            raise RegistryError(msg)
        return await list_devices(connection, wanted, limit=limit, skip=(page - 1) * limit)

    found, total = with_database(database_url, work, RegistryError)
    heads = ("DEVICE", "KIND", "CLINIC", "STATE", "OF", "LAST HEARD", "CERTIFICATE UNTIL", "ALERTS")
    lines = [*table(heads, [_cells(each) for each in found])]
    lines.append(_how_many(len(found), total, page, limit))
    document = {"total": total, "page": page, "limit": limit, "devices": found}
    answer(document, lines, as_json=as_json)


@app.command()
def show(
    device: Annotated[str, typer.Argument(help="The device's id.")],
    database_url: DatabaseUrl,
    as_json: Annotated[
        bool, json_of("device", "pairings", "implantations", "memberships", "open_alerts", "changes")
    ] = False,
) -> None:
    """One device: its pairings, implantations and clinics with their dates, its open alerts, and who changed what."""
    from services.admin.registry import changes
    from services.admin.registry.model import RegistryError

    found = with_database(database_url, lambda connection: changes.show(connection, device), RegistryError)
    answer(_plain(dataclasses.asdict(found)), _lines(found), as_json=as_json)


@app.command()
def pair(
    handheld: Handheld,
    pump: Pump,
    database_url: DatabaseUrl,
    since: From = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="For a time that is over.")] = None,
    zone: Zone = None,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Say which pump a handheld reports about: from now on, or from a time on; one with another pump ends then."""
    from services.admin.registry import changes

    begins, ends = _moment("--from", since, zone), _moment("--until", until, zone)
    _change(
        database_url,
        lambda connection, actor: changes.pair(connection, handheld, pump, actor, since=begins, until=ends),
        by,
        as_json=as_json,
    )


@app.command()
def unpair(
    handheld: Handheld,
    database_url: DatabaseUrl,
    at: At = None,
    zone: Zone = None,
    undo: Undo = False,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Say that a handheld reports about no pump any more; what it observes after that becomes a dead letter."""
    from services.admin.registry import changes

    moment = _moment("--at", at, zone)
    _not_both(at, undo)
    _change(
        database_url,
        lambda connection, actor: changes.unpair(connection, handheld, actor, at=moment, undo=undo),
        by,
        as_json=as_json,
    )


@app.command()
def implant(
    pump: Pump,
    database_url: DatabaseUrl,
    patient: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="The clinic's own opaque reference; never a name.")
    ] = None,
    since: From = None,
    clinic: Annotated[
        str | None, typer.Option(help="Where the patient is, if the pump goes to another clinic.")
    ] = None,
    zone: Zone = None,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Say in which patient a pump is. With --from its facts begin anew then, and alerts about the time before end."""
    from services.admin.registry import changes

    begins = _moment("--from", since, zone)
    _change(
        database_url,
        lambda connection, actor: changes.implant(
            connection, pump, actor, patient_ref=patient, since=begins, clinic_id=clinic
        ),
        by,
        as_json=as_json,
    )


@app.command()
def explant(
    pump: Pump,
    database_url: DatabaseUrl,
    at: At = None,
    zone: Zone = None,
    undo: Undo = False,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Say that a pump is in nobody any more. Its alerts end; an alarm after that is told all the same."""
    from services.admin.registry import changes

    moment = _moment("--at", at, zone)
    _not_both(at, undo)
    _change(
        database_url,
        lambda connection, actor: changes.explant(connection, pump, actor, at=moment, undo=undo),
        by,
        as_json=as_json,
    )


@app.command()
def move(
    pump: Pump,
    database_url: DatabaseUrl,
    clinic: Annotated[str, typer.Option(help="The clinic that looks after the patient from then on.")],
    since: From = None,
    zone: Zone = None,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Let another clinic look after a pump and its handhelds. The patient stays the same, and so do the facts."""
    from services.admin.registry import changes

    begins = _moment("--from", since, zone)
    _change(
        database_url,
        lambda connection, actor: changes.move(connection, pump, clinic, actor, since=begins),
        by,
        as_json=as_json,
    )


@app.command()
def retire(
    device_ids: Annotated[list[str], typer.Argument(metavar="DEVICES", help="Device ids.")],
    database_url: DatabaseUrl,
    at: At = None,
    zone: Zone = None,
    by: By = "",
    as_json: Changed = False,
) -> None:
    """Say that devices are not used any more. Pairings and alerts end; what they send becomes a dead letter."""
    from services.admin.registry import changes

    moment = _moment("--at", at, zone)
    _change(
        database_url,
        lambda connection, actor: changes.retire(connection, device_ids, actor, at=moment),
        by,
        as_json=as_json,
    )


app.command()(fleet.clocks)


def who() -> str:
    """Whoever is logged in here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def _moment(option: str, text: str | None, zone: str | None) -> datetime | None:
    from services.admin.ages import parse_moment

    if text is None:
        return None
    try:
        return parse_moment(text, zone)
    except ValueError as error:
        fail(f"{option}: {error}", exit_code=2)


def _not_both(at: str | None, undo: bool) -> None:
    if at is not None and undo:
        fail("--undo takes back what was entered last: it takes no --at", exit_code=2)


def _change(database_url: str, work: Callable[[Connection, Actor], Awaitable[Done]], by: str, *, as_json: bool) -> None:
    from services.admin.registry.changes import Actor
    from services.admin.registry.model import RegistryError

    actor = Actor(by or who(), datetime.now(UTC))
    done = with_database(database_url, lambda connection: work(connection, actor), RegistryError)
    lines = [*done.sentences]
    if done.alerts:
        lines.append("alerts that were open, and are judged anew:")
    lines += [f"  {_alert(alert)}" for alert in done.alerts]
    answer(_plain(dataclasses.asdict(done)), lines, as_json=as_json)


def _how_many(shown: int, total: int, page: int, limit: int) -> str:
    if not total:
        return "no devices"
    whole = f"{total:,} device{'' if total == 1 else 's'}"
    if shown == total:
        return whole
    if not shown:
        return f"{whole}: page {page} is behind the last, which is {-(-total // limit)}"
    first = (page - 1) * limit + 1
    more = f"; --page {page + 1} shows more" if first + shown <= total else ""
    return f"{whole}, of which {first:,} to {first + shown - 1:,}{more}"


def _cells(each: Listed) -> tuple[object, ...]:
    of = f"{'pump' if each.kind == 'handheld' else 'patient'} {each.belongs_to}" if each.belongs_to else "-"
    heard, ends = utc(each.last_heard_at, "never"), utc(each.certificate_ends_at)
    return each.device_id, each.kind, each.clinic_id, each.state, of, heard, ends, each.open_alerts or "-"


def _lines(found: Shown) -> list[str]:
    from services.admin.registry.periods import shown

    device = found.device
    state = f"retired since {shown(device.retired_at)}" if device.retired_at else "in use"
    lines = [f"{device.device_id}: a {device.kind} of clinic {device.clinic_id}, {state}"]
    lines.append(f"enrolled {shown(device.enrolled_at)}")
    for each in found.implantations:
        patient = f"patient {each.patient_ref}" if each.patient_ref else "a patient without a reference"
        lines.append(f"since {shown(each.since)}: {f'implanted in {patient}' if each.implanted else 'explanted'}")
    lines += [
        f"clinic {each.clinic_id}: from {shown(each.since)} until {shown(each.until)}" for each in found.memberships
    ]
    for pairing in found.pairings:
        other = pairing.pump_id if device.kind == "handheld" else pairing.handheld_id
        span = f"from {shown(pairing.since)} until {shown(pairing.until)}" if pairing.held else "never (corrected)"
        lines.append(f"paired with {other}: {span}")
    lines += [f"open alert: {_alert(alert)}" for alert in found.open_alerts]
    for change in found.changes:
        did = "; ".join(printable(str(each)) for each in change.detail.get("did", ()))
        lines.append(f"{shown(change.at)}  {change.command} by {printable(change.actor)}{f': {did}' if did else ''}")
    return lines


def _alert(alert: AlertLine) -> str:
    from services.admin.registry.periods import shown

    return f"{alert.priority.upper()} {printable(alert.title)}, opened {shown(alert.opened_at)}"


def _plain(value: Any) -> Any:
    """The same, with null for a moment that is as far back, or ahead, as anybody knows."""
    from services.admin.registry.model import EVER, FOREVER

    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, datetime) and value in {EVER, FOREVER} else value
