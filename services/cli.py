"""`pumpwatch`: every command of the system. Each calls the function that does the work, and prints.

Guarantees: a wrong setting is one line that names the environment variable, and exit code 2; anything else
that is expected to go wrong is one line and exit code 1. Commands import what they need when they run, so
`--help` is quick.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, Protocol, TypeVar

import typer

if TYPE_CHECKING:
    import pydantic

    from services.runtime.database import Connection


class ServiceSettings(Protocol):
    """What every service's settings have."""

    @property
    def log_json(self) -> bool:
        """JSON where nobody watches."""


Answer = TypeVar("Answer")
Settings = TypeVar("Settings", bound=ServiceSettings)
DatabaseUrl = Annotated[str, typer.Option(envvar="DATABASE_URL", help="Such as postgresql://user@host/database")]

app = typer.Typer(
    help="Watches implanted drug pumps.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
rejects_app = typer.Typer(help="Messages that were refused, and why.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit trail of alerts.", no_args_is_help=True)
policy_app = typer.Typer(help="Clinics' alerting policies.", no_args_is_help=True)
app.add_typer(rejects_app, name="rejects")
app.add_typer(audit_app, name="audit")
app.add_typer(policy_app, name="policy")


@app.command()
def ingest() -> None:
    """Take events from the broker and store them. Settings: INGEST_..."""
    from services.ingest.app import run
    from services.ingest.settings import IngestSettings

    _serve(IngestSettings, run)


@app.command()
def alerts() -> None:
    """Decide about alerts and page people. Settings: ALERTS_..."""
    from services.alerts.app import run
    from services.alerts.settings import AlertsSettings

    _serve(AlertsSettings, run)


@app.command()
def simulate() -> None:
    """Be a fleet of pumps and handhelds. Settings: SIMULATOR_..."""
    from services.simulator.app import run
    from services.simulator.settings import SimulatorSettings

    _serve(SimulatorSettings, run)


@app.command()
def migrate(database_url: DatabaseUrl) -> None:
    """Bring the database's schema up to date. Safe to run again, and by several at once."""
    from schemas.paths import SQL_FOLDER
    from services.runtime.migrate import MigrationError
    from services.runtime.migrate import migrate as bring_up_to_date

    async def work(connection: Connection) -> str:
        result = await bring_up_to_date(connection, SQL_FOLDER)
        applied = len(result.applied)
        did = f"applied {applied} migration{'' if applied == 1 else 's'}" if applied else "nothing to apply"
        return f"{result.description}: {did}"

    print(_with_database(database_url, work, MigrationError))


@app.command()
def enrol(
    devices: Annotated[list[str], typer.Argument(help="Device ids, as in the topic.")],
    clinic: Annotated[str, typer.Option(help="The clinic's id; it is made if it is not there.")],
    database_url: DatabaseUrl,
    clinic_name: Annotated[str | None, typer.Option(help="What people call a clinic that is made.")] = None,
    kind: Annotated[Literal["pump", "handheld"], typer.Option()] = "pump",
    pair_with: Annotated[
        str | None, typer.Option(metavar="PUMP", help="The pump that these handhelds report about.")
    ] = None,
) -> None:
    """Put devices into a clinic, and pair handhelds with a pump."""
    from services.admin import registry

    if pair_with is not None and kind == "pump":
        _fail("--pair-with is for handhelds: add --kind handheld", exit_code=2)

    async def work(connection: Connection) -> None:
        await registry.enrol(connection, devices, kind=kind, clinic_id=clinic, clinic_name=clinic_name)
        if pair_with is not None:
            for device in devices:
                await registry.pair(connection, device, pair_with)

    _with_database(database_url, work, registry.RegistryError)
    paired = f", paired with {pair_with}" if pair_with else ""
    print(f"clinic {clinic}: enrolled {len(devices)} {kind}{'' if len(devices) == 1 else 's'}{paired}")


@rejects_app.command("list")
def rejects_list(
    database_url: DatabaseUrl,
    device: Annotated[str | None, typer.Option()] = None,
    reason: Annotated[str | None, typer.Option(help="Such as invalid_field.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
) -> None:
    """The newest rejections first."""
    from services.admin.rejections import recent_rejections

    rows = _with_database(
        database_url,
        lambda connection: recent_rejections(connection, device_id=device, reason=reason, limit=limit),
    )
    for row in rows:
        place = "" if row.event_index is None else f"[{row.event_index}]"
        print(
            f"{row.rejection_id}  {row.last_received_at:%Y-%m-%d %H:%M:%S}Z  {row.times_received}x  "
            f"{row.topic}{place}  {row.reason}: {row.detail}"
        )
    if not rows:
        print("no rejections")


@rejects_app.command("show")
def rejects_show(rejection_id: int, database_url: DatabaseUrl) -> None:
    """One rejection with the message as it came."""
    from services.admin.rejections import rejection

    row = _with_database(database_url, lambda connection: rejection(connection, rejection_id))
    if row is None:
        _fail(f"there is no rejection {rejection_id}")
    print(f"topic    {row.topic}")
    print(f"event    {'the whole message' if row.event_index is None else row.event_index}")
    print(f"received {row.last_received_at:%Y-%m-%d %H:%M:%S}Z, {row.times_received} times")
    print(f"reason   {row.reason}: {row.detail}")
    print((row.payload or b"").decode(errors="backslashreplace"))


@audit_app.command("verify")
def audit_verify(database_url: DatabaseUrl) -> None:
    """Check that no row of the audit trail was changed or removed; exit code 1 if one was."""
    from services.alerts.audit import verify_chain

    report = _with_database(database_url, verify_chain)
    for found in report.faults:
        print(f"clinic {found.clinic_id}, row {found.clinic_seq}: {found.fault}")
    if report.faults:
        raise typer.Exit(1)
    print(f"{report.rows} rows, unbroken; keep these ends elsewhere to find out if everything was rewritten:")
    for head in report.heads:
        print(f"  clinic {head.clinic_id}: row {head.clinic_seq}, {head.row_hash.hex()}")


@policy_app.command("check")
def policy_check(file: Path) -> None:
    """Check a policy file, and say what it would do."""
    from schemas.policy import PolicyError, Priority, load_policy

    try:
        policy = load_policy(file)
    except PolicyError as error:
        _fail(str(error))
    print(f"clinic {policy.clinic_id}, version {policy.version}: valid")
    for priority in sorted(Priority, key=lambda priority: -priority.rank):
        route = policy.routes.get(priority)
        steps = [
            f"after {step.after_minutes:g} min {', '.join(step.contacts)}" for step in (route.steps if route else ())
        ]
        print(f"  {priority}: {'; '.join(steps) or 'pages nobody'}")


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
    from services.localstack.demo import DemoOptions, run_demo

    options = DemoOptions(
        pumps=pumps, history_days=history_days, duration_seconds=duration_seconds, seed=seed, color=color
    )
    raise typer.Exit(run_demo(options))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    print(version_of("pumpwatch"))


def _serve(make_settings: Callable[[], Settings], run: Callable[[Settings], Coroutine[object, object, object]]) -> None:
    import pydantic
    from pydantic_settings import SettingsError

    from services.runtime.log import configure_logging

    try:
        settings = make_settings()
    except pydantic.ValidationError as error:
        for line in _faults(error, str(getattr(make_settings, "model_config", {}).get("env_prefix", ""))):
            print(f"error: {line}", file=sys.stderr)
        raise typer.Exit(2) from None
    except SettingsError as error:
        _fail(str(error), exit_code=2)
    configure_logging(json=settings.log_json, level=getattr(settings, "log_level", "INFO"))
    asyncio.run(run(settings))


def _faults(error: pydantic.ValidationError, prefix: str) -> list[str]:
    """One line per fault. A value is never shown: it may be a secret."""
    return [
        f"{prefix}{'__'.join(str(level) for level in fault['loc']).upper()}: {fault['msg']}"
        if fault["loc"]
        else fault["msg"].removeprefix("Value error, ")
        for fault in error.errors(include_input=False, include_url=False)
    ]


def _with_database(url: str, work: Callable[[Connection], Awaitable[Answer]], *expected: type[Exception]) -> Answer:
    """Run `work` on a connection; what is expected to go wrong becomes one line."""
    import asyncpg

    from services.runtime.database import UNAVAILABLE

    async def connected() -> Answer:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except asyncpg.UndefinedTableError:
        _fail("this database has no Pumpwatch schema yet: run `pumpwatch migrate`")
    except expected as error:
        _fail(str(error))
    except (
        *UNAVAILABLE,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.exceptions.ClientConfigurationError,
        ValueError,
    ) as error:
        _fail(f"the database cannot be used: {error or type(error).__name__}")


def _fail(message: str, *, exit_code: int = 1) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(exit_code)


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
