"""`pumpwatch rota` and `pumpwatch coverage`: whose turn it is, and the proof that somebody always has it.

Guarantees: what is refused is one line that names what was wrong and what was expected, and changes nothing; who did it
is written down; times without an offset are the rota's own.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, one_line, say, utc, with_database

if TYPE_CHECKING:
    from services.people.model import Actor
    from services.people.rota.coverage import Gap
    from services.people.rota.people import ClinicPeople, Member
    from services.people.rota.store import KeptRota
    from services.runtime.database import Connection

Clinic = Annotated[str, typer.Option(callback=one_line, help="The clinic's id.")]
Name = Annotated[str, typer.Option("--rota", callback=one_line, help="The rota's name.")]
Days = Annotated[int, typer.Option(min=1, max=366, help="How many days from now.")]

app = typer.Typer(help="Rotas: who is on call from when until when.", no_args_is_help=True)


@app.command()
def show(
    database_url: DatabaseUrl,
    clinic: Clinic,
    rota: Annotated[str | None, typer.Option(callback=one_line, help="Only this one.")] = None,
    days: Days = 14,
    as_json: Annotated[bool, json_of("rotas")] = False,
) -> None:
    """Who is on call now and in the next days, by the rota's own clock, and what was changed."""
    from services.people.rota.turns import shifts

    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    kept, members = with_database(database_url, partial(_kept, clinic=clinic, name=rota, now=now), LookupError)
    if as_json:
        values = [
            {
                "rota": each.rota.name,
                "version": each.version,
                "shifts": [
                    {"begins": shift.begins, "ends": shift.ends, "person": _who(shift.person_id, members)}
                    for shift in shifts(each.rota, now, until)
                ],
            }
            for each in kept
        ]
        answer({"rotas": values}, (), as_json=True)
        return
    for each in kept:
        zone = ZoneInfo(each.rota.timezone)
        say(f"{each.rota.name} ({each.rota.timezone}), version {each.version} by {each.made_name}")
        for shift in shifts(each.rota, now, until):
            begins = "now" if shift.begins <= now else f"{shift.begins.astimezone(zone):%a %Y-%m-%d %H:%M}"
            ends = f"{shift.ends.astimezone(zone):%a %Y-%m-%d %H:%M}{' or later' if shift.ends >= until else ''}"
            say(f"  {begins:20} until {ends:20}  {_who(shift.person_id, members)}")
        for change in each.rota.changes:
            times = (
                f"{change.begins.astimezone(zone):%Y-%m-%d %H:%M} until {change.ends.astimezone(zone):%Y-%m-%d %H:%M}"
            )
            instead = f" instead of {_who(change.instead_of, members)}" if change.instead_of else ""
            say(f"  {change.kind} {change.change_id}: {_who(change.person_id, members)}{instead}, {times}")
    if not kept:
        say("no rotas")


@app.command()
def export(
    database_url: DatabaseUrl,
    clinic: Clinic,
    rota: Annotated[str | None, typer.Option(callback=one_line, help="Only this one.")] = None,
    form: Annotated[
        Literal["yaml", "ical"], typer.Option("--format", help="yaml: layers; ical: the shifts of one rota.")
    ] = "yaml",
    days: Days = 90,
) -> None:
    """Print the rotas as a file: their layers (yaml), or the shifts of one for calendars (ical)."""
    from services.people.rota.file import rotas_as_yaml
    from services.people.rota.ical import shifts_as_ical
    from services.people.rota.turns import shifts

    if form == "ical" and rota is None:
        fail("expected --rota: a calendar is of one rota", exit_code=2)
    now = datetime.now(UTC)
    kept, members = with_database(database_url, partial(_kept, clinic=clinic, name=rota, now=now), LookupError)
    if form == "yaml":
        names = {each.person_id: each.sign_in for each in members if each.sign_in}
        text = rotas_as_yaml(clinic, [each.rota for each in kept], names)
    else:
        [each] = kept
        made = shifts(each.rota, now, now + timedelta(days=days))
        text = shifts_as_ical(each.rota, made, members, now).decode()
    for line in text.splitlines():
        say(line)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `rota export` prints: .yaml, or .ics for changes of one rota.")],
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(callback=one_line, help="Of a .ics: the clinic.")] = None,
    rota: Annotated[str | None, typer.Option(callback=one_line, help="Of a .ics: the rota.")] = None,
    by: By = "",
    as_json: Annotated[bool, json_of("done")] = False,
) -> None:
    """Take rotas from a file, all or none: layers from YAML; from a calendar, who has it at other times than now."""
    from schemas.parts.file import PartFileError
    from services.people.rota.edit import RotaRefusedError
    from services.people.rota.ical import CalendarError

    now, actor = datetime.now(UTC), _actor(by)
    if file.suffix == ".ics":
        if clinic is None or rota is None:
            fail("expected --clinic and --rota: a calendar does not say of which rota it is", exit_code=2)
        work = partial(_import_calendar, file=file, clinic=clinic, name=rota, actor=actor, now=now)
    else:
        work = partial(_import_layers, file=file, actor=actor, now=now)
    try:
        lines = with_database(database_url, work, LookupError, RotaRefusedError)
    except (PartFileError, CalendarError) as error:
        fail(*str(error).split("\n"))
    answer({"done": lines}, lines, as_json=as_json)


@app.command()
def override(
    database_url: DatabaseUrl,
    clinic: Clinic,
    rota: Name,
    person: Annotated[str, typer.Option(callback=one_line, help="Who has it: what they sign in with.")],
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="Such as '2026-11-26 18:00'.")],
    ends: Annotated[str, typer.Option("--until", metavar="TIME", help="Such as '2026-11-27 08:00'.")],
    instead_of: Annotated[
        str | None, typer.Option(callback=one_line, help="Only where this person would have it: they are out.")
    ] = None,
    by: By = "",
    as_json: Annotated[bool, json_of("done")] = False,
) -> None:
    """Let a person have it from one time to another."""
    from pydantic import ValidationError

    from schemas.faults.expectations import first_of
    from services.people.rota import edit
    from services.people.rota.local_time import typed_moment
    from services.people.rota.model import Change, ChangeKind

    now, actor = datetime.now(UTC), _actor(by)

    async def work(connection: Connection) -> str:
        [kept], members = await _kept(connection, clinic=clinic, name=rota, now=now)
        try:
            change = Change(
                change_id=uuid4(),
                kind=ChangeKind.ABSENCE if instead_of else ChangeKind.OVERRIDE,
                person_id=_person(person, members),
                instead_of=_person(instead_of, members) if instead_of else None,
                begins=typed_moment(begins, kept.rota.timezone),
                ends=typed_moment(ends, kept.rota.timezone),
                made_at=now,
            )
        except ValidationError as error:
            raise edit.RotaRefusedError(first_of(error)) from error
        except ValueError as error:
            raise edit.RotaRefusedError(str(error)) from error
        await edit.make_changes(connection, clinic, rota, [change], actor, now)
        return f"{rota}: {_who(change.person_id, members)} has it from {change.begins:%Y-%m-%d %H:%M}Z until " + (
            f"{change.ends:%Y-%m-%d %H:%M}Z (change {change.change_id})"
        )

    done = with_database(database_url, work, LookupError, edit.RotaRefusedError)
    answer({"done": [done]}, [done], as_json=as_json)


@app.command()
def withdraw(
    change: Annotated[UUID, typer.Argument(help="Its id, as `rota show` tells it.")],
    database_url: DatabaseUrl,
    clinic: Clinic,
    by: By = "",
    as_json: Annotated[bool, json_of("withdrawn")] = False,
) -> None:
    """Let a change hold no longer, from now on; of a swap both halves."""
    from services.people.rota import edit

    work = partial(edit.withdraw_change, clinic_id=clinic, change_id=change, actor=_actor(by), now=datetime.now(UTC))
    withdrawn = with_database(database_url, work, edit.RotaRefusedError)
    answer({"withdrawn": withdrawn}, [f"change {each} is withdrawn" for each in withdrawn], as_json=as_json)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The rota's name.")],
    database_url: DatabaseUrl,
    clinic: Clinic,
    by: By = "",
    as_json: Annotated[bool, json_of("clinic_id", "removed")] = False,
) -> None:
    """Take a rota away. Where the policy names it, the administrators are told from then on."""
    from services.people.rota import edit

    work = partial(edit.remove_rota, clinic_id=clinic, name=name, actor=_actor(by), now=datetime.now(UTC))
    with_database(database_url, work, edit.RotaRefusedError)
    answer({"clinic_id": clinic, "removed": name}, [f"clinic {clinic}: rota {name} is removed"], as_json=as_json)


def coverage(
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(callback=one_line, help="Only this one.")] = None,
    days: Days = 90,
    within_minutes: Annotated[
        float | None, typer.Option(min=0, max=1440, help="How many minutes it may take; else what the policy says.")
    ] = None,
    as_json: Annotated[bool, json_of("days", "clinics", "gaps")] = False,
) -> None:
    """Every span of time in which a high alarm would reach nobody. Exit code 1: there is one.

    An address that a policy names as env:NAME counts, as its variable is the worker's.
    """
    now = datetime.now(UTC)
    work = partial(_gaps, clinic=clinic, now=now, days=days, within_minutes=within_minutes)
    found = with_database(database_url, work, LookupError)
    values = [
        {"clinic_id": name, "begins": gap.begins, "ends": gap.ends, "why": gap.why}
        for name, gaps in found.items()
        for gap in gaps
    ]
    lines = []
    for name, gaps in found.items():
        lines.append(f"{name}: {_times(len(gaps))} within {days} days")
        lines += [f"  {utc(gap.begins)} until {utc(gap.ends)}: {'; '.join(gap.why)}" for gap in gaps]
    document = {"days": days, "clinics": list(found), "gaps": values}
    answer(document, lines or ["no clinic has a policy"], as_json=as_json)
    if any(found.values()):
        raise typer.Exit(1)


def _times(gaps: int) -> str:
    if not gaps:
        return "a high alarm always reaches somebody"
    return f"{gaps} time{'s' if gaps > 1 else ''} in which a high alarm would reach nobody"


async def _kept(
    connection: Connection, *, clinic: str, name: str | None, now: datetime
) -> tuple[tuple[KeptRota, ...], tuple[Member, ...]]:
    from services.people.rota.edit import no_rota
    from services.people.rota.store import load_members, load_rotas

    kept = tuple(each for each in await load_rotas(connection, clinic, now) if name in {None, each.rota.name})
    if name is not None and not kept:
        raise LookupError(str(no_rota(clinic, name)))
    return kept, (await load_members(connection, clinic)).get(clinic, ())


async def _import_layers(connection: Connection, *, file: Path, actor: Actor, now: datetime) -> list[str]:
    from services.people.rota import edit
    from services.people.rota.file import load_rotas, names_of_people
    from services.people.rota.store import load_members

    members = await load_members(connection, None)
    people = {
        clinic: names_of_people((each.person_id, each.sign_in) for each in persons)
        for clinic, persons in members.items()
    }
    async with connection.transaction():
        return [
            f"clinic {rota.clinic_id}: rota {rota.name}, version {await edit.keep_rota(connection, rota, actor, now)}"
            for rota in load_rotas(file, people)
        ]


async def _import_calendar(
    connection: Connection, *, file: Path, clinic: str, name: str, actor: Actor, now: datetime
) -> list[str]:
    from schemas.parts.file import file_content
    from schemas.yaml_lines import visible_path
    from services.people.rota import edit
    from services.people.rota.ical import changes_to, names_in_calendars, shifts_of_ical

    [kept], members = await _kept(connection, clinic=clinic, name=name, now=now)
    people = names_in_calendars(members)
    wanted = shifts_of_ical(file_content(file, "calendar"), visible_path(file), people, kept.rota.timezone)
    changes = changes_to(kept.rota, wanted, now)
    await edit.make_changes(connection, clinic, name, changes, actor, now)
    return [f"clinic {clinic}: rota {name}, {len(changes)} change{'' if len(changes) == 1 else 's'} made"]


async def _gaps(
    connection: Connection, *, clinic: str | None, now: datetime, days: int, within_minutes: float | None
) -> dict[str, tuple[Gap, ...]]:
    from services.alerts.delivery.addresses import can_be_told
    from services.alerts.policies import ENVIRONMENT
    from services.alerts.policy_files.kept import KeptPolicies
    from services.people.rota.coverage import uncovered
    from services.people.rota.effective import NOBODY
    from services.people.rota.store import load_everybody

    kept = KeptPolicies()
    await kept.load(connection)
    people = await load_everybody(connection, now)
    clinics = sorted({*kept.now.by_clinic, *people} - {"default"}) or sorted(kept.now.by_clinic)
    if clinic is not None and clinic not in clinics:
        msg = f"clinic {clinic!r} has no policy and no person; known are {', '.join(clinics) or 'none'}"
        raise LookupError(msg)
    found = {}
    for name in clinics if clinic is None else [clinic]:
        policy = kept.now.of(name)
        named = {each.url.removeprefix(ENVIRONMENT) for contact in policy.contacts for each in contact.channels}
        # What stands in the worker's environment cannot be seen from here: any address that is one counts.
        told = partial(can_be_told, environment={**dict.fromkeys(named, "json://somewhere"), **os.environ})
        within = policy.paging.coverage_within_minutes if within_minutes is None else within_minutes
        there: ClinicPeople = people.get(name, NOBODY)
        found[name] = uncovered(policy, there, now, now + timedelta(days=days), within, can_be_told=told)
    return found


def _actor(by: str) -> Actor:
    from services.people.model import Actor

    name = by or who()
    return Actor(f"login:{name}", name)


def _who(person_id: UUID | None, members: tuple[Member, ...]) -> str:
    if person_id is None:
        return "NOBODY"
    return next((each.name for each in members if each.person_id == person_id), f"person {person_id}, who has left")


def _person(sign_in: str, members: tuple[Member, ...]) -> UUID:
    found = next((each.person_id for each in members if sign_in in {each.sign_in, str(each.person_id)}), None)
    if found is None:
        known = ", ".join(sorted(each.sign_in for each in members if each.sign_in)) or "none yet"
        msg = f"nobody of this clinic signs in as {sign_in!r}; expected one of {known}"
        raise LookupError(msg)
    return found
