"""`pumpwatch`: every command of the system. Each calls the function that does the work, and prints.

Guarantees: a wrong setting is one line that names the environment variable, and exit code 2; anything else
that is expected to go wrong is one line and exit code 1. Commands import what they need when they run, so
`--help` is quick.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, TypeVar

import typer

from services.commands import (
    audit,
    backtest,
    certificates,
    database,
    dead_letters,
    devices,
    fleet,
    keys,
    patient,
    policies,
    report,
    storage,
    webhooks,
)
from services.commands.health import doctor, drill
from services.commands.makers import conformance
from services.commands.people import channels, grafana, rota, users
from services.commands.terminal import DatabaseUrl, fail, say, with_database

if TYPE_CHECKING:
    import pydantic

    from services.runtime.database import Connection


class ServiceSettings(Protocol):
    """What every service's settings have."""

    @property
    def log_json(self) -> bool:
        """Whether logs are JSON, for machines, or text for a person."""

    def open_files(self) -> Iterator[tuple[str, Path]]:
        """Variables whose secret everybody on this machine may read, and their files."""


Settings = TypeVar("Settings", bound=ServiceSettings)

app = typer.Typer(
    help="Watches implanted drug pumps.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
policy_app = typer.Typer(help="Clinics' alerting policies.", no_args_is_help=True)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(dead_letters.app, name="rejects", hidden=True)  # its name up to migration 0019
app.add_typer(report.app, name="report")
app.add_typer(devices.app, name="devices")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="user")
app.add_typer(database.app, name="database")
app.add_typer(patient.app, name="patient")
app.add_typer(certificates.app, name="certificates")
app.add_typer(policy_app, name="policy")
app.add_typer(rota.app, name="rota")
app.add_typer(webhooks.app, name="webhooks")
policy_app.command("remove")(policies.remove)


@app.command()
def ingest(
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Processes; number n is INGEST_CLIENT_ID-n on INGEST_HTTP_PORT + n - 1."),
    ] = 1,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Take events from the broker and store them. Settings: INGEST_..."""
    with _imports():
        from services.ingest.app import run
        from services.ingest.settings import IngestSettings
        from services.ingest.workers import LIFELINE, WorkerNameError, WorkersFailedError, run_workers

    if workers == 1:
        _serve(IngestSettings, partial(run, lifeline=LIFELINE if worker else None))
        return
    try:
        _serve(IngestSettings, partial(run_workers, workers=workers))
    except WorkerNameError as error:
        fail(str(error), exit_code=2)
    except WorkersFailedError as error:
        fail(str(error))


@app.command()
def alerts() -> None:
    """Decide about alerts and page people. Settings: ALERTS_..."""
    with _imports():
        from services.alerts.app import run
        from services.alerts.settings import AlertsSettings

    _serve(AlertsSettings, run)


@app.command()
def web() -> None:
    """Show the alert board, and answer the API. Settings: WEB_..."""
    with _imports():
        from services.alerts.web.process import run
        from services.alerts.web.settings import WebSettings

    _serve(WebSettings, run)


@app.command()
def simulate() -> None:
    """Be a fleet of pumps and handhelds. Settings: SIMULATOR_..."""
    with _imports():
        from services.simulator.app import run
        from services.simulator.settings import SimulatorSettings

    _serve(SimulatorSettings, run)


@app.command()
def migrate(database_url: DatabaseUrl) -> None:
    """Bring the database's schema up to date. Safe to run again, and by several at once."""
    from schemas.paths import GRANTS_FILE, SQL_FOLDER
    from services.runtime.migrate import MigrationError
    from services.runtime.migrate import migrate as bring_up_to_date

    async def work(connection: Connection) -> tuple[str, ...]:
        result = await bring_up_to_date(connection, SQL_FOLDER, GRANTS_FILE)
        applied = len(result.applied)
        did = f"applied {applied} migration{'' if applied == 1 else 's'}" if applied else "nothing to apply"
        return (f"{result.description}: {did}", *result.rights.lines)

    for line in with_database(database_url, work, MigrationError):
        say(line)


@app.command()
def enrol(
    device_ids: Annotated[list[str], typer.Argument(metavar="DEVICES...", help="Device ids, as in the topic.")],
    clinic: Annotated[str, typer.Option(help="The clinic's id; it is made if it is not there.")],
    database_url: DatabaseUrl,
    clinic_name: Annotated[str | None, typer.Option(help="What people call a clinic that is made.")] = None,
    kind: Annotated[Literal["pump", "handheld"], typer.Option()] = "pump",
    pair_with: Annotated[
        str | None, typer.Option(metavar="PUMP", help="The pump that these handhelds report about.")
    ] = None,
    by: devices.By = "",
) -> None:
    """Put devices into a clinic, and pair handhelds with a pump."""
    from services.admin.registry import changes
    from services.admin.registry.model import RegistryError

    if pair_with is not None and kind == "pump":
        fail("--pair-with is for handhelds: add --kind handheld", exit_code=2)
    by = by or devices.who()

    async def work(connection: Connection) -> None:
        actor = changes.Actor(by, datetime.now(UTC))
        await changes.enrol(connection, device_ids, actor, kind=kind, clinic_id=clinic, clinic_name=clinic_name)
        if pair_with is not None:
            for device in device_ids:
                await changes.pair(connection, device, pair_with, changes.Actor(by, datetime.now(UTC)))

    with_database(database_url, work, RegistryError)
    paired = f", paired with {pair_with}" if pair_with else ""
    say(f"clinic {clinic}: enrolled {len(device_ids)} {kind}{'' if len(device_ids) == 1 else 's'}{paired}")


app.command()(fleet.gaps)
app.command()(doctor.doctor)
app.command()(drill.drill)
app.command()(storage.retention)
app.command()(backtest.backtest)
app.command()(channels.page_test)
app.command()(channels.push_key)
app.command()(rota.coverage)
app.command()(grafana.grafana)
app.command()(conformance.conformance)


@policy_app.command("check")
def policy_check(file: Path) -> None:
    """Check a policy file, and say what it would do."""
    import os

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
    say(f"clinic {policy.clinic_id}, version {policy.version}: {'cannot tell everybody' if troubles else 'valid'}")
    for priority in sorted(Priority, key=lambda priority: -priority.rank):
        route = policy.routes.get(priority)
        steps = [
            f"after {step.after_minutes:g} min {', '.join(step.contacts)}" for step in (route.steps if route else ())
        ]
        every = policy.repeat_minutes(priority)
        if steps and every is not None:
            steps.append(f"again every {every:g} min until somebody acknowledges")
        say(f"  {priority}: {'; '.join(steps) or 'pages nobody'}")
    told = {name for route in policy.routes.values() for step in route.steps for name in step.contacts}
    for contact in policy.contacts:
        if contact.name not in told:
            say(f"  {contact.name} is in no route, and never told")
        if contact.stands_for_persons:
            whom = f"rota {contact.rota}" if contact.rota else contact.person or "every responder"
            say(f"  {contact.name}: {whom}, by the persons' own channels; see `pumpwatch coverage`")
    if troubles:
        fail(*(f"{file}:{line}: {text}" for line, text in troubles))


@app.command()
def demo(
    pumps: Annotated[int, typer.Option(min=3, max=20_000)] = 300,
    history_days: Annotated[int, typer.Option(min=15, max=365)] = 30,
    duration_seconds: Annotated[
        float | None, typer.Option(min=1, help="Stop after this long of live events; default: at Ctrl-C.")
    ] = None,
    seed: int = 1,
    color: Annotated[bool, typer.Option("--color/--no-color")] = True,
) -> None:
    """Run everything on this machine: servers, services and a simulated fleet. Ctrl-C ends it all."""
    from services.devstack.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        pumps=pumps, history_days=history_days, duration_seconds=duration_seconds, seed=seed, color=color
    )
    raise typer.Exit(run_demo(options))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    say(version_of("pumpwatch"))


@contextmanager
def _imports() -> Iterator[None]:
    """Import without looking for garbage: there is none, and looking took nearly a third of a start.

    What was imported stays for good, so it is not looked at later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _serve(make_settings: Callable[[], Settings], run: Callable[[Settings], Coroutine[object, object, object]]) -> None:
    import pydantic
    import structlog
    from pydantic_settings import SettingsError

    from services.runtime.log import configure_logging

    try:
        settings = make_settings()
    except pydantic.ValidationError as error:
        for line in _faults(error, str(getattr(make_settings, "model_config", {}).get("env_prefix", ""))):
            print(f"error: {line}", file=sys.stderr)
        raise typer.Exit(2) from None
    except SettingsError as error:
        fail(str(error), exit_code=2)
    configure_logging(json=settings.log_json, level=getattr(settings, "log_level", "INFO"))
    for variable, path in settings.open_files():
        structlog.get_logger().warning(
            "secret_file_is_open", setting=variable, file=str(path), mend="chmod o-r, or close a folder above it"
        )
    asyncio.run(run(settings))


def _faults(error: pydantic.ValidationError, prefix: str) -> list[str]:
    """One line per fault. A value is never shown: it may be a secret."""
    return [
        (f"{prefix}{'__'.join(str(level) for level in fault['loc']).upper()}: " if fault["loc"] else "")
        + fault["msg"].removeprefix("Value error, ")
        for fault in error.errors(include_input=False, include_url=False)
    ]


def main() -> None:
    """The entry point. No command has a use for an argument of several lines, or one that steers a terminal."""
    from schemas.line_text import refusal

    for word in sys.argv[1:]:
        if why := refusal(word):
            print(f"error: {word[:80]!a} {why}", file=sys.stderr)
            sys.exit(2)
    app()


if __name__ == "__main__":
    main()
