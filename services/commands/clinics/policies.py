"""`pumpwatch policy`: checks a clinic's policy file, and takes a clinic's policy away for good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database

if TYPE_CHECKING:
    from schemas.parts.paging import Contact
    from schemas.policy import Policy, Priority
    from services.runtime.database import Connection

app = typer.Typer(help="Clinics' alerting policies.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The policy file, YAML.")],
    as_json: Annotated[
        bool, json_of("clinic_id", "version", "valid", "routes", "never_told", "by_persons", "faults")
    ] = False,
) -> None:
    """Check a policy file, and say what it would do. Exit code 1: it is wrong, or it cannot tell everybody."""
    from schemas.policy import Priority
    from schemas.policy_file import PolicyError, load_with_lines
    from services.alerts.delivery.addresses import reach_of

    try:
        policy, lined = load_with_lines(file)
    except PolicyError as error:
        fail(*str(error).split("\n"))
    reach = reach_of(policy, os.environ)
    troubles = sorted(
        (lined.line_of(each.place), f"{'.'.join(map(str, each.place))}: {each.fault}")
        for each in (*reach.faults, *reach.nobody)
    )
    faults = [f"{file}:{line}: {text}" for line, text in troubles]
    told = {name for route in policy.routes.values() for step in route.steps for name in step.contacts}
    document = {
        "clinic_id": policy.clinic_id,
        "version": policy.version,
        "valid": not faults,
        "routes": {each.value: _steps(policy, each) for each in sorted(Priority, key=lambda each: -each.rank)},
        "never_told": [each.name for each in policy.contacts if each.name not in told],
        "by_persons": {each.name: _whom(each) for each in policy.contacts if each.stands_for_persons},
        "faults": faults,
    }
    answer(document, _lines(policy, document), as_json=as_json)
    if faults:
        fail(*faults)


@app.command()
def remove(
    clinic: Annotated[str, typer.Argument(help="The clinic's id, as in its policy file.")],
    database_url: DatabaseUrl,
    with_pumps: Annotated[
        bool, typer.Option("--with-pumps", help="Though it has pumps, of which nobody will be told.")
    ] = False,
    by: By = "",
    as_json: Annotated[bool, json_of("clinic_id", "removed")] = False,
) -> None:
    """Remove a clinic's policy, after its file was taken away: what was last good holds until then."""
    from services.alerts.errors import Refused
    from services.alerts.policy_files.remove import remove_policy

    async def work(connection: Connection) -> None:
        await remove_policy(connection, clinic, by or who(), datetime.now(UTC), with_pumps=with_pumps)

    with_database(database_url, work, Refused)
    line = f"clinic {clinic}: its policy is removed; running workers follow within seconds"
    answer({"clinic_id": clinic, "removed": True}, [line], as_json=as_json)


def _lines(policy: Policy, found: dict[str, Any]) -> Iterator[str]:
    valid = "valid" if found["valid"] else "cannot tell everybody"
    yield f"clinic {policy.clinic_id}, version {policy.version}: {valid}"
    for priority, steps in found["routes"].items():
        yield f"  {priority}: {'; '.join(steps) or 'pages nobody'}"
    for contact in policy.contacts:
        if contact.name in found["never_told"]:
            yield f"  {contact.name} is in no route, and never told"
        if whom := found["by_persons"].get(contact.name):
            yield f"  {contact.name}: {whom}, by the persons' own channels; see `pumpwatch coverage`"


def _whom(contact: Contact) -> str:
    return f"rota {contact.rota}" if contact.rota else contact.person or "every responder"


def _steps(policy: Policy, priority: Priority) -> list[str]:
    route = policy.routes.get(priority)
    steps = [f"after {step.after_minutes:g} min {', '.join(step.contacts)}" for step in (route.steps if route else ())]
    every = policy.repeat_minutes(priority)
    if steps and every is not None:
        steps.append(f"again every {every:g} min until somebody acknowledges")
    return steps
